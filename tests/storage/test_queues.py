"""How the queues stand, as the metrics tell it: what is due, since when, and who let a lease run out."""

import contextlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot import measuring, web
from bot.figures import figures
from storage.database import Database, once_committed
from storage.ledger import inbox, publishers, queues, teams
from storage.ledger.inbox import NewIntent
from storage.ledger.queues import Queue
from storage.records import Registration

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")


async def standing(database: Database, now: datetime) -> dict[str, Queue]:
    """Return the queues that are not empty."""
    async with database.reading() as session:
        found = await queues.standing(session, now)
    assert set(found) == {*queues.LEASED, *queues.TAKEN}
    return {name: one for name, one in found.items() if one.due}


async def test_what_is_due_is_told_with_its_age(database: Database) -> None:
    """A row counts from when it is due until it is taken, and again once its taker let the lease run out."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await publishers.request(session, team.id, WANTED, ("U1", "C1"), NOW)
        await inbox.put(session, team.id, "d1", NewIntent("publisher.list", "U1", "C1", {}), NOW)
    assert await standing(database, NOW - timedelta(seconds=1)) == {}
    due = Queue(1, NOW, 0)
    assert await standing(database, LATER) == {"publishers": due, "inbox": due}
    until = LATER + timedelta(minutes=1)
    async with database.transaction() as session:
        assert len(await inbox.claim(session, LATER, timedelta(minutes=1), 9)) == 1
        assert len(await publishers.claim(session, "pypi", uuid4(), (LATER, until), 9)) == 1
    assert await standing(database, LATER) == {}
    after = until + timedelta(seconds=1)
    assert await standing(database, after) == {"publishers": Queue(1, NOW, 1), "inbox": Queue(1, until, 0)}


async def test_every_figure_of_the_database_is_a_metric(database: Database) -> None:
    """What is asked for is what is listed, with one label or none, and the exposition takes it all."""
    found = await figures(database, NOW)
    assert set(found) == set(web.METRICS)
    for name, values in found.items():
        assert len(web.METRICS[name][1]) <= 1
        assert ("" in values) is (web.METRICS[name][1] == ()) or not values
    text = web.exposition(found).decode()
    assert all(f"# TYPE {name.removesuffix('_total')}" in text for name in measuring.METRICS)


async def test_what_is_to_be_counted_waits_for_the_commit(database: Database) -> None:
    """A figure counts what is written, once: nothing before the commit, nothing where it fails, nothing at the next one."""
    told: list[str] = []
    async with database.transaction() as session:
        once_committed(session, lambda: told.append("one"))
        async with session.begin_nested():
            await teams.ensure(session, "T1", "", NOW)
        assert told == []
    assert told == ["one"]
    with contextlib.suppress(IntegrityError):
        async with database.transaction() as session:
            once_committed(session, lambda: told.append("two"))
            await session.execute(text("INSERT INTO teams (id) VALUES (NULL)"))
    assert told == ["one"]
    async with database.transaction():
        pass
    assert told == ["one"]
