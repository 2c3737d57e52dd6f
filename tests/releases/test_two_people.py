"""A change of policy that a second person must agree to: nothing changes by one alone, whenever the process dies."""

from datetime import timedelta

import pytest

from bot.core import intents
from bot.core.people import Person, Standing
from bot.workflow.changing import TERM, Changing
from bot.workflow.gate import read_policies
from storage.database import Database
from storage.ledger import audit, policy_changes
from storage.records import ChangeState, PolicyChange
from tests.releases.test_gate import ADMIN, BOB, CAROL, Team, team_of


class Two(Team):
    """A team in which changes wait for a second person."""

    async def waiting(self, project: str = "") -> PolicyChange:
        """Return the change that waits."""
        assert self.world.team is not None
        async with self.world.database.reading() as session:
            found = await policy_changes.waiting(session, self.world.team.id, project)
        assert found is not None
        return found

    async def quorum(self, project: str = "") -> tuple[int, bool]:
        """Return how many must approve, and whether a change waits for a second person."""
        assert self.world.team is not None
        async with self.world.database.reading() as session:
            team, own = await read_policies(session, self.world.team.id, project)
        policy = own or team
        return (policy.quorum, policy.second) if policy else (1, False)

    async def agree(self, who: str, change: PolicyChange) -> str:
        """Agree; returns what that person hears: nothing where it was made."""
        kind, facts = await self.wants(who, intents.AgreePolicy(str(change.id)))
        return str(facts.get("outcome", kind))

    async def states(self) -> list[str]:
        """Return what the channel's messages about changes say, in order."""
        await self.world.rest()
        said = [one for one in self.world.slack.messages if one.kind == "policy.change"]
        return [str(one.facts["state"]) for one in said]


async def two_of(database: Database) -> Two:
    """Return a team whose admins and Bob set policy, two at a time."""
    team = Two((await team_of(database)).world)
    await team.policy(setters=f"<@{BOB}>")
    await team.policy(second="yes")
    assert await team.quorum() == (1, False)
    assert await team.agree(BOB, await team.waiting()) == ""
    assert await team.quorum() == (1, True)
    return team


async def test_nothing_changes_by_one_alone(database: Database) -> None:
    """Whoever asked does not count, nor who may not set it; another one makes it, once, and both stand in the trail."""
    team = await two_of(database)
    assert await team.policy(BOB, quorum="3") == ""
    change = await team.waiting()
    assert await team.agree(BOB, change) == "own"
    assert await team.agree(CAROL, change) == "not_allowed"
    assert await team.quorum() == (1, True)
    assert await team.agree(ADMIN, change) == ""
    assert await team.agree(ADMIN, change) == "ended"
    assert await team.quorum() == (3, True)
    assert await team.states() == ["made", "made"]
    assert team.world.team is not None
    async with database.reading() as session:
        made, asked, *_ = await audit.trail(session, team.world.team.id, limit=9)
    assert (made.action, made.actor, made.detail["asked_by"], made.detail["changes"]) == (
        "policy.set", ADMIN, BOB, {"quorum": [1, 3]},
    )  # fmt: skip
    assert (asked.action, asked.actor, asked.detail["changes"]) == ("policy.asked", BOB, {"quorum": [1, 3]})


async def test_the_word_itself_is_taken_away_by_two(database: Database) -> None:
    """Neither the workspace's policy nor a project's first or own one lets one person alone off the second."""
    team = await two_of(database)
    await team.policy(BOB, second="no")
    await team.policy(BOB, "p", second="no", quorum="0")
    assert (await team.quorum(), await team.quorum("p")) == ((1, True), (1, True))
    assert await team.agree(ADMIN, await team.waiting("p")) == ""
    assert await team.quorum("p") == (0, False)
    await team.policy(BOB, "p", quorum="5")
    assert await team.quorum("p") == (0, False)
    assert await team.agree(ADMIN, await team.waiting()) == ""
    assert await team.policy(BOB, quorum="2") == "policy.shown"
    assert await team.quorum() == (2, False)


