"""Health on both databases: each look is won by one, what it found is kept, and it ends with the publisher."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.ledger import health, leases, publishers, teams
from storage.records import Health, Publisher, Registration
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=24)
LEASE = (NOW, NOW + timedelta(minutes=2))


async def tended(database: Database, *names: str, team: str = "T1") -> list[Publisher]:
    """Return publishers of a team that are looked at, and whose look is due."""
    found = []
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, team, "", NOW)).id
        for name in names:
            wanted = Registration("pypi", name, "acme", "widgets", "release.yml", "pypi")
            publisher, _ = await publishers.request(session, team_id, wanted, ("U1", "C1"), NOW)
            await health.begin(session, publisher, NOW)
            await health.begin(session, publisher, LATER)
            found.append(publisher)
    return found


async def claimed(database: Database, owner: UUID) -> list[Health]:
    """Take what is due."""
    async with database.transaction() as session:
        return list(await health.claim(session, owner, LEASE, 10))


async def test_a_look_is_won_once(database: Database) -> None:
    """Of claimants at the same time each publisher has one, in turn or out of turn; after a restart it is due again."""
    (one, *_) = await tended(database, *"abcdef")
    found = await asyncio.gather(*(claimed(database, uuid4()) for _ in range(3)))
    assert len({row.publisher_id for part in found for row in part}) == sum(map(len, found)) == 6
    async with database.transaction() as session:
        assert await health.claim_one(session, one, uuid4(), LEASE) is None
        assert await value_of(session, health.next_due(), NOW) is None
        await leases.retake(session)
        assert await value_of(session, health.next_due(), NOW) == NOW
        assert await health.claim_one(session, one, uuid4(), LEASE) is not None
        assert await health.claim_one(session, one, uuid4(), LEASE) is None
    assert len(await claimed(database, uuid4())) == 5


async def test_a_lease_that_ran_out_is_taken_by_another(database: Database) -> None:
    """A dead process's look comes up again, and what it would still write is written nowhere."""
    await tended(database, "a")
    dead, heir = uuid4(), uuid4()
    (row,) = await claimed(database, dead)
    after = LEASE[1] + timedelta(seconds=1)
    async with database.transaction() as session:
        (again,) = await health.claim(session, heir, (after, after + timedelta(minutes=2)), 1)
        assert not await health.seen(session, row, dead, LATER, troubles=9)
        assert await health.seen(session, again, heir, LATER, troubles=0)


async def test_what_was_seen_is_kept(database: Database) -> None:
    """What a look found is written under its lease, which ends; not of another team, nor after a person's act."""
    (publisher,) = await tended(database, "a")
    owner = uuid4()
    (row,) = await claimed(database, owner)
    assert (row.seen, row.looked_at, row.due_at) == ({}, None, NOW)
    found = {"seen": {"troubles": [1]}, "troubles": 1, "looked_at": NOW}
    async with database.transaction() as session:
        assert await health.counts(session) == {"unseen": 1}
        assert not await health.seen(session, row, uuid4(), LATER, **found)
        assert not await health.seen(session, replace(row, team_id=uuid4()), owner, LATER, **found)
        assert await health.seen(session, row, owner, LATER, **found)
        assert not await health.seen(session, row, owner, NOW)
        now = await health.get(session, publisher.team_id, publisher.id)
        assert now == replace(row, seen={"troubles": [1]}, looked_at=NOW, due_at=LATER)
        assert await health.of_publishers(session, publisher.team_id, [publisher.id]) == {publisher.id: now}
        assert await health.of_publishers(session, uuid4(), [publisher.id]) == {}
        assert await health.counts(session) == {"attention": 1}
        taken = await health.claim_one(session, publisher, owner, LEASE)
        assert taken is not None
        await health.put(session, taken, {}, 0)
        assert not await health.seen(session, taken, owner, LATER, **found)
        assert await health.counts(session) == {"ok": 1}


async def test_it_ends_and_stays_with_its_team(database: Database) -> None:
    """Nobody ends another team's looks, and the database refuses a row of another team than its publisher."""
    (publisher,), _ = await tended(database, "a"), await tended(database, "a", team="T2")
    async with database.transaction() as session:
        await health.end(session, uuid4(), publisher.id)
        assert await health.get(session, publisher.team_id, publisher.id) is not None
    statement = text("UPDATE health SET team_id = (SELECT id FROM teams WHERE slack_team_id = 'T2')")
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(statement)
    async with database.transaction() as session:
        await health.end(session, publisher.team_id, publisher.id)
        assert await health.get(session, publisher.team_id, publisher.id) is None


async def test_a_publisher_is_handed_over_once(database: Database) -> None:
    """Of two who take it over, the second finds that somebody has; nobody takes another team's."""
    (publisher,) = await tended(database, "a")
    async with database.transaction() as session:
        assert not await publishers.hand_over(session, replace(publisher, team_id=uuid4()), "U2")
        assert await publishers.hand_over(session, publisher, "U2")
        assert not await publishers.hand_over(session, publisher, "U3")
        now = await publishers.get(session, publisher.team_id, publisher.id)
        assert now is not None
        assert now.requested_by == "U2"
