"""The lifecycles, each as one table; the diagrams in `docs/` are printed from them (`python -m bot.core.lifecycle`).

Knows: states and events. Must not know: time, I/O. A missing key is an illegal transition.
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from storage.records import PublisherState as State
from storage.records import ReleaseState


class PublisherEvent(StrEnum):
    """What can happen to a publisher."""

    REGISTERED = "the index took it"
    SUBMITTED = "a person says it is submitted"
    UNREACHED = "no answer that means anything"
    BY_HAND = "the index has no API"
    QUEUED = "the person's places on the index are taken"
    REFUSED = "the index refused it"
    TAKEN = "the index has it for somebody else"
    UNDECIDED = "no evidence yet"
    PROVEN = "evidence says that it is active"
    TERM_OVER = "the index's own term is over"
    REMOVED = "a person removed it"


E = PublisherEvent

PUBLISHER: Mapping[State, Mapping[PublisherEvent, State]] = MappingProxyType(
    {
        State.REQUESTED: {
            E.REGISTERED: State.PENDING,
            E.SUBMITTED: State.PENDING,
            E.UNREACHED: State.REQUESTED,
            E.BY_HAND: State.REQUESTED,
            E.QUEUED: State.REQUESTED,
            E.PROVEN: State.CONFIRMED,
            E.REFUSED: State.FAILED,
            E.TAKEN: State.CONFLICT,
            E.REMOVED: State.REMOVED,
        },
        State.PENDING: {
            E.UNDECIDED: State.PENDING,
            E.UNREACHED: State.PENDING,
            E.PROVEN: State.CONFIRMED,
            E.TAKEN: State.CONFLICT,
            E.TERM_OVER: State.EXPIRED,
            E.REMOVED: State.REMOVED,
        },
        State.CONFIRMED: {E.REMOVED: State.REMOVED},
        State.FAILED: {},
        State.CONFLICT: {},
        State.EXPIRED: {},
        State.REMOVED: {},
    }
)

OPEN = frozenset({State.REQUESTED, State.PENDING, State.CONFIRMED})
"""States in which a project's publisher stands in the way of another one."""


class ReleaseEvent(StrEnum):
    """What can happen to a release."""

    BLOCKED = "a finding stands in the way"
    ASKED = "nothing stands in the way: the team is asked"
    WAITED = "nothing has changed"
    QUORUM = "enough of the right people approved"
    REJECTED = "somebody rejected it"
    CANCELLED = "somebody cancelled it"
    EXPIRED = "nobody decided in time"
    CHANGED = "what was approved is no longer so"
    ACTED = "it is still as approved: the bot acts"
    HANDED = "a yank is still as approved: the page is given to people"
    RUN_FOUND = "the run is there"
    RUN_PUBLISHES = "the publishing job runs"
    RUN_ENDED = "the run ended well"
    BUILT = "the files are there: the bot uploads them"
    UPLOADED = "the index took every file"
    BROKE = "it can't go on by itself"
    VERIFIED = "the index has it"
    YANKED = "the index shows every file as yanked"
    RETRIED = "somebody asked for another try"
    ASKED_AGAIN = "somebody asked to look again"
    LEFT = "the team took the bot away"


R = ReleaseState
F = ReleaseEvent

