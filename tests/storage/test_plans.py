"""On a PostgreSQL that has seen much, whatever the bot asks takes an index: no table that grows is read from end to end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from bot import app, settings
from bot.core import intents
from bot.engine.lane import Work
from bot.figures import figures
from bot.workflow import home
from bot.workflow.looking import Looking
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import releases as ledger
from storage.records import Release, ReleaseState, Secret, StartBy
from tests.conftest import _sqlalchemy
from tests.releases.kit import ALICE, BOB, World
from tests.storage import big
from tests.storage.plans import PAST, check, distinct, noted, rows_read

MASTER = generate_master_key()


@pytest.fixture(scope="module")
def filled_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Return the URL of a PostgreSQL database that has seen much."""
    name = f"seen_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY file_copy")
    url = _sqlalchemy(postgres_server, name)
    big.fill(url, big.SMALL)
    big.give_key(url, Vault(KeyRing([Secret(MASTER)])))
    yield url
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def filled(filled_url: str) -> AsyncIterator[Database]:
    """Open that database."""
    database = Database(filled_url, Vault(KeyRing([Secret(MASTER)])))
    await database.open()
    yield database
    await database.close()


@asynccontextmanager
async def lanes(url: str) -> AsyncIterator[list[Work]]:
    """Give every lane of the real bot on this database."""
    environment = {
        "SHIPBELL_DATABASE_URL": url, "SHIPBELL_MASTER_KEYS": MASTER, "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-1",
        "SHIPBELL_SLACK_SIGNING_SECRET": "s3cret", "SHIPBELL_GITHUB_TOKEN": "ghp_0",
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        parts = await app._parts(settings.load(environment), stack, None, worker=False)
        yield app._works(parts, app._steps(parts), None)


async def test_every_lane_finds_what_is_due_by_an_index(filled: Database, filled_url: str) -> None:
    """The start reads nothing of the past, and each lane's question and claim, and the housekeeping, read no table whole."""
    with noted() as starting:
        async with lanes(filled_url) as works:
            with noted() as asked:
                for work in works:
                    await work.next_due()
                    await work.claim(4)
                await app._tidy(filled, app.now)
            with noted() as together:
                await asyncio.gather(*(work.next_due() for work in works))
    await check(filled, starting[: len(starting) - len(asked)], 5, PAST)
    await check(filled, asked, 20)
    await check(filled, together)
    # Each feed asks first whether anybody waits for it.
    feeds = sum(work.name.startswith("feeds") for work in works)
    assert sum(one.statement.startswith("SELECT") for one in together) <= 1 + 2 * feeds


async def test_the_figures_read_nothing_of_the_past(filled: Database) -> None:
    """Prometheus asks every process every few seconds; what it counts is what is open."""
    with noted() as asked:
        await figures(filled, big.NOW)
    await check(filled, asked, 4, PAST)


HIS = "project-10"
"""A project of the team that has the most; of its releases the first is number 9."""
WISHES = (
    intents.ListPublishers(), intents.OpenHome(), intents.ShowReleases(""), intents.ShowReleases(HIS), intents.ShowAudit(""),
    intents.ShowAudit(HIS), intents.CheckPublisher(HIS, ""), intents.CheckPublisher("missing", ""),
    intents.ShowCredentials("v1", ""), intents.ShowPolicy(HIS), intents.ShowPolicyForm("v1", HIS), intents.ShowTold(), intents.CancelRelease(HIS, "1.9"),
    intents.RetryRelease(HIS, "1.9"), intents.AskYank(HIS, "1.9", "broken"),
)  # fmt: skip


async def carried_out(world: World) -> None:
    """Carry out all that was asked for."""
    while items := await world.life.intents.claim(16):
        for item in items:
            await world.life.intents.carry_out(item)


async def played(world: World, project: str) -> Release:
    """Play a release to its end, step by step; those of others stay as they are."""
    releases, hands = world.life.releases, world.life.releases.hands
    for _ in range(60):
        one = await world.newest(project)
        assert one is not None
        if one.next_at is None:
            return one
        if one.state is ReleaseState.AWAITING_APPROVAL:
            await world.deliver(BOB, intents.Approve(str(one.id), one.round))
            await carried_out(world)
            continue
        world.clock.now = max(world.clock(), one.next_at)
        async with world.database.transaction() as session:
            times = (world.clock(), world.clock() + timedelta(minutes=10))
            assert await ledger.claim_one(session, one, hands.owner, times)
        await releases.advance(one)
        world.forge.advance()
        world.index.advance()
    raise AssertionError("the release does not end")


async def test_what_people_ask_is_found_by_indexes(filled: Database) -> None:
    """Each command in the team that has the most, and a whole release of its own, from the click to published."""
    world = World(filled, slack_team=big.HUGE_TEAM)
    world.clock.now = big.NOW + timedelta(days=1)
    with noted() as asked:
        await world.project("widgets", StartBy.PUSH)
        for wish in WISHES:
            await world.deliver(ALICE, wish)
        await carried_out(world)
        await world.deliver(ALICE, intents.AskRelease("widgets", "v1.0.0", ""))
        await carried_out(world)
        assert (await played(world, "widgets")).state is ReleaseState.PUBLISHED
    await check(filled, asked, 30)


async def test_what_a_page_shows_is_what_is_read(filled: Database) -> None:
    """A page of the team that has the most, however many releases lie behind it, reads about as many rows as it has lines."""
    world = World(filled, slack_team=big.HUGE_TEAM)
    world.clock.now = big.NOW
    looking = Looking(filled, world.people, world.clock)
    with noted() as asked:
        await looking.overview(big.team())
        await looking.overview(big.team(), HIS)
        await looking.publishers(big.team())
        async with filled.reading(steady=True) as session:
            await home.gather(session, big.team(), 1, big.NOW)
    async with filled.reading() as session:
        read = {one.statement: await rows_read(session, one) for one in distinct(asked)}
    assert len(read) > 8
    assert not {statement: rows for statement, rows in read.items() if rows > 500}
