"""Where a policy says so nobody releases through the bot what that person could not push."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest

from bot.core import intents
from bot.core.approvals import Allowed, Denied, Policy, Refusal, stricter
from bot.core.forge import Nothing, PermissionFacts, PermissionOutcome, Repo, Unsure
from bot.workflow import rights
from bot.workflow.releases import Releases
from storage.database import Database
from storage.ledger import github
from storage.records import GithubLink, Registration, Release, ReleaseState, StartBy
from tests.releases.fakes import BEGIN
from tests.releases.kit import ADMIN, ALICE, BOB, World

S = ReleaseState
TARGET = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")
IDS = {ALICE: 1, BOB: 2, ADMIN: 9}


@dataclass
class FakeRights:
    """Fulfils `ports.Rights`: logins are users' ids."""

    words: dict[str, str] = field(default_factory=dict)
    silent: bool = False

    async def permission(self, repo: Repo, login: str) -> PermissionOutcome:
        """Return what somebody may do; Nothing for who has no part in it."""
        if self.silent:
            return Unsure("GitHub is out of order.")
        word = self.words.get(login) if repo == Repo("acme", "widgets") else None
        return PermissionFacts(IDS[login], login, word) if word else Nothing()


async def world_on(database: Database, found: FakeRights | None) -> World:
    """Return a world with a project of which only who may push releases anything."""
    world = World(database)
    hands = replace(world.life.releases.hands, rights=found)
    life = world.life
    world.life = replace(life, releases=Releases(hands), intents=replace(life.intents, hands=hands))
    await world.project("widgets", StartBy.PUSH)
    await world.deliver(ADMIN, intents.SetPolicy("", {"rights": "yes"}))
    await world.work()
    return world


async def link(world: World, *users: str) -> None:
    """Let people have signed in."""
    assert world.team is not None
    async with world.database.transaction() as session:
        for user in users:
            assert await github.link(session, world.team.id, user, (IDS[user], user), world.clock())


async def ask(world: World, **more: object) -> Release | None:
    """Let Alice ask for a release; None where nothing came of it."""
    await world.deliver(ALICE, replace(intents.AskRelease("widgets", "1.0.0", ""), **more))  # type: ignore[arg-type]  # by name
    await world.work()
    return await world.newest("widgets")


async def approve(world: World, user: str, intent: type[intents.Approve] = intents.Approve) -> ReleaseState:
    """Let somebody approve; returns where the release stands then."""
    release = await world.newest("widgets")
    assert release is not None
    await world.deliver(user, intent(str(release.id), release.round))
    await world.work()
    return (await world.release(release.id)).state


async def test_who_is_not_known_there_asks_for_nothing(database: Database) -> None:
    """Neither who has not signed in, nor who may only read, nor anybody while the forge is silent, begins anything."""
    found = FakeRights({ALICE: "read"})
    world = await world_on(database, found)
    assert await ask(world) is None
    await link(world, ALICE)
    assert await ask(world) is None
    found.words[ALICE], found.silent = "write", True
    assert await ask(world) is None
    found.silent = False
    release = await ask(world)
    assert release is not None
    assert release.state is S.AWAITING_APPROVAL


async def test_who_could_not_push_approves_nothing(database: Database) -> None:
    """An approval counts only of who may push; who may, makes it go through."""
    found = FakeRights({ALICE: "admin"})
    world = await world_on(database, found)
    await link(world, ALICE)
    assert await ask(world) is not None
    assert await approve(world, BOB) is S.AWAITING_APPROVAL
    await link(world, BOB)
    assert await approve(world, BOB) is S.AWAITING_APPROVAL
    found.words[BOB] = "maintain"
    assert await approve(world, BOB) is not S.AWAITING_APPROVAL


async def test_glass_is_broken_by_who_could_push_alone(database: Database) -> None:
    """An admin of the workspace who could not push breaks no glass either."""
    world = await world_on(database, FakeRights({ALICE: "write", ADMIN: "write"}))
    await link(world, ALICE)
    release = await ask(world)
    assert release is not None
    glass = intents.BreakGlass(str(release.id), release.round, "fire")
    await world.deliver(ADMIN, glass)
    await world.work()
    assert (await world.release(release.id)).state is S.AWAITING_APPROVAL
    await link(world, ADMIN)
    await world.deliver(ADMIN, glass)
    await world.work()
    assert (await world.release(release.id)).state is not S.AWAITING_APPROVAL


async def test_rights_are_looked_at_again_before_it_acts(database: Database) -> None:
    """Who may not push any more when the time has come counts no more: the team is asked again."""
    found = FakeRights({ALICE: "write", BOB: "write"})
    world = await world_on(database, found)
    await link(world, ALICE, BOB)
    assert await ask(world, act_at=world.clock() + timedelta(hours=2)) is not None
    assert await approve(world, BOB) is S.APPROVED
    found.words[BOB] = "read"
    world.clock.now += timedelta(hours=2)
    await world.work()
    release = await world.newest("widgets")
    assert release is not None
    assert release.state is S.AWAITING_APPROVAL


async def test_without_a_way_to_tell_nobody_releases(database: Database) -> None:
    """A bot that can't ask the forge refuses, rather than letting everybody."""
    world = await world_on(database, None)
    await link(world, ALICE)
    assert await ask(world) is None


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (PermissionFacts(7, "ada", "admin"), None),
        (PermissionFacts(7, "ada", "maintain"), None),
        (PermissionFacts(7, "ada", "write"), None),
        (PermissionFacts(7, "ada", "read"), Denied.NO_PUSH),
        (PermissionFacts(7, "ada", "triage"), Denied.NO_PUSH),
        (PermissionFacts(7, "ada", "none"), Denied.NO_PUSH),
        (PermissionFacts(8, "ada", "admin"), Denied.NOT_LINKED),
        (Nothing(), Denied.NO_PUSH),
        (Unsure("away"), Denied.RIGHTS_UNKNOWN),
    ],
)
def test_what_a_permission_means(found: PermissionOutcome, why: Denied | None) -> None:
    """Only who may push is allowed; a login that has passed to another account is nobody's."""
    known = GithubLink(UUID(int=1), ALICE, 7, "ada", BEGIN)
    verdict = rights.judged(known, TARGET.slug, found)
    assert (verdict.why if isinstance(verdict, Refusal) else None) is why


def test_what_was_not_looked_at_counts_as_no() -> None:
    """Where the policy wants it, and nobody has looked, the answer is no; else it changes nothing."""
    wanted = Policy(rights=True)
    assert rights.also(wanted, Allowed(), None) == rights.CHANGED
    assert rights.also(wanted, Allowed(), Allowed()) == Allowed()
    assert rights.also(Policy(), Allowed(), Refusal(Denied.NO_PUSH)) == Allowed()
    assert rights.also(wanted, Refusal(Denied.GUEST), Allowed()) == Refusal(Denied.GUEST)
    assert rights.refused(Policy(), None) is None
    assert rights.refused(wanted, None) == rights.CHANGED
    assert rights.refused(Policy(), Refusal(Denied.NO_PUSH)) == Refusal(Denied.NO_PUSH)
    assert stricter(Policy(), wanted).rights
    assert stricter(wanted, Policy()).rights
