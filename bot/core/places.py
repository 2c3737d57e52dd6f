"""Who has one of the few places for pending publishers that an index lets one person have.

Knows: the index's limit, what counts towards it. Must not know: the order of asking, wording.
"""

from collections.abc import Iterable

from storage.records import Publisher, PublisherState

PENDING_A_PERSON = 3
"""Pending publishers that PyPI lets one person have (warehouse `accounts/views.py`)."""


def limited(one: Publisher) -> bool:
    """Whether it needs a place: neither a project that exists nor an organization's page has such a limit."""
    return one.existed_before is not True and not one.organization


def holds(one: Publisher) -> bool:
    """Whether it has a place, or its form lies with the person, who may submit it at any moment."""
    waits = one.state is PublisherState.REQUESTED and one.handed_at is not None
    return limited(one) and (one.state is PublisherState.PENDING or waits)


def holders(ours: Publisher, others: Iterable[Publisher]) -> tuple[Publisher, ...]:
    """Return those others that have a place of the person who asked for ours."""
    return tuple(
        one for one in others if one.id != ours.id and one.requested_by == ours.requested_by and holds(one)
    )
