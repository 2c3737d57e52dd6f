"""A fleet of real processes on one PostgreSQL: what it gets done calm, with one, two and four workers, and through hard days.

`SHIPBELL_BENCH_FLEET` says how many releases (2,000 are what is promised; a tenth as many teams), `SHIPBELL_BENCH_FLEET_SECONDS` how
long the storm rages, which strikes twice a second; SHIPBELL_BENCH_FLEET_STRIKES how often it does, if not so, SHIPBELL_BENCH_FLEET_LEASE how many seconds a
claim lasts. SHIPBELL_BENCH_FLEET_GAP is the gap between two orders to the forge, which GitHub
wants to be a second: all releases here share one credential, and it is the bot that is measured.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import select
from sqlmodel import col

from bot.demo.world import program
from storage.crypto import KeyRing, Vault
from storage.database import Database
from storage.records import Secret
from storage.tables import ReleaseRow
from tests.bench.releases_world import Place, places
from tests.bench.test_workers import quantile, steps
from tests.chaos import history
from tests.chaos.fleet import Fleet
from tests.chaos.postgres import DATABASE, Server, own_server
from tests.chaos.storm import Storm, drawn

SEED = 7


def knob(name: str, usual: float) -> float:
    """Return what this run is told."""
    return float(os.environ.get(f"SHIPBELL_BENCH_FLEET{name}", usual))  # noqa: TID251 - the bench's own room


RELEASES = int(knob("", 40))
SECONDS = knob("_SECONDS", 30)
STRIKES = int(knob("_STRIKES", SECONDS * 2))
LEASE = int(knob("_LEASE", 15))
"""Longer than a machine that is as busy as here lets a living process wait; who does not hear of one for so long takes it for dead."""
GAP = knob("_GAP", 0.1)
PATIENCE = 60.0 + RELEASES * 3


@asynccontextmanager
async def fleet_of(
    folder: Path, server: Server, size: tuple[int, int], found: list[Place]
) -> AsyncIterator[tuple[Fleet, Database]]:
    """Run a fleet of real programs, and what looks into its database."""
    async with AsyncExitStack() as stack:
        fleet = Fleet(folder, server, SEED, size)
        fleet.poll_seconds, fleet.lease = GAP, LEASE
        fleet.launch = lambda command: partial(program, command=command)
        await fleet.start(stack, found)
        database = Database(server.direct(), Vault(KeyRing([Secret(fleet.master)])))
        await database.open()
        stack.push_async_callback(database.close)
        yield fleet, database


def figures(seconds: Sequence[float]) -> str:
    """Return median and p99."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"


def transactions(server: Server) -> int:
    """Return how many transactions the database has ended."""
    with psycopg.connect(server.uri) as connection:
        found = connection.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s", (DATABASE,)
        ).fetchone()
    assert found is not None
    return int(found[0])


def processes(fleet: Fleet) -> str:
    """Return memory and CPU of each process."""
    told = []
    for kind, members in (("web", fleet.webs), ("worker", fleet.workers)):
        for one in members:
            assert one.process.process is not None
            seen = psutil.Process(one.process.process.pid)
            own, cpu = seen.memory_full_info().uss, sum(seen.cpu_times()[:2])
            told.append(f"{kind} {own / 1e6:.0f} MB {cpu:.1f} s of CPU")
    return "; ".join(told)


async def waits(fleet: Fleet) -> str:
    """Return how long steps took, by lane, as the processes that run now have counted."""
    found = await steps([one.process for one in fleet.members])
    told = []
    for lane, buckets in sorted(found.items()):
        if count := max(buckets.values()):
            p50, p99 = (quantile(buckets, part) * 1_000 for part in (0.5, 0.99))
            told.append(f"{lane} {count:.0f} x p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return "; ".join(told)


async def durations(database: Database) -> list[float]:
    """Return how long each release took from its request to its end."""
    async with database.reading() as session:
        found = await session.execute(select(col(ReleaseRow.requested_at), col(ReleaseRow.state_at)))
        return [(end - start).total_seconds() for start, end in found]


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_calm(workers: int, tmp_path: Path) -> None:
    """All are published; how fast, and what it costs, is printed."""
    found = places(RELEASES, max(RELEASES // 10, 1), 4)
    with own_server() as server:
        async with fleet_of(tmp_path, server, (3, workers), found) as (fleet, database):
            before, began = transactions(server), time.perf_counter()
            await fleet.ask_and_approve(found, 0)
            await history.until_published(fleet, database, len(found), PATIENCE)
            took = time.perf_counter() - began
            await history.check(fleet, database, found)
            print(
                f"\n3 webs, {workers} workers, {len(found)} releases: {took:.1f} s, {len(found) / took:.2f} a second\n"
                f"  acks {figures(fleet.slack.acks)}; releases {figures(await durations(database))}\n"
                f"  {(transactions(server) - before) / len(found):.0f} transactions a release\n  {processes(fleet)}\n"
                f"  steps: {await waits(fleet)}"
            )


@pytest.mark.timeout(14_400)
async def test_hard_days(tmp_path: Path) -> None:
    """Through a storm that strikes twice a second nothing is lost, nothing doubled, and nobody is told of another's."""
    found = places(RELEASES, max(RELEASES // 10, 1), 4)
    faults = drawn(SEED, SECONDS, STRIKES)
    with own_server() as server:
        async with fleet_of(tmp_path, server, (3, 3), found) as (fleet, database):
            began = time.perf_counter()
            storm = asyncio.create_task(Storm(fleet).rage(faults))
            await history.within(SECONDS + PATIENCE, fleet.ask_and_approve(found, SECONDS), fleet, database)
            await history.within(PATIENCE, storm, fleet, database)
            raged = time.perf_counter()
            await history.until_published(fleet, database, len(found), PATIENCE)
            counted = await history.check(fleet, database, found)
            print(
                f"\n3 webs, 3 workers, {len(found)} releases, {len(faults)} faults in {raged - began:.0f} s; all over"
                f" {time.perf_counter() - raged:.0f} s later\n  starts {[one.starts for one in fleet.members]}; {counted};"
                f" {dict(fleet.slack.deliveries)}; pieces cut {sum(wire.cuts for wire in fleet.wires.values())}\n"
                f"  acks {figures(fleet.slack.acks)}; releases {figures(await durations(database))}\n"
                f"  {processes(fleet)}\n"
                f"  steps: {await waits(fleet)}"
            )
