"""Sign-ins and sessions of the status page on both databases: used once, by one browser, and over when they are over."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.ledger import sessions, teams
from storage.records import StatusSession
from tests.storage.history_kit import NOW

TERM = timedelta(minutes=10)
PAIR = ("state", "browser")


async def begun(database: Database, pair: tuple[str, str] = PAIR) -> None:
    """Begin a sign-in."""
    async with database.transaction() as session:
        await sessions.begin(session, pair, "/status/publishers", (NOW, NOW + TERM))


async def taken(database: Database, pair: tuple[str, str] = PAIR, late: timedelta = TERM / 2) -> str | None:
    """Use a sign-in up."""
    async with database.transaction() as session:
        return await sessions.take(session, pair, NOW + late)


async def team_of(database: Database, name: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, name, "", NOW)).id


async def started(database: Database, team_id: UUID, user: str, secret: str) -> None:
    """Start a session of an hour."""
    async with database.transaction() as session:
        await sessions.start(session, (team_id, user), secret, (NOW, NOW + timedelta(hours=1)))


async def found(
    database: Database, secret: str, late: timedelta = timedelta(), idle: timedelta = timedelta(minutes=30)
) -> StatusSession | None:
    """Look for a session, so much later."""
    async with database.reading() as session:
        return await sessions.find(session, secret, NOW + late, NOW + late - idle)


async def test_a_sign_in_is_used_once(database: Database) -> None:
    """Of several who bring it at the same moment one gets the page that was wanted, and then it is gone."""
    await begun(database)
    answers = await asyncio.gather(*(taken(database) for _ in range(4)))
    assert sorted(map(str, answers)) == ["/status/publishers", "None", "None", "None"]


@pytest.mark.parametrize("pair", [("state", "another"), ("another", "browser"), ("state", "")])
async def test_a_sign_in_is_its_browsers_alone(database: Database, pair: tuple[str, str]) -> None:
    """Another browser's, a state that was never made: nothing, and the right browser can still use its own."""
    await begun(database)
    assert await taken(database, pair) is None
    assert await taken(database) == "/status/publishers"


async def test_a_sign_in_ends(database: Database) -> None:
    """At its term it is of no use, and the next one that begins takes it away."""
    await begun(database)
    assert await taken(database, late=TERM) is None


async def test_sign_ins_do_not_fill_the_database(database: Database) -> None:
    """Where as many are open as may be, a further one pushes out the oldest: whoever begins without end keeps nobody out."""
    async with database.transaction() as session:
        for number, name in enumerate("abc"):
            ends = NOW + TERM + timedelta(seconds=number)
            await sessions.begin(session, (name, "b"), "/status", (NOW, ends), most=2)
        kept = await session.scalars(text("SELECT state_hash FROM status_sign_ins ORDER BY expires_at"))
        assert kept.all() == ["b", "c"]
        later = NOW + 2 * TERM
        await sessions.begin(session, ("d", "b"), "/status", (later, later + TERM), most=2)
        assert await session.scalar(text("SELECT count(*) FROM status_sign_ins")) == 1


async def test_a_session_ends_by_itself(database: Database) -> None:
    """An hour after its start, or half an hour after it was last used; each use keeps it awake."""
    team = await team_of(database)
    await started(database, team, "U1", "s")
    assert await found(database, "s") == StatusSession(team, "T1", "U1", NOW)
    assert await found(database, "another") is None
    half = timedelta(minutes=30)
    assert await found(database, "s", half) is None
    async with database.transaction() as session:
        await sessions.touch(session, "s", NOW + timedelta(minutes=29))
    assert await found(database, "s", half) is not None
    assert await found(database, "s", 2 * half, idle=9 * half) is None
    await started(database, team, "U1", "t")
    async with database.transaction() as session:
        await sessions.start(session, (team, "U1"), "u", (NOW + 2 * half, NOW + 4 * half))
        assert await session.scalar(text("SELECT count(*) FROM status_sessions")) == 1


async def test_sessions_are_ended_by_person_and_team(database: Database) -> None:
    """One browser's, all of a person's, all of a team's: those and no others."""
    mine, other = await team_of(database), await team_of(database, "T2")
    for team, user, secret in ((mine, "U1", "a"), (mine, "U1", "b"), (mine, "U2", "c"), (other, "U1", "d")):
        await started(database, team, user, secret)
    rests = {"a": "bcd", "U1": "cd", "": "d"}
    for what, rest in rests.items():
        async with database.transaction() as session:
            if what == "a":
                await sessions.end(session, "a")
            else:
                await sessions.end_all(session, mine, what)
        assert "".join([one for one in "abcd" if await found(database, one)]) == rest
