"""What waiting costs: one look at the index's feeds for all, beside one poll per project, in one run.

The real workflows on SQLite; the index is in memory and the clock is moved by hand. Each lot has waited for long, so that
its own looks are as rare as they get. SHIPBELL_BENCH_WAITING takes another number than 100,000 for the largest lot, and
SHIPBELL_BENCH_POLLED another than 5,000 for the polls that are really played.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import psutil
import pytest
from sqlalchemy import select
from sqlmodel import col

from bot.core.polling import LONGEST_WAIT, RARE_LOOKS
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.migrations import upgrade
from storage.records import PublisherState, Secret
from storage.tables import PublisherRow
from tests.feeding.kit import BASE, Waiting, waiting_on

HOUR = timedelta(hours=1)
OTHERS = 500
"""Releases an hour of projects that nobody waits for; about what PyPI has."""
SIGNS = 10
"""Projects an hour that somebody waits for; 1 where 1 waits."""
MOST_POLLED = 5_000
"""Polls that are played one per project; an hour of more is reckoned from them."""
BURST = 400
"""Releases between two looks: four times what the feed holds."""


@dataclass(frozen=True)
class Cost:
    """What an hour of waiting costs."""

    requests: float
    cpu: float
    memory: float
    delays: Sequence[float]
    """Seconds until each sign that was seen."""
    signs: int


class Activity:
    """What happens on the index while the clock is moved."""

    def __init__(self, world: Waiting, names: Sequence[str], hour: timedelta) -> None:
        self.world, self.begun, self.others = world, world.clock(), 0
        chance = Random(len(names))
        chosen = chance.sample(names, min(SIGNS, len(names)))
        evenly = hour / (len(chosen) + 0.2)
        self.coming = [(self.begun + place * evenly, name) for place, name in enumerate(chosen, 1)]
        self.appeared = dict[str, datetime]()

    def __call__(self) -> None:
        """Let come what has come by now."""
        now = self.world.clock()
        wanted = int(OTHERS * ((now - self.begun) / HOUR))
        self.world.index.appear(*(f"other{number}" for number in range(self.others, wanted)))
        self.others = max(self.others, wanted)
        while self.coming and self.coming[0][0] <= now:
            at, name = self.coming.pop(0)
            self.appeared[name] = at
            self.world.index.appear(name)


async def delays(world: Waiting, activity: Activity) -> list[float]:
    """Return after how many seconds each project that appeared was confirmed."""
    query = select(col(PublisherRow.project), col(PublisherRow.state_at)).where(
        col(PublisherRow.state) == PublisherState.CONFIRMED
    )
    async with world.database.reading() as session:
        seen = {str(project): at for project, at in await session.execute(query)}
    return [(seen[name] - at).total_seconds() for name, at in activity.appeared.items() if name in seen]


async def opened(file: Path) -> Waiting:
    """Return a bot on a new database."""
    url = f"sqlite+aiosqlite:///{file}"
    upgrade(url)
    database = Database(url, Vault(KeyRing([Secret(generate_master_key())])))
    await database.open()
    return waiting_on(database)


async def waited(folder: Path, number: int, *, feeds: bool) -> Cost:
    """Wait for so many projects, and return what an hour of it costs."""
    world = await opened(folder / f"{number}-{feeds}.db")
    world.at_once, world.gap = 16, timedelta(seconds=1)
    world.index.feeds = feeds
    rare = max(LONGEST_WAIT, timedelta(hours=number / RARE_LOOKS)) if feeds else LONGEST_WAIT
    names = await world.pend(number, polls=60, spread=rare)
    world.index.appear("old")
    await world.run(2 * BASE, feeds=feeds)
    span = HOUR if feeds else min(HOUR, HOUR * knob("POLLED", MOST_POLLED) / number)
    activity, process = Activity(world, names, HOUR), psutil.Process()
    world.index.asked.clear()
    memory, cpu = process.memory_info().rss, time.process_time()
    await world.run(span, feeds=feeds, each=activity)
    cost = Cost(
        world.index.asked.total() * (HOUR / span),
        (time.process_time() - cpu) * (HOUR / span),
        (process.memory_info().rss - memory) / 1e6,
        await delays(world, activity),
        len(activity.appeared),
    )
    await world.database.close()
    return cost


def sizes() -> list[int]:
    """Return how many wait in each lot."""
    most = knob("WAITING", 100_000)
    return sorted({1, min(1_000, most), most})


def knob(name: str, usual: int) -> int:
    """Return a number that the environment may change."""
    return int(os.environ.get(f"SHIPBELL_BENCH_{name}", usual))  # noqa: TID251 - the bench's own knob


@pytest.mark.timeout(3_600)
async def test_waiting(tmp_path: Path) -> None:
    """The figures are printed, not judged; but every sign in a feed is seen."""
    print("\nwaiting for pending projects, an hour of it, feeds beside one poll per project")
    for number in sizes():
        fed = await waited(tmp_path, number, feeds=True)
        polled = await waited(tmp_path, number, feeds=False)
        assert len(fed.delays) == fed.signs
        print(
            f"  {number:>7,}: requests {fed.requests:>7,.0f} beside {polled.requests:>7,.0f}"
            f" ({fed.requests / polled.requests:.3f}),"
            f" CPU {fed.cpu:>6.1f} s beside {polled.cpu:>6.1f} s ({fed.cpu / polled.cpu:.3f}),"
            f" memory {fed.memory:+.0f} MB beside {polled.memory:+.0f} MB,"
            f" signs seen {len(fed.delays)} of {fed.signs} after {_mean(fed.delays):.0f} s,"
            f" beside {len(polled.delays)} of {polled.signs} after {_mean(polled.delays):.0f} s"
        )


@pytest.mark.timeout(600)
async def test_overflow(tmp_path: Path) -> None:
    """However many releases come between two looks, every sign is seen; after how long is printed."""
    world = await opened(tmp_path / "overflow.db")
    names = await world.pend(1_000, polls=60, spread=timedelta(hours=1_000 / RARE_LOOKS))
    world.index.appear("old")
    await world.run(2 * BASE)
    signs = set(Random(1).sample(names, SIGNS))
    begun, asked = world.clock(), world.index.asked.total()
    world.index.appear(*signs, *(f"other{number}" for number in range(BURST)))
    while not signs <= await world.confirmed():
        assert world.clock() - begun < HOUR
        await world.run(BASE)
    print(
        f"\n{BURST} releases between two looks, 1,000 waiting: all {SIGNS} signs seen after"
        f" {(world.clock() - begun).total_seconds():.0f} s and {world.index.asked.total() - asked:,} requests"
    )
    await world.database.close()


def _mean(found: Sequence[float]) -> float:
    return sum(found) / len(found) if found else float("nan")
