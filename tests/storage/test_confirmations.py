"""Confirmations on both databases: one at a time for each publisher, each step won by one, an ended one rests."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.ledger import confirmations, leases, publishers, teams
from storage.records import (
    Confirmation,
    ConfirmationReason,
    ConfirmationState,
    Publisher,
    Registration,
)
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
LEASE = (NOW, NOW + timedelta(minutes=2))
ENDED = {"state": ConfirmationState.FAILED, "reason": ConfirmationReason.CANCELLED, "next_at": None}


async def publisher_of(database: Database, slack_team_id: str = "T1") -> Publisher:
    """Return a team's publisher."""
    target = Registration("pypi", "widgets", "Acme", "Widgets", "release.yml", "pypi")
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, slack_team_id, "", NOW)).id
        publisher, _ = await publishers.request(session, team_id, target, ("U1", "C1"), NOW)
    return publisher


async def ask(database: Database, publisher: Publisher) -> bool:
    """Ask for a run."""
    async with database.transaction() as session:
        return await confirmations.ask(session, publisher, "U2", NOW)


async def claim(
    database: Database, owner: UUID, times: tuple[datetime, datetime] = LEASE
) -> list[Confirmation]:
    """Take what is due."""
    async with database.transaction() as session:
        return list(await confirmations.claim(session, owner, times, 5))


async def test_a_publisher_has_one_at_a_time(database: Database) -> None:
    """However many ask at once, one run is wanted and one worker wins it; once it is over, another one can be."""
    publisher, other = await publisher_of(database), await publisher_of(database, "T2")
    assert sorted(await asyncio.gather(*(ask(database, publisher) for _ in range(4)))) == [False] * 3 + [True]
    assert await ask(database, other)
    owners = [uuid4() for _ in range(3)]
    won = await asyncio.gather(*(claim(database, owner) for owner in owners))
    rows = [(owner, row) for owner, found in zip(owners, won, strict=True) for row in found]
    assert {row.publisher_id for _, row in rows} == {publisher.id, other.id}
    owner, row = next((owner, row) for owner, row in rows if row.publisher_id == publisher.id)
    assert (row.state, row.asked_by, row.run_id) == (ConfirmationState.ASKED, "U2", None)
    async with database.transaction() as session:
        assert await confirmations.move(session, row, owner, **ENDED)
    assert await ask(database, publisher)
    async with database.reading() as session:
        newest = await confirmations.newest(session, publisher.team_id, publisher.id)
        assert await confirmations.newest(session, other.team_id, publisher.id) is None
    assert newest is not None


async def test_a_begun_one_says_so_under_its_lease(database: Database) -> None:
    """That it begins is written by its holder alone; a dead holder's row comes up again as it was written."""
    publisher = await publisher_of(database)
    await ask(database, publisher)
    owner, other = uuid4(), uuid4()
    (row,) = await claim(database, owner)
    async with database.transaction() as session:
        assert not await confirmations.begin(session, row, other, {"a": 0}, NOW)
        assert await confirmations.begin(session, row, owner, {"a": 1}, NOW)
    assert await claim(database, other) == []
    async with database.transaction() as session:
        await leases.retake(session)
        assert await value_of(session, confirmations.next_due(), NOW) == NOW
    (again,) = await claim(database, other, (LATER, LATER + timedelta(minutes=2)))
    assert (again.state, again.begun_at, again.progress) == (ConfirmationState.BEGUN, NOW, {"a": 1})
    async with database.transaction() as session:
        assert not await confirmations.move(session, row, owner, next_at=LATER)
        assert await confirmations.move(session, again, other, **ENDED)
        assert await value_of(session, confirmations.next_due(), LATER) is None


async def test_a_webhook_nudges_what_follows_the_repository(database: Database) -> None:
    """Whatever the case of its name, a repository's confirmations are due now, of all teams; ended ones rest."""
    publisher, other = await publisher_of(database), await publisher_of(database, "T2")
    owner = uuid4()
    for one in (publisher, other):
        await ask(database, one)
    first, second = await claim(database, owner)
    async with database.transaction() as session:
        await confirmations.move(session, first, owner, next_at=LATER)
        await confirmations.move(session, second, owner, **ENDED)
        assert await confirmations.nudge(session, "acme", "gadgets", NOW) == 0
        assert await confirmations.nudge(session, "ACME", "widgets", NOW) == 1
        assert await value_of(session, confirmations.next_due(), NOW) == NOW


@pytest.mark.parametrize(
    "wrong",
    [
        "state = 'followed'", "state = 'begun'", "state = 'failed'", "next_at = NULL", "lease_owner = id",
        "publisher_id = team_id",
    ],
)  # fmt: skip
async def test_the_database_keeps_the_invariants(database: Database, wrong: str) -> None:
    """A followed one has its run, a begun one its time, an ended one rests, an open one is due, a lease has two halves."""
    await ask(database, await publisher_of(database))
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text(f"UPDATE confirmations SET {wrong}"))
