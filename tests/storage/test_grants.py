"""Grants on their way, on both databases: single use, bound to browser and index, an end, sealed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from storage.database import Database
from storage.ledger import grants, teams
from storage.ledger.grants import NewGrant, Ticket
from storage.records import GrantTaken, Secret

NOW = datetime(2026, 11, 27, 1, tzinfo=UTC)
ENDS = NOW + timedelta(minutes=10)
HERE = Ticket("company", "a" * 64, "b" * 64)
THERE = replace(HERE, browser_hash="c" * 64)
NEW = NewGrant(
    "U1", "C1", "company", HERE.state_hash, ENDS, Secret("https://hooks.example/marked9931"), "ada (acme)"
)
PAIR = Secret("marked-pair-2207")


async def team_of(database: Database, team: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, team, "", NOW)).id


async def begun(database: Database, new: NewGrant = NEW) -> UUID:
    """Return a team in which somebody has begun to ask for a grant."""
    team = await team_of(database)
    async with database.transaction() as session:
        await grants.begin(session, team, new, NOW)
    return team


async def bind(database: Database, ticket: Ticket = HERE, now: datetime = NOW) -> bool:
    """Bind the grant to a browser."""
    async with database.transaction() as session:
        return await grants.bind(session, ticket, now)


async def keep(database: Database, pair: Secret = PAIR, ticket: Ticket = HERE) -> Secret | None:
    """Keep a request token."""
    async with database.transaction() as session:
        return await grants.keep(session, ticket, pair, NOW)


async def take(database: Database, ticket: Ticket = HERE, now: datetime = NOW) -> GrantTaken | None:
    """Use the grant up."""
    async with database.transaction() as session:
        return await grants.take(session, ticket, now)


async def test_a_grant_is_used_once(database: Database) -> None:
    """Of many at the same time one has it, with what was kept sealed; afterwards nothing of it is left."""
    team = await begun(database)
    assert await bind(database)
    assert await keep(database) == PAIR
    found = await asyncio.gather(*(take(database) for _ in range(4)))
    assert [one for one in found if one] == [GrantTaken(team, "U1", "C1", NEW.response_url, PAIR)]
    assert not await bind(database)
    async with database.reading() as session:
        assert (await session.execute(text("SELECT count(*) FROM index_grants"))).scalar() == 0


async def test_one_request_token_is_kept(database: Database) -> None:
    """Of two that were asked for at the same time one stays, and both askers learn which."""
    await begun(database)
    assert await keep(database) is None
    assert await bind(database)
    kept = await asyncio.gather(keep(database, Secret("one")), keep(database, Secret("two")))
    assert kept[0] == kept[1]
    async with database.reading() as session:
        assert await grants.token(session, HERE, NOW) == kept[0]
        assert await grants.token(session, THERE, NOW) is None


async def test_a_grant_is_one_browsers_and_one_indexs(database: Database) -> None:
    """Another browser, or another index's address, neither binds nor uses it; unbound, nobody uses it."""
    await begun(database)
    elsewhere = replace(HERE, index="other")
    assert not await bind(database, replace(HERE, browser_hash=""))
    assert not await bind(database, elsewhere)
    assert await take(database) is None
    assert await bind(database)
    assert await bind(database)
    assert not await bind(database, THERE)
    for ticket in (THERE, elsewhere, replace(HERE, browser_hash=""), replace(HERE, state_hash="f" * 64)):
        assert await take(database, ticket) is None
        assert await keep(database, ticket=ticket) is None
    taken = await take(database)
    assert taken is not None
    assert taken.pair is None


async def test_a_grant_ends(database: Database) -> None:
    """After its term it is neither shown, bound nor used, and goes with the next one that begins."""
    team = await begun(database)
    async with database.reading() as session:
        assert await grants.whose(session, HERE, NOW) == "ada (acme)"
        assert await grants.whose(session, HERE, ENDS) is None
        assert await grants.whose(session, replace(HERE, index="other"), NOW) is None
    assert await bind(database)
    assert not await bind(database, now=ENDS)
    assert await take(database, now=ENDS) is None
    async with database.transaction() as session:
        await grants.begin(session, team, replace(NEW, user="U2", state_hash="d" * 64), ENDS)
        assert (await session.execute(text("SELECT count(*) FROM index_grants"))).scalar() == 1


async def test_a_person_has_one_grant_on_its_way_to_an_index(database: Database) -> None:
    """Whoever begins anew makes the last one useless; another person's stays, and one for another index."""
    team = await begun(database)
    async with database.transaction() as session:
        await grants.begin(session, team, replace(NEW, user="U2", state_hash="e" * 64), NOW)
        await grants.begin(session, team, replace(NEW, index="other", state_hash="f" * 64), NOW)
        await grants.begin(session, team, replace(NEW, state_hash="d" * 64), NOW)
    assert not await bind(database)
    assert await bind(database, replace(HERE, state_hash="d" * 64))
    assert await bind(database, replace(HERE, state_hash="e" * 64))
    assert await bind(database, replace(HERE, index="other", state_hash="f" * 64))


async def test_nothing_in_plain_text(database: Database) -> None:
    """Slack's address and the request token lie sealed."""
    await begun(database)
    await bind(database)
    await keep(database)
    async with database.reading() as session:
        (row,) = (await session.execute(text("SELECT * FROM index_grants"))).all()
    assert "marked" not in repr(row)
