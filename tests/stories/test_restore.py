"""The real bot is backed up by its command while it runs, goes on, loses its disk, and gets the older database back."""

import asyncio
import sys
from pathlib import Path

from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.world import World
from tests.stories.kit import ADD, CONFIRMED, PATIENCE, PENDING, give_token, seen, texts, world_on
from tests.stories.test_kill import settled


async def shipbell(world: World, *words: str) -> str:
    """Run a command beside the bot, with its settings; returns what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=world.environment(), stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    return out.decode()


async def looked(world: World, times: int) -> None:
    """Wait until the bot has looked into its channel so often."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if world.gate.count("conversations.history") >= times:
                return
            await asyncio.sleep(0.05)  # another process's doing: there is nothing to wait on but asking


async def test_an_older_database_says_and_does_nothing_twice(tmp_path: Path) -> None:
    """Backed up while a publisher is pending, confirmed and told meanwhile: put back, the bot finds both out and says neither again."""
    file, backup = tmp_path / "shipbell.db", tmp_path / "backup.db"
    async with world_on(f"sqlite:///{file}", tmp_path) as world:
        await give_token(world, world.company.make_token())
        await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
        await seen(world, PENDING)
        await settled(world)
        assert str(backup) in await shipbell(world, "db", "backup", str(backup))
        world.company.confirm("widgets")
        await seen(world, CONFIRMED)
        await settled(world)
        await world.bot.kill()

        backup.replace(file)
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        looks = world.gate.count("conversations.history")
        await world.bot.start()
        await looked(world, looks + 1)
        await settled(world)
        assert [texts(world).count(one) for one in (PENDING, CONFIRMED)] == [1, 1], world.slack.describe()
        assert len(world.company.registrations) == 1
