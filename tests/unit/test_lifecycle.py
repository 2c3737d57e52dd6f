"""The lifecycle is one table, and the docs show it."""

from pathlib import Path

import pytest

from bot import measuring, web
from bot.core.lifecycle import (
    ACTING,
    OPEN,
    PUBLISHER,
    RELEASE,
    UNDER_WAY,
    IllegalTransition,
    PublisherEvent,
    ReleaseEvent,
    diagram,
    follow,
    follow_release,
    release_diagram,
)
from storage.records import PublisherState, ReleaseState

DOCS = Path(__file__).parents[2] / "docs"


def test_every_state_is_a_key() -> None:
    """No state is without a row, and every one can be reached from the first."""
    assert set(PUBLISHER) == set(PublisherState)
    reached, new = set(), {PublisherState.REQUESTED}
    while new:
        reached |= new
        new = {after for state in new for after in PUBLISHER[state].values()} - reached
    assert reached == set(PublisherState)


def test_what_ended_stays_ended() -> None:
    """A state that does not stand in the way of another publisher has no way out."""
    assert {state for state, row in PUBLISHER.items() if row} == OPEN
    with pytest.raises(IllegalTransition):
        follow(PublisherState.EXPIRED, PublisherEvent.PROVEN)


def test_the_docs_show_the_table() -> None:
    """The diagram in the docs is the one that the code prints."""
    assert f"```mermaid\n{diagram()}\n```" in (DOCS / "publisher-lifecycle.md").read_text()


def test_every_state_of_a_release_is_a_key_and_can_be_reached() -> None:
    """No state of a release is without a row, and every one can be reached from the first."""
    assert set(RELEASE) == set(ReleaseState)
    reached, new = set(), {ReleaseState.REQUESTED}
    while new:
        reached |= new
        new = {after for state in new for after in RELEASE[state].values()} - reached
    assert reached == set(ReleaseState)


def test_a_release_acts_only_through_approval() -> None:
    """The ways into acting (of a yank: into handing it to people) are from `approved`, and that is entered by quorum or by another try of what was approved."""
    into_acting = {
        (state, event)
        for state, row in RELEASE.items()
        for event, after in row.items()
        if after in ACTING and state not in ACTING
    }
    assert into_acting == {
        (ReleaseState.APPROVED, ReleaseEvent.ACTED),
        (ReleaseState.APPROVED, ReleaseEvent.HANDED),
    }
    assert RELEASE[ReleaseState.APPROVED][ReleaseEvent.HANDED] is ReleaseState.VERIFYING
    into_approved = {
        event for row in RELEASE.values() for event, after in row.items() if after is ReleaseState.APPROVED
    }
    assert into_approved == {ReleaseEvent.QUORUM, ReleaseEvent.WAITED, ReleaseEvent.RETRIED}


def test_every_release_can_end() -> None:
    """From every state an end can be reached, and what has ended for good has no way out."""
    ends = {state for state, row in RELEASE.items() if not row}
    assert ends == set(ReleaseState) - UNDER_WAY - {ReleaseState.FAILED}
    can = set(ends)
    while more := {state for state, row in RELEASE.items() if set(row.values()) & can} - can:
        can |= more
    assert can == set(ReleaseState)
    with pytest.raises(IllegalTransition):
        follow_release(ReleaseState.PUBLISHED, ReleaseEvent.RETRIED)


def test_the_docs_show_the_release_table() -> None:
    """The diagram in the docs is the one that the code prints."""
    assert f"```mermaid\n{release_diagram()}\n```" in (DOCS / "release-lifecycle.md").read_text()


def test_the_docs_name_every_metric() -> None:
    """Every metric is documented, and no other."""
    rows = [
        line.split("`")[1]
        for line in (DOCS / "metrics.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    assert rows == [*web.METRICS, *measuring.METRICS]
    assert all(name in web.exposition({}).decode() for name in rows)
