"""That this process lives, said every few seconds; and that others no longer do.

Knows: the ledger's processes. Must not know: what a process does.

A claim carries the process's id. Whoever is not heard of for a lease is dead: its claims are given back, and nothing
that it still writes is its own, since every recording UPDATE asks for the claim. A process that finds itself buried ends, and
its supervisor starts another, with another id.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.engine.ending import end
from storage.database import Database, is_away
from storage.ledger import processes
from storage.records import AlreadyRunning, Process

log = structlog.get_logger(__name__)

BEATS = 5
"""How often a process is heard of in a lease."""


class Pulse:
    """One process's own."""

    def __init__(
        self,
        database: Database,
        process: Process,
        lease: timedelta,
        settle: timedelta,
        heard: Callable[[datetime, float], None] = lambda _when, _asked: None,
        suspect: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take the database, who this is, the lease, and how long a dead one's requests may still be on their way.

        `heard` is told each time what the server's clock says, and when it was asked, by the machine's steady clock.
        `suspect` is called after each beat, to ask of which rows others may have died.
        """
        self._database = database
        self._process = process
        self._lease = lease
        self._settle = settle
        self._tell = heard
        self._suspect = suspect
        self._freed: Callable[[], None] = lambda: None
        self._heard = self._steady = 0.0
        self._task: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        """Set once this process was taken for dead."""

    @property
    def state(self) -> str:
        """Return "ok", or what is wrong."""
        if self.lost.is_set():
            return "taken for dead"
        return "ok" if _now() - self._heard < self._lease.total_seconds() else "not heard of for a lease"

    async def begin(self, freed: Callable[[], None]) -> None:
        """Say so for the first time, and go on; `freed` hears when something was given back."""
        self._freed = freed
        async with self._database.transaction() as session:
            # By the server's time, as everybody judges it: a machine whose clock is behind would be born dead.
            now = await self._time(session)
            await processes.begin(session, replace(self._process, started_at=now, seen_at=now))
        self._heard = self._steady = _now()
        self._task = asyncio.create_task(self._go_on())

    async def end(self) -> None:
        """Give back all that is still taken, and say no more."""
        if self._task is not None:
            await end([self._task])
        try:
            async with self._database.transaction() as session:
                now = await self._time(session)
                await processes.end(session, self._process.id, now, self._settle)
        except Exception:
            log.exception("nothing could be given back; it is free once the lease has run out")

    async def _go_on(self) -> None:
        while not self.lost.is_set():
            await asyncio.sleep(self._lease.total_seconds() / BEATS)
            try:
                await self.beat()
            except AlreadyRunning as error:
                log.error("the database was taken by others", cause=error.cause)  # noqa: TRY400 - no traceback helps
                self.lost.set()
            except Exception:
                log.exception("could not say that this process lives")
                self._steady = 0.0

    async def beat(self) -> None:
        """Say that this process lives, and bury who is dead."""
        await self._database.still_locked(together=True)
        async with self._database.transaction() as session:
            now = await self._time(session)
            if not await processes.beat(session, self._process.id, now):
                log.error("this process was taken for dead, and ends")
                self.lost.set()
                return
        self._heard = _now()
        self._steady = self._steady or self._heard
        # In a transaction of its own: whatever holds it up, this process is heard of.
        dead = await self._bury(now)
        if self._suspect is not None:
            await self._suspect()
        if dead:
            log.warning(
                "processes are dead; what they had taken is free", processes=[str(one) for one in dead]
            )
            self._freed()

    async def _bury(self, now: datetime) -> tuple[object, ...]:
        # After the database was away nobody was heard of: the others get a lease's time to say so first.
        if not self._steady or _now() - self._steady < self._lease.total_seconds():
            return ()
        try:
            async with self._database.transaction() as session:
                return tuple(await processes.bury(session, now, now - self._lease, self._settle))
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("the dead could not be buried yet", cause=type(error).__name__)
            return ()

    async def _time(self, session: AsyncSession) -> datetime:
        asked = time.monotonic()
        told = await processes.time(session)
        assert told is not None, "many processes share a server"
        self._tell(told, asked)
        return told


def _now() -> float:
    return asyncio.get_running_loop().time()
