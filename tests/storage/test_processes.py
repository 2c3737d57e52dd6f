"""Processes: who lives, who is dead, and what becomes of what they had taken."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from storage.database import Database
from storage.ledger import inbox, leases, outbox, processes, publishers, teams
from storage.ledger.inbox import NewIntent
from storage.ledger.outbox import Destination
from storage.records import (
    AlreadyRunning,
    OutboxState,
    Process,
    PublisherState,
    Reason,
    Registration,
)
from storage.tables import Base

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEASE, SETTLE = timedelta(seconds=30), timedelta(seconds=2)
WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")
LONG = timedelta(minutes=10)


async def born(database: Database, kind: str = "worker", at: datetime = NOW) -> UUID:
    """Let a process begin to live; returns its id."""
    process = Process(uuid4(), kind, "host", "1.0", at, at)
    async with database.transaction() as session:
        await processes.begin(session, process)
    return process.id


async def filled(database: Database) -> UUID:
    """Write an intent, a message and a publisher, all due; returns the team."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await inbox.put(session, team.id, "k", NewIntent("publisher.list", "U1", "C1", {}), NOW)
        await outbox.add(session, team.id, "m", Destination("C1"), ("broke_down", {"incident": "x"}), NOW)
        await publishers.request(session, team.id, WANTED, ("U1", "C1"), NOW)
    return team.id


async def taken(database: Database, owner: UUID, now: datetime) -> tuple[int, int, int]:
    """Take all that is due, for an owner; returns how many intents, messages and publishers."""
    async with database.transaction() as session:
        intents = await inbox.claim(session, now, LONG, 9, owner)
        messages = await outbox.claim(session, now, LONG, 9, owner)
        found = await publishers.claim(session, "pypi", owner, (now, now + LONG), 9)
    return len(intents), len(messages), len(found)


async def test_a_dead_process_holds_nothing(database: Database) -> None:
    """What a process had taken that is not heard of for a lease is taken by another, long before its claims run out."""
    await filled(database)
    dead, alive = await born(database), await born(database)
    assert await taken(database, dead, NOW) == (1, 1, 1)
    later = NOW + LEASE + timedelta(seconds=1)
    async with database.transaction() as session:
        assert await processes.beat(session, alive, later)
    assert await taken(database, alive, later) == (0, 0, 0)
    async with database.transaction() as session:
        assert list(await processes.bury(session, later, later - LEASE, SETTLE)) == [dead]
    async with database.reading() as session:
        assert [one.id for one in await processes.living(session, later - LEASE)] == [alive]
    assert await taken(database, alive, later + SETTLE + timedelta(seconds=1)) == (1, 1, 1)


async def test_a_request_of_a_dead_process_is_waited_for(database: Database) -> None:
    """A publisher and a message are not taken before a request has arrived that the dead process had written."""
    await filled(database)
    dead, alive = await born(database), await born(database)
    await taken(database, dead, NOW)
    async with database.transaction() as session:
        await processes.end(session, dead, NOW, SETTLE)
    assert await taken(database, alive, NOW + timedelta(seconds=1)) == (1, 0, 0)
    assert await taken(database, alive, NOW + SETTLE + timedelta(seconds=1)) == (0, 1, 1)


async def test_one_who_lives_is_not_buried(database: Database) -> None:
    """A process that was heard of within the lease keeps all that it has taken."""
    await filled(database)
    alive, other = await born(database), await born(database)
    await taken(database, alive, NOW)
    later = NOW + LEASE
    async with database.transaction() as session:
        assert await processes.bury(session, later, later - LEASE, SETTLE) == []
    assert await taken(database, other, later + SETTLE * 2) == (0, 0, 0)


