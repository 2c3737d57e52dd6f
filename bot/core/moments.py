"""Times as people type them.

Knows: ISO 8601, times of day, spans. Must not know: what a time is for, the clock (it is passed).
"""

import re
from datetime import UTC, datetime, time, timedelta

FURTHEST = timedelta(days=366)
FORMS = "+2h, 17:00 (UTC), 2026-12-01T17:00Z or 2026-12-01T17:00+02:00"
"""What can be typed, for the answer to what can't be read."""

_SPAN = re.compile(r"\+?(\d{1,4})(m|min|h|d)", re.ASCII | re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?:\s*(?:utc|z))?", re.ASCII | re.IGNORECASE)
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime | None:
    """Return the moment that was typed, aware, UTC; None where it can't be read, is past, or more than a year off.

    A time of day is the next one to come. Without an offset a time is UTC: Slack does not say the typist's zone.
    """
    found = _read(text.strip(), now)
    return found if found is not None and now < found <= now + FURTHEST else None


def _read(text: str, now: datetime) -> datetime | None:
    if span := _SPAN.fullmatch(text):
        return now + timedelta(**{_UNITS[span[2].lower()]: int(span[1])})
    if clock := _CLOCK.fullmatch(text):
        return _next(int(clock[1]), int(clock[2]), now)
    try:
        read = datetime.fromisoformat(text.replace(" ", "T", 1))
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _next(hour: int, minute: int, now: datetime) -> datetime | None:
    if hour > 23 or minute > 59:
        return None
    today = datetime.combine(now.astimezone(UTC).date(), time(hour, minute), UTC)
    return today if today > now else today + timedelta(days=1)
