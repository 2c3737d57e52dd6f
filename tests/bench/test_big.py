"""A PostgreSQL with 100,000 pending publishers and 1,000,000 past releases: how long it takes, and a migration meanwhile.

`SHIPBELL_BENCH_FILLED` names a database that `tests.storage.big` has filled, which spares filling one; else
`SHIPBELL_BENCH_PAST` says how many releases are filled in, and everything else keeps its share.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from bot import app
from bot.core import intents
from bot.figures import figures
from bot.workflow import home
from bot.workflow.looking import Looking
from bot.workflow.visiting import Viewer
from storage import migrations
from storage.crypto import KeyRing, Vault
from storage.database import HEAD, Database
from storage.records import Secret
from tests.conftest import _sqlalchemy
from tests.releases.kit import ALICE, World
from tests.storage import big
from tests.storage.plans import BIG, PAST, noted, read_whole
from tests.storage.test_gently import scripts
from tests.storage.test_plans import MASTER, lanes

TIMES = 30
PAST_RELEASES = int(os.environ.get("SHIPBELL_BENCH_PAST", big.BIG.releases))  # noqa: TID251 - the bench's own knob
SIZE = big.Size(
    teams=max(PAST_RELEASES * big.BIG.teams // big.BIG.releases, 50),
    publishers=PAST_RELEASES * big.BIG.publishers // big.BIG.releases,
    releases=PAST_RELEASES,
)
Bit = Callable[[], Awaitable[object]]
INDEX = """
    from storage.migrations import gently

    revision, down_revision = "9997", "{head}"

    def upgrade() -> None:
        gently.create_index("ix_releases_test", "releases", ["state_at"], "state = 'failed'")
"""
COLUMNS = """
    from alembic import op
    import sqlalchemy as sa

    revision, down_revision = "{number}", "{before}"

    def upgrade() -> None:
        with op.batch_alter_table("{table}") as batch:
            batch.add_column(sa.Column("weight", sa.Integer(), nullable=True))
            batch.add_column(sa.Column("mood", sa.String(20), server_default="", nullable=False))
"""
FILLED = """
    from storage.migrations import gently

    revision, down_revision = "10001", "10000"

    def upgrade() -> None:
        gently.fill("releases", "id", "weight = 1", "weight IS NULL")
        gently.create_check("ck_releases_mood", "releases", "mood <> 'bad'")
"""
NEXT = (
    INDEX,
    *(
        COLUMNS.replace("{number}", str(number))
        .replace("{before}", str(number - 1))
        .replace("{table}", table)
        for number, table in enumerate(("releases", "inbox", "outbox"), 9998)
    ),
    FILLED,
)
"""What the next versions might change: an index, columns of the tables that every command writes to, a million filled rows, a rule."""


@pytest.fixture(scope="module")
def url(postgres_server: str) -> str:
    """Return the URL of a filled database."""
    named = os.environ.get("SHIPBELL_BENCH_FILLED")  # noqa: TID251 - the bench's own knob
    if named:
        migrations.upgrade(named)
    else:
        name = f"big_{uuid4().hex[:8]}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        named = _sqlalchemy(postgres_server, name)
        migrations.upgrade(named)
        began = time.perf_counter()
        big.fill(named, SIZE)
        print(f"\nfilled in {time.perf_counter() - began:.0f} s")
    with psycopg.connect(big.plain(named)) as connection:
        connection.execute("DELETE FROM data_keys")
    big.give_key(named, Vault(KeyRing([Secret(MASTER)])))
    return named


@pytest.fixture
def vault() -> Vault:
    """Return a vault with the module's master key."""
    return Vault(KeyRing([Secret(MASTER)]))


@asynccontextmanager
async def opened(url: str, vault: Vault) -> AsyncIterator[Database]:
    """Open a database."""
    database = Database(url, vault)
    await database.open()
    yield database
    await database.close()


