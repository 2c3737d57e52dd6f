"""How a forge is asked politely.

Knows: ETags, rate limits' holds, one write at a time. Must not know: httpx, what is asked, what an answer means.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bot.core.secrets import REDACTED
from bot.errors import Unreachable
from bot.forge import limits
from bot.pacing import Paces
from bot.wire import Answer, Request

MOST_KEPT = 512
LONGEST_KEPT = 65_536
"""Bytes of an answer that is kept."""

_ETAG = re.compile(r"[\x21-\x7e]{1,200}")

Send = Callable[[Request], Awaitable[Answer]]
"""Sends one request; TransportError where no answer was read."""


class Held(Unreachable):
    """Nothing was sent: a rate limit is in force for another `held_for` seconds."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(
            f"GitHub takes no more requests for another {seconds:.0f} s.", host=host, remedy="Wait that long."
        )
        self.held_for = seconds


@dataclass(frozen=True, slots=True)
class Shared:
    """One credential's limits, as all processes that use it keep them."""

    paces: Paces
    clock: Callable[[], datetime]
    name: str

    async def left(self) -> float:
        """Return for how many seconds the forge takes no more requests."""
        until = await self.paces.held(f"hold forge {self.name}")
        return 0.0 if until is None else (until - self.clock()).total_seconds()

    async def hold(self, seconds: float) -> None:
        """Let nobody send for so many seconds."""
        await self.paces.hold(f"hold forge {self.name}", self.clock() + timedelta(seconds=seconds))

    async def turn(self, gap: float) -> None:
        """Wait until it is our turn to order something."""
        moment = await self.paces.take(f"forge {self.name}", timedelta(seconds=gap))
        await asyncio.sleep(max((moment - self.clock()).total_seconds(), 0.0))


class Sender:
    """Sends for one credential: one token, or one installation, whose tokens follow each other."""

    def __init__(self, send: Send, write_gap: float, shared: Shared | None = None) -> None:
        """Take how to send, the seconds between two orders, and what is kept with other processes; None: there are none."""
        self._send = send
        self._write_gap = write_gap
        self._shared = shared
        self._kept: OrderedDict[tuple[str, str], Answer] = OrderedDict()
        self._held_until = 0.0
        self._writing = asyncio.Lock()
        self._write_from = 0.0

    async def get(self, request: Request) -> Answer:
        """Ask; what is unchanged is answered from what was kept of it, and costs nothing of the limit."""
        key = request.url, _accept(request)
        kept = self._kept.get(key)
        if kept is None:
            return self._keep(key, await self._ask(request))
        headers = {**request.headers, "If-None-Match": kept.headers["etag"]}
        answer = await self._ask(replace(request, headers=headers))
        return self._keep(key, kept if answer.status == 304 else answer)

    async def write(self, request: Request) -> Answer:
        """Order something; one at a time, with the gap in between that GitHub asks for."""
        async with self._writing:
            await asyncio.sleep(max(self._write_from - _now(), 0.0))
            if self._shared is not None:
                await self._shared.turn(self._write_gap)
            try:
                return await self._ask(request)
            finally:
                self._write_from = _now() + self._write_gap

    async def post(self, request: Request) -> Answer:
        """Order what changes nothing that others see, at once."""
        return await self._ask(request)

    async def _ask(self, request: Request) -> Answer:
        left = self._held_until - _now()
        if self._shared is not None and left <= 0:
            left = await self._shared.left()
        if left > 0:
            raise Held(urlsplit(request.url).hostname or "", left)
        answer = await self._send(request)
        hold = limits.hold(answer)
        if hold is not None:
            self._held_until = max(self._held_until, _now() + hold)
            if self._shared is not None:
                await self._shared.hold(hold)
        token = _token(request)
        if token and token in answer.body:
            answer = replace(answer, body=answer.body.replace(token, REDACTED.encode()))
        return answer

    def _keep(self, key: tuple[str, str], answer: Answer) -> Answer:
        short = not answer.truncated and len(answer.body) <= LONGEST_KEPT
        self._kept.pop(key, None)
        if answer.status == 200 and short and _ETAG.fullmatch(answer.headers.get("etag", "")):
            self._kept[key] = answer
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return answer


def _accept(request: Request) -> str:
    return next((value for name, value in request.headers.items() if name.lower() == "accept"), "")


def _token(request: Request) -> bytes:
    sent = next((value for name, value in request.headers.items() if name.lower() == "authorization"), "")
    return sent.partition(" ")[2].encode()


def _now() -> float:
    return asyncio.get_running_loop().time()
