"""What a team has laid down: freezes and policies."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from storage.database import Database
from storage.ledger import freezes, policies, teams
from storage.records import Freeze

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=3)


async def team_of(database: Database, slack_team_id: str = "T1") -> UUID:
    """Return a team."""
    async with database.transaction() as session:
        return (await teams.ensure(session, slack_team_id, "", NOW)).id


async def test_freezes_stand_until_they_are_over(database: Database) -> None:
    """A freeze counts for its project or for all until its end or its lifting, which happens once."""
    team, other = await team_of(database), await team_of(database, "T2")
    everything = Freeze(uuid4(), team, "", SOON, None, "holidays", "U1")
    mine = Freeze(uuid4(), team, "widgets", NOW, SOON, "locked", "U1")
    elsewhere = Freeze(uuid4(), team, "gadgets", NOW, None, "locked", "U1")
    async with database.transaction() as session:
        for freeze in (everything, mine, elsewhere):
            assert await freezes.add(session, team, freeze, NOW)
        assert await freezes.standing(session, team, "widgets", NOW) == [mine, everything]
        assert await freezes.standing(session, team, "", NOW) == [everything]
        assert len(await freezes.standing(session, team, None, NOW)) == 3
        assert await freezes.standing(session, team, "widgets", SOON) == [everything]
        assert await freezes.standing(session, other, None, NOW) == []
        assert not await freezes.lift(session, other, everything.id, "U2", NOW)
        assert await freezes.lift(session, team, everything.id, "U2", NOW)
        assert not await freezes.lift(session, team, everything.id, "U3", NOW)
        assert await freezes.standing(session, team, "widgets", SOON) == []


async def test_policies_are_of_team_and_project(database: Database) -> None:
    """The team's policy and the project's are kept apart; the newest stands."""
    team = await team_of(database)
    async with database.transaction() as session:
        assert await policies.read(session, team, "widgets") == (None, None)
        await policies.put(session, team, "", {"quorum": 1}, "U1", NOW)
        await policies.put(session, team, "widgets", {"quorum": 2}, "U1", NOW)
        await policies.put(session, team, "widgets", {"quorum": 3}, "U2", SOON)
        assert await policies.read(session, team, "widgets") == ({"quorum": 1}, {"quorum": 3})
        assert await policies.read(session, team, "") == ({"quorum": 1}, None)
        assert await policies.read(session, uuid4(), "widgets") == (None, None)
