"""A secret that does not open is its own team's trouble: no queue of all teams stands still for it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from bot.core import intents
from storage.database import Database
from storage.ledger import inbox, installations, outbox, teams, welcomes
from storage.ledger.inbox import NewIntent
from storage.ledger.outbox import Destination
from storage.records import Secret, StartBy
from tests.releases.kit import ALICE, BOB, World
from tests.storage.asking import value_of
from tests.storage.test_installations import LATER, new, put

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)
URL = {"response_url": Secret("https://hooks.example/commands/1")}


async def spoil(database: Database, table: str, team_id: UUID) -> None:
    """Let what a team has sealed in a table not open any more."""
    async with database.transaction() as session:
        name = {"id": team_id.hex if database.is_sqlite else team_id, "junk": b"junk"}
        await session.execute(text(f"UPDATE {table} SET sealed = :junk WHERE team_id = :id"), name)


async def two(database: Database) -> tuple[UUID, UUID]:
    """Return two teams, each with an intent and a message that have something sealed."""
    made = []
    async with database.transaction() as session:
        for name in ("T1", "T2"):
            team = await teams.ensure(session, name, "", NOW)
            await inbox.put(session, team.id, "k", NewIntent("publisher.list", "U1", "C1", {}, URL), NOW)
            to = Destination("C1", "U1", URL["response_url"])
            await outbox.add(session, team.id, "m", to, ("broke_down", {"incident": "x"}), NOW)
            made.append(team.id)
    return made[0], made[1]


async def test_intents_and_messages_of_others_go_on(database: Database) -> None:
    """What does not open is taken all the same: the intent says so, and the message goes without Slack's own address."""
    broken, sound = await two(database)
    for table in ("inbox", "outbox"):
        await spoil(database, table, broken)
    async with database.transaction() as session:
        items = {one.team_id: one for one in await inbox.claim(session, NOW, LEASE, 9, uuid4())}
        said = {one.team_id: one for one in await outbox.claim(session, NOW, LEASE, 9, uuid4())}
    assert (bool(items[broken].unopened), items[broken].sealed) == (True, {})
    assert (items[sound].unopened, items[sound].sealed) == ("", URL)
    assert (said[broken].response_url, said[sound].response_url) == (None, URL["response_url"])


async def test_tokens_of_others_are_exchanged(database: Database) -> None:
    """An installation whose token does not open rests for an hour, and is looked at again."""
    broken, sound = await put(database, new("T1")), await put(database, new("T2"))
    await spoil(database, "installations", broken.team_id)
    due = LATER + timedelta(minutes=1)
    async with database.transaction() as session:
        taken = await installations.claim(session, uuid4(), (due, due + LEASE), 9)
        assert [one.id for one in taken] == [sound.id]
        assert [one.id for one in await welcomes.due(session, due, 9)] == [sound.id]
        assert await value_of(session, installations.next_due(), due) == LATER + installations.UNOPENED


async def test_who_is_not_heard_is_told(database: Database) -> None:
    """An intent whose secret does not open is given up after some tries, and whoever wanted it hears that, as others go on."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    assert world.team is not None
    await world.deliver(ALICE, intents.ListPublishers())
    await spoil(database, "inbox", world.team.id)
    await world.deliver(BOB, intents.ListPublishers())
    await world.rest()
    assert sorted(kind for _, kind, _ in world.slack.whispers) == ["broke_down", "publisher.list"]
