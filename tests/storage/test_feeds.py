"""Feeds on both databases: who is made due by them, by index and name alone, and nobody's look is written over."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, select, update
from sqlmodel import col

from storage.database import Database
from storage.ledger import feeds, leases, publishers, teams, watches
from storage.ledger.feeds import Missed
from storage.records import Feed, Publisher, PublisherState, Registration
from storage.tables import PublisherRow
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)
LEASE = (NOW, NOW + timedelta(minutes=2))


async def pending(
    database: Database,
    *names: str,
    index: str = "pypi",
    team: str = "T1",
    state: PublisherState = PublisherState.PENDING,
) -> list[Publisher]:
    """Return publishers of these projects that are pending and due only later."""
    made = []
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, team, "", NOW)).id
        for name in names:
            wanted = Registration(index, name, "acme", name, "release.yml", "pypi")
            publisher, _ = await publishers.request(session, team_id, wanted, ("U1", "C1"), NOW)
            changes = {"state": state, "pending_at": NOW, "expires_at": LATER, "polls": 9}
            changes["next_at"] = LATER if state is PublisherState.PENDING else None
            assert await publishers.move(session, publisher, None, **changes)
            moved = await publishers.get(session, team_id, publisher.id)
            assert moved is not None
            made.append(moved)
    return made


async def looked(database: Database, **when: datetime) -> None:
    """Write when these projects were last looked at."""
    async with database.transaction() as session:
        for name, moment in when.items():
            await session.execute(
                update(PublisherRow).where(col(PublisherRow.project) == name).values(looked_at=moment)
            )


async def due(database: Database) -> dict[str, int]:
    """Return the projects whose publishers are due, and how often each was looked at."""
    query = select(col(PublisherRow.project), col(PublisherRow.polls)).where(col(PublisherRow.next_at) <= NOW)
    async with database.reading() as session:
        return {str(project): int(polls) for project, polls in await session.execute(query)}


async def claimed(database: Database, owner: UUID, index: str = "pypi", now: datetime = NOW) -> list[Feed]:
    """Take an index's feeds."""
    async with database.transaction() as session:
        return list(await feeds.claim(session, index, owner, (now, now + timedelta(minutes=2))))


async def nudged(database: Database, *names: str) -> set[str]:
    """Tell that these projects are in the feeds."""
    async with database.transaction() as session:
        return await feeds.nudge(session, "pypi", names, NOW)


async def made_up(database: Database, at_once: int, since: datetime = NOW) -> bool:
    """Make some due that may have been missed."""
    async with database.transaction() as session:
        return await feeds.make_up(session, "pypi", Missed(since, at_once), NOW)


async def test_a_look_is_won_once(database: Database) -> None:
    """The feeds of an index are read by one at a time, and what a look has brought is written under its lease alone."""
    await pending(database, "a")
    owner, other = uuid4(), uuid4()
    (feed,) = await claimed(database, owner)
    assert feed == Feed("pypi", {}, 0, 0, None, None, NOW)
    assert await claimed(database, other) == []
    async with database.transaction() as session:
        assert await feeds.next_due(session, "pypi", NOW) is None
        assert not await feeds.seen(session, feed, other, LATER)
        learnt = {"pages": {"updates": {"etag": "x"}}, "waiting": 3, "looked_at": NOW, "ask_at": LATER}
        assert await feeds.seen(session, feed, owner, LATER, **learnt)
        assert not await feeds.seen(session, feed, owner, NOW)
        assert await feeds.next_due(session, "pypi", NOW) == LATER
        now = await feeds.read(session, "pypi")
    assert now == Feed("pypi", {"updates": {"etag": "x"}}, 3, 0, NOW, None, LATER)
    assert await claimed(database, other) == []
    assert len(await claimed(database, other, now=LATER)) == 1


async def test_a_dead_ones_look_is_taken_over(database: Database) -> None:
    """After the start of the only process the feeds are due again; else once the lease is over."""
    await pending(database, "a")
    await claimed(database, uuid4())
    assert len(await claimed(database, uuid4(), now=NOW + timedelta(minutes=3))) == 1
    async with database.transaction() as session:
        await leases.retake(session)
    assert len(await claimed(database, uuid4())) == 1


