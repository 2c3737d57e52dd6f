"""The engine of one process: APScheduler for times, the ledger's rows for truth.

Knows: when lanes look. Must not know: what they do. The scheduler's jobs lie in memory and may be lost: each only
says "look now", and what is due lies in the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.lane import Lane, Work

log = structlog.get_logger(__name__)

SAFETY = 30.0
"""Seconds after which every lane looks without being asked, should a nudge or a job have been lost."""
RETRY = timedelta(seconds=5)
STOP_WITHIN = 20.0
HOUSEKEEPING = timedelta(hours=6)


class EmbeddedEngine:
    """Runs the given kinds of work in this process."""

    def __init__(self, clock: Callable[[], datetime], housekeeping: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._housekeeping = housekeeping
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._lanes: dict[str, Lane] = {}
        self._runners: list[asyncio.Task[None]] = []

    @property
    def running(self) -> bool:
        """Whether every lane still runs."""
        return bool(self._runners) and not any(runner.done() for runner in self._runners)

    def start(self, works: Sequence[Work]) -> None:
        """Begin: every lane looks at once."""
        for work in works:
            self._lanes[work.name] = Lane(work, self._wake_at, self._wake, self._failed, self._clock)
        self._runners = [asyncio.create_task(lane.run()) for lane in self._lanes.values()]
        self._scheduler.add_job(self._all, "interval", seconds=SAFETY)
        self._scheduler.add_job(self._housekeeping, "interval", seconds=HOUSEKEEPING.total_seconds())
        self._scheduler.start()
        self.nudge(*self._lanes)

    def nudge(self, *names: str) -> None:
        """Let these lanes look now."""
        for name in names:
            self._wake(name)

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, give back the rest."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)
        await asyncio.gather(*(lane.finish(STOP_WITHIN) for lane in self._lanes.values()))

    def _wake(self, name: str) -> None:
        self._lanes[name].event.set()

    async def _wake_later(self, name: str) -> None:
        # A coroutine, since the scheduler would run a plain function in a thread, and the event is the loop's.
        self._wake(name)

    async def _all(self) -> None:
        self.nudge(*self._lanes)

    def _wake_at(self, name: str, when: datetime) -> None:
        if when <= self._clock():
            self._wake(name)
            return
        self._scheduler.add_job(
            self._wake_later, "date", run_date=when, args=[name], id=name, replace_existing=True
        )

    def _failed(self, name: str) -> None:
        self._wake_at(name, self._clock() + RETRY)
