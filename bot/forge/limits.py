"""GitHub's rate limits, read from its answers.

Knows: the two kinds of limits and how each is told. Must not know: clocks, who waits.

Source: GitHub's "Rate limits for the REST API"; each kind may come as 403 or as 429, and GitHub asks to wait a minute
where a secondary limit names no time.
"""

import re
from email.utils import formatdate

from bot.core.cleaning import seconds_to_wait
from bot.wire import Answer

LONGEST = 3_600.0
"""Seconds that one answer may hold us; the hour in which GitHub counts."""
UNTOLD = 60.0
_UNIX = re.compile(r"\d{1,11}", re.ASCII)


def is_limit(answer: Answer) -> bool:
    """Whether GitHub refuses because too much was asked, and not because of who asks."""
    if answer.status == 429:
        return True
    return answer.status == 403 and (
        _used_up(answer) or answer.retry_after is not None or b"rate limit" in answer.body[:4_096].lower()
    )


def hold(answer: Answer) -> float | None:
    """Return for how many seconds nothing may be sent after this answer; None: go on."""
    if not is_limit(answer):
        return _until_reset(answer) if _used_up(answer) else None
    asked = seconds_to_wait(answer.retry_after, answer.headers.get("date"))
    if asked is None and _used_up(answer):
        asked = _until_reset(answer)
    return UNTOLD if asked is None else min(max(asked, 1.0), LONGEST)


def _used_up(answer: Answer) -> bool:
    headers = answer.headers
    counted = headers.get("x-ratelimit-resource", "core").strip() == "core"
    return counted and headers.get("x-ratelimit-remaining", "").strip() == "0"


def _until_reset(answer: Answer) -> float | None:
    """Return the seconds from the answer's own `Date` to the reset, so that the two clocks need not agree."""
    reset, date = answer.headers.get("x-ratelimit-reset", "").strip(), answer.headers.get("date")
    if not _UNIX.fullmatch(reset) or date is None:
        return None
    seconds = seconds_to_wait(formatdate(int(reset), usegmt=True), date)
    return 1.0 if seconds is None else min(seconds + 1.0, LONGEST)
