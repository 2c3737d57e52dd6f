"""The gate: who may what, by the policy that holds when it is done."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bot.core import intents
from bot.core.people import Person, Standing
from bot.workflow.gate import read_policies
from storage.database import Database
from storage.ledger import audit
from storage.records import CredentialKind, Registration, ReleaseState, StartBy
from tests.releases.kit import ALICE, World
from tests.releases.test_attacks import approve, asked, now, stands

GROUP, NAMED = "S0123456", "U0123456"
BOB, CAROL, DANA, ADMIN = "U0B", "U0C", "U0D", "U0A"


@dataclass
class Team:
    """A world in which people want things of one team."""

    world: World

    async def wants(self, who: str, intent: intents.Intent) -> tuple[str, dict[str, Any]]:
        """Want something, and return what that person hears."""
        before = len(self.world.slack.whispers)
        await self.world.deliver(who, intent)
        await self.world.work()
        heard = self.world.slack.whispers[before:]
        return (heard[-1][1], heard[-1][2]) if heard else ("", {})

    async def policy(self, who: str = ADMIN, project: str = "", **changes: str) -> str:
        """Set a policy; returns the kind of the answer."""
        return (await self.wants(who, intents.SetPolicy(project, changes)))[0]


async def team_of(database: Database) -> Team:
    """Return a team with one project."""
    world = World(database)
    world.people.known |= {
        name: Person(name, Standing.MEMBER, name == ADMIN) for name in (BOB, CAROL, DANA, ADMIN)
    }
    await world.project("p", StartBy.PUSH)
    return Team(world)


ID = str(UUID(int=9))
WANTED = Registration("pypi", "q", "acme", "q", "release.yml", "pypi")


@pytest.mark.parametrize(
    ("role", "intent"),
    [
        ("publishers", intents.AddPublisher(WANTED, "C1")),
        ("publishers", intents.RemovePublisher("p", "pypi")),
        ("publishers", intents.TakeOver(ID)),
        ("importers", intents.ImportOwner("acme", "pypi")),
        ("keepers", intents.EnterCredential(ID, "pypi", "", CredentialKind.API_TOKEN)),
        ("keepers", intents.RevokeCredential(ID)),
        ("askers", intents.AskRelease("p", "1.0.0", "")),
        ("yankers", intents.AskYank("p", "1.0.0", "broken")),
        ("overriders", intents.AskRelease("p", "1.0.0", "", override="fire")),
        ("overriders", intents.LiftFreeze("p")),
        ("auditors", intents.ShowAudit("")),
    ],
)
async def test_a_role_is_for_whom_it_names(database: Database, role: str, intent: intents.Intent) -> None:
    """Whoever is not named is told who is, and nothing is done; whoever is named, alone or by group, gets on."""
    team = await team_of(database)
    team.world.people.groups[GROUP] = frozenset({BOB})
    assert await team.policy(**{role: f"<!subteam^{GROUP}>,<@{NAMED}>"}) == "policy.shown"
    kind, facts = await team.wants(ALICE, intent)
    silent = isinstance(intent, intents.EnterCredential)
    if not silent:
        assert (kind, facts["why"], facts["who"]) == ("not_allowed", "not_named", [GROUP, NAMED])
    assert await team.world.newest("p") is None
    async with database.reading() as session:
        assert team.world.team is not None
        trail = await audit.trail(session, team.world.team.id, limit=9)
    assert [event.action for event in trail if event.actor != "shipbell"] == ["policy.set"]
    kind, _ = await team.wants(BOB, intent)
    assert kind != "not_allowed"
    team.world.people.silent = True
    kind, facts = await team.wants(BOB, intent)
    assert silent or (kind, facts["why"]) == ("not_allowed", "cannot_tell")


@pytest.mark.parametrize(
    "intent",
    [
        intents.ListPublishers(), intents.CheckPublisher("p", "pypi"), intents.ShowCredentials("v", "pypi"),
        intents.ShowReleases("p"), intents.ShowTold(), intents.ShowPolicy("p"),
    ],
)  # fmt: skip
async def test_what_a_team_has_is_shown_to_its_own_people_alone(
    database: Database, intent: intents.Intent
) -> None:
    """Who meets the bot in a channel shared with another workspace is shown nothing of it, though guests are."""
    team = await team_of(database)
    for standing in (Standing.STRANGER, Standing.BOT, Standing.DEACTIVATED):
        team.world.people.known["U0X"] = Person("U0X", standing)
        kind, facts = await team.wants("U0X", intent)
        why = facts["why"]["why"] if kind == "dialog.shut" else facts["why"]
        assert (kind in {"not_allowed", "dialog.shut"}, why) == (True, standing.value)
    team.world.people.known["U0X"] = Person("U0X", Standing.GUEST)
    assert (await team.wants("U0X", intent))[0] not in {"not_allowed", ""}


async def test_named_people_set_the_policy_and_admins_always_may(database: Database) -> None:
    """Setters may beside the admins; where all who are named have left, an admin still sets them anew."""
    team = await team_of(database)
    assert await team.policy(BOB, quorum="2") == "not_allowed"
    assert await team.policy(setters=f"<@{BOB}>") == "policy.shown"
    assert await team.policy(BOB, quorum="2") == "policy.shown"
    assert await team.policy(ALICE, quorum="0") == "not_allowed"
    assert await team.policy(BOB, "p", setters=f"<@{CAROL}>") == "policy.shown"
    assert await team.policy(CAROL, "p", quorum="3") == "policy.shown"
    assert await team.policy(CAROL, quorum="0") == "not_allowed"
    assert await team.policy(CAROL, "p", auditors=f"<@{CAROL}>") == "policy.refused"
    for who in (BOB, CAROL):
        team.world.people.known[who] = Person(who, Standing.DEACTIVATED)
    assert await team.policy(CAROL, "p", quorum="0") == "not_allowed"
    assert await team.policy(ADMIN, "p", setters="admins") == "policy.shown"
    assert (await team.wants(ADMIN, intents.ShowAudit("")))[0] == "audit.shown"


async def test_a_denial_in_between_holds(database: Database) -> None:
    """What the policy forbids when it is done is not done, though it was allowed when it was looked up."""
    team = await team_of(database)
    world = team.world
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", ""))
    (item,) = await world.life.intents.claim(1)
    asker, _ = await world.life.intents._before(item, intents.AskRelease("p", "1.0.0", ""))
    assert asker.refused is None
    await team.policy(askers=f"<@{BOB}>,<!subteam^{GROUP}>")
    async with database.transaction() as session:
        no = await world.life.intents.gate.refuses(session, item, intents.AskRelease("p", "1.0.0", ""), asker)
    assert no is not None
    # Nobody has looked the group up, so nobody knows whether it holds her.
    assert no.why == "cannot_tell"


async def test_a_release_under_way_keeps_the_policy_it_was_asked_under(database: Database) -> None:
    """A looser policy changes nothing for it, for votes, glass and cancelling alike; a stricter one holds at once."""
    team = await team_of(database)
    world = team.world
    await team.policy(quorum="2", steerers=f"<@{BOB}>", glass=f"<@{CAROL}>")
    first = await asked(world, "p")
    await team.policy(quorum="1", steerers="everybody", glass=f"<@{CAROL}>,<@{DANA}>")
    assert (await team.wants(DANA, intents.CancelRelease("p", "1.0.0")))[0] == "not_allowed"
    kind, facts = await team.wants(DANA, intents.BreakGlass(str(first.id), first.round, "fire"))
    assert (kind, facts["why"]) == ("release.not_counted", "not_approver")
    await approve(world, first, BOB)
    await world.work()
    assert (await now(world, "p")).state is ReleaseState.AWAITING_APPROVAL
    await team.policy(steerers=f"<@{ADMIN}>")
    # On both lists is nobody now but whoever asked.
    for who in (BOB, ADMIN):
        assert (await team.wants(who, intents.CancelRelease("p", "1.0.0")))[0] == "not_allowed"
    await approve(world, first, CAROL)
    await world.rest(stands(ReleaseState.PUBLISHED), "p")


async def test_by_what_it_was_asked_is_written_down(database: Database) -> None:
    """The trail says for each thing a person did by which of Slack's ways it was asked."""
    team = await team_of(database)
    await team.world.deliver(ADMIN, intents.SetPolicy("", {"quorum": "2"}), origin="command /shipbell")
    await team.world.work()
    assert team.world.team is not None
    async with database.reading() as session:
        (event,) = await audit.trail(session, team.world.team.id, limit=1)
    assert event.detail["via"] == "command /shipbell"
    assert event.detail["changes"] == {"quorum": [1, 2]}


