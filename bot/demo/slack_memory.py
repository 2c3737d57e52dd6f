"""What Slack remembers and local-slack does not: triggers, response URLs, metadata, pace, pages of history.

Knows: Slack's terms for each. Must not know: HTTP.
"""

import base64
import binascii
import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.demo.slack_mirror import Json

Clock = Callable[[], float]
"""Seconds from any start, never backwards; tests give their own."""

TRIGGER_SECONDS = 3.0
HOOK_SECONDS = 30 * 60.0
HOOK_USES = 5
DEFAULT_PAGE = 100
MOST_PAGE = 999


_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>")


def with_plain_dates(args: Json) -> Json:
    """Return a call with each of Slack's date tokens as its own fallback text, since local-slack shows them raw."""
    told: Json = json.loads(_DATE.sub(r"\1", json.dumps(args)))
    return told


class Triggers:
    """Every `trigger_id` handed to the bot: good once, for three seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}
        self._used: set[str] = set()

    def issue(self, trigger_id: str, channel: str) -> None:
        """Start a trigger's life; a repeated delivery does not start it again."""
        self._known.setdefault(trigger_id, (self._clock(), channel))

    def refusal(self, trigger_id: str) -> str:
        """Return Slack's error for using this trigger now, "" if it may be used."""
        if trigger_id in self._used:
            return "exchanged_trigger_id"
        if trigger_id not in self._known:
            return "invalid_trigger_id"
        if self._clock() - self._known[trigger_id][0] > TRIGGER_SECONDS:
            return "expired_trigger_id"
        return ""

    def use(self, trigger_id: str) -> str:
        """Use it up; returns the channel that the person was in, "" if none."""
        self._used.add(trigger_id)
        return self._known[trigger_id][1]


@dataclass(slots=True)
class Hook:
    """One `response_url`."""

    url: str
    issued: float
    uses: int = 0


class Hooks:
    """Every `response_url` handed to the bot: five uses in thirty minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._hooks: dict[str, Hook] = {}
        self._count = itertools.count(1)

    def issue(self, url: str) -> str:
        """Return our id for local-slack's URL, the same one each time."""
        if url not in self._ids:
            # The last part is local-slack's own random id: nobody guesses it.
            self._ids[url] = url.rpartition("/")[2] or f"hook-{next(self._count)}"
            self._hooks[self._ids[url]] = Hook(url, self._clock())
        return self._ids[url]

    def use(self, hook_id: str) -> tuple[str, str]:
        """Return (local-slack's URL, "") and count one use, or ("", Slack's error)."""
        hook = self._hooks.get(hook_id)
        if hook is None or self._clock() - hook.issued > HOOK_SECONDS:
            return "", "expired_url"
        if hook.uses >= HOOK_USES:
            return "", "used_url"
        hook.uses += 1
        return hook.url, ""


class Pace:
    """One message a second in each channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def wait(self, channel: str) -> float:
        """Return 0 and count a message, or the seconds to wait before the next."""
        now = self._clock()
        left = self._last.get(channel, now - 1.0) + 1.0 - now
        if left > 0:
            return left
        self._last[channel] = now
        return 0.0


class Metadata:
    """The metadata of each message, which local-slack drops."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Json] = {}

    def keep(self, channel: str, ts: str, metadata: Json | None) -> None:
        """Keep it; None leaves what there is, an empty object takes it off."""
        if metadata:
            self._kept[channel, ts] = metadata
        elif metadata is not None:
            self._kept.pop((channel, ts), None)

    def of(self, channel: str, ts: str) -> Json | None:
        """Return a message's metadata, if it has any."""
        return self._kept.get((channel, ts))


class BadCursor(ValueError):
    """A cursor that no answer has given."""


def page(messages: Sequence[Json], args: Json) -> tuple[list[Json], str]:
    """Return the messages of the page that was asked for, in their order, and the next page's cursor or "".

    `args` are those of `conversations.history`: oldest, latest, inclusive, limit, cursor. BadCursor.
    """
    limit = _whole(args.get("limit"), DEFAULT_PAGE)
    limit = min(limit if limit > 0 else DEFAULT_PAGE, MOST_PAGE)
    wanted = [message for message in messages if _within(message["ts"], args)]
    start = 0
    if args.get("cursor"):
        after = _read_cursor(str(args["cursor"]))
        start = next((place for place, one in enumerate(wanted) if one["ts"] == after), len(wanted))
    rest = wanted[start:]
    return rest[:limit], _cursor(rest[limit]["ts"]) if len(rest) > limit else ""


def truthy(value: Any) -> bool:
    """Whether an argument means yes, in any of the spellings that Slack takes."""
    return str(value).lower() in {"1", "true"}


def _within(ts: str, args: Json) -> bool:
    at, inclusive = _moment(ts), truthy(args.get("inclusive"))
    oldest, latest = args.get("oldest"), args.get("latest")
    after = not oldest or at > _moment(oldest) or (inclusive and at == _moment(oldest))
    before = not latest or at < _moment(latest) or (inclusive and at == _moment(latest))
    return after and before


def _moment(ts: object) -> tuple[int, int]:
    """Return a ts as two numbers: as a float, its last digits would be lost."""
    seconds, _, rest = str(ts).partition(".")
    return _whole(seconds, 0), _whole(rest.ljust(6, "0")[:6], 0)


def _whole(value: object, otherwise: int) -> int:
    try:
        return int(str(value))
    except ValueError:
        return otherwise


def _cursor(ts: str) -> str:
    return base64.b64encode(f"next_ts:{ts}".encode()).decode()


def _read_cursor(cursor: str) -> str:
    try:
        kind, _, ts = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as broken:
        raise BadCursor(cursor) from broken
    if kind != "next_ts":
        raise BadCursor(cursor)
    return ts
