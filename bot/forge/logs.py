"""The end of a job's log, fit to be shown.

Knows: what GitHub's logs look like, ranges. Must not know: httpx, where a log comes from.
"""

import re
from dataclasses import replace

from bot.core.forge import Nothing, TextOutcome, Unsure
from bot.core.secrets import REDACTED, redact
from bot.forge.asking import LOG, LOG_TAIL, Terms
from bot.wire import Answer
from storage.records import Secret

LINES = 15
LONGEST = 2_000
"""Characters in all."""
_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b\n]{0,1000}(?:\x07|\x1b\\)?|[@-Z\\^_])")
_TIME = re.compile(r"\A\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ?", re.ASCII)
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
_BREAK = re.compile(r"\r\n|\r|\n")
_KEY_END = re.compile(r"\A.*-----END [A-Z ]{0,30}PRIVATE KEY-----", re.DOTALL)


def rest(answer: Answer) -> Terms | None:
    """Return how to ask again where a service gave the beginning of a long log instead of its end; None: no need."""
    length = answer.headers.get("content-length", "")
    packed = "content-encoding" in answer.headers
    if answer.status != 200 or not answer.truncated or packed or not _LENGTH.fullmatch(length):
        return None
    return replace(LOG, span=f"bytes={max(int(length) - LOG_TAIL, 0)}-")


def read(answer: Answer, hide: Secret | None = None) -> TextOutcome:
    """Return the last lines of a fetched log; `hide` is a secret that must not be in it."""
    if answer.status in {404, 410}:
        return Nothing()
    if answer.status == 416:  # nothing in it yet
        return ""
    if answer.status not in {200, 206}:
        return Unsure(f"The log's storage answered {answer.status}. Ask again later.")
    if answer.truncated:
        return Unsure("The log is too long to be read.")
    begins = answer.headers.get("content-range", "").strip().lower().startswith("bytes 0-")
    body = answer.body.replace(hide.reveal().encode(), REDACTED.encode()) if hide else answer.body
    return tail(body, whole=answer.status == 200 or begins)


def tail(body: bytes, *, whole: bool) -> str:
    """Return the last lines without times, colours, control characters and secrets.

    Unless it is the whole log, its first line may have lost its beginning, by which a secret is known, and is dropped.
    """
    cut = not whole or len(body) > LOG_TAIL
    lines = _BREAK.split(body[-LOG_TAIL:].decode(errors="replace"))[1 if cut else 0 :]
    text = redact("\n".join(_plain(line) for line in lines))
    text = _KEY_END.sub("", text)  # of a key whose beginning was cut off
    shown = [line for line in text.split("\n") if line.strip()][-LINES:]
    return "\n".join(line if len(line) <= LONGEST else f"…{line[1 - LONGEST :]}" for line in shown)[-LONGEST:]


def _plain(line: str) -> str:
    line = _TIME.sub("", _ANSI.sub("", line))
    return "".join(sign if sign.isprintable() else " " if sign == "\t" else "" for sign in line).rstrip()
