"""The engine of many processes: procrastinate's queue in PostgreSQL for nudges and times, the ledger's rows for truth.

Knows: how a nudge gets to a process that has room. Must not know: what a lane does.

A job says "look in this lane" and no more: the look claims rows, as in the embedded engine. So a job may be lost, come
twice or too late, and costs delay alone; each process looks everywhere once in SAFETY seconds besides. There is one job of
a lane in the queue at most (its queueing lock), however often it is nudged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from bot.engine.claims import Claims
from bot.engine.crew import Crew
from bot.engine.ending import end
from bot.engine.lane import Work
from bot.engine.pulse import Pulse

log = structlog.get_logger(__name__)

SAFETY = 30.0
"""Seconds after which every lane looks without being asked, should a nudge have been lost."""
RETRY = timedelta(seconds=5)
STOP_WITHIN = 15.0
"""Seconds that steps under way have to end; with all that follows it is less than the 25 that a supervisor waits."""
QUEUE = "shipbell"
POLL = 2.0
"""Seconds after which the queue is looked at, should a notification have been lost, and for jobs of a later time."""
JOBS_AT_ONCE = 8
ROOM_LATER = timedelta(seconds=1)
"""When a lane that is full everywhere is tried again."""
STALLED = 60.0
"""Seconds without a sign of a worker after which its jobs are swept."""


class PostgresEngine:
    """Wakes lanes in whichever process; runs those that it is given."""

    def __init__(
        self,
        conninfo: str,
        clock: Callable[[], datetime],
        housekeeping: Callable[[], Awaitable[None]],
        pulse: Pulse,
        claims: Claims | None = None,
    ) -> None:
        self._clock = clock
        self._housekeeping = housekeeping
        self._pulse = pulse
        self._queue = _queue(conninfo)
        self._look = self._queue.task(name="shipbell.look", queue=QUEUE)(self._woken)
        tidy = self._queue.task(name="shipbell.tidy", queue=QUEUE, pass_context=False)(self._tidy)
        self._queue.periodic(cron="*/5 * * * *", periodic_id="tidy")(tidy)
        self.crew = Crew(clock, self.at, self._failed, self._full, claims or Claims())
        self._works_here = self._listens = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wanted: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> str:
        """Return "ok", or what is wrong."""
        if self._works_here and not self.crew.running:
            return "stopped"
        if self._works_here and not self._listens:
            return "the queue does not answer"
        return self._pulse.state

    async def start(self, works: Sequence[Work]) -> None:
        """Open the queue, and begin these lanes; none where other processes do the work."""
        # Each job is a line at INFO, and there are many.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        await self._pulse.begin(self.sweep)
        await self._queue.open_async()
        self._works_here = bool(works)
        if works:
            self.crew.start(works)
            self._go(self._listen())
            self._go(self._look_everywhere())

    def nudge(self, *names: str) -> None:
        """Let these lanes look now: here where they run here, else in whichever process is first."""
        for name in names:
            if self._works_here:
                self.crew.wake(name)
            else:
                self._tell(name)

    def at(self, name: str, when: datetime) -> None:
        """Let a lane look at a time; one that is far away is kept in the queue, and outlives this process."""
        seconds = (when - self._clock()).total_seconds()
        if seconds >= SAFETY:
            self._go(self._defer(name, when))
            return
        # Should this process die, the others' own looks come no later than SAFETY.
        if name in self._timers:
            self._timers[name].cancel()
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(max(seconds, 0.0), self.crew.wake, name)

    def sweep(self) -> None:
        """Let every lane of this process look."""
        self.crew.sweep()

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, give back the rest."""
        for timer in self._timers.values():
            timer.cancel()
        await end(self._tasks)
        await self.crew.stop(STOP_WITHIN)
        await self._pulse.end()
        await self._queue.close_async()

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, name: str) -> None:
        """Nudge by the queue; however often that is wanted, one request a lane is on its way."""
        fresh = name not in self._wanted
        self._wanted.add(name)
        if fresh:
            self._go(self._told(name))

    async def _told(self, name: str) -> None:
        # Taken off before it is sent: whoever nudges from now on has written something that a look may not see.
        await asyncio.sleep(0)
        self._wanted.discard(name)
        await self._defer(name)

    async def _defer(self, name: str, when: datetime | None = None) -> None:
        lock = name if when is None else f"{name} at {when:%Y-%m-%dT%H:%M:%S}"
        try:
            await self._look.configure(queueing_lock=lock, schedule_at=when).defer_async(name=name)
        except AlreadyEnqueued:
            return  # whoever takes that job looks after this
        except ConnectorException as error:
            log.warning("a nudge was lost", lane=name, error=type(error).__name__)

    def _full(self, name: str) -> None:
        """Let another process look: this one has no room."""
        self._go(self._defer(name, self._clock() + ROOM_LATER))

    def _failed(self, name: str) -> None:
        self.at(name, self._clock() + RETRY)

    async def _woken(self, name: str) -> None:
        """Carry out a job of the queue."""
        self.crew.wake(name)

    async def _look_everywhere(self) -> None:
        while True:
            await asyncio.sleep(SAFETY)
            self.crew.sweep()

    async def _listen(self) -> None:
        """Take jobs from the queue, and begin again whenever the server was away."""
        while True:
            self._listens = True
            try:
                await self._queue.run_worker_async(
                    queues=[QUEUE], name="shipbell", concurrency=JOBS_AT_ONCE, install_signal_handlers=False,
                    delete_jobs="always", fetch_job_polling_interval=POLL, stalled_worker_timeout=STALLED,
                )  # fmt: skip
            except Exception:
                log.exception("the queue does not answer")
            self._listens = False
            await asyncio.sleep(RETRY.total_seconds())
            self.crew.sweep()

    async def _tidy(self, timestamp: int) -> None:  # noqa: ARG002 - a periodic job is given its time
        """Sweep what dead workers had taken of the queue, and what has ended; once for all processes."""
        manager = self._queue.job_manager
        await manager.prune_stalled_workers(STALLED)
        for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED):
            with suppress(ConnectorException):  # it has ended in this moment, or another process sweeps too
                await manager.finish_job(job, Status.FAILED, delete_job=True)
        await manager.delete_old_jobs(
            1, queue=QUEUE, include_failed=True, include_cancelled=True, include_aborted=True
        )
        await self._housekeeping()


def _queue(conninfo: str) -> procrastinate.App:
    connector = procrastinate.PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4, timeout=10.0)
    return procrastinate.App(connector=connector)
