"""What goes wrong with the bot's calls to Slack, on demand, and the notes that are kept of them.

Knows: HTTP as a server sends it, Slack's way to say no. Must not know: what a call does.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from bot.demo.faults import Gate, cut
from bot.demo.slack_mirror import Json


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that Slack refuses, cuts or warns of, and where it came from."""

    method: str
    cause: str


@dataclass(slots=True)
class SeenCall:
    """One call as it arrived, without its token. `status` 0: not answered (yet); `error` is Slack's."""

    method: str
    args: Json = field(repr=False)
    status: int = 0
    error: str = ""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One way to fail; told at `SlackGate.fail`."""

    method: str
    times: int
    status: int
    error: str
    retry_after: int | None
    hang: bool
    delay: float
    close: Literal["before", "after"] | None

    async def answer(self, request: web.Request, seen: SeenCall, gate: Gate) -> web.StreamResponse | None:
        """Fail as told; None where the call is to be done (and its answer then perhaps cut off)."""
        if self.hang:
            await gate.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.close == "before":
            return cut(request)
        if not self.status and not self.error:
            return None
        seen.status = self.status or 200
        seen.error = self.error or ("ratelimited" if seen.status == 429 else "")
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if seen.status >= 500:
            return web.Response(status=seen.status, text="upstream connect error", headers=headers)
        return web.json_response({"ok": False, "error": seen.error}, status=seen.status, headers=headers)


class Faults:
    """The faults to come."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it strike when its turn has come."""
        self._faults.append(fault)

    def strike(self, method: str) -> Fault | None:
        """Return the earliest fault that fits a call, and use up one of its times."""
        for fault in self._faults:
            if fault.times != 0 and fault.method in {"*", method}:
                fault.times -= fault.times > 0
                return fault
        return None

    def clear(self) -> None:
        """Forget them all."""
        self._faults.clear()
