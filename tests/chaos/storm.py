"""Hard days, drawn by a seed: which fault strikes when, and for how long. The same seed draws the same days."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.chaos import clocks
from tests.chaos.fleet import Fleet, Kept
from tests.chaos.wires import Weather

WIRES = ("forge", "index", "slack", "postgres", "web")
KINDS = (
    "kill web", "kill worker", "kill worker", "stop web", "stop worker", "freeze worker", "freeze web", "postgres restarts",
    "postgres cut", "disk full", "clock ahead web", "clock ahead worker", "clock back worker", "429s", "twice and late", *(f"{how} {wire}" for wire in WIRES for how in ("slow", "cut", "truncate", "down")),
)  # fmt: skip
LATER = 3.0
"""Seconds by which somebody frozen is longer so than a lease."""
JUMP = 7_200.0
"""Seconds that a machine's clock is wrong by: more than any lease, and than an approval of those who play here is good for."""
WEATHERS = {
    "slow": Weather(delay=0.2),
    "cut": Weather(cut=0.1),
    "truncate": Weather(truncate=0.1),
    "down": Weather(down=True),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong `at` so many seconds after the start, and is over `lasts` seconds later."""

    at: float
    kind: str
    lasts: float
    whom: int

    def __str__(self) -> str:
        return f"{self.at:5.1f} s: {self.kind} ({self.lasts:.1f} s, number {self.whom})"


def drawn(seed: int, seconds: float, count: int, first: Sequence[str] = ()) -> list[Fault]:
    """Draw so many faults within so many seconds; each kind comes once before one comes again, and these first."""
    chance = Random(seed)
    kinds = [*first] + [
        kind for _ in range(count // len(KINDS) + 1) for kind in chance.sample(KINDS, len(KINDS))
    ]
    moments = sorted(chance.uniform(0, seconds) for _ in range(count))
    return [
        Fault(at, kind, chance.uniform(0.3, 2.0), chance.randrange(100))
        for at, kind in zip(moments, kinds, strict=False)
    ]


@dataclass
class Storm:
    """It, over a fleet."""

    fleet: Fleet

    async def rage(self, faults: list[Fault]) -> None:
        """Let everything go wrong at its time, and be over in the end."""
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._strike(fault))
        for wire in self.fleet.wires.values():
            wire.heal()

    async def _strike(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        how, _, what = fault.kind.partition(" ")
        if how in WEATHERS:
            wire = self.fleet.wires[what]
            wire.weather = WEATHERS[how]
            if wire.weather.down:
                wire.sever()
            await asyncio.sleep(fault.lasts)
            wire.heal()
            return
        await self._others()[fault.kind](fault)

    def _others(self) -> dict[str, Callable[[Fault], Coroutine[Any, Any, None]]]:
        fleet = self.fleet
        signals = {"kill": signal.SIGKILL, "stop": signal.SIGTERM}
        found: dict[str, Callable[[Fault], Coroutine[Any, Any, None]]] = {}
        for name, members in (("web", fleet.webs), ("worker", fleet.workers)):
            for how, number in signals.items():
                found[f"{how} {name}"] = _signalling(members, number)
            found[f"freeze {name}"] = _freezing(members, fleet.lease + LATER)
            found[f"clock ahead {name}"] = _jumping(members, JUMP)
            found[f"clock back {name}"] = _jumping(members, -JUMP)
        return found | {
            "postgres restarts": lambda fault: fleet.server.restart(fault.lasts),
            "postgres cut": self._postgres_cut,
            "disk full": lambda fault: fleet.server.full(fault.lasts),
            "429s": self._limits,
            "twice and late": self._odd_deliveries,
        }

    async def _postgres_cut(self, _fault: Fault) -> None:
        self.fleet.wires["postgres"].sever()

    async def _limits(self, fault: Fault) -> None:
        self.fleet.slack.limited = 0.5
        self.fleet.forge.fail("/", status=429, headers={"retry-after": "1"}, times=3)
        # Not what a run uploads: that would fail, and be a person's to run again.
        self.fleet.index.fail("/simple/", status=429, headers={"retry-after": "1"}, times=3)
        await asyncio.sleep(fault.lasts)
        self.fleet.slack.limited = 0.0

    async def _odd_deliveries(self, fault: Fault) -> None:
        slack = self.fleet.slack
        slack.twice, slack.late = 0.7, 1.0
        await asyncio.sleep(fault.lasts)
        slack.twice = slack.late = 0.0


def _signalling(members: list[Kept], number: signal.Signals) -> Callable[[Fault], Coroutine[Any, Any, None]]:
    async def strike(fault: Fault) -> None:
        members[fault.whom % len(members)].send(number)

    return strike


def _freezing(members: list[Kept], seconds: float) -> Callable[[Fault], Coroutine[Any, Any, None]]:
    async def strike(fault: Fault) -> None:
        one = members[fault.whom % len(members)]
        one.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            one.send(signal.SIGCONT)

    return strike


def _jumping(members: list[Kept], seconds: float) -> Callable[[Fault], Coroutine[Any, Any, None]]:
    async def strike(fault: Fault) -> None:
        log = members[fault.whom % len(members)].process.log
        clocks.jump(log, seconds)
        try:
            await asyncio.sleep(fault.lasts)
        finally:
            clocks.jump(log, 0)

    return strike


def told(faults: list[Fault]) -> Iterator[str]:
    """Return the schedule in words."""
    yield from map(str, faults)