async def test_a_shorter_term_holds_for_a_release_under_way(database: Database) -> None:
    """Where the policy gives people less time by now, a vote after that comes too late, and the request ends; more time gives none."""
    team = await team_of(database)
    world = team.world
    await team.policy(expires="2h")
    first = await asked(world, "p")
    await team.policy(expires="1h")
    await team.policy(expires="30d")
    world.clock.forward(timedelta(minutes=90))
    await team.policy(expires="1h")
    kind, facts = await team.wants(BOB, intents.Approve(str(first.id), first.round))
    assert (kind, facts["heard"], facts["values"]["state"]) == ("release.answer", "too_late", "expired")
    await world.rest(stands(ReleaseState.EXPIRED), "p")


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_environment_is_let_through_only_while_the_policy_lets(database: Database, allowed: bool) -> None:  # fmt: skip
    """What the policy forbids once the run has begun the bot does not do: it tells whom the run waits for."""
    team = await team_of(database)
    world = team.world
    await approve(world, await asked(world, "p"), BOB)
    await world.rest(stands(ReleaseState.BUILDING), "p")
    assert [act for act in world.forge.acts if act.kind == "deployment"] == []
    await team.policy(deployments="yes" if allowed else "no")
    await world.rest(lambda release: release.state is ReleaseState.PUBLISHED or bool(release.progress.get("waits_for")), "p")  # fmt: skip
    assert bool([act for act in world.forge.acts if act.kind == "deployment"]) is allowed


async def test_two_changes_at_once_are_both_made(database: Database) -> None:
    """Of two people who change different words in the same moment, through two processes, neither loses the other's."""
    team = await team_of(database)
    world = team.world
    await team.policy(setters=f"<@{BOB}>")
    await world.deliver(BOB, intents.SetPolicy("", {"quorum": "3"}))
    await world.deliver(ADMIN, intents.SetPolicy("", {"expires": "2h"}))
    lives = [world.born(world.parts).intents for _ in range(2)]
    items = await lives[0].claim(9)
    assert len(items) == 2
    await asyncio.gather(*(life.carry_out(item) for life, item in zip(lives, items, strict=True)))
    assert world.team is not None
    async with database.reading() as session:
        policy, _ = await read_policies(session, world.team.id, "")
    assert policy is not None
    assert (policy.quorum, policy.expires_seconds) == (3, 7_200)
