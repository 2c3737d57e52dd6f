"""A thousand teams of a hundred projects beside one: what an install, a Home tab and a command take, and the memory.

`SHIPBELL_BENCH_TEAMS` says how many teams; each project has had two releases.
"""

import logging
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import psutil
import psycopg
import pytest
import structlog

from bot.core import intents
from bot.workflow import home
from storage import migrations
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import installations
from storage.records import Secret
from tests.conftest import _sqlalchemy
from tests.releases.kit import ALICE, World
from tests.storage import big
from tests.storage.test_installations import new

TEAMS = int(os.environ.get("SHIPBELL_BENCH_TEAMS", "1000"))  # noqa: TID251 - the bench's own knob
TIMES = 50
MEASURED = 2
"""The team that is measured: the first has a tenth of everything, each other a hundred projects or a little less."""
Bit = Callable[[], Awaitable[object]]


async def taken(bit: Bit) -> tuple[float, float]:
    """Return p50 and p99 of something, in milliseconds."""
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await bit()
        found.append((time.perf_counter() - began) * 1_000)
    cuts = statistics.quantiles(found, n=100)
    return cuts[49], cuts[98]


@pytest.mark.timeout(3_600)
async def test_many_teams_beside_one(postgres_server: str) -> None:
    """What one team waits for hardly grows with how many others there are; the figures are printed, not judged."""
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet, cache_logger_on_first_use=False)
    for teams in (2, TEAMS):
        size = big.Size(teams=teams, publishers=teams * 100 if teams > 2 else 111, releases=teams * 200)
        print(
            f"\n{'one team' if teams == 2 else f'{teams:,} teams'}: {size.publishers:,} projects, PostgreSQL"
        )
        await measure(postgres_server, size)


async def measure(server: str, size: big.Size) -> None:
    """Fill a database, and measure in it."""
    name, vault = f"teams_{uuid4().hex[:8]}", Vault(KeyRing([Secret(generate_master_key())]))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = _sqlalchemy(server, name)
    migrations.upgrade(url)
    big.fill(url, size)
    big.give_key(url, vault, MEASURED)
    database = Database(url, vault)
    await database.open()
    world = World(database, slack_team=f"TBIG{MEASURED}")
    world.clock.now = big.NOW
    number = iter(range(10**6))

    async def install() -> None:
        async with database.transaction() as session:
            await installations.put(session, new(f"TNEW{next(number)}"), None, big.NOW)

    async def at_home() -> None:
        async with database.reading(steady=True) as session:
            await home.gather(session, big.team(MEASURED), 1, big.NOW)

    async def listed() -> None:
        await world.deliver(ALICE, intents.ListPublishers())
        for item in await world.life.intents.claim(1):
            await world.life.intents.carry_out(item)

    before = psutil.Process().memory_info().rss
    bits = (("an install", install), ("Home, first page", at_home), ("/publisher list, whole", listed))
    for what, bit in bits:
        p50, p99 = await taken(bit)
        print(f"  {what:24} p50 {p50:7.2f}  p99 {p99:7.2f} ms")
    after = psutil.Process().memory_info().rss
    print(f"  memory                   {after / 2**20:.0f} MB, {(after - before) / 2**20:+.0f} MB during it")
    await database.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
