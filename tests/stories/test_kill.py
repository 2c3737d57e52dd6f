"""kill -9 at instants spread over the story, and at every await of the network: one registration, one message each."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.world import World
from tests.conftest import THOROUGH
from tests.stories.kit import ADD, CONFIRMED, PATIENCE, PENDING, give_token, seen, texts, world_on

KILLS = 5
SPREAD_SECONDS = 0.5
"""A story without kills takes about this long after its command."""


async def confirmed_at_the_index(world: World) -> None:
    """Follow the confirmation link as soon as the index has taken the registration."""
    while not world.company.registrations:
        await world.company.arrived("/_/v1/publisher", count=1, method="POST")
        await asyncio.sleep(0.005)  # the request is seen a moment before it is taken
    world.company.confirm("widgets")


async def settled(world: World) -> None:
    """Wait until the bot has nothing left to say, so that what would be said twice has been."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{world.bot.url}/metrics") as answer:
                if "shipbell_outbox_waiting 0.0" in await answer.text():
                    return
            await asyncio.sleep(0.05)  # another process's state: there is nothing to wait on but asking


async def told_once(world: World) -> None:
    """Finish the story and check that everything happened exactly once."""
    await seen(world, CONFIRMED)
    await settled(world)
    said = texts(world)
    # Found active already when the bot came back, it is not called pending any more.
    assert said.count(PENDING) <= 1, world.slack.describe()
    assert said.count(CONFIRMED) == 1, world.slack.describe()
    assert len(world.company.registrations) == 1


@pytest.mark.parametrize("seed", range(5 if THOROUGH else 1))
async def test_killed_at_any_instant(seed: int, database_url: str, tmp_path: Path) -> None:
    """However often the process dies, and whenever, nothing is done or said twice and nothing is lost."""
    chance = random.Random(seed)
    async with world_on(database_url, tmp_path) as world:
        await give_token(world, world.company.make_token())
        confirming = asyncio.create_task(confirmed_at_the_index(world))
        asking = asyncio.create_task(world.slack.command(ALICE, RELEASES, "/publisher", ADD))
        for kill in range(KILLS):
            # Spread over the whole story, not in place of a condition: dying is not to wait for anything.
            await asyncio.sleep(SPREAD_SECONDS * (kill + chance.random()) / KILLS)
            await world.bot.kill()
            await asyncio.gather(asking, return_exceptions=True)
            await world.bot.start()
            if kill == 0:
                # Whoever was told that the command failed types it again.
                asking = asyncio.create_task(world.slack.command(ALICE, RELEASES, "/publisher", ADD))
        await asking
        await told_once(world)
        await confirming


Break = Callable[[World], None]
POINTS: dict[str, tuple[Break, str]] = {
    "looking at the simple index": (lambda world: world.company.fail("/simple/", hang=True), "index"),
    "registering, not arrived": (
        lambda world: world.company.fail("/_/v1/publisher", method="POST", hang=True),
        "index",
    ),
    "registering, arrived": (
        lambda world: world.company.fail("/_/v1/publisher", method="POST", hang=True, after=True),
        "index",
    ),
    "asking for the list": (
        lambda world: world.company.fail("/_/v1/publisher", method="GET", hang=True),
        "index",
    ),
    "telling the channel": (lambda world: world.gate.fail("chat.postMessage", hang=True), "slack"),
}


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_an_await(point: str, tmp_path: Path) -> None:
    """Killed while it waits for an answer, the bot finds out what has become of its request and goes on."""
    broken, where = POINTS[point]
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as world:
        await give_token(world, world.company.make_token())
        confirming = asyncio.create_task(confirmed_at_the_index(world))
        broken(world)
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await (world.company.until_hanging() if where == "index" else world.gate.until_waiting())
        await world.bot.kill()
        world.company.release()
        world.gate.release()
        await world.bot.start()
        await told_once(world)
        await confirming


async def test_killed_when_slack_has_it_and_we_do_not_know(tmp_path: Path) -> None:
    """A message that arrived before its sender died is found in the channel's history and not said again."""
    async with world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path) as world:
        await give_token(world, world.company.make_token())
        confirming = asyncio.create_task(confirmed_at_the_index(world))
        world.gate.fail("chat.postMessage", close="after")
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, PENDING)
        await world.bot.kill()
        await world.bot.start()
        await told_once(world)
        assert world.gate.count("conversations.history") >= 1
        await confirming
