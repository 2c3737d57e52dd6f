"""What an answer without the asked-for content means, for every protocol that only reads.

Knows: HTTP statuses. Must not know: httpx, any one protocol.
"""

from bot.core.cleaning import one_line, seconds_to_wait
from bot.core.outcomes import TryLater
from bot.wire import Answer
from storage.records import Reason

GONE = frozenset({404, 410})
"""The index does not have it."""


def later(answer: Answer, what: str) -> TryLater:
    """Return why nothing can be said yet; `what` names the thing that answered."""
    if answer.status == 429:
        reason = Reason.RATE_LIMITED
    elif answer.status >= 500 or answer.status == 408:
        reason = Reason.INDEX_BROKEN
    else:
        reason = Reason.UNEXPECTED_ANSWER
    said = one_line(answer.reason, limit=100)
    return TryLater(
        reason,
        f"{what} answered {answer.status} {said}".rstrip(),
        seconds_to_wait(answer.retry_after, answer.headers.get("date")),
    )
