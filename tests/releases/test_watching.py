"""Watches on the real workflow: killed at every await a version is told once; policy and release decide what is."""

from datetime import timedelta

from bot.core import intents
from bot.workflow.watching import Watching
from storage.database import Database
from storage.ledger import audit, leases, watches
from storage.records import Registration, ReleaseState, StartBy
from tests.releases.dying import Killed, Points, around
from tests.releases.fakes import Upload
from tests.releases.kit import ADMIN, ALICE, BOB, Parts, World

GAP = timedelta(minutes=12)
"""Longer than between two looks."""


async def watched(database: Database, name: str = "p") -> World:
    """Return a world in which a project has been looked at once."""
    world = World(database)
    await world.project(name, StartBy.PUSH)
    await world.deliver(ADMIN, intents.SetPolicy("", {"watch": "yes"}))
    await world.work()
    await look(world)
    return world


async def look(world: World, parts: Parts | None = None) -> None:
    """Look at all that is due, once."""
    world.clock.forward(GAP)
    watching = Watching(world.born(parts or world.parts).releases.hands)
    for watch in await watching.claim(4):
        await watching.look(watch)


def upload(world: World, version: str, name: str = "p") -> None:
    """Let a version appear that nobody asked for."""
    world.index.uploads.append(Upload(name, f"acme/{name}", f"v{version}", "a" * 40, stage=4))


async def told(world: World) -> list[str]:
    """Return which versions the channels were told of."""
    await world.work()
    found = [one for one in world.slack.messages if one.kind == "release.unapproved"]
    assert all(one.channel == f"C-{one.facts['target']['project']}" for one in found)
    return [one.facts["version"] for one in found]


async def trail(world: World) -> list[str]:
    """Return which versions the audit trail names as unapproved."""
    assert world.team is not None
    async with world.database.reading() as session:
        events = await audit.trail(session, world.team.id, limit=100)
    return [event.subject for event in reversed(events) if event.action == "release.unapproved"]


async def test_killed_at_every_point(database: Database) -> None:
    """Wherever the process dies, each version is told once and written down once."""
    world = await watched(database)
    points = Points()
    upload(world, "1.0.0")
    await look(world, around(world.parts, points, speech=False))
    for fatal in range(len(points.names)):
        upload(world, f"1.0.{fatal + 1}")
        try:
            await look(world, around(world.parts, Points(fatal), speech=False))
        except Killed:
            async with database.transaction() as session:
                await leases.retake(session)
        await look(world)
        await look(world)
    wanted = [f"1.0.{number}" for number in range(len(points.names) + 1)]
    await world.rest()
    assert await told(world) == wanted
    assert await trail(world) == [f"p on pypi {version}" for version in wanted]
    assert not world.slack.doubled()


async def test_an_approved_release_is_no_news(database: Database) -> None:
    """What this bot releases is told by its release alone; what appears while people are still asked is told as such."""
    world = await watched(database)
    await world.deliver(ALICE, intents.AskRelease("p", "2.0.0", ""))
    await world.rest(lambda found: found.state is ReleaseState.AWAITING_APPROVAL, "p")
    upload(world, "2.0.0")
    await look(world)
    assert await told(world) == ["2.0.0"]
    assert world.slack.messages[-1].facts["asked"] == "awaiting_approval"
    await world.deliver(ALICE, intents.CancelRelease("p", "2.0.0"))
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", ""))
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, "p")
    release = await world.newest("p")
    assert release is not None
    await world.deliver(BOB, intents.Approve(str(release.id), release.round))
    await world.rest(lambda found: found.state is ReleaseState.PUBLISHED, "p")
    await look(world)
    assert await told(world) == ["2.0.0"]


async def test_it_ends_with_the_policy(database: Database) -> None:
    """Without the policy nothing is watched; set anew, the first look only learns what has come meanwhile."""
    world = await watched(database)
    await world.deliver(ADMIN, intents.SetPolicy("p", {"watch": "no"}))
    await world.work()
    upload(world, "1.0.0")
    await look(world)
    await world.deliver(ADMIN, intents.SetPolicy("p", {"watch": "yes"}))
    await world.work()
    await look(world)
    upload(world, "1.1.0")
    await look(world)
    assert await told(world) == ["1.1.0"]


async def test_an_index_out_of_order_is_borne(database: Database) -> None:
    """While the index does not answer nothing is told, and nothing is missed."""
    world = await watched(database)
    world.index.down = True
    upload(world, "1.0.0")
    await look(world)
    assert await told(world) == []
    world.index.down = False
    await look(world)
    assert await told(world) == ["1.0.0"]


async def test_a_new_project_is_watched_as_the_policy_says(database: Database) -> None:
    """A publisher that is added under the policy begins a watch, and its removal ends it."""
    world = await watched(database)
    assert world.team is not None
    registration = (await _targets(world))[0]
    await world.deliver(ALICE, intents.RemovePublisher("p", ""))
    await world.work()
    assert await _targets(world) == []
    await world.deliver(ALICE, intents.AddPublisher(registration, "C-p"))
    await world.work()
    assert await _targets(world) == [registration]


async def _targets(world: World) -> list[Registration]:
    assert world.team is not None
    async with world.database.reading() as session:
        return [watch.target for watch in await watches.of_team(session, world.team.id)]
