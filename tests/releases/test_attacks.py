"""Releases under attack: by who may push, by guests, by who was let go, by an index that lies."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core import intents
from bot.core.outcomes import DownloadOutcome
from bot.core.people import Person, Standing
from bot.workflow import verifying
from bot.workflow.inlet import Wish
from storage.database import Database
from storage.ledger import approvals
from storage.records import Registration, Release, ReleaseReason, ReleaseState, StartBy
from tests.releases.fake_forge import Run
from tests.releases.fakes import FakeIndex
from tests.releases.kit import ADMIN, ALICE, BOB, CAROL, DANA, GUEST, World

OTHER = "b" * 40
"""A commit that nobody has approved."""


def stands(*states: ReleaseState) -> Callable[[Release], bool]:
    """Return whether a release is in one of these states."""
    return lambda release: release.state in states


async def asked(world: World, name: str, **more: Any) -> Release:
    """Ask for a release, until people are asked."""
    await world.deliver(ALICE, intents.AskRelease(name, "1.0.0", "", **more))
    await world.rest(stands(ReleaseState.AWAITING_APPROVAL), name)
    return await now(world, name)


async def now(world: World, name: str) -> Release:
    """Return the project's newest release."""
    found = await world.newest(name)
    assert found is not None
    return found


async def approve(world: World, release: Release, who: str = BOB) -> None:
    """Let somebody approve."""
    await world.deliver(who, intents.Approve(str(release.id), release.round))


def move(world: World, name: str) -> None:
    """Let somebody move the tag, which starts a run."""
    code = world.forge.codes[f"acme/{name}"]
    code.tags["v1.0.0"] = OTHER
    code.runs.append(Run(99, "push", OTHER, "v1.0.0", seen=True))


async def test_old_run_for_new_commit(database: Database) -> None:
    """A run of the commit that was approved before is neither run again nor let through once the tag has moved."""
    world = World(database)
    code = await world.project("p", StartBy.PUSH)
    code.failures = 1
    await approve(world, await asked(world, "p"))
    await world.rest(stands(ReleaseState.FAILED), "p")
    move(world, "p")
    world.forge.acts.clear()
    await world.deliver(ALICE, intents.RetryRelease(release_id=str((await now(world, "p")).id)))
    await world.rest(stands(ReleaseState.AWAITING_APPROVAL), "p")
    again = await now(world, "p")
    assert (again.commit, again.round) == (OTHER, 2)
    await approve(world, again)
    await world.rest(stands(ReleaseState.FAILED, ReleaseState.PUBLISHED), "p")
    assert [act for act in world.forge.acts if act.sha != OTHER] == []


async def test_retry_of_what_is_void(database: Database) -> None:
    """Approvals that are void stay so: neither a blocked release nor another commit goes on by retrying often enough."""
    world = World(database)
    code = await world.project("p", StartBy.PUSH)
    code.failures = 1
    release = await asked(world, "p")
    await approve(world, release)
    await world.rest(stands(ReleaseState.FAILED), "p")
    world.forge.acts.clear()
    await world.deliver(ADMIN, intents.SetFreeze("", None, None, "the building is on fire"))
    for moved in (False, False, True, False):
        if moved:
            move(world, "p")
        await world.deliver(ALICE, intents.RetryRelease(release_id=str(release.id)))
        await world.rest(stands(ReleaseState.FAILED), "p")
        ended = await now(world, "p")
        assert (ended.state, ended.reason) == (ReleaseState.FAILED, ReleaseReason.BLOCKED)
        assert world.forge.acts == []
        async with database.reading() as session:
            assert not await approvals.votes(session, ended)
    await world.deliver(ADMIN, intents.LiftFreeze(""))
    await world.deliver(ALICE, intents.RetryRelease(release_id=str(release.id)))
    await world.rest(stands(ReleaseState.AWAITING_APPROVAL), "p")
    again = await now(world, "p")
    assert (again.commit, again.round) == (OTHER, 2)
    await approve(world, again)
    await world.rest(stands(ReleaseState.PUBLISHED, ReleaseState.FAILED), "p")
    assert (await now(world, "p")).state is ReleaseState.PUBLISHED
    assert {act.sha for act in world.forge.acts} == {OTHER}


