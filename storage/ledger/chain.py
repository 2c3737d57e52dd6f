"""The audit trail's chain, without a database: what is linked, and what a broken link tells.

Each row's MAC covers its number, what it says, and the head that the row before it left; the head of the last
row is kept apart (`storage.crypto.ChainKey`). So a row can't be changed, taken out, put in, moved or doubled,
nor the end cut off, without the team's key. What it can't show: all of it with its end erased, or put back to an older state.
"""

import hmac
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from storage.crypto import ChainKey
from storage.records import AuditEvent

CHANGED = "changed: it does not say what was written"
MOST_FINDINGS = 1_000
"""After so many a report tells no more: everything may be broken, and memory is not endless."""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was found on the way through a team's chain."""

    team_id: UUID
    events: int
    unchained: int
    """Rows from before there was a chain."""
    broken: tuple[tuple[int, str], ...]
    """Number of a row (0: none) and what is wrong with it, in order."""
    head: str
    """`number:mac` of the last row, to be noted elsewhere; "" where there is no chain yet."""
    since: int = 0
    """Up to this number it was walked along before, and not now."""
    left: int = 0
    """How many of the newest rows were not walked along yet."""


@dataclass(frozen=True, slots=True)
class Link:
    """One row as it lies in the table."""

    seq: int
    number: int
    mac: bytes
    event: AuditEvent | None
    """What it says; None where it can't be read any more."""


def stable(value: Any) -> Any:
    """Return a JSON value that both databases give back as it is, and that stays the same when it is made stable again.

    PostgreSQL's jsonb writes 1e2 as 100, knows no NaN, and refuses NUL and lone surrogates.
    """
    match value:
        case str():
            return _clean(value)
        case float() if not math.isfinite(value):
            return str(value)
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {
                _clean(key if isinstance(key, str) else json.dumps(key)): stable(one)
                for key, one in value.items()
            }
        case list() | tuple():
            return [stable(one) for one in value]
        case _:
            return value


def settled(event: AuditEvent) -> AuditEvent:
    """Return an event as the table will give it back."""
    return AuditEvent(
        team_id=event.team_id, at=event.at.astimezone(UTC), actor=_clean(event.actor), action=_clean(event.action),
        subject=_clean(event.subject)[:255], detail=stable(event.detail),
    )  # fmt: skip


def canonical(event: AuditEvent, number: int) -> bytes:
    """Return the one text of a row that its MAC covers."""
    said = [
        str(event.team_id), number, _moment(event.at), event.actor, event.action, event.subject, stable(event.detail),
    ]  # fmt: skip
    return json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


class Walk:
    """A walk along one team's chain, in the order of numbers; what is broken gathers on the way.

    It begins behind the row `begun`, up to which the chain is known to be whole; None: at its beginning.
    """

    def __init__(self, key: ChainKey, end: tuple[int, bytes] | None, begun: Link | None = None) -> None:
        self._key = key
        self._end = end
        self._before: bytes | None = key.head()
        """The head that the row before left; None where that row is not there to tell."""
        self._number = self._seq = self.events = 0
        self.last = ""
        self._broken: list[tuple[int, str]] = []
        if begun is not None:
            self._number, self._seq, self.events = begun.number, begun.seq, begun.number
            self._before = key.head(begun.mac)
            self.last = _named(begun)

    def step(self, link: Link) -> None:
        """Look at the next row."""
        self.events += 1
        if link.number < 1 or (self._end is not None and link.number > self._end[0]):
            self._tell(link.number, "added: the chain has no such number")
        elif link.number == self._number:
            self._tell(link.number, "doubled: another row has the same number")
        else:
            self._follow(link)

    def _follow(self, link: Link) -> None:
        if link.number > self._number + 1:
            self._missing(link.number - 1)
            self._before = None
        if self._before is not None and not fits(self._key, self._before, link):
            self._tell(link.number, CHANGED)
        if link.seq < self._seq:
            self._tell(link.number, "reordered: it lies before a row that was written earlier")
        self._number, self._seq = link.number, link.seq
        self._before = self._key.head(link.mac)
        self.last = _named(link)

    def findings(self, *, ended: bool = True) -> tuple[tuple[int, str], ...]:
        """Return what is broken, after the last row, or (not `ended`) on the way."""
        if not ended:
            return tuple(self._broken)
        if self._end is None:
            if self.events:
                self._tell(self._number, "the record of the chain's end is missing")
            return tuple(self._broken)
        number, mac = self._end
        if number > self._number:
            self._missing(number)
        elif self._before is None or not hmac.compare_digest(mac, self._before):
            self._tell(number, "the record of the chain's end does not fit the last row")
        return tuple(self._broken)

    def _missing(self, until: int) -> None:
        first = self._number + 1
        self._tell(first, "missing" if first == until else f"missing, with all up to {until}")

    def _tell(self, number: int, what: str) -> None:
        if len(self._broken) < MOST_FINDINGS:
            self._broken.append((number, what))


def fits(key: ChainKey, before: bytes, link: Link) -> bool:
    """Say whether a row is what was written behind the row that left this head."""
    if link.event is None:
        return False
    return hmac.compare_digest(key.link(before, canonical(link.event, link.number)), link.mac)


def _named(link: Link) -> str:
    return f"{link.number}:{link.mac.hex()}"


def _clean(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
