"""When to look again: quick at first, then backing off, with jitter.

Knows: arithmetic. Must not know: what is looked at, what time it is.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

STEADY_LOOKS = 20
"""Looks at the base period before backing off begins: ten minutes at the default of 30 s."""
LONGEST_WAIT = timedelta(hours=1)
LONGEST_RETRY = timedelta(minutes=10)
RARE_LOOKS = 240
"""Looks an hour at what an index's feeds tell of: all its pending publishers together, once they wait for long.

As many as its two feeds take at the default base period.
"""
LATE = timedelta(hours=1)
"""A daily look that comes later than this was missed, maybe with many others: it is put off to a time of its own."""
AGAIN = 24
"""The part of a period after which a trouble is looked at a second time, before anybody is told of it."""
ATTEMPTS = 5
"""Times that a registration is tried before it counts as failed."""
_JITTER = 0.1
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def next_look(base: timedelta, looks: int, seed: UUID) -> timedelta:
    """Return how long to wait after the given number of looks; never longer than an hour (plus jitter).

    The jitter comes from the row's id, so that 10,000 rows asked for at once spread out, and a test can tell it.
    """
    # The exponent is capped: 1.5 ** 20 periods is past the longest wait for any base of a second or more.
    backoff = base * min(1.5 ** min(max(0, looks - STEADY_LOOKS), 40), 1e6)
    return _jittered(min(backoff, max(LONGEST_WAIT, base)), seed, looks)


def rare_look(base: timedelta, looks: int, seed: UUID, waiting: int) -> timedelta:
    """Return how long to wait after so many looks at something that the index's feeds tell of as well.

    Each wait is half as long again as the one before, up to an hour, or to so much that all who wait make `RARE_LOOKS`
    an hour: so no sign that no feed tells comes later than by half of what was waited for it.
    """
    longest = max(LONGEST_WAIT, base, timedelta(hours=waiting / RARE_LOOKS))
    return _jittered(min(base * 1.5 ** min(max(0, looks - 1), 40), longest), seed, looks)


def next_attempt(base: timedelta, attempts: int, seed: UUID, retry_after: float | None) -> timedelta:
    """Return how long to wait before registering again; at least what the index asked for."""
    backoff = min(base * 2 ** min(max(0, attempts - 1), 20), max(LONGEST_RETRY, base))
    return max(_jittered(backoff, seed, attempts), timedelta(seconds=retry_after or 0))


def slot(seed: UUID, now: datetime, period: timedelta) -> datetime:
    """Return the next time of a row's own in each period: by its id, so that all rows spread over it."""
    since = (now - _EPOCH - _share(seed, 0) * period) % period
    return now + (period - since)


def put_off(seed: UUID, now: datetime, period: timedelta) -> datetime:
    """Return when a look is made up for that was missed: within a period, at another time of it each day.

    However many were missed while the bot was stopped, they come one by one.
    """
    return now + _share(seed, now.toordinal()) * period


def _share(seed: UUID, number: int) -> float:
    digest = hashlib.blake2b(seed.bytes + number.to_bytes(8, "big"), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def _jittered(wait: timedelta, seed: UUID, number: int) -> timedelta:
    digest = hashlib.blake2b(seed.bytes + number.to_bytes(8, "big"), digest_size=2).digest()
    share = int.from_bytes(digest, "big") / 0xFFFF
    return wait * (1 + _JITTER * (2 * share - 1))