async def test_run_of_another_commit(database: Database) -> None:
    """A run that is of another commit than the approved one is never let through, wherever its number came from."""
    world = World(database)
    code = await world.project("p", StartBy.PUSH)
    await approve(world, await asked(world, "p"))
    await world.rest(stands(ReleaseState.BUILDING), "p")
    for run in code.runs:
        run.sha = OTHER
    await world.rest(stands(ReleaseState.FAILED, ReleaseState.PUBLISHED), "p")
    ended = await now(world, "p")
    assert ended.state is ReleaseState.FAILED
    assert world.forge.count("deployment", "acme/p") == 0


async def test_override_before_the_freeze(database: Database) -> None:
    """A reason given before there was a freeze overrides none that comes later unseen: people are asked anew."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    first = await asked(world, "p", override="just in case")
    await world.deliver(ADMIN, intents.SetFreeze("", None, None, "the building is on fire"))
    await world.work()
    await approve(world, first)
    await world.rest(lambda release: release.round > 1 or release.state is ReleaseState.PUBLISHED, "p")
    again = await now(world, "p")
    assert again.state is ReleaseState.AWAITING_APPROVAL
    assert world.forge.acts == []
    await approve(world, again)
    await world.rest(stands(ReleaseState.FAILED, ReleaseState.PUBLISHED), "p")
    assert (await now(world, "p")).state is ReleaseState.PUBLISHED


async def test_guests_neither_cancel_nor_retry(database: Database) -> None:
    """Who is no full member can neither cancel nor retry what somebody else has asked for."""
    world = World(database)
    code = await world.project("p", StartBy.PUSH)
    code.failures = 1
    release = await asked(world, "p")
    await world.deliver(GUEST, intents.CancelRelease(release_id=str(release.id)))
    await world.deliver(GUEST, intents.CancelRelease("p", "1.0.0"))
    await world.work()
    assert (await now(world, "p")).state is ReleaseState.AWAITING_APPROVAL
    await approve(world, release)
    await world.rest(stands(ReleaseState.FAILED), "p")
    await world.deliver(GUEST, intents.RetryRelease(release_id=str(release.id)))
    await world.deliver("U-nobody-knows", intents.RetryRelease(release_id=str(release.id)))
    await world.work()
    assert (await now(world, "p")).state is ReleaseState.FAILED
    kinds = [kind for user, kind, _facts in world.slack.whispers if user == GUEST]
    assert kinds == ["not_allowed"] * 3


async def test_who_asked_may_cancel_though_a_guest(database: Database) -> None:
    """Who has become a guest may still take back what he asked for himself."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await world.deliver(DANA, intents.AskRelease("p", "1.0.0", ""))
    await world.rest(stands(ReleaseState.AWAITING_APPROVAL), "p")
    world.people.known[DANA] = Person(DANA, Standing.GUEST)
    await world.deliver(DANA, intents.CancelRelease("p", "1.0.0"))
    await world.work()
    assert (await now(world, "p")).state is ReleaseState.CANCELLED


async def test_guests_release_nothing_alone(database: Database) -> None:
    """A guest asks for no release, whether or not an approval is wanted."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await world.deliver(ADMIN, intents.SetPolicy("", {"quorum": "0"}))
    await world.work()
    await world.deliver(GUEST, intents.AskRelease("p", "1.0.0", ""))
    await world.rest(stands(ReleaseState.PUBLISHED, ReleaseState.FAILED), "p")
    assert world.forge.acts == []


async def test_broken_glass_of_who_has_left(database: Database) -> None:
    """Glass that was broken for later does not count once who broke it may no more."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    at = world.clock() + timedelta(days=3)
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", "", act_at=at))
    await world.rest(stands(ReleaseState.AWAITING_APPROVAL), "p")
    release = await now(world, "p")
    await world.deliver(ADMIN, intents.BreakGlass(str(release.id), release.round, "Now!"))
    await world.work()
    assert (await now(world, "p")).state is ReleaseState.APPROVED
    world.people.known[ADMIN] = Person(ADMIN, Standing.DEACTIVATED)
    await world.rest(lambda found: found.state is not ReleaseState.APPROVED, "p")
    assert (await now(world, "p")).state is ReleaseState.AWAITING_APPROVAL
    assert world.forge.acts == []


