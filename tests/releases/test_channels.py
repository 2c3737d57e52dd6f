"""Channels that the bot can't speak in any more: who waits there hears it once, and what is to be said waits until they are back."""

import asyncio
import contextlib
from datetime import timedelta
from functools import partial

import pytest

from bot.core import intents
from bot.core.approvals import Policy
from bot.workflow import channels
from bot.workflow.hands import packed
from storage.database import Database
from storage.ledger import audit, policies
from storage.records import ReleaseState, StartBy
from tests.releases.dying import Killed, Points, around, killed_at_a_part
from tests.releases.fakes import Message
from tests.releases.kit import ADMIN, ALICE, BOB, CAROL, World
from tests.releases.test_leaving import full, leave


async def lose(world: World, why: str = "channel_archive", seconds: int = 0) -> None:
    """Let Slack say that the channel is lost, so long from now by its clock."""
    at = world.clock() + timedelta(seconds=seconds)
    await world.deliver("", intents.ChannelLost("C-one", at, why))
    await world.work()


async def regain(world: World, seconds: int) -> None:
    """Let Slack say that the channel is back, so long from now by its clock."""
    await world.deliver("", intents.ChannelBack("C-one", world.clock() + timedelta(seconds=seconds)))
    await world.work()


def told(world: World) -> list[Message]:
    """Return what people were told of lost channels."""
    return [one for one in world.slack.messages if one.kind == "channel.gone"]


async def pause(world: World) -> None:
    """Let some time go by, at Slack's pace."""
    for _ in range(5):
        world.clock.now += timedelta(seconds=2)
        await world.work()


@pytest.fixture
def world(database: Database) -> World:
    """Return a world with a team that has two releases under way in its channel."""
    return World(database)


async def test_who_waits_there_hears_it_once(world: World) -> None:
    """A loss that Slack tells of twice and in two ways is told once to who asked, with all that waits there, and written down."""
    team_id = await full(world)
    for seconds, why in enumerate(("channel_archive", "channel_archive", "channel_left")):
        await lose(world, why, seconds)
    await pause(world)
    (one,) = told(world)
    assert one.channel == ALICE
    assert one.facts["why"] == "channel_archive"
    assert "one 1.0.0" in one.facts["waits"]
    async with world.database.reading() as session:
        trail = await audit.trail(session, team_id, limit=50, project="C-one")
        assert [event.action for event in trail] == ["channel.lost"]
        assert not (await audit.verify(session, team_id)).broken


async def test_a_second_loss_is_told_again_and_a_late_word_is_not(world: World) -> None:
    """Lost, back and lost again is told twice; word of a loss that comes after newer word of its end is not told."""
    await full(world)
    await regain(world, 10)
    await lose(world, seconds=5)
    await pause(world)
    assert not told(world)
    for _ in range(2):
        await pause(world)
        await lose(world)
        await pause(world)
        await regain(world, 0)
    await pause(world)
    assert len(told(world)) == 2


async def test_a_channel_where_nothing_waits_is_nothing_to_us(world: World) -> None:
    """The loss of a channel in which nothing is under way is told to nobody and not written down; so is one after the team left."""
    team_id = await full(world)
    await world.deliver("", intents.ChannelLost("C9", world.clock(), "channel_deleted"))
    await world.work()
    await leave(world)
    await world.work()
    await lose(world)
    assert not told(world)
    async with world.database.reading() as session:
        actions = [event.action for event in await audit.trail(session, team_id, limit=50)]
    assert "channel.lost" not in actions


async def test_what_waits_is_said_at_once_when_the_channel_is_back(world: World) -> None:
    """While a channel is archived what belongs into its threads waits; when it is back it is said at once, and once."""
    await full(world)
    await pause(world)
    world.slack.closed.add("C-one")
    await lose(world)
    found = await world.newest("one")
    assert found is not None
    await world.deliver("U2", intents.Approve(str(found.id), found.round))
    await pause(world)
    root = world.slack.roots(str(found.id))[0]
    before = len(world.slack.lines(root))
    world.slack.closed.clear()
    await pause(world)
    assert len(world.slack.lines(root)) == before
    await regain(world, 60)
    await pause(world)
    assert len(world.slack.lines(root)) > before
    assert not world.slack.doubled()


