"""What a row is about: by which ids its log lines and its piece of a trace are found."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from bot.core.tracks import track
from storage.records import InboxItem, OutboxItem, OutboxState, ReleaseThanks
from tests.unit.preflight_examples import RELEASE

ITEM, TEAM, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
INTENT = InboxItem(ITEM, TEAM, "release.approve", "U1", "C1", {}, {}, NOW, 1)
MESSAGE = OutboxItem(
    ITEM, TEAM, "T1", "", "C1", "", None, "release.shown", {}, OutboxState.WAITING, 0, NOW, None
)


def test_a_releases_steps_are_of_its_own_trace() -> None:
    """A release's trace is its id, whoever takes it; so is the trace of what is done for it afterwards."""
    found = track(RELEASE)
    assert (found.trace, found.ids["release"], found.ids["team"]) == (
        RELEASE.id,
        str(RELEASE.id),
        str(RELEASE.team_id),
    )
    assert track(ReleaseThanks(RELEASE.id, TEAM, {})).trace == RELEASE.id


def test_an_intent_is_of_the_release_that_it_names_else_of_its_own() -> None:
    """A click on a release belongs to it; what asks for something new has its own id, which a release then takes."""
    assert track(INTENT).trace == ITEM
    found = track(replace(INTENT, payload={"release_id": str(OTHER), "round": 1}))
    assert (found.trace, found.ids["release"], found.ids["intent"]) == (OTHER, str(OTHER), str(ITEM))


@pytest.mark.parametrize(
    ("key", "trace"),
    [
        (f"release:{OTHER}", OTHER),
        (f"release:{OTHER}:{ITEM}", OTHER),
        (f"inbox:{OTHER}:help", OTHER),
        (f"publisher:{OTHER}:x", None),
        ("release:no-id", None),
        ("", None),
    ],
)
def test_a_message_is_of_what_its_key_names(key: str, trace: UUID | None) -> None:
    """A release's message and every line of its thread, and the answer to an intent; any other key is of no trace."""
    assert track(replace(MESSAGE, dedupe_key=key)).trace == trace


def test_whatever_else_is_taken_has_at_least_no_ids() -> None:
    """A record that is not known here is of no trace, and is no fault."""
    assert track("a row").ids == {}
    assert track("a row").trace is None


def test_nothing_that_anybody_wrote_is_told() -> None:
    """The ids are ids and words of closed sets: no channel, no actor, no note, no fact."""
    told = (
        track(replace(INTENT, payload={"notes": "MARK"})).ids
        | track(replace(MESSAGE, facts={"text": "MARK"})).ids
    )
    assert set(told) == {"intent", "message", "kind", "team"}
    assert "MARK" not in str(told)
