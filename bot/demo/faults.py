"""What can go wrong with an answer, on demand: statuses, cut connections, hanging, floods.

Knows: HTTP as a server sends it. Must not know: which service fails.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

FILLER = b"x" * 65_536
DEFAULT_BODY = b"Fault injected by the stand-in."


@dataclass(slots=True, kw_only=True)
class Fault:
    """One way to fail; how each field works is told at `StandIn.fail`."""

    path_prefix: str
    method: str = ""
    status: int = 500
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = DEFAULT_BODY
    times: int = 1
    hang: bool = False
    close: bool = False
    after: bool = False
    megabytes: int = 0

    def strikes(self, request: web.Request) -> bool:
        """Whether this request is to fail; uses up one of `times` if so."""
        hit = self.times != 0 and request.path.startswith(self.path_prefix)
        if not hit or self.method not in {"", request.method}:
            return False
        if self.times > 0:
            self.times -= 1
        return True

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Cut the connection, flood, or answer as told; hanging is the middleware's part."""
        if self.close:
            return cut(request)
        headers = {"Content-Type": "text/plain; charset=UTF-8", **self.headers}
        if not self.megabytes:
            return web.Response(status=self.status, reason=self.reason, headers=headers, body=self.body)
        return await flood(request, self, headers)


def cut(request: web.Request) -> web.Response:
    """Close the connection without a byte of an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def flood(request: web.Request, fault: Fault, headers: Mapping[str, str]) -> web.StreamResponse:
    """Stream the body and then `megabytes` MB of filler, as fast as the other side reads, never held whole."""
    answer = web.StreamResponse(status=fault.status, reason=fault.reason, headers=headers)
    await answer.prepare(request)
    try:
        await answer.write(fault.body)
        for _ in range(fault.megabytes * 16):
            await answer.write(FILLER)
        await answer.write_eof()
    except ConnectionError:
        # The other side has read enough: that is what a careful client does.
        return answer
    return answer


class Gate:
    """Where hanging answers wait until somebody lets them all go."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._change = asyncio.Event()
        self._waiting = 0

    async def wait(self) -> None:
        """Wait for the next `release`."""
        opens = self._open
        self._count(1)
        try:
            await opens.wait()
        finally:
            self._count(-1)

    async def until(self, enough: Callable[[int], bool]) -> None:
        """Wait until the number of those that wait here is as wanted."""
        while not enough(self._waiting):
            await self._change.wait()

    def release(self) -> None:
        """Let all go that wait now; later ones wait anew."""
        self._open.set()
        self._open = asyncio.Event()

    def _count(self, change: int) -> None:
        self._waiting += change
        self._change.set()
        self._change = asyncio.Event()