@pytest.mark.parametrize("told_of", [True, False])
async def test_a_loss_that_no_event_tells_of_is_told_too(world: World, told_of: bool) -> None:
    """Where Slack only refuses, who waits there hears it once, whatever comes late; and again after a return, told of or only seen."""
    team_id = await full(world)
    async with world.database.transaction() as session:
        await policies.put(session, team_id, "one", packed(Policy(quorum=3)), ADMIN, world.clock())
    await pause(world)
    found = await world.newest("one")
    assert found is not None
    world.slack.closed.add("C-one")
    await world.deliver(BOB, intents.Approve(str(found.id), found.round))
    for _ in range(4):
        await pause(world)
        world.clock.now += timedelta(minutes=5)
    (one,) = told(world)
    assert (one.channel, one.facts["why"]) == (ALICE, "channel_lost")
    await lose(world, seconds=-600)
    world.slack.closed.clear()
    if told_of:
        await regain(world, -300)  # Slack's clock is behind
    world.clock.now += timedelta(minutes=6)
    await pause(world)
    assert len(told(world)) == 1
    world.slack.closed.add("C-one")
    release = await world.release(found.id)
    await world.deliver(CAROL, intents.Approve(str(release.id), release.round))
    await pause(world)
    async with world.database.reading() as session:
        trail = await audit.trail(session, team_id, limit=50, project="C-one")
        assert not (await audit.verify(session, team_id)).broken
    between = ["channel.back"] if told_of else []
    assert [event.action for event in trail] == ["channel.lost", *between, "channel.lost"]
    assert len(told(world)) == 2


async def test_what_was_refused_before_a_return_is_no_loss(world: World) -> None:
    """A refusal that is written down only after the channel came back tells nobody of anything, also of a second process at once."""
    team_id = await full(world)
    await lose(world)
    asked = world.clock()
    world.clock.now += timedelta(seconds=5)
    await regain(world, 0)
    async with world.database.transaction() as session:
        await channels.refused(session, team_id, "C-one", asked, world.clock())
    await pause(world)
    assert len(told(world)) == 1


async def test_two_processes_tell_of_one_loss(database: Database) -> None:
    """Of a loss that two processes find at once, where nobody has installed anything, people hear once."""
    world = World(database)
    await world.uploaded("one", StartBy.PUSH)
    await world.deliver(ALICE, intents.AskRelease("one", "1.0.0", "", notes="First."))
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, "one")
    assert world.team is not None
    now, team_id = world.clock(), world.team.id

    async def found() -> None:
        async with database.transaction() as session:
            await channels.refused(session, team_id, "C-one", now, world.clock())

    await asyncio.gather(*(found() for _ in range(4)))
    await pause(world)
    assert len(told(world)) == 1


async def test_killed_anywhere_a_loss_is_told_once(database: Database) -> None:
    """Killed at any await of it and started again, a loss is told once."""
    await killed_at_a_part(partial(loses, database), 4)


async def loses(database: Database, points: Points) -> None:
    """Let a channel be lost, dying at the fatal point, and check that it is told once."""
    world = World(database, slack_team=f"T{points.fatal + 2}")
    await full(world)
    await world.restart(around(world.parts, points, speech=False))
    with contextlib.suppress(Killed):
        await lose(world)
    await world.restart()
    await world.work()
    await pause(world)
    assert len(told(world)) == 1


async def test_killed_anywhere_a_return_lets_all_be_said(database: Database) -> None:
    """Killed at any await of it and started again, what waited for a channel is said at once, once, and the return stands in the trail once."""
    await killed_at_a_part(partial(regains, database), 4)


async def regains(database: Database, points: Points) -> None:
    """Let a channel come back, dying at the fatal point, and check that what waited for it is said."""
    world = World(database, slack_team=f"T{points.fatal + 2}")
    team_id = await full(world)
    await pause(world)
    found = await world.newest("one")
    assert found is not None
    world.slack.closed.add("C-one")
    await lose(world)
    await world.deliver(BOB, intents.Approve(str(found.id), found.round))
    await pause(world)
    root = world.slack.roots(str(found.id))[0]
    before = len(world.slack.lines(root))
    world.slack.closed.clear()
    await world.restart(around(world.parts, points, speech=False))
    with contextlib.suppress(Killed):
        await regain(world, 60)
    await world.restart()
    await world.work()
    await pause(world)
    assert len(world.slack.lines(root)) > before
    assert not world.slack.doubled()
    async with database.reading() as session:
        trail = await audit.trail(session, team_id, limit=50, project="C-one")
    assert [event.action for event in trail] == ["channel.back", "channel.lost"]
