"""The lifecycle is one table, and the docs show it."""

from pathlib import Path

import pytest

from bot import web
from bot.core.lifecycle import OPEN, PUBLISHER, IllegalTransition, PublisherEvent, diagram, follow
from storage.records import PublisherState

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


def test_the_docs_name_every_metric() -> None:
    """Every metric is documented, and no other."""
    rows = [
        line.split("`")[1]
        for line in (DOCS / "metrics.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    assert rows == list(web.METRICS)
    assert all(name in web.exposition({}).decode() for name in rows)
