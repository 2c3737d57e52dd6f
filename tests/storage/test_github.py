"""Links to the forge and sign-ins on both databases: single use, bound to a browser, an end, a team."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from storage.database import Database
from storage.ledger import github, teams
from storage.ledger.github import NewSignIn
from storage.records import GithubLink, Secret, SignIn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ENDS = NOW + timedelta(minutes=10)
HERE, THERE = "b" * 64, "c" * 64
NEW = NewSignIn("U1", "C1", "a" * 64, ENDS, Secret("https://hooks.example/marked9931"), "ada (acme)")


async def team_of(database: Database, team: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, team, "", NOW)).id


async def begun(database: Database, new: NewSignIn = NEW) -> UUID:
    """Return a team in which somebody has begun to sign in."""
    team = await team_of(database)
    async with database.transaction() as session:
        await github.begin(session, team, new, NOW)
    return team


async def bind(database: Database, browser: str, now: datetime = NOW) -> bool:
    """Bind the sign-in to a browser."""
    async with database.transaction() as session:
        return await github.bind(session, NEW.state_hash, browser, now)


async def take(
    database: Database, browser: str, state: str = NEW.state_hash, now: datetime = NOW
) -> SignIn | None:
    """Use the sign-in up."""
    async with database.transaction() as session:
        return await github.take(session, state, browser, now)


async def test_a_sign_in_is_used_once(database: Database) -> None:
    """Of many at the same time one has it, with what was kept sealed; afterwards nothing of it is left."""
    team = await begun(database)
    assert await bind(database, HERE)
    assert await bind(database, HERE)
    found = await asyncio.gather(*(take(database, HERE) for _ in range(4)))
    assert [one for one in found if one] == [SignIn(team, "U1", "C1", NEW.response_url)]
    assert not await bind(database, HERE)
    async with database.reading() as session:
        assert (await session.execute(text("SELECT count(*) FROM oauth_states"))).scalar() == 0


async def test_a_sign_in_is_one_browsers(database: Database) -> None:
    """Another browser neither binds nor uses it; unbound, nobody uses it; a state that was never made is nobody's."""
    await begun(database)
    assert await take(database, HERE) is None
    assert await take(database, "") is None
    assert await bind(database, HERE)
    assert not await bind(database, THERE)
    assert await take(database, THERE) is None
    assert await take(database, HERE, "f" * 64) is None
    assert await take(database, HERE) is not None


async def test_a_sign_in_ends(database: Database) -> None:
    """After its term it is neither bound nor used, and goes with the next one that begins."""
    team = await begun(database)
    assert await bind(database, HERE)
    assert not await bind(database, HERE, ENDS)
    async with database.reading() as session:
        assert await github.whose(session, NEW.state_hash, NOW) == "ada (acme)"
        assert await github.whose(session, NEW.state_hash, ENDS) is None
    assert await take(database, HERE, now=ENDS) is None
    async with database.transaction() as session:
        await github.begin(session, team, replace(NEW, user="U2", state_hash="d" * 64), ENDS)
        assert (await session.execute(text("SELECT count(*) FROM oauth_states"))).scalar() == 1


async def test_a_person_has_one_sign_in(database: Database) -> None:
    """Whoever begins anew makes the last one useless; another person's stays."""
    team = await begun(database)
    async with database.transaction() as session:
        await github.begin(session, team, replace(NEW, user="U2", state_hash="e" * 64), NOW)
        await github.begin(session, team, replace(NEW, state_hash="d" * 64), NOW)
    assert not await bind(database, HERE)
    async with database.transaction() as session:
        assert await github.bind(session, "e" * 64, HERE, NOW)
        assert await github.bind(session, "d" * 64, HERE, NOW)


async def test_nothing_in_plain_text(database: Database) -> None:
    """Slack's address lies sealed, and opens in its own row alone."""
    await begun(database)
    async with database.reading() as session:
        (row,) = (await session.execute(text("SELECT * FROM oauth_states"))).all()
    assert "marked9931" not in repr(row)


async def test_links_are_their_teams(database: Database) -> None:
    """A person has one account and an account one person, within a team; another team knows nothing of it."""
    team, other = await team_of(database), await team_of(database, "T2")
    async with database.transaction() as session:
        assert await github.link(session, team, "U1", (7, "ada"), NOW)
        assert await github.link(session, team, "U1", (7, "Ada"), ENDS)
        assert not await github.link(session, team, "U2", (7, "ada"), NOW)
        assert await github.link(session, other, "U2", (7, "ada"), NOW)
        assert await github.linked(session, team, "U1") == GithubLink(team, "U1", 7, "Ada", ENDS)
        assert await github.linked(session, other, "U1") is None
        assert await github.unlink(session, other, "U1") is None
        gone = await github.unlink(session, team, "U1")
        assert gone is not None
        assert gone.login == "Ada"
        assert await github.linked(session, team, "U1") is None
        assert await github.link(session, team, "U3", (7, "ada"), NOW)
        assert await github.linked(session, other, "U2") is not None