async def test_one_taken_for_dead_hears_of_it_and_writes_nothing(database: Database) -> None:
    """A buried process that comes back is told so, and neither its step nor its message's fate is recorded."""
    team = await filled(database)
    dead, alive = await born(database), await born(database)
    async with database.transaction() as session:
        (publisher,) = await publishers.claim(session, "pypi", dead, (NOW, NOW + LONG), 1)
        (message,) = await outbox.claim(session, NOW, LONG, 1, dead)
        (intent,) = await inbox.claim(session, NOW, LONG, 1, dead)
    later = NOW + LEASE * 2
    async with database.transaction() as session:
        await processes.bury(session, later, later - LEASE, SETTLE)
    much_later = later + LEASE
    assert await taken(database, alive, much_later) == (1, 1, 1)
    async with database.transaction() as session:
        assert not await processes.beat(session, dead, much_later)
        assert not await publishers.move(
            session, publisher, dead, state=PublisherState.PENDING, reason=Reason.ASKED, next_at=NOW
        )
        await outbox.bury(session, message, "gone")
        await outbox.again(session, message, "later", NOW, arrived_maybe=False)
        await inbox.postpone(session, intent, "later", NOW)
    assert await taken(database, alive, much_later) == (0, 0, 0)
    async with database.reading() as session:
        found = await publishers.newest(session, team, "widgets", "pypi")
    assert found is not None
    assert found.state is PublisherState.REQUESTED


async def test_a_message_in_doubt_is_looked_for(database: Database) -> None:
    """A message that a dead process was saying is handed on as doubtful, never as new."""
    await filled(database)
    dead = await born(database)
    await taken(database, dead, NOW)
    async with database.transaction() as session:
        await processes.end(session, dead, NOW, SETTLE)
        (message,) = await outbox.claim(session, NOW + SETTLE * 2, LONG, 1, uuid4())
    assert message.state is OutboxState.SENDING


async def test_alone_and_together_do_not_mix(database_url: str, database: Database) -> None:
    """Processes that share the work start side by side; one that must be alone is refused, and refuses them."""
    if database.is_sqlite:
        pytest.skip("one process alone drives a file")
    one, two, alone = Database(database_url), Database(database_url), Database(database_url)
    for each in (one, two, alone):
        await each.open()
    await one.lock_engine(together=True)
    await two.lock_engine(together=True)
    with pytest.raises(AlreadyRunning, match="SHIPBELL_ENGINE=postgres"):
        await alone.lock_engine()
    await one.close()
    with pytest.raises(AlreadyRunning):
        await alone.lock_engine()
    await two.close()
    await alone.lock_engine()
    await two.open()
    with pytest.raises(AlreadyRunning, match="must be alone"):
        await two.lock_engine(together=True)
    await alone.close()
    await two.close()


def test_every_lease_is_given_back() -> None:
    """Each table whose rows are taken for a time is among those that a dead process's rows are freed in."""
    leased = {name for name, table in Base.metadata.tables.items() if "lease_until" in table.columns}
    assert {str(row.__tablename__) for row in leases.LEASED} == leased


async def test_a_living_process_gives_back_what_it_does_not_work_on(database: Database) -> None:
    """What it took while the database was away is free for others, but for the rows that it works on, and other processes' own."""
    await filled(database)
    alive, other = await born(database), await born(database)
    async with database.transaction() as session:
        (publisher,) = await publishers.claim(session, "pypi", alive, (NOW, NOW + LONG), 1)
        (message,) = await outbox.claim(session, NOW, LONG, 1, alive)
        (intent,) = await inbox.claim(session, NOW, LONG, 1, alive)
    async with database.transaction() as session:
        busy = {publisher.id, message.id, intent.id}
        assert await processes.let_go(session, alive, busy, NOW, SETTLE) == 0
        assert await processes.let_go(session, other, (), NOW, SETTLE) == 0
        assert await processes.let_go(session, alive, {publisher.id}, NOW, SETTLE) == 2
    assert await taken(database, other, NOW + SETTLE * 2) == (1, 1, 0)
    async with database.transaction() as session:
        assert await processes.let_go(session, alive, (), NOW, SETTLE) == 1
    assert await taken(database, other, NOW + SETTLE * 2) == (0, 0, 1)


async def test_what_was_only_taken_is_no_try(database: Database) -> None:
    """An intent that is given back as often as the database is away is as far from being given up as before."""
    await filled(database)
    owner = await born(database)
    for _ in range(9):
        async with database.transaction() as session:
            (item,) = await inbox.claim(session, NOW, LONG, 9, owner)
            assert item.attempts == 1
        async with database.transaction() as session:
            assert await processes.let_go(session, owner, (), NOW, SETTLE) == 1
