"""Watches on both databases: they come and go with policy and project, and each look is won by one."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from storage.database import Database
from storage.ledger import leases, policies, publishers, teams, watches
from storage.records import PublisherState, Reason, Registration, Watch
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
LEASE = (NOW, NOW + timedelta(minutes=2))


async def team_of(database: Database, *projects: str, team: str = "T1") -> UUID:
    """Return a team that knows these projects."""
    async with database.transaction() as session:
        team_id = (await teams.ensure(session, team, "", NOW)).id
        for name in projects:
            wanted = Registration("pypi", name, "acme", "widgets", "release.yml", "pypi")
            await publishers.request(session, team_id, wanted, ("U1", "C1"), NOW)
    return team_id


async def names(database: Database, team_id: UUID) -> list[str]:
    """Return the projects that a team watches."""
    async with database.reading() as session:
        return [watch.target.project for watch in await watches.of_team(session, team_id)]


async def add(database: Database, team_id: UUID, project: str = "") -> None:
    """Watch what a policy is for."""
    async with database.transaction() as session:
        await watches.add(session, team_id, project, NOW)


async def claimed(database: Database, owner: UUID) -> list[Watch]:
    """Take what is due."""
    async with database.transaction() as session:
        return list(await watches.claim(session, owner, LEASE, 10))


async def test_they_come_and_go_with_the_policy(database: Database) -> None:
    """The team's policy means all projects that have none of their own; a project's policy means that one."""
    team, other = await team_of(database, "a", "b", "c"), await team_of(database, "a", team="T2")
    async with database.transaction() as session:
        await policies.put(session, team, "c", {"watch": False}, "U1", NOW)
    await add(database, team)
    await add(database, team)
    assert await names(database, team) == ["a", "b"]
    await add(database, team, "c")
    async with database.transaction() as session:
        await watches.drop(session, team, "a")
        await watches.drop(session, other, "b")
    assert await names(database, team) == ["b", "c"]
    async with database.transaction() as session:
        await watches.drop(session, team, "")
    assert await names(database, team) == ["c"]
    assert await names(database, other) == []


async def test_a_removed_project_is_let_be(database: Database) -> None:
    """A project whose publisher somebody removed is not watched, until it is registered anew."""
    team = await team_of(database, "a", "b")
    await add(database, team)
    async with database.transaction() as session:
        removed = await publishers.newest(session, team, "a")
        assert removed is not None
        gone = {"state": PublisherState.REMOVED, "reason": Reason.REMOVED_BY_PERSON, "next_at": None}
        await publishers.move(session, removed, None, **gone)
        await watches.forget(session, uuid4(), removed.project_id)
        await watches.forget(session, team, removed.project_id)
    await add(database, team)
    assert await names(database, team) == ["b"]
    async with database.transaction() as session:
        await publishers.request(session, team, removed.registration, ("U1", "C1"), LATER)
    await add(database, team)
    assert await names(database, team) == ["a", "b"]


async def test_a_look_is_won_once(database: Database) -> None:
    """Of claimants at the same time each watch has one; after a restart it is due again."""
    team = await team_of(database, *"abcdef")
    await add(database, team)
    found = await asyncio.gather(*(claimed(database, uuid4()) for _ in range(3)))
    assert sorted(watch.target.project for part in found for watch in part) == list("abcdef")
    assert await claimed(database, uuid4()) == []
    async with database.transaction() as session:
        assert await value_of(session, watches.next_due(), NOW) is None
        await leases.retake(session)
        assert await value_of(session, watches.next_due(), NOW) == NOW
    assert len(await claimed(database, uuid4())) == 6


async def test_what_was_seen_is_kept(database: Database) -> None:
    """What a look brings is written under its lease, which ends; without it, or of another team, nothing is."""
    team, owner = await team_of(database, "a"), uuid4()
    await add(database, team)
    (watch,) = await claimed(database, owner)
    assert (watch.primed, watch.versions, watch.etag, watch.channel) == (False, (), "", "C1")
    learnt = {"primed": True, "versions": ["1.0", "2.0"], "etag": '"x"'}
    async with database.transaction() as session:
        assert not await watches.seen(session, watch, uuid4(), LATER, **learnt)
        assert not await watches.seen(session, replace(watch, team_id=uuid4()), owner, LATER, **learnt)
        assert await watches.seen(session, watch, owner, LATER, **learnt)
        assert not await watches.seen(session, watch, owner, NOW)
        (now,) = await watches.of_team(session, team)
        assert await value_of(session, watches.next_due(), NOW) == LATER
    assert (now.primed, now.versions, now.etag) == (True, ("1.0", "2.0"), '"x"')


async def test_a_watch_is_of_its_projects_team(database: Database) -> None:
    """The database itself refuses a watch that belongs to another team than its project."""
    team, other = await team_of(database, "a"), await team_of(database, team="T2")
    await add(database, team)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await session.execute(text("UPDATE watches SET team_id = :team"), {"team": other.hex})
