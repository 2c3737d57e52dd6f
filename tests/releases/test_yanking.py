"""Yanks on the real workflows: killed at every await the same end and words, and what people do on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.core import intents
from bot.core.outcomes import Present, SimpleOutcome
from bot.core.yanking import WAITS
from storage.database import Database
from storage.ledger import audit
from storage.records import Release, ReleaseKind, ReleaseReason, ReleaseState
from tests.conftest import part
from tests.releases.dying import Killed, Points, around
from tests.releases.fakes import FakeIndex, Upload
from tests.releases.kit import ALICE, BASE, BOB, World

S = ReleaseState


@dataclass
class YankingIndex(FakeIndex):
    """An index on whose page people yank."""

    yanked: set[str] = field(default_factory=set)
    """Projects of which everything is yanked."""

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Return the files, yanked or not."""
        found = await super().simple(index, project, etag)
        if not isinstance(found, Present) or project not in self.yanked:
            return found
        return replace(found, files=tuple(replace(file, yanked="broken") for file in found.files))


def world_on(database: Database) -> tuple[World, YankingIndex]:
    """Return a world whose index can be yanked on."""
    world = World(database)
    index = YankingIndex(world.clock)
    world.parts = replace(world.parts, index=index)
    world.life = world.born(world.parts)
    return world, index


async def asked(world: World, index: YankingIndex, name: str) -> Release:
    """Ask for the yank of a version that is there, and wait until people are asked."""
    await world.project(name)
    index.uploads.append(Upload(name, f"acme/{name}", "v1.0.0", "a" * 40, stage=4))
    await world.deliver(ALICE, intents.AskYank(name, "v1.0.0", "It deletes everything."))
    return await until(world, name, S.AWAITING_APPROVAL)


async def until(world: World, name: str, state: ReleaseState) -> Release:
    """Let time pass until the yank stands there."""
    await world.rest(lambda release: release.state is state, name)
    found = await world.newest(name)
    assert found is not None
    assert found.state is state
    return found


async def lived(world: World, go_on: Callable[[], object], name: str, state: ReleaseState) -> None:
    """Live until then; who dies on the way is born again, without what stood around it."""
    go_on()
    try:
        await until(world, name, state)
    except Killed:
        await world.restart()
        await until(world, name, state)


async def played(world: World, index: YankingIndex, name: str, points: Points) -> list[tuple[str, bool]]:
    """Play a yank from its approval to its end, dying at the fatal point; returns its lines, and which are shown to all."""
    yank = await asked(world, index, name)
    await world.work()
    await world.restart(around(world.parts, points, speech=False))
    await world.deliver(BOB, intents.Approve(str(yank.id), yank.round))
    await lived(world, lambda: None, name, S.VERIFYING)
    await lived(world, lambda: index.yanked.add(name), name, S.YANKED)
    await world.restart()
    await world.rest()
    (root,) = world.slack.roots(str(yank.id))
    assert (root.facts["state"], root.facts["kind"]) == ("yanked", "yank")
    below = [one for one in world.slack.messages if one.thread == root.ts]
    steps = [line["step"] for line in world.slack.lines(root)]
    return [(step, any(one.broadcast and one.facts.get("step") == step for one in below)) for step in steps]


async def test_killed_at_every_point(database: Database) -> None:
    """Wherever the process dies, the yank ends as if it had not, with the same words, and nothing is tagged or run."""
    world, index = world_on(database)
    points = Points()
    wanted = await played(world, index, "p0", points)
    assert wanted == [
        ("asked", False), ("shown", False), ("approved", False), ("quorum", False), ("yank_page", False), ("yanked", True),
    ]  # fmt: skip
    wrong = {}
    # Between these nothing was written or asked, so whoever comes after can't tell the points apart.
    telling = [at for at, name in enumerate(points.names) if "commit" in name or "index" in name]
    for fatal in part(telling, 4 if database.is_sqlite else 11):
        found = await played(world, index, f"p{fatal + 1}", Points(fatal))
        if found != wanted:
            wrong[f"{fatal} {points.names[fatal]}"] = found
    assert not wrong
    assert world.forge.acts == []
    assert not world.slack.doubled()


async def test_what_nobody_does_is_asked_for_again(database: Database) -> None:
    """After a day it has failed as not done; another look gives the page anew, without new approvals, and sees it done."""
    world, index = world_on(database)
    yank = await asked(world, index, "p")
    await world.deliver(BOB, intents.Approve(str(yank.id), yank.round))
    await until(world, "p", S.VERIFYING)
    world.clock.forward(BASE * WAITS)
    failed = await until(world, "p", S.FAILED)
    assert failed.reason is ReleaseReason.NOT_YANKED
    index.yanked.add("p")
    await world.deliver(ALICE, intents.RetryRelease("p", "1.0.0"))
    done = await until(world, "p", S.YANKED)
    assert done.round == yank.round
    await world.rest()
    (root,) = world.slack.roots(str(yank.id))
    steps = [line["step"] for line in world.slack.lines(root)]
    assert steps[-4:] == ["failed", "retried", "yank_page", "yanked"]


async def test_it_is_written_down_as_a_yank(database: Database) -> None:
    """The audit trail tells who asked for it and why, who approved, and each state, never as a release."""
    world, index = world_on(database)
    yank = await asked(world, index, "p")
    index.yanked.add("p")
    await world.deliver(BOB, intents.Reject(str(yank.id), yank.round, "It is fine."))
    await world.work()
    async with database.reading() as session:
        trail = await audit.trail(session, yank.team_id, limit=20)
    assert [event.action for event in reversed(trail)] == [
        "yank.requested", "yank.awaiting_approval", "yank.rejected", "yank.vote.rejected",
    ]  # fmt: skip
    assert trail[-1].detail["reason"] == "It deletes everything."
    assert yank.kind is ReleaseKind.YANK
