"""Subscriptions on both databases: each channel one wish a project, which stands before its wish for all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from storage.database import Database
from storage.ledger import subscriptions, teams
from storage.records import Hears, Subscription

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ALL = Subscription("", "C1", Hears.ALL, "U1", NOW)
ONE = Subscription("widgets", "C1", Hears.FAILURES, "U2", NOW)


async def team_of(database: Database, slack_team_id: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, slack_team_id, "", NOW)).id


async def test_the_newest_wish_stands(database: Database) -> None:
    """A channel has one wish for each project and one for all; the newest replaces the one before."""
    team, other = await team_of(database), await team_of(database, "T2")
    later = replace(ONE, hears=Hears.PRE, set_by="U3", set_at=NOW + timedelta(hours=1))
    async with database.transaction() as session:
        for wish in (ONE, ALL, later, replace(ALL, channel="C2")):
            await subscriptions.put(session, team, wish)
        assert await subscriptions.of_channel(session, team, "C1") == [ALL, later]
        assert await subscriptions.of_channel(session, other, "C1") == []
        await subscriptions.drop(session, other, "C1", "")
        await subscriptions.drop(session, team, "C2", "widgets")
        await subscriptions.drop(session, team, "C1", "")
        assert await subscriptions.of_channel(session, team, "C1") == [later]
        assert await subscriptions.of_channel(session, team, "C2") == [replace(ALL, channel="C2")]


async def test_a_wish_for_the_project_stands_first(database: Database) -> None:
    """Each channel comes up once for a project: with its own wish for it, else with its wish for all."""
    team, other = await team_of(database), await team_of(database, "T2")
    async with database.transaction() as session:
        for wish in (ALL, ONE, replace(ALL, channel="C2"), replace(ONE, project="gears", channel="C3")):
            await subscriptions.put(session, team, wish)
        found = await subscriptions.of_project(session, team, "widgets")
        assert found == {"C1": Hears.FAILURES, "C2": Hears.ALL}
        assert await subscriptions.of_project(session, team, "gears") == {
            "C1": Hears.ALL, "C2": Hears.ALL, "C3": Hears.FAILURES,
        }  # fmt: skip
        assert await subscriptions.of_project(session, other, "gears") == {}
