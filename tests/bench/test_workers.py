"""How much one, two and four workers get done: intents carried out a second, from a full inbox, by real processes.

How long a step takes is what the processes count themselves (`/metrics`), read between the bounds of their buckets.
`SHIPBELL_BENCH_INTENTS` says how many wait.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.core import intents
from bot.demo.world import BotProcess
from bot.workflow.inlet import Inlet, Wish
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import inbox
from storage.records import Secret
from tests.fleet.test_story import workers
from tests.stories.kit import world_on

INTENTS = int(os.environ.get("SHIPBELL_BENCH_INTENTS", "1500"))  # noqa: TID251 - the bench's own knob
STARTED = timedelta(seconds=30)
"""When the intents become due: by then all workers have started."""
PEOPLE = 60


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)  # noqa: TID251 - the bench's own clock


async def steps(processes: Sequence[BotProcess]) -> dict[str, dict[float, float]]:
    """Return, for each lane, how many steps of all processes took at most so many seconds."""
    found: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    async with aiohttp.ClientSession() as session:
        for process in processes:
            async with session.get(f"{process.url}/metrics") as answer:
                families = list(text_string_to_metric_families(await answer.text()))
            for sample in (one for family in families for one in family.samples):
                if sample.name == "shipbell_step_seconds_bucket":
                    found[sample.labels["lane"]][float(sample.labels["le"])] += sample.value
    return found


def quantile(buckets: dict[float, float], part: float) -> float:
    """Return below how many seconds this part lies, straight between the bounds of its bucket."""
    wanted, low, before = part * max(buckets.values()), 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= wanted:
            return low + (bound - low) * (wanted - before) / max(count - before, 1)
        low, before = bound, count
    return low


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_intents_a_second(count: int, database_url: str, tmp_path: Path) -> None:
    """Measure it; that all were carried out is asserted, how fast is printed."""
    key = generate_master_key()
    database = Database(database_url, Vault(KeyRing([Secret(key)])))
    await database.open()
    due = now() + STARTED
    inlet = Inlet(database, lambda: due, lambda: None)
    for number in range(INTENTS):
        wish = Wish("T1", "", f"d{number}", f"U{number % PEOPLE}", "C1", intents.ListPublishers())
        await inlet.put(wish)
    settings = {"SHIPBELL_ENGINE": "postgres", "SHIPBELL_MASTER_KEYS": key}
    async with world_on(database_url, tmp_path, settings=settings) as world, workers(world, count) as made:
        while True:
            async with database.reading() as session:
                done = (await inbox.counts(session)).get("done", 0)
            if done == INTENTS:
                break
            await asyncio.sleep(0.05)  # other processes' state: there is nothing to wait on but asking
        took = (now() - due).total_seconds()
        found = await steps(made)
        spent = sum(
            sum(psutil.Process(one.process.pid).cpu_times()[:2]) for one in (*made, world.bot) if one.process
        )
        memory = [psutil.Process(one.process.pid).memory_info().rss / 1e6 for one in made if one.process]
        serve = psutil.Process(world.bot.process.pid).memory_info().rss / 1e6 if world.bot.process else 0
    await database.close()
    print(
        f"\n{count} workers: {INTENTS / took:.0f} intents a second ({took:.1f} s), {spent / INTENTS * 1_000:.1f} ms of CPU each"
    )
    for lane in ("inbox", "outbox"):
        p50, p99 = (quantile(found[lane], part) * 1_000 for part in (0.5, 0.99))
        print(f"  a step of {lane}: p50 {p50:.0f}, p99 {p99:.0f} ms")
    print(f"  memory: workers {', '.join(f'{one:.0f}' for one in memory)} MB, serve {serve:.0f} MB")
