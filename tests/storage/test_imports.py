"""Imports on both databases: listed once, chosen from once, each package asked for once, no move of a publisher lost."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.ledger import imports, leases, publishers, teams
from storage.ledger.imports import NewImport
from storage.records import Import, ImportItemState, ImportState, Publisher, PublisherState, Registration
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=20)
LEASE = (NOW, NOW + timedelta(minutes=10))
NEW = NewImport("acme", "pypi", "C1", "U1", dry_run=False)


async def begun(database: Database, new: NewImport = NEW, slack_team: str = "T1") -> Import:
    """Return an import that is due."""
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, slack_team, "", NOW)).id
        return await imports.begin(session, team_id, new, NOW)


async def claim(database: Database, owner: UUID, times: tuple[datetime, datetime] = LEASE) -> list[Import]:
    """Take what is due."""
    async with database.transaction() as session:
        return list(await imports.claim(session, owner, times, 5))


async def listed(database: Database, new: NewImport = NEW) -> Import:
    """Return an import whose list of three packages is there."""
    one, owner = await begun(database, new), uuid4()
    assert await claim(database, owner) == [one]
    async with database.transaction() as session:
        await imports.put_list(session, one, [{"name": name} for name in "abc"])
        assert await imports.move(session, one, owner, None, NOW, state=ImportState.LISTED)
    return replace(one, state=ImportState.LISTED)


async def publisher_of(database: Database, team_id: UUID, name: str) -> Publisher:
    """Return a publisher that was asked for."""
    wanted = Registration("pypi", name, "acme", name, "release.yml", "pypi")
    async with database.transaction() as session:
        return (await publishers.request(session, team_id, wanted, ("U1", "C1"), NOW))[0]


async def test_one_worker_looks_at_an_import(database: Database) -> None:
    """However many claim it, one gets it; its lease runs out by itself, and at the start of the only process at once."""
    one = await begun(database)
    async with database.reading() as session:
        assert await value_of(session, imports.next_due(), NOW) == NOW
        assert await imports.get(session, one.team_id, one.id) == one
        assert await imports.get(session, uuid4(), one.id) is None
    won = await asyncio.gather(*(claim(database, uuid4()) for _ in range(4)))
    assert [row for rows in won for row in rows] == [one]
    async with database.transaction() as session:
        assert await value_of(session, imports.next_due(), NOW) is None
        await leases.retake(session)
    assert await claim(database, uuid4()) == [one]
    assert await claim(database, uuid4(), (LATER, LATER)) == [one]


async def test_the_list_is_chosen_from_once(database: Database) -> None:
    """The list keeps its order; the first choice counts, and each chosen package is asked for once."""
    one = await listed(database)
    async with database.transaction() as session:
        assert await imports.choose(session, one, [1, 3, 99], "U2", NOW)
        assert not await imports.choose(session, one, [2], "U3", NOW)
    async with database.transaction() as session:
        found = await imports.items(session, one)
        assert [item.facts["name"] for item in found] == ["a", "b", "c"]
        assert [item.state is ImportItemState.WAITING for item in found] == [True, False, True]
        again = await imports.get(session, one.team_id, one.id)
    assert again is not None
    assert (again.state, again.chosen_by) == (ImportState.SETTING_UP, "U2")
    publisher = await publisher_of(database, one.team_id, "a")
    async with database.transaction() as session:
        assert await imports.asked(session, one, 1, publisher.id)
        assert not await imports.asked(session, one, 1, None)
        assert not await imports.asked(session, one, 2, None)
        assert await imports.asked(session, one, 3, None)
        await imports.told(session, one, [1])
        found = await imports.items(session, one)
    assert [item.publisher for item in found] == [publisher, None, None]
    assert [item.told for item in found] == [True, False, False]


async def test_nothing_is_chosen_of_a_dry_run(database: Database) -> None:
    """A dry run stays a list, and the database itself would refuse more."""
    one = await listed(database, replace(NEW, dry_run=True))
    async with database.transaction() as session:
        assert not await imports.choose(session, one, [1], "U2", NOW)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text("UPDATE imports SET state = 'done'"))


async def test_a_publisher_s_move_is_not_lost(database: Database) -> None:
    """A publisher nudges the import that asked for it, also while a step holds that; others nudge nothing."""
    one, owner = await listed(database), uuid4()
    mine = await publisher_of(database, one.team_id, "a")
    other = await publisher_of(database, one.team_id, "z")
    async with database.transaction() as session:
        assert await imports.choose(session, one, [1], "U2", NOW)
        assert await imports.asked(session, one, 1, mine.id)
        found = await imports.of_publisher(session, mine)
        assert found is not None
        assert found.id == one.id
        assert await imports.of_publisher(session, other) is None
    (held,) = await claim(database, owner)
    async with database.transaction() as session:
        assert await imports.hold(session, held, owner)
        assert not await imports.hold(session, held, uuid4())
        await imports.nudge(session, other, NOW)
        await imports.nudge(session, mine, NOW)
        assert await imports.move(session, held, owner, None, NOW, state=ImportState.DONE)
        assert await value_of(session, imports.next_due(), NOW) == NOW
    (held,) = await claim(database, owner)
    async with database.transaction() as session:
        assert await publishers.move(session, mine, None, state=PublisherState.FAILED, next_at=None)
        assert await imports.move(session, held, owner, None, NOW)
        assert await value_of(session, imports.next_due(), LATER) is None
        (first, *_) = await imports.items(session, held)
    assert first.publisher is not None
    assert first.publisher.state is PublisherState.FAILED


async def test_rows_stay_inside_a_team_and_an_import(database: Database) -> None:
    """No row points across teams, a publisher belongs to one import, and who chose is written with when."""
    one = await listed(database)
    publisher = await publisher_of(database, one.team_id, "a")
    other = await begun(database, slack_team="T2")
    async with database.transaction() as session:
        assert await imports.choose(session, one, [1, 2], "U2", NOW)
        assert await imports.asked(session, one, 1, publisher.id)
    changes = (
        f"UPDATE import_items SET team_id = '{other.team_id.hex}'",
        f"UPDATE import_items SET state = 'asked', publisher_id = '{publisher.id.hex}' WHERE number = 2",
        "UPDATE import_items SET state = 'waiting' WHERE number = 1",
        "UPDATE imports SET chosen_at = NULL",
        f"UPDATE imports SET lease_owner = '{other.id.hex}'",
    )
    for change in changes:
        with pytest.raises(IntegrityError):
            async with database.transaction() as session:
                await session.execute(text(change))
