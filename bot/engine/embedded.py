"""The engine of one process: APScheduler for times, the ledger's rows for truth.

Knows: when lanes look. Must not know: what they do. The scheduler's jobs lie in memory and may be lost: each only
says "look now", and what is due lies in the database.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.claims import Claims
from bot.engine.crew import Crew
from bot.engine.lane import Work

SAFETY = 30.0
"""Seconds after which every lane looks without being asked, should a nudge or a job have been lost."""
RETRY = timedelta(seconds=5)
STOP_WITHIN = 15.0
"""Seconds that steps under way have to end; with the web's own it is less than the 25 that a supervisor waits."""
HOUSEKEEPING = timedelta(hours=6)


class EmbeddedEngine:
    """Runs the given kinds of work in this process."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        housekeeping: Callable[[], Awaitable[None]],
        claims: Claims | None = None,
    ) -> None:
        self._clock = clock
        self._housekeeping = housekeeping
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._claims = claims or Claims()
        self.crew = Crew(clock, self.at, self._failed, lambda _name: None, self._claims)

    @property
    def state(self) -> str:
        """Return "ok", or what is wrong."""
        return "ok" if self.crew.running else "stopped"

    async def start(self, works: Sequence[Work]) -> None:
        """Begin: every lane looks at once."""
        await self._claims.suspect()
        self.crew.start(works)
        self._scheduler.add_job(self._all, "interval", seconds=SAFETY)
        self._scheduler.add_job(self._housekeeping, "interval", seconds=HOUSEKEEPING.total_seconds())
        self._scheduler.start()

    def nudge(self, *names: str) -> None:
        """Let these lanes look now."""
        for name in names:
            self.crew.wake(name)

    def at(self, name: str, when: datetime) -> None:
        """Let a lane look at a time."""
        if when <= self._clock():
            self.crew.wake(name)
            return
        self._scheduler.add_job(
            self._wake_later, "date", run_date=when, args=[name], id=name, replace_existing=True
        )

    def sweep(self) -> None:
        """Let every lane look."""
        self.crew.sweep()

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, end the rest."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        await self.crew.stop(STOP_WITHIN)

    async def _wake_later(self, name: str) -> None:
        # A coroutine, since the scheduler would run a plain function in a thread, and the event is the loop's.
        self.crew.wake(name)

    async def _all(self) -> None:
        self.crew.sweep()

    def _failed(self, name: str) -> None:
        self.at(name, self._clock() + RETRY)