async def test_deployments_that_an_admin_keeps_to_people(database: Database) -> None:
    """A policy that forbids the bot to approve environments holds for a release that waits already."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    release = await asked(world, "p")
    await world.deliver(ADMIN, intents.SetPolicy("", {"deployments": "no"}))
    await approve(world, release)
    await world.rest(stands(ReleaseState.BUILDING), "p")
    for _ in range(20):
        world.forge.advance()
        world.clock.forward(timedelta(minutes=5))
        await world.work()
    assert world.forge.count("deployment", "acme/p") == 0


async def test_a_slow_index_keeps_no_place(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that never ends an answer costs one step a bounded time, and what it gave is kept."""
    monkeypatch.setattr(verifying, "SECONDS", 0.01)
    world = World(database)
    await world.project("p", StartBy.PUSH)

    class Endless(FakeIndex):
        async def download(self, index: str, url: str) -> DownloadOutcome:
            await asyncio.Event().wait()
            raise AssertionError(index, url)

    slow = Endless(world.clock, world.index.uploads)
    await world.restart(replace(world.parts, index=slow))
    await approve(world, await asked(world, "p"))
    await world.rest(stands(ReleaseState.PUBLISHED, ReleaseState.FAILED), "p")
    ended = await now(world, "p")
    assert (ended.state, ended.reason) == (ReleaseState.PUBLISHED, ReleaseReason.NOT_VERIFIED)


async def test_another_team_touches_nothing(database: Database) -> None:
    """With the ids of another team's releases nobody decides, cancels, retries, or learns anything of them."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    release = await asked(world, "p", notes="A secret of ours")
    name, number = str(release.id), release.round
    for intent in (
        intents.Approve(name, number),
        intents.Reject(name, number, "Ha!"),
        intents.Withdraw(name, number),
        intents.BreakGlass(name, number, "Ha!"),
        intents.CancelRelease(release_id=name),
        intents.RetryRelease(release_id=name),
        intents.CancelRelease("p", "1.0.0"),
        intents.SetPolicy("p", {"quorum": "0"}),
        intents.SetFreeze("p", None, None, "Ha!"),
        intents.ShowReleases("p"),
        intents.AskRelease("p", "2.0.0", ""),
    ):
        await world.inlet.put(Wish("T2", "", f"evil {intent}", ADMIN, "C1", intent))
    await world.work()
    assert await world.release(release.id) == release
    assert await now(world, "p") == release
    assert not world.forge.acts
    assert "secret" not in repr([facts for user, _kind, facts in world.slack.whispers if user == ADMIN])
    await approve(world, release)
    await world.rest(stands(ReleaseState.PUBLISHED, ReleaseState.FAILED), "p")
    assert (await now(world, "p")).state is ReleaseState.PUBLISHED


async def test_another_name_for_the_same_environment(database: Database) -> None:
    """Nobody comes past a project's policy by registering its repository and environment under another name."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await world.deliver(ADMIN, intents.SetPolicy("p", {"quorum": "2"}))
    other = Registration("pypi", "q", "acme", "p", "release.yml", "PyPI")
    await world.deliver(ALICE, intents.AddPublisher(other, "C-q"))
    await world.work()
    first = await asked(world, "q")
    await approve(world, first, BOB)
    await world.work()
    assert (await now(world, "q")).state is ReleaseState.AWAITING_APPROVAL
    await approve(world, first, CAROL)
    await world.rest(stands(ReleaseState.PUBLISHED, ReleaseState.FAILED), "q")
    assert world.forge.count("deployment", "acme/p") == 1