async def test_it_is_refused_taken_back_overtaken_and_over(database: Database) -> None:
    """Each end is told in the message, is written down, and changes nothing; a newer change takes an older one's place."""
    team = await two_of(database)
    await team.policy(BOB, quorum="3")
    await team.wants(ADMIN, intents.RefusePolicy(str((await team.waiting()).id)))
    await team.policy(BOB, quorum="4")
    await team.wants(BOB, intents.RefusePolicy(str((await team.waiting()).id)))
    await team.policy(BOB, quorum="5")
    first = await team.waiting()
    await team.policy(BOB, quorum="6")
    assert await team.agree(ADMIN, first) == "ended"
    last = await team.waiting()
    team.world.clock.forward(TERM)
    assert await team.agree(ADMIN, last) == "ended"
    lane = Changing(database, team.world.clock)
    assert [one.id for one in await lane.claim(9)] == [last.id]
    assert await lane.claim(9) == []
    assert await lane.next_due() is None
    assert await team.quorum() == (1, True)
    assert await team.states() == ["made", "refused", "withdrawn", "overtaken", "expired"]
    assert team.world.team is not None
    async with database.reading() as session:
        trail = await audit.trail(session, team.world.team.id, limit=20)
    ends = [event.action for event in reversed(trail) if event.action != "policy.asked"]
    assert ends[2:] == ["policy.refused", "policy.withdrawn", "policy.overtaken", "policy.expired"]


async def test_it_is_made_of_what_was_shown_or_not_at_all(database: Database) -> None:
    """A policy that changed in between is not overwritten by a change that was asked for before."""
    team = await two_of(database)
    await team.policy(BOB, "p", quorum="3")
    change = await team.waiting("p")
    await team.policy(BOB, quorum="4")
    assert await team.agree(ADMIN, await team.waiting()) == ""
    assert await team.agree(ADMIN, change) == "overtaken"
    assert await team.quorum("p") == (4, True)


@pytest.mark.parametrize("standing", [Standing.DEACTIVATED, Standing.GUEST])
async def test_who_asked_must_still_be_such_as_may(database: Database, standing: Standing) -> None:
    """Two people make a change, so one whose asker has left is not made; nor where Slack does not tell."""
    team = await two_of(database)
    await team.policy(BOB, quorum="3")
    team.world.people.known[BOB] = Person(BOB, standing)
    assert await team.agree(ADMIN, await team.waiting()) == "asker_may_not"
    assert await team.quorum() == (1, True)


async def test_a_change_is_the_teams_own(database: Database) -> None:
    """A click on another team's change finds nothing, and one typed where nobody else reads is refused."""
    team = await two_of(database)
    await team.policy(BOB, quorum="3")
    change = await team.waiting()
    team.world.slack_team = "T2"
    assert await team.agree(ADMIN, change) == "unknown"
    team.world.slack_team = "T1"
    assert (await team.waiting()).state is ChangeState.WAITING


async def test_a_click_that_is_carried_out_twice_changes_once(database: Database) -> None:
    """Killed before its commit the click is carried out anew, and after it never again; two clicks at once make it once."""
    team = await two_of(database)
    await team.policy(BOB, quorum="3")
    change = await team.waiting()
    await team.world.deliver(ADMIN, intents.AgreePolicy(str(change.id)))
    await team.world.life.intents.claim(9)  # and dies with it
    await team.world.restart()
    await team.world.work()
    assert await team.quorum() == (3, True)
    await team.world.restart()
    team.world.clock.forward(timedelta(minutes=5))
    await team.world.work()
    assert team.world.team is not None
    async with database.reading() as session:
        trail = await audit.trail(session, team.world.team.id, limit=30)
    assert [event.action for event in trail].count("policy.set") == 3
