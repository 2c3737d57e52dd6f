"""Whose turn it is: an index lets one person have a few pending publishers, and what is more waits.

Knows: the order of asking. Must not know: how rows are read, wording.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import notices
from bot.core.lifecycle import PublisherEvent
from bot.core.outcomes import NotOffered
from bot.core.places import PENDING_A_PERSON, holders, holds, limited
from bot.core.publishers import Decision, Situation, after_register
from storage.records import Publisher, Reason

LOOK = timedelta(hours=6)
"""How often one that waits is looked at by itself; whoever frees a place wakes the next at once."""


def turn(at: Situation, places: Sequence[Publisher]) -> Decision:
    """Decide whether the form is given to the person now, or waits; `places` are the person's own, in order of asking."""
    ours = at.publisher
    placed = holders(ours, places)
    others = [one for one in places if one.id != ours.id and limited(one) and not holds(one)]
    # Also those that were asked for before and that nobody has looked at yet: their turn comes first.
    ahead = [one for one in others if _order(one) < _order(ours)]
    free = PENDING_A_PERSON - len(placed)
    if not limited(ours) or len(ahead) < free:
        decision = after_register(at, NotOffered())
        return replace(decision, values={**decision.values, "handed_at": at.now, "queued_at": None})
    names = tuple(
        one.registration.project for one in sorted((*placed, *ahead), key=_order)[:PENDING_A_PERSON]
    )
    notice = notices.PublisherQueued(
        str(ours.id),
        ours.registration,
        at.site.url,
        ours.requested_by,
        len(ahead) - max(free, 0) + 1,
        PENDING_A_PERSON,
        names,
    )
    values = {
        "reason": Reason.QUEUED, "detail": f"{', '.join(names)}"[:500], "queued_at": ours.queued_at or at.now,
        "next_at": at.now + LOOK,
    }  # fmt: skip
    return Decision(PublisherEvent.QUEUED, values, (notice,))


def _order(one: Publisher) -> tuple[datetime, str]:
    return (one.requested_at, one.registration.project)
