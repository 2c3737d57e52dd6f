"""Killed at every await of the act phase, found by instrumenting the engine: the same end, the same acts, the same words.

Points between which nothing was written or done are the same to whoever comes after: of each such row the last is tried. How a run is followed and what is said is the same for every way that it was started, so these points
are tried for one.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from uuid import UUID

import pytest

from bot.core import intents
from bot.core.lifecycle import UNDER_WAY
from storage.database import Database
from storage.records import Release, ReleaseState, StartBy
from tests.conftest import part
from tests.releases.dying import Killed, Points, around
from tests.releases.fake_forge import Act
from tests.releases.kit import ALICE, BOB, World

WAYS: dict[str, tuple[StartBy, int]] = {
    "push": (StartBy.PUSH, 0),
    "release": (StartBy.RELEASE, 0),
    "dispatch": (StartBy.DISPATCH, 0),
    "a failed run, tried again": (StartBy.PUSH, 1),
    "uploaded": (StartBy.PUSH, 0),
    "what is said": (StartBy.PUSH, 0),
}
PARTS = {
    "release": ("after forge.make_tag", "before forge.jobs"),
    "dispatch": ("after forge.make_tag", "before forge.jobs"),
    "a failed run, tried again": ("after forge.log_tail", "after forge.rerun", "before forge.jobs"),
    "uploaded": ("after forge.jobs", "before forge.save_artifact", "before index.version"),
}
"""From where to where a way differs from the first one, which is looked at from the first click to the end."""
UPLOADED = "uploaded"
"""The way that the bot publishes itself."""
SPEECH = "what is said"
"""The way whose messages are said while it goes on; else they are said at the end."""
LOST_START = "before forge.dispatch"
EFFECTS = ("make_", "dispatch", "approve", "rerun", "upload", "commit")


def telling(points: Points, way: str) -> list[int]:
    """Return the points that differ for whoever comes after: the last before each effect, and the very last."""
    if way == SPEECH:
        # One of each kind of message: new or edited, in the channel or its thread, shown in the channel too.
        return sorted({name: at for at, name in enumerate(points.names) if "slack" in name}.values())
    passed = [0]
    for name in PARTS.get(way, ("the end",)):
        passed.append(points.names.index(name, passed[-1]))
    first, end = passed[1 if way in PARTS else 0], passed[-1]
    effects = [at for at, name in enumerate(points.names) if _is_effect(name) and first <= at < end]
    return [*effects, end]


def _is_effect(name: str) -> bool:
    return name.startswith("before") and name.rpartition(".")[2].startswith(EFFECTS)


@dataclass(frozen=True)
class Told:
    """What a release has come to, as far as it must not depend on who died on the way."""

    state: ReleaseState
    verified: bool
    acts: list[tuple[str, str, str]]
    runs: list[tuple[str, int]]
    sent: list[str]
    roots: list[tuple[str, str]]
    lines: list[str]
    broadcasts: list[str]
    answers: list[str]


async def played(world: World, number: int, way: str, points: Points) -> Told:
    """Play one release from its last approval to its end, dying at the fatal point."""
    start, failures = WAYS[way]
    name = f"p{number}"
    code = await (world.uploaded if way == UPLOADED else world.project)(name, start)
    code.failures = failures
    await world.deliver(ALICE, intents.AskRelease(name, "1.0.0", "", notes="First."))
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, name)
    await world.work()
    release = await world.newest(name)
    assert release is not None
    heard = len(world.slack.whispers)
    await world.restart(around(world.parts, points, speech=way == SPEECH))
    await world.deliver(BOB, intents.Approve(str(release.id), release.round))
    await lived(world, name, over)
    if (await world.release(release.id)).state is ReleaseState.FAILED:
        # Somebody asks for another try, once, whether the process dies before, while or after it is heard.
        await world.deliver(ALICE, intents.RetryRelease(release_id=str(release.id)))
        await lived(world, name, lambda found: found.state is ReleaseState.PUBLISHED)
    points.names.append("the end")
    await world.restart()
    await world.rest()
    return await told(world, name, release.id, heard)


def over(release: Release) -> bool:
    """Whether a release has come to an end, for now."""
    return release.state not in UNDER_WAY


async def lived(world: World, name: str, until: Callable[[Release], bool]) -> None:
    """Live until then; who dies on the way is born again, without what stood around it."""
    try:
        await world.rest(until, name)
    except Killed:
        spoke = world.life.outbox is not None
        await world.restart(world.parts if spoke else replace(world.parts, notifier=None))
        await world.rest(until, name)


async def told(world: World, name: str, release_id: UUID, heard: int) -> Told:
    """Return what the release has come to."""
    release = await world.release(release_id)
    roots = world.slack.roots(str(release_id))
    slug = f"acme/{name}"
    thread = world.slack.lines(roots[0])
    below = [one for one in world.slack.messages if one.thread == roots[0].ts]
    return Told(
        state=release.state,
        verified=not release.detail,
        acts=[_without(act) for act in world.forge.acts if act.slug == slug],
        runs=[(run.event, run.attempt) for run in world.forge.codes[slug].runs],
        sent=[file.removeprefix(name) for file, _ in world.index.arrived if file.startswith(f"{name}-")],
        roots=[(one.facts["state"], one.facts["reason"]) for one in roots],
        lines=[line["step"] for line in thread],
        broadcasts=[one.facts["step"] for one in below if one.broadcast],
        # What one person hears can't be looked up: after a death it may come twice, which does no harm.
        answers=list(dict.fromkeys(facts["heard"] for _user, _kind, facts in world.slack.whispers[heard:])),
    )


def differing(found: Told, wanted: Told) -> dict[str, object]:
    """Return in what a release has come to something else than it should."""
    return {
        one.name: getattr(found, one.name)
        for one in fields(Told)
        if getattr(found, one.name) != getattr(wanted, one.name)
    }


def without_lost_start(found: Told) -> Told:
    """Return what a release has come to, but that somebody had to ask for another try."""
    assert found.lines.count("failed") == found.lines.count("retried") == 1
    return replace(
        found,
        lines=[line for line in found.lines if line not in {"failed", "retried", "tag_used"}],
        broadcasts=[line for line in found.broadcasts if line != "failed"],
        answers=[answer for answer in found.answers if answer != "retried"],
    )


def _without(act: Act) -> tuple[str, str, str]:
    return act.kind, act.tag, act.sha


@pytest.mark.parametrize("way", WAYS)
async def test_killed_at_every_point(way: str, database: Database) -> None:
    """Wherever the process dies, the release ends as if it had not: same acts, same runs, same words."""
    world = World(database)
    points = Points()
    wanted = await played(world, 0, way, points)
    assert wanted.state is ReleaseState.PUBLISHED
    assert wanted.verified
    wrong, lost = {}, 0
    found_points = telling(points, way)
    # What differs between the databases is the commit alone. `make chaos` takes all.
    chosen = {*part(found_points, 7 if database.is_sqlite else 23)}
    chosen |= {one for one in found_points if points.names[one] == LOST_START}
    for number, fatal in enumerate(sorted(chosen), start=1):
        dying = Points(fatal)
        found = await played(world, number, way, dying)
        assert dying.dead or fatal >= len(dying.names) - 1
        if points.names[fatal] == LOST_START:
            # Nobody can see whether it was started: it is not started twice, but left to people.
            found, lost = without_lost_start(found), lost + 1
        if found != wanted:
            wrong[f"{fatal} {points.names[fatal]}"] = differing(found, wanted)
    assert not wrong
    assert lost == (way == "dispatch")
    assert not world.slack.doubled()
