"""All that lies about a team: exported whole and without secrets, erased whole, whatever dies on the way."""

import io
import json
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, text

from bot import teaming
from bot.auditing import NoSuchTeam
from bot.core.leaving import GRACE
from bot.settings import load
from storage.database import Database
from storage.ledger import erasing, teams
from storage.ledger.sql import table
from storage.tables import Base, TeamRow
from tests.releases.dying import AroundDatabase, Killed, Points
from tests.releases.kit import World
from tests.releases.test_leaving import full, installed, leave


def test_every_table_is_a_teams_or_says_why_not() -> None:
    """Each table of the metadata says whose its rows are, or stands among those that hold nothing of a team; nobody in both."""
    named = {one.name for one in erasing.of_teams()}
    assert named | set(erasing.NO_TEAMS) == set(Base.metadata.tables)
    assert not named & set(erasing.NO_TEAMS)


def test_bytes_are_hidden_unless_they_are_the_chain() -> None:
    """Of each table no bytes but the chain's leave the database, no hash of a secret, and all of its other columns do."""
    for one in erasing.of_teams():
        for column in one.c:
            secret = isinstance(column.type, LargeBinary) or column.name.endswith("_hash")
            shown = erasing._is_shown(column)
            assert shown != secret or column in erasing.CHAIN or column.name.startswith("lease_")


async def counts(database: Database, team_id: UUID) -> dict[str, int]:
    """Return how many rows each table has of a team."""
    found = {}
    async with database.reading() as session:
        for one in erasing.of_teams():
            mine = (one.c.id if one is table(TeamRow) else one.c.team_id) == team_id
            rows = (await session.execute(one.select().where(mine))).all()
            found[one.name] = len(rows)
    return found


async def test_an_export_has_every_row_and_no_secret(database: Database, database_url: str) -> None:
    """An export has each row of the team in each table, none of another's, its chain, its own end, and no secret."""
    other, world = World(database, slack_team="T2"), World(database)
    await full(other)
    team_id = await full(world)
    out = io.StringIO()
    settings = load({"SHIPBELL_DATABASE_URL": database_url})
    count = await teaming.export(settings, "T1", out, world.clock)
    first, *lines, last = map(json.loads, out.getvalue().splitlines())
    assert (first["format"], first["version"], first["team"]) == ("shipbell team", 1, "T1")
    assert last == {"rows": count}
    told = dict.fromkeys((one.name for one in erasing.of_teams()), 0)
    for line in lines:
        told[line["table"]] += 1
    assert told == await counts(database, team_id)
    assert told["audit_events"] > 3
    whole = out.getvalue()
    assert other.team is not None
    assert str(other.team.id) not in whole
    assert "xoxb-marked" not in whole
    assert "pypi-Ag" not in whole
    assert any(line["table"] == "audit_events" and line["row"]["mac"] for line in lines)


async def test_erased_is_every_row_of_one_team_alone(database: Database, database_url: str) -> None:
    """After an erasure no table has a row of the team, another team has all of its own, and the team may begin anew."""
    other, world = World(database, slack_team="T2"), World(database)
    await full(other)
    team_id = await full(world)
    assert other.team is not None
    before = await counts(database, other.team.id)
    settings = load({"SHIPBELL_DATABASE_URL": database_url})
    assert await teaming.erase(settings, "T1", world.clock) > 10
    assert not any((await counts(database, team_id)).values())
    assert await counts(database, other.team.id) == before
    with pytest.raises(NoSuchTeam):
        await teaming.erase(settings, "T1", world.clock)
    await installed(world)
    async with database.reading() as session:
        again = await teams.find(session, "T1", "")
    assert again is not None
    assert again.id != team_id


async def test_the_bot_runs_while_a_team_is_erased(database: Database, database_url: str) -> None:
    """A bot that knew the team takes what comes next as a new team's, and works for others as before."""
    other, world = World(database, slack_team="T2"), World(database)
    await full(other)
    await full(world)
    await teaming.erase(load({"SHIPBELL_DATABASE_URL": database_url}), "T1", world.clock)
    await leave(world)
    await world.work()
    await other.work()
    async with database.reading() as session:
        found = await teams.find(session, "T1", "")
    assert found is not None


async def test_killed_half_way_it_goes_on(database: Database) -> None:
    """Killed at any commit of an erasure, the team is nobody's and has no key; said again, it is erased whole."""
    world = World(database)
    team_id = await full(world)
    lives = 0
    # Three points a transaction: each life dies a transaction later than the one before, or just before it is committed.
    for fatal in range(1, 400, 7):
        lives += 1
        try:
            await teaming.erased(AroundDatabase(database, Points(fatal)), team_id, world.clock())
        except Killed:
            async with database.reading() as session:
                if fatal > 2:
                    assert await teams.find(session, "T1", "") is None
                    assert not await session.scalar(text("SELECT count(*) FROM data_keys"))
            continue
        break
    assert lives > 5
    assert not any((await counts(database, team_id)).values())


async def test_who_has_left_for_good_is_erased(database: Database) -> None:
    """A team that left is kept for its time, then erased by housekeeping; one that came back is not."""
    gone, back = World(database), World(database, slack_team="T2")
    first, second = await full(gone), await full(back)
    for world in (gone, back):
        await leave(world)
        await world.work()
    later = min(gone.clock(), back.clock()) + GRACE
    await teaming.sweep(database, later)
    assert (await counts(database, first))["teams"] == 1
    back.clock.now = later
    await installed(back)
    await teaming.sweep(database, max(gone.clock(), later) + GRACE)
    assert not any((await counts(database, first)).values())
    assert (await counts(database, second))["projects"] == 2