async def timed(name: str, bit: Bit, times: int = TIMES) -> None:
    """Print how long something takes."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await bit()
        taken.append((time.perf_counter() - began) * 1_000)
    cuts = statistics.quantiles(taken, n=100)
    print(f"  {name:44} p50 {cuts[49]:8.2f}  p99 {cuts[98]:8.2f} ms")


@pytest.mark.timeout(3_600)
async def test_what_is_asked(url: str, vault: Vault) -> None:
    """Whatever the bot asks keeps its latency, and reads no table whole; the figures are printed, not judged."""
    async with opened(url, vault) as database:
        await ask_all(database, url)


async def ask_all(database: Database, url: str) -> None:
    """Ask what the bot asks."""
    print(f"\n{SIZE}, PostgreSQL, milliseconds")
    with noted() as asked:
        async with lanes(url) as works:
            for work in works:
                await timed(f"lane {work.name}: is anything due?", work.next_due)
                await timed(f"lane {work.name}: claim", partial(work.claim, 1), 5)
        team = big.team()
        world = World(database, slack_team=big.HUGE_TEAM)
        world.clock.now = big.NOW
        looking = Looking(database, world.people, world.clock)
        viewer = Viewer(team, big.HUGE_TEAM, ALICE, "Alice")

        async def at_home(page: int) -> None:
            async with database.reading(steady=True) as session:
                await home.gather(session, team, page, big.NOW)

        await timed("home, first page", lambda: at_home(1))
        await timed("home, page 100", lambda: at_home(100))
        await timed("status page: a team's history", lambda: looking.overview(team))
        await timed("status page: a project's history", lambda: looking.overview(team, "project-10"))
        await timed("status page: publishers", lambda: looking.publishers(team))
        await timed("status page: a release", lambda: looking.release(viewer, big.release(9)))
        await timed("housekeeping", lambda: app._tidy(database, app.now), 5)
    whole = await read_whole(database, asked, BIG | {"teams"})
    print(f"  read whole: {', '.join(sorted({tables for tables, _ in whole})) or 'nothing'}")
    assert not [statement for tables, statement in whole if set(tables.split(" and ")) & PAST - {"inbox"}]
    await timed("figures for Prometheus", lambda: figures(database, big.NOW))


def copied(url: str) -> str:
    """Return the URL of a copy of a database."""
    name, source = f"later_{uuid4().hex[:8]}", make_url(url).database
    server = make_url(url).set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(big.plain(server), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE {name} TEMPLATE "{source}" STRATEGY file_copy')
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.mark.timeout(3_600)
async def test_a_migration_meanwhile(url: str, vault: Vault, tmp_path: Path) -> None:
    """While a later version's migrations change the big tables every command is written down and carried out."""
    later = copied(url)
    async with opened(later, vault) as database:
        await meanwhile(database, later, scripts(tmp_path, *NEXT))


async def meanwhile(database: Database, url: str, folder: Path) -> None:
    """Let people ask for releases, one after the other, while the schema changes."""
    world = World(database, slack_team=big.HUGE_TEAM)
    world.clock.now = big.NOW
    began = time.perf_counter()
    upgrading = asyncio.create_task(asyncio.to_thread(migrations.upgrade, url, "10001", more=[folder]))
    acks, answers = list[float](), list[float]()
    while not upgrading.done():
        sent = time.perf_counter()
        # A wish that failed is tried again two seconds later, and the same person's others wait for it: time must go on.
        world.clock.now = big.NOW + timedelta(seconds=sent - began)
        wish = intents.AskRelease("project-10", f"v9.{len(acks)}", "")
        assert await world.deliver(ALICE, wish, f"later {len(acks)}")
        acks.append((time.perf_counter() - sent) * 1_000)
        for item in await world.life.intents.claim(4):
            await world.life.intents.carry_out(item)
        answers.append((time.perf_counter() - sent) * 1_000)
    await upgrading
    taken = time.perf_counter() - began
    asked = "SELECT dedupe_key, state, attempts, error FROM inbox WHERE dedupe_key LIKE 'later%' ORDER BY received_at"
    with psycopg.connect(big.plain(url)) as connection:
        found = connection.execute(asked).fetchall()
    print(f"  {HEAD} -> next in {taken:.1f} s, {len(acks)} commands meanwhile")
    for what, times in (("ack", acks), ("carried out", answers)):
        cuts = statistics.quantiles(times, n=100)
        print(f"  {what:12} p50 {cuts[49]:7.1f}  p99 {cuts[98]:7.1f}  worst {max(times):7.1f} ms")
    assert len(found) == len(acks)
    assert [row for row in found if row[1:3] != ("done", 1)] == []  # each at its first try
