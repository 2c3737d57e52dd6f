"""How an index is asked politely: who said "wait" is not asked anything by anybody until then.

Knows: which answers ask to wait, and for whom that counts. Must not know: httpx, any one protocol.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.core.cleaning import seconds_to_wait
from bot.core.outcomes import TryLater
from bot.errors import AnswerLost, TransportError, Unreachable
from bot.pacing import Paces
from bot.wire import Answer, Hashed, Request
from storage.records import Reason

LONGEST = 3_600.0
"""Seconds that one answer may hold us; after them one request finds out whether it still counts."""
LONGEST_FOR_ONE = 60.0
"""The same where a token was sent: the limit may be that token's own, and other teams are not to wait for it long."""


class Held(Unreachable):
    """Nothing was sent: the index has asked us to wait for another `held_for` seconds."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(
            f"{host} has asked for a pause of another {seconds:.0f} s.", host=host, remedy="Wait that long."
        )
        self.held_for = seconds


class Holder:
    """Sends for all indexes, and keeps the pauses that their hosts ask for, with all processes that share `paces`."""

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Answer]],
        hash_: Callable[[Request], Awaitable[Hashed]],
        clock: Callable[[], datetime],
        paces: Paces | None = None,
    ) -> None:
        self._send = send
        self._hash = hash_
        self._clock = clock
        self._paces = paces
        self._until: dict[str, float] = {}
        """Host and port -> when it may be asked again."""

    async def send(self, request: Request) -> Answer:
        """Send a request; Held where its host has asked us to wait, TransportError where no answer was read."""
        place = await self._free(request)
        answer = await self._send(request)
        await self._heed(place, request, answer)
        return answer

    async def hash(self, request: Request) -> Hashed:
        """Send a request and hash its answer's body; otherwise as `send` does."""
        place = await self._free(request)
        hashed = await self._hash(request)
        await self._heed(place, request, hashed.answer)
        return hashed

    async def _free(self, request: Request) -> str:
        """Return whom the request goes to; Held where it must not go yet."""
        place, now = _place(request.url), _now()
        left = self._until.get(place, now) - now
        if left <= 0 and self._paces is not None:
            until = await self._paces.held(_limit(place))
            left = 0.0 if until is None else (until - self._clock()).total_seconds()
        if left > 0:
            raise Held(place, left)
        self._until.pop(place, None)
        return place

    async def _heed(self, place: str, request: Request, answer: Answer) -> None:
        asked = _pause(answer)
        if asked is not None:
            most = LONGEST_FOR_ONE if answer.status == 429 and _names_somebody(request) else LONGEST
            seconds = min(asked, most)
            self._until[place] = max(self._until.get(place, 0.0), _now() + seconds)
            if self._paces is not None and seconds > 0:
                await self._paces.hold(_limit(place), self._clock() + timedelta(seconds=seconds))


def unanswered(error: TransportError) -> TryLater:
    """Return what it means that there was no answer."""
    if isinstance(error, Held):
        return TryLater(Reason.RATE_LIMITED, error.cause, error.held_for)
    lost = isinstance(error, AnswerLost)
    reason = Reason.TIMED_OUT if lost else Reason.UNREACHABLE
    return TryLater(reason, error.cause, arrived_maybe=lost)


def _limit(place: str) -> str:
    return f"hold index {place}"


def _place(url: str) -> str:
    """Return the host and port of an address; "" where it can't be read, which the transport refuses."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _pause(answer: Answer) -> float | None:
    """Return for how many seconds an answer asks us to send nothing; None: it does not."""
    if answer.status not in {429, 503}:
        return None
    return seconds_to_wait(answer.retry_after, answer.headers.get("date"))


def _names_somebody(request: Request) -> bool:
    return any(name.lower() == "authorization" for name in request.headers)


def _now() -> float:
    return asyncio.get_running_loop().time()
