"""Thanks on both databases: one row for each release, each step won by one, an ended one rests."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.ledger import leases, projects, publishers, releases, teams, thanks
from storage.ledger.releases import NewRelease
from storage.records import Registration, Release, ReleaseThanks
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
LEASE = (NOW, NOW + timedelta(minutes=2))


async def release_of(database: Database) -> Release:
    """Return a release, with a row of thanks that is due."""
    target = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, "T1", "", NOW)).id
        await publishers.request(session, team_id, target, ("U1", "C1"), NOW)
        (project,) = await projects.named(session, team_id, "widgets", "pypi")
        new = NewRelease("1.0", "", "", "C1", "U1", {}, "", None)
        release, _ = await releases.ask(session, team_id, project, new, NOW)
        await thanks.add(session, release, NOW)
    return release


async def claim(
    database: Database, owner: UUID, times: tuple[datetime, datetime] = LEASE
) -> list[ReleaseThanks]:
    """Take what is due."""
    async with database.transaction() as session:
        return list(await thanks.claim(session, owner, times, 5))


async def test_a_row_is_made_once_and_won_by_one(database: Database) -> None:
    """However often a release is added and claimed, there is one row and one worker."""
    release = await release_of(database)
    async with database.transaction() as session:
        await thanks.add(session, release, LATER)
        assert await value_of(session, thanks.next_due(), NOW) == NOW
    won = await asyncio.gather(*(claim(database, uuid4()) for _ in range(4)))
    (row,) = [row for rows in won for row in rows]
    assert row == ReleaseThanks(release.id, release.team_id, {})


async def test_progress_is_written_under_the_lease(database: Database) -> None:
    """Whoever holds the lease writes, keeping it or not; whoever lost it writes nothing."""
    await release_of(database)
    owner, other = uuid4(), uuid4()
    (row,) = await claim(database, owner)
    async with database.transaction() as session:
        assert not await thanks.keep(session, row, other, {"a": 0})
        assert await thanks.keep(session, row, owner, {"a": 1})
        assert not await thanks.move(session, row, other, {"a": 2}, NOW)
        assert await thanks.move(session, row, owner, {"a": 3}, LATER)
        assert not await thanks.move(session, row, owner, {"a": 4}, NOW)
        assert await value_of(session, thanks.next_due(), NOW) == LATER
    assert await claim(database, other) == []
    (again,) = await claim(database, other, (LATER, LATER))
    assert again.progress == {"a": 3}
    async with database.transaction() as session:
        await thanks.rest(session, again, owner, NOW)
        await thanks.rest(session, again, other, NOW)
        assert await value_of(session, thanks.next_due(), NOW) == NOW


async def test_an_ended_one_rests(database: Database) -> None:
    """What is over is never due again, not even when the release is added again."""
    release = await release_of(database)
    owner = uuid4()
    (row,) = await claim(database, owner)
    async with database.transaction() as session:
        assert await thanks.move(session, row, owner, {"a": 1}, None)
        await thanks.add(session, release, NOW)
        assert await value_of(session, thanks.next_due(), LATER) is None
    assert await claim(database, owner, (LATER, LATER)) == []


async def test_a_dead_worker_s_lease_ends(database: Database) -> None:
    """A lease runs out by itself, and at the start of the only process at once."""
    await release_of(database)
    assert await claim(database, uuid4())
    assert await claim(database, uuid4()) == []
    async with database.transaction() as session:
        assert await value_of(session, thanks.next_due(), NOW) is None
        await leases.retake(session)
    assert await claim(database, uuid4())
    assert await claim(database, uuid4(), (LATER, LATER))


async def test_a_row_is_of_the_release_s_team(database: Database) -> None:
    """A row can't point across teams, nor have half a lease."""
    release = await release_of(database)
    async with database.transaction() as session:
        other = (await teams.ensure(session, "T2", "", NOW)).id
    for change in (f"team_id = '{other.hex}'", f"lease_owner = '{release.id.hex}'"):
        with pytest.raises(IntegrityError):
            async with database.transaction() as session:
                await session.execute(text(f"UPDATE thanks SET {change}"))
