"""Faults that the engine once had, each played again: late runs, tags that move in between, answers that are lost."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bot.core import intents
from storage.database import Database
from storage.ledger import inbox, leases
from storage.records import Release, ReleaseReason, ReleaseState, StartBy
from tests.releases.fake_forge import Code
from tests.releases.kit import ADMIN, ALICE, BOB, World

S = ReleaseState
OTHER = "b" * 40


async def asked(world: World, *starts: StartBy) -> tuple[Code, Release]:
    """Ask for a release of a new project, until people are asked."""
    code = await world.project("p", *starts)
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", ""))
    await world.rest(lambda release: release.state is S.AWAITING_APPROVAL, "p")
    return code, await newest(world)


async def newest(world: World) -> Release:
    """Return the release as it is now."""
    found = await world.newest("p")
    assert found is not None
    return found


async def approve(world: World, release: Release) -> None:
    """Let Bob approve."""
    await world.deliver(BOB, intents.Approve(str(release.id), release.round))


def steps(world: World, release: Release) -> list[str]:
    """Return the steps that the timeline tells."""
    (root,) = world.slack.roots(str(release.id))
    return [str(line["step"]) for line in world.slack.lines(root)]


async def test_a_run_that_comes_late_is_followed(database: Database) -> None:
    """A workflow that was started with a lost answer, and whose run comes after it was given up, is not started again by a retry."""
    world = World(database)
    code, release = await asked(world, StartBy.DISPATCH)
    world.forge.lost["dispatch"] = True
    await approve(world, release)
    await world.rest(lambda found: found.state is S.TAGGING, "p")
    while (await newest(world)).state is S.TAGGING:
        for run in code.runs:
            run.seen = False
        world.clock.forward(timedelta(minutes=1))
        await world.work()
    assert (await newest(world)).reason is ReleaseReason.START_LOST
    code.runs[0].seen = True
    await world.deliver(ALICE, intents.RetryRelease(release_id=str(release.id)))
    await world.rest()
    assert (await newest(world)).state is S.PUBLISHED
    assert world.forge.count("dispatch", "acme/p") == 1


@pytest.mark.parametrize("start", [StartBy.DISPATCH, StartBy.RELEASE])
async def test_a_tag_that_moves_before_the_start(start: StartBy, database: Database) -> None:
    """A tag that somebody moves after it was looked at, however long before the start, stops the start."""
    world = World(database)
    code, release = await asked(world, start)
    await approve(world, release)
    while "v1.0.0" not in code.tags:
        await world.life.work_once(await world.life.dues(), world.checked)
    code.tags["v1.0.0"] = OTHER
    world.clock.forward(timedelta(days=2))
    await world.restart()
    await world.rest()
    assert (await newest(world)).reason is ReleaseReason.TAG_ELSEWHERE
    assert [act.kind for act in world.forge.acts] == ["tag"]


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_approval_of_an_environment_is_told_once(arrives: bool, database: Database) -> None:
    """An approval of the waiting environment of which the answer was lost is told once, whether it arrived or not."""
    world = World(database)
    _, release = await asked(world, StartBy.PUSH)
    world.forge.lost["approve"] = arrives
    await approve(world, release)
    await world.rest()
    assert (await newest(world)).state is S.PUBLISHED
    assert steps(world, release).count("deployment_approved") == 1
    assert "run_waits" not in steps(world, release)
    assert world.forge.count("deployment", "acme/p") == 1


async def test_a_freeze_is_not_passed_by_retrying(database: Database) -> None:
    """What a freeze has voided after it had acted stays blocked, however often somebody retries, quorum or no quorum."""
    world = World(database)
    code, release = await asked(world, StartBy.PUSH)
    code.failures = 1
    await approve(world, release)
    await world.rest(lambda found: found.state is S.FAILED, "p")
    await world.deliver(ADMIN, intents.SetPolicy("", {"quorum": "0"}))
    await world.deliver(ADMIN, intents.SetFreeze("", None, None, "Holidays"))
    for _ in range(3):
        await world.deliver(ALICE, intents.RetryRelease(release_id=str(release.id)))
        await world.rest()
        assert (await newest(world)).reason is ReleaseReason.BLOCKED
    assert world.forge.count("rerun", "acme/p") == 0


async def test_broken_glass_outlives_another_vote(database: Database) -> None:
    """Where the glass was broken, an approval that is taken back takes nothing away."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await world.deliver(ADMIN, intents.SetPolicy("", {"quorum": "2"}))
    await world.work()
    later = world.clock() + timedelta(hours=2)
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", "", act_at=later))
    await world.rest(lambda found: found.state is S.AWAITING_APPROVAL, "p")
    release = await newest(world)
    await approve(world, release)
    await world.deliver(ADMIN, intents.BreakGlass(str(release.id), release.round, "It burns."))
    await world.work()
    await world.deliver(BOB, intents.Withdraw(str(release.id), release.round))
    await world.work()
    assert (await newest(world)).state is S.APPROVED
    await world.rest()
    assert (await newest(world)).state is S.PUBLISHED


async def test_a_lost_claim_is_no_fault(database: Database) -> None:
    """Who was taken for dead in the midst of a step writes nothing of it, and that is no fault of the release's."""
    world = World(database)
    _, release = await asked(world, StartBy.PUSH)
    await approve(world, release)
    for item in await world.life.intents.claim(1):
        await world.life.intents.carry_out(item)
    slow = world.life.releases
    (claimed,) = await slow.claim(1)
    async with database.transaction() as session:
        await leases.give_back(session, slow.hands.owner, world.clock())
    before = await newest(world)
    with capture_logs() as logged:
        await slow.advance(claimed)
    assert [one["event"] for one in logged if one["log_level"] != "debug"] == ["claim lost"]
    assert await newest(world) == before
    world.clock.forward(timedelta(seconds=1))
    await world.rest()
    assert (await newest(world)).state is S.PUBLISHED


async def test_a_database_that_is_away_is_no_fault_of_an_intent(database: Database) -> None:
    """It is neither postponed nor counted towards being given up: whoever took it hears that the database was away."""

    def away() -> datetime:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))

    world = World(database)
    await world.deliver(ALICE, intents.ListPublishers())
    (item,) = await world.life.intents.claim(1)
    with pytest.raises(OperationalError):
        await replace(world.life.intents, clock=away).carry_out(replace(item, attempts=99))
    async with world.database.reading() as session:
        assert await inbox.counts(session) == {"waiting": 1}
    await world.life.intents.carry_out(item)
    async with world.database.reading() as session:
        assert await inbox.counts(session) == {"done": 1}
