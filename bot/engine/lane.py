"""One kind of due work: taken from the ledger, done side by side, looked for again when the next is due.

Knows: when to look, how many at once, for how long. Must not know: what a step means.

Nothing durable rides on a task here: a task that dies leaves a row whose claim runs out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.engine.claims import Claims
from bot.engine.ending import end
from bot.engine.observed import step

log = structlog.get_logger(__name__)

FAR = timedelta(days=1)
SHARE_OF_LEASE = 0.9
"""How much of its lease a step may take, by this machine's clock; then it is ended, before anybody else begins it."""


def itself(item: Any) -> Hashable:
    """Return what tells an item from others: its id, else the item."""
    key: Hashable = getattr(item, "id", item)
    return key


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
    lease: timedelta | None = None
    """For how long `claim` takes a row; None: for ever."""
    kind: str = ""
    """What the rows are; lanes that share rows have the same. "": the lane's name."""
    key: Callable[[Any], Hashable] = itself
    """What tells one row from the others of its kind."""


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
    full: Callable[[str], None]
    """Says that a lane has no room for what may be due still; others may have."""
    clock: Callable[[], datetime]
    claims: Claims
    """The rows that this process works on, in all lanes."""
    event: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[bool]] = field(default_factory=set)

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
        await self.claims.settle()
        due: datetime | None = None
        while free := self.work.at_once - len(self.tasks):
            # Asked before it is claimed: reading waits for nobody, and most nudges find nothing.
            due = await self.work.next_due()
            if due is None or due > self.clock():
                break
            async with self.claims.taking():
                items = await self.work.claim(free)
                for item in items:
                    self._begin(item)
            if not items:
                due = None  # somebody else has them
                break
        else:
            self.full(self.work.name)
            return  # a step that ends wakes the lane
        if due is not None:
            # What is set aside is due in thousands of years; a day is as far as anybody need look.
            self.wake_at(self.work.name, min(due, self.clock() + FAR))

    def _begin(self, item: Any) -> None:  # a row's record
        key = (self.work.kind or self.work.name, self.work.key(item))
        if key in self.claims.under_way:
            # Its lease ran out while its step went on here, as after the machine slept. Beginning it again would do
            # it twice under one name; and the claim just made is a new lease for the step that is under way.
            log.warning("a step outlasted its lease", lane=self.work.name)
            return
        self.claims.under_way.add(key)
        task = asyncio.create_task(self._step(item, key))
        self.tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, key))

    async def _step(self, item: Any, key: tuple[str, Hashable]) -> bool:
        """Do it; returns whether its end may not be written down, since the ledger was away."""
        away = False
        limit = asyncio.timeout(self._seconds())
        with suppress(Exception), step(self.work.name, item):
            try:
                async with limit:
                    await self.work.step(item)
            except Exception as error:
                away = self.claims.away(error)
                log.exception("step took too long" if limit.expired() else "step failed", lane=self.work.name)
                raise
        await self._survived(key)
        return away

    async def _survived(self, key: tuple[str, Hashable]) -> None:
        try:
            await self.claims.survived(key)
        except Exception:
            log.exception("could not say that a step was lived through", lane=self.work.name)

    def _seconds(self) -> float | None:
        """Return how long a step may take."""
        return self.work.lease.total_seconds() * SHARE_OF_LEASE if self.work.lease else None

    def _ended(self, task: asyncio.Task[bool], key: tuple[str, Hashable]) -> None:
        # First its place, then the wake: a full lane that looked before the place was free would rest on.
        self.tasks.discard(task)
        self.claims.under_way.discard(key)
        if not task.cancelled() and task.result():
            self.claims.doubt()
        for name in (self.work.name, *self.work.then):
            self.wake(name)

    async def finish(self, seconds: float) -> None:
        """Let the steps under way end, for so many seconds; then end them."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)
        await end(self.tasks)