RELEASE: Mapping[ReleaseState, Mapping[ReleaseEvent, ReleaseState]] = MappingProxyType(
    {
        R.REQUESTED: {
            F.WAITED: R.REQUESTED,
            F.BLOCKED: R.FAILED,
            F.ASKED: R.AWAITING_APPROVAL,
            F.QUORUM: R.APPROVED,
            F.CANCELLED: R.CANCELLED,
            F.BROKE: R.FAILED,
            F.LEFT: R.CANCELLED,
        },
        R.AWAITING_APPROVAL: {
            F.WAITED: R.AWAITING_APPROVAL,
            F.QUORUM: R.APPROVED,
            F.REJECTED: R.REJECTED,
            F.CANCELLED: R.CANCELLED,
            F.EXPIRED: R.EXPIRED,
            F.CHANGED: R.VOIDED,
            F.BROKE: R.FAILED,
            F.LEFT: R.CANCELLED,
        },
        R.APPROVED: {
            F.WAITED: R.APPROVED,
            F.CHANGED: R.VOIDED,
            F.ACTED: R.TAGGING,
            F.HANDED: R.VERIFYING,
            F.CANCELLED: R.CANCELLED,
            F.REJECTED: R.REJECTED,
            F.ASKED_AGAIN: R.AWAITING_APPROVAL,
            F.BROKE: R.FAILED,
            F.LEFT: R.CANCELLED,
        },
        R.VOIDED: {
            F.WAITED: R.VOIDED,
            F.ASKED: R.AWAITING_APPROVAL,
            F.QUORUM: R.APPROVED,
            F.BLOCKED: R.FAILED,
            F.CANCELLED: R.CANCELLED,
            F.BROKE: R.FAILED,
            F.LEFT: R.CANCELLED,
        },
        R.TAGGING: {
            F.WAITED: R.TAGGING,
            F.RUN_FOUND: R.BUILDING,
            F.BUILT: R.PUBLISHING,
            F.BROKE: R.FAILED,
            F.LEFT: R.FAILED,
        },
        R.BUILDING: {
            F.WAITED: R.BUILDING,
            F.RUN_PUBLISHES: R.PUBLISHING,
            F.BUILT: R.PUBLISHING,
            F.RUN_ENDED: R.VERIFYING,
            F.BROKE: R.FAILED,
            F.LEFT: R.FAILED,
        },
        R.PUBLISHING: {
            F.WAITED: R.PUBLISHING,
            F.RUN_ENDED: R.VERIFYING,
            F.UPLOADED: R.VERIFYING,
            F.BROKE: R.FAILED,
            F.LEFT: R.FAILED,
        },
        R.VERIFYING: {
            F.WAITED: R.VERIFYING,
            F.VERIFIED: R.PUBLISHED,
            F.YANKED: R.YANKED,
            F.BROKE: R.FAILED,
            F.LEFT: R.FAILED,
        },
        R.FAILED: {
            F.RETRIED: R.APPROVED,
            F.ASKED_AGAIN: R.REQUESTED,
            F.CANCELLED: R.CANCELLED,
        },
        R.PUBLISHED: {},
        R.REJECTED: {},
        R.CANCELLED: {},
        R.EXPIRED: {},
        R.YANKED: {},
    }
)

UNDER_WAY = frozenset(
    {R.REQUESTED, R.AWAITING_APPROVAL, R.APPROVED, R.VOIDED, R.TAGGING, R.BUILDING, R.PUBLISHING, R.VERIFYING}
)
"""States in which a release of the same version to the same index stands in the way of another one."""
ACTING = frozenset({R.TAGGING, R.BUILDING, R.PUBLISHING, R.VERIFYING})
"""States in which something has been done outside that can't be taken back."""


class IllegalTransition(Exception):
    """An event came to a state that has no row for it: a fault of the caller, never of a user."""


def follow(state: State, event: PublisherEvent) -> State:
    """Return the state after the event; IllegalTransition where the table has none."""
    try:
        return PUBLISHER[state][event]
    except KeyError:
        raise IllegalTransition(f"{event.name} in state {state}") from None


def follow_release(state: ReleaseState, event: ReleaseEvent) -> ReleaseState:
    """Return a release's state after the event; IllegalTransition where the table has none."""
    try:
        return RELEASE[state][event]
    except KeyError:
        raise IllegalTransition(f"{event.name} in state {state}") from None


def diagram() -> str:
    """Return the publisher's table as a Mermaid state diagram, for the docs."""
    return _drawn(PUBLISHER)


def release_diagram() -> str:
    """Return the release's table as a Mermaid state diagram, for the docs."""
    return _drawn(RELEASE)


def _drawn(table: Mapping[Any, Mapping[Any, Any]]) -> str:
    lines = ["stateDiagram-v2", "    [*] --> requested"]
    for state, row in table.items():
        lines += [f"    {state} --> {after}: {event}" for event, after in row.items()]
        lines += [] if row else [f"    {state} --> [*]"]
    return "\n".join(lines)


if __name__ == "__main__":
    # What this command is for: `docs/` holds what it prints, and a test compares.
    print(release_diagram() if "release" in sys.argv else diagram())  # noqa: T201
