"""Text and times that somebody else sent, made fit to be shown and counted with.

Knows: markup, control characters, HTTP dates. Must not know: who sent it, where it is shown.
"""

import html
import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import parsedate_to_datetime

from bot.core.secrets import REDACTED, redact
from storage.records import Secret

LONGEST = 300
"""Characters that are shown of what somebody else sent."""
LONGEST_WAIT = 86_400.0
"""Seconds; nobody may make us wait longer by one answer."""
_READ = 8_192
_HIDDEN = re.compile(r"<(script|style|head)\b.*?(?:</\1|\Z)", re.ASCII | re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_BRACKETS = str.maketrans("<>", "  ")
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def one_line(text: str, *, limit: int = LONGEST, hide: Iterable[Secret] = ()) -> str:
    """Return the text as one line of at most `limit` characters, without markup, control characters and tokens.

    `hide` are secrets that the sender knows, and might repeat in a form that nobody would recognise.
    """
    text = html.unescape(text[:_READ])
    for secret in filter(None, hide):
        text = text.replace(secret.reveal(), REDACTED)
    text = _TAG.sub(" ", _HIDDEN.sub(" ", text)).translate(_BRACKETS)
    text = "".join(sign if sign.isprintable() else " " if sign.isspace() else "" for sign in text)
    line = redact(" ".join(text.split()))
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def seconds_to_wait(retry_after: str | None, date: str | None) -> float | None:
    """Return how many seconds a `Retry-After` asks for, None where it says nothing usable.

    It holds seconds or an HTTP date (RFC 9110, 10.2.3); a date is taken relative to the answer's own `Date`, so the
    two clocks need not agree. A day is the most.
    """
    if retry_after is None:
        return None
    text = retry_after.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_WAIT)
    until, now = _http_date(text), _http_date(date or "")
    if until is None or now is None or until < now:
        return None
    return min((until - now).total_seconds(), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text[:64])
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
