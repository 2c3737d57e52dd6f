"""What kills the process that works on it: given up or set aside after some deaths, told of, and everybody else is served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot import standing
from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.world import BotFailed, World
from bot.workflow.intents import ATTEMPTS
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import troubles
from storage.ledger.troubles import DEATHS, DIED
from storage.records import Secret, Trouble
from tests.stories import mortal
from tests.stories.kit import PENDING, give_token, seen, whispers, world_on

POISON = "venom"
PATIENCE = 90


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)  # noqa: TID251 - the bot's own clock


class Supervisor:
    """Starts the bot again whenever it has died."""

    def __init__(self, world: World) -> None:
        self.world, self.deaths, self.up = world, 0, asyncio.Event()

    async def keep(self) -> None:
        """Do so, until cancelled."""
        while True:
            process = self.world.bot.process
            assert process is not None
            await process.wait()
            self.deaths += 1
            self.up.clear()
            with suppress(BotFailed):  # it has died before it was ready
                await self.world.bot.start()
                self.up.set()


@asynccontextmanager
async def kept(world: World) -> AsyncIterator[Supervisor]:
    """Look after the bot of a world."""
    supervisor = Supervisor(world)
    task = asyncio.create_task(supervisor.keep())
    try:
        yield supervisor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def add(world: World, name: str) -> None:
    """Ask for a publisher."""
    await world.slack.command(ALICE, RELEASES, "/publisher", f"add {name} acme/widgets index=company")


def dying(lane: str) -> Any:
    """Return how a bot is started that dies of the poison in a lane."""
    return partial(mortal.poisoned, lane=lane, word=POISON)


async def test_a_row_of_which_processes_die_is_set_aside(tmp_path: Path) -> None:
    """After so many deaths in a row nobody takes the publisher any more, the operator is told of it, and others are set up."""
    key = generate_master_key()
    url = f"sqlite:///{tmp_path}/shipbell.db"
    lane = dying("publishers company")
    async with (
        asyncio.timeout(PATIENCE),
        world_on(url, tmp_path, settings={"SHIPBELL_MASTER_KEYS": key}, launch=lane) as world,
        kept(world) as supervisor,
    ):
        await give_token(world, world.company.make_token())
        await add(world, POISON)
        database = Database(url.replace("sqlite", "sqlite+aiosqlite"), Vault(KeyRing([Secret(key)])))
        await database.open()
        found: list[Trouble] = []
        while not found:
            await asyncio.sleep(0.05)  # another process's state: there is nothing to wait on but asking
            async with database.reading() as session:
                found += await troubles.listed(session, now())
        with pytest.raises(standing.SetAside, match=DIED):
            await standing.aside(database, now())
        await database.close()
        await supervisor.up.wait()
        await add(world, "widgets")
        await seen(world, PENDING)
        assert [one.kind for one in found] == ["publisher"]
        assert supervisor.deaths == DEATHS


async def test_an_intent_of_which_processes_die_is_given_up(tmp_path: Path) -> None:
    """After so many deaths it is not tried any more, and whoever asked hears it."""
    async with (
        asyncio.timeout(PATIENCE),
        world_on(f"sqlite:///{tmp_path}/shipbell.db", tmp_path, launch=dying("inbox")) as world,
        kept(world) as supervisor,
    ):
        await give_token(world, world.company.make_token())
        await add(world, POISON)
        await world.slack.wait_for(
            lambda slack: any("Shipbell's fault" in one for one in whispers(slack)), PATIENCE
        )
        assert supervisor.deaths == ATTEMPTS + DEATHS
