"""The lanes of one process, and what both engines are to whoever starts and nudges them.

Knows: how lanes run, are woken and end. Must not know: what wakes them, what they do.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from bot.engine.claims import Claims
from bot.engine.ending import end
from bot.engine.lane import Lane, Work


class Engine(Protocol):
    """What runs due work. Rows say what is due, and claims who does it; an engine only says when to look.

    A lost nudge costs delay, and never more than until the next sweep.
    """

    @property
    def state(self) -> str:
        """Return "ok", or what is wrong."""

    async def start(self, works: Sequence[Work]) -> None:
        """Begin these lanes in this process; none where others do the work."""

    def nudge(self, *names: str) -> None:
        """Let these lanes look now, wherever they run."""

    def at(self, name: str, when: datetime) -> None:
        """Let a lane look at a time."""

    def sweep(self) -> None:
        """Let every lane of this process look."""

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, give back the rest."""


class Crew:
    """The lanes that run in this process."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        wake_at: Callable[[str, datetime], None],
        failed: Callable[[str], None],
        full: Callable[[str], None],
        claims: Claims,
    ) -> None:
        self._clock = clock
        self._wake_at = wake_at
        self._failed = failed
        self._full = full
        self._claims = claims
        self._lanes: dict[str, Lane] = {}
        self.runners: list[asyncio.Task[None]] = []

    @property
    def running(self) -> bool:
        """Whether every lane still runs."""
        return bool(self.runners) and not any(runner.done() for runner in self.runners)

    def start(self, works: Sequence[Work]) -> None:
        """Begin: every lane looks at once."""
        for work in works:
            self._lanes[work.name] = Lane(
                work, self._wake_at, self.wake, self._failed, self._full, self._clock, self._claims
            )
        self.runners = [asyncio.create_task(lane.run()) for lane in self._lanes.values()]
        self.sweep()

    def wake(self, name: str) -> None:
        """Let a lane look now; one that does not run here is none of ours."""
        if name in self._lanes:
            self._lanes[name].event.set()

    def sweep(self) -> None:
        """Let every lane look now."""
        for name in self._lanes:
            self.wake(name)

    async def stop(self, seconds: float) -> None:
        """Take nothing new; let what is under way end, for so many seconds."""
        await end(self.runners)
        await asyncio.gather(*(lane.finish(seconds) for lane in self._lanes.values()))
