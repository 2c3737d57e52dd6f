"""Many real processes behind one address: whoever dies, the story goes on, and everything happens once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.world import BotProcess, World, program
from tests.stories.kit import ADD, CONFIRMED, PENDING, give_token, seen, texts, world_on

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

LEASE = 2
WORKER = partial(program, command="worker")
FLEET = {"SHIPBELL_ENGINE": "postgres", "SHIPBELL_LEASE_SECONDS": str(LEASE)}


@asynccontextmanager
async def workers(world: World, count: int) -> AsyncIterator[list[BotProcess]]:
    """Start so many workers beside the world's `serve`."""
    made = [
        BotProcess(world.environment(), world.folder / f"worker{number}.log", launch=WORKER)
        for number in range(count)
    ]
    try:
        for worker in made:
            await worker.start()
        yield made
    finally:
        for worker in made:
            await worker.stop()


async def status(process: BotProcess, path: str) -> int:
    """Return the status of a page of a process."""
    async with aiohttp.ClientSession() as session, session.get(f"{process.url}{path}") as answer:
        return answer.status


async def test_a_worker_dies_and_another_goes_on(database_url: str, tmp_path: Path) -> None:
    """What one process hears another does; a killed worker's claims are taken up after a lease, and each is said once."""
    async with world_on(database_url, tmp_path, settings=FLEET) as world, workers(world, 2) as (one, two):
        assert [await status(process, "/readyz") for process in (world.bot, one, two)] == [200, 200, 200]
        assert await status(one, "/slack/events") == 404
        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await one.kill()
        await seen(world, PENDING)
        world.company.confirm("widgets")
        await seen(world, CONFIRMED)
        said = texts(world)
        assert (said.count(PENDING), said.count(CONFIRMED), len(world.company.registrations)) == (1, 1, 1)
        assert await two.stop() == 0
