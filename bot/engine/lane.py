"""One kind of due work: taken from the ledger, done side by side, looked for again when the next is due.

Knows: when to look, how many at once. Must not know: what a step means.

Nothing durable rides on a task here: a task that dies leaves a row whose claim runs out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from bot.engine.observed import step

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Work:
    """What a lane does: `claim(n)` takes at most n due rows, `step` does one, `next_due` says when to look again."""

    name: str
    claim: Callable[[int], Awaitable[Sequence[Any]]]
    step: Callable[[Any], Awaitable[None]]
    next_due: Callable[[], Awaitable[datetime | None]]
    at_once: int
    then: tuple[str, ...] = ()
    """Lanes that may have work once a step is done."""


@dataclass(slots=True)
class Lane:
    """A lane while it runs."""

    work: Work
    wake_at: Callable[[str, datetime], None]
    """Asks to be woken at a time."""
    wake: Callable[[str], None]
    """Wakes a lane now."""
    failed: Callable[[str], None]
    """Asks to be woken a little later, since the ledger could not be asked."""
    clock: Callable[[], datetime]
    event: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Look whenever woken, until cancelled."""
        while True:
            await self.event.wait()
            self.event.clear()
            try:
                await self._look()
            except Exception:
                log.exception("lane could not look", lane=self.work.name)
                self.failed(self.work.name)

    async def _look(self) -> None:
        due: datetime | None = None
        while free := self.work.at_once - len(self.tasks):
            # Asked before it is claimed: reading waits for nobody, and most nudges find nothing.
            due = await self.work.next_due()
            if due is None or due > self.clock():
                break
            items = await self.work.claim(free)
            for item in items:
                task = asyncio.create_task(self._step(item))
                self.tasks.add(task)
                task.add_done_callback(self._ended)
            if not items:
                due = None  # somebody else has them
                break
        else:
            return  # full: a step that ends wakes the lane
        if due is not None:
            self.wake_at(self.work.name, due)

    async def _step(self, item: Any) -> None:  # a row's record
        with suppress(Exception), step(self.work.name, item):
            try:
                await self.work.step(item)
            except Exception:
                log.exception("step failed", lane=self.work.name)
                raise

    def _ended(self, task: asyncio.Task[None]) -> None:
        # First its place, then the wake: a full lane that looked before the place was free would rest on.
        self.tasks.discard(task)
        for name in (self.work.name, *self.work.then):
            self.wake(name)

    async def finish(self, seconds: float) -> None:
        """Let the steps under way end, for so many seconds; then end them."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
