"""The lifecycles, each as one table; `docs/publisher-lifecycle.md` is printed from it.

Knows: states and events. Must not know: time, I/O. A missing key is an illegal transition.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from storage.records import PublisherState as State


class PublisherEvent(StrEnum):
    """What can happen to a publisher."""

    REGISTERED = "the index took it"
    SUBMITTED = "a person says it is submitted"
    UNREACHED = "no answer that means anything"
    BY_HAND = "the index has no API"
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


class IllegalTransition(Exception):
    """An event came to a state that has no row for it: a fault of the caller, never of a user."""


def follow(state: State, event: PublisherEvent) -> State:
    """Return the state after the event; IllegalTransition where the table has none."""
    try:
        return PUBLISHER[state][event]
    except KeyError:
        raise IllegalTransition(f"{event.name} in state {state}") from None


def diagram() -> str:
    """Return the publisher's table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> requested"]
    for state, row in PUBLISHER.items():
        lines += [f"    {state} --> {after}: {event}" for event, after in row.items()]
        lines += [] if row else [f"    {state} --> [*]"]
    return "\n".join(lines)


if __name__ == "__main__":
    print(diagram())  # noqa: T201 - what this command is for