async def test_feeds_are_read_where_somebody_waits(database: Database) -> None:
    """An index is asked for its feeds while a publisher is pending there or a project is watched, of whatever team."""
    (confirmed,) = await pending(database, "a", state=PublisherState.CONFIRMED)
    await pending(database, "a", index="other", team="T2")
    async with database.transaction() as session:
        assert await feeds.next_due(session, "pypi", NOW) is None
        assert await feeds.next_due(session, "other", NOW) == NOW
        await watches.add(session, confirmed.team_id, "a", NOW)
        assert await feeds.next_due(session, "pypi", NOW) == NOW
        assert [await feeds.waiting(session, index) for index in ("pypi", "other")] == [0, 1]


async def test_whoever_is_named_is_due(database: Database) -> None:
    """Pending publishers of the named projects on that index are due now, of every team, and often for a while; no others are."""
    await pending(database, "a", "b", "c")
    await pending(database, "a", team="T2")
    await pending(database, "b", index="other")
    await pending(database, "d", state=PublisherState.CONFIRMED)
    assert await nudged(database, "a", "d", "unknown") == set()
    assert await due(database) == {"a": 0}
    async with database.reading() as session:
        rows = await session.scalars(select(PublisherRow).where(col(PublisherRow.next_at) <= NOW))
        assert len(rows.all()) == 2


async def test_who_is_looked_at_just_now_is_left(database: Database) -> None:
    """A look that is under way is not written over: the name comes back, for the next time."""
    (a, _) = await pending(database, "a", "b")
    async with database.transaction() as session:
        assert await publishers.claim_one(session, a, uuid4(), LEASE)
    assert await nudged(database, "a", "b") == {"a"}
    assert await due(database) == {"b": 0}


async def test_watched_projects_are_named_too(database: Database) -> None:
    """A watch of a named project is due now; one that is being looked at is left."""
    (a, _) = await pending(database, "a", "b", state=PublisherState.CONFIRMED)
    async with database.transaction() as session:
        await watches.add(session, a.team_id, "", LATER)
        assert await value_of(session, watches.next_due(), NOW) == LATER
    assert await nudged(database, "a") == set()
    async with database.transaction() as session:
        (watch,) = await watches.claim(session, uuid4(), LEASE, 5)
    assert watch.target.project == "a"
    assert await nudged(database, "a", "b") == {"a"}


async def test_what_was_missed_is_made_up_for_little_by_little(database: Database) -> None:
    """Longest not looked at comes first, so many at once; those that wait for their look already count among them."""
    await pending(database, "a", "b", "c", "d")
    times = {name: NOW - timedelta(minutes=place) for place, name in enumerate("abc", 1)}
    await looked(database, d=NOW + timedelta(seconds=1), **times)
    assert await made_up(database, 2)
    assert set(await due(database)) == {"b", "c"}
    assert await made_up(database, 2)
    assert set(await due(database)) == {"b", "c"}
    await looked(database, b=NOW, c=NOW)
    assert await made_up(database, 2)
    assert (await due(database))["a"] == 9
    await looked(database, a=NOW)
    assert not await made_up(database, 2)
    assert "d" not in await due(database)


async def test_no_question_reads_all_rows(database: Database) -> None:
    """Of each question that a look asks, SQLite says that it takes an index, and reads no table from end to end."""
    if not database.is_sqlite:
        pytest.skip("PostgreSQL chooses by the table's size")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    (a, _) = await pending(database, "a", "b")
    async with database.transaction() as session:
        await watches.add(session, a.team_id, "", NOW)
    await looked(database, a=NOW - timedelta(hours=1))
    event.listen(Engine, "before_cursor_execute", note)
    await nudged(database, "a", "b")
    await made_up(database, 5)
    async with database.reading() as session:
        await feeds.waiting(session, "pypi")
        await feeds.next_due(session, "pypi", NOW)
    event.remove(Engine, "before_cursor_execute", note)
    assert len(asked) >= 7
    async with database.reading() as session:
        connection = await session.connection()
        for statement, parameters in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [str(list(row)[-1]) for row in plan]
            assert all("USING" in step for step in steps if step.startswith(("SCAN", "SEARCH"))), statement
            assert not any(step.startswith("SCAN") for step in steps), statement
