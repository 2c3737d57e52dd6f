"""Versions that appear on the index unasked are told, once, and those that were approved are not."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.world import World
from tests.stories.kit import PATIENCE, ask, click, policy, ready, root_saying, seen, texts, whispers

UNASKED = "has appeared on company without an approved release."


def watched(folder: Path) -> tuple[bool, str]:
    """Return whether the project has been looked at once, and the versions that were seen."""
    with sqlite3.connect(f"file:{folder}/shipbell.db?mode=ro", uri=True) as connection:
        row = connection.execute("SELECT primed, versions FROM watches").fetchone()
    return (bool(row[0]), str(row[1])) if row else (False, "")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so in the bot's own books."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if condition():
                return
            # There is no event to wait for in another process: look again a little later.
            await asyncio.sleep(0.1)


async def learnt(folder: Path, version: str) -> None:
    """Wait until the watch has seen a version."""
    await until(lambda: version in watched(folder)[1])


def told(world: World) -> list[str]:
    """Return which versions were told as unapproved."""
    return [text for text in texts(world) if UNASKED in text]


async def test_a_version_past_the_bot_is_told_once(tmp_path: Path) -> None:
    """What was there before, and what was approved, is no news; what appears unasked is, once, a kill in between or not."""
    async with ready(tmp_path) as world:
        await policy(world, "watch=yes")
        await learnt(tmp_path, "1.0")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        await learnt(tmp_path, "1.4.0")
        assert told(world) == []
        world.company.add_project("widgets", ["widgets-1.4.1.tar.gz", "widgets-1.4.1-py3-none-any.whl"])
        await seen(world, f"widgets 1.4.1 {UNASKED}")
        await world.bot.kill()
        await world.bot.start()
        world.company.add_project("widgets", ["widgets-1.5.0.tar.gz"])
        await seen(world, f"widgets 1.5.0 {UNASKED}")
        assert told(world) == [f"widgets {version} {UNASKED}" for version in ("1.4.1", "1.5.0")]
        await world.slack.command(ALICE, RELEASES, "/shipbell", "audit widgets")
        await seen(world, "Audit trail of widgets")
        assert whispers(world.slack)[-1].count("which nobody had asked for") == 2
        await world.slack.command(ALICE, RELEASES, "/shipbell", "settings policy watch=no")
        await until(lambda: watched(tmp_path) == (False, ""))
