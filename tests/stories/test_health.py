"""A confirmed publisher breaks, is mended, and outlives who asked for it, on the real bot."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.world import World
from tests.stories.kit import (
    REPOSITORY,
    become,
    confirmed,
    heard,
    in_order,
    seen,
    texts,
    with_schema,
    world_on,
)

FILE = ".github/workflows/release.yml"
BROKEN = "The trusted publisher for widgets on company is broken."
MENDED = "The trusted publisher for widgets on company is in order again."
LEFT = "The trusted publisher for gears on company needs attention."
TAKEN_OVER = "Somebody else looks after the trusted publisher for gears now."

IN_ORDER = "*Health:* :large_green_circle: in order."


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Start a world in which a day lasts two seconds."""
    fast = {"SHIPBELL_HEALTH_HOURS": "0.0006"}
    async with world_on(with_schema(tmp_path), tmp_path, settings=fast) as started:
        yield started
        in_order(started)


async def check(world: World, project: str, what: str, times: int = 1) -> None:
    """Let Alice look at a project, and wait until what she alone is shown says so."""
    await world.slack.command(ALICE, RELEASES, "/publisher", f"check {project}")
    await heard(world, what, times)


async def test_what_breaks_is_told_once_and_somebody_else_takes_over(world: World) -> None:
    """A workflow that loses its right is told once, also by a bot that is killed in between, and once when it has it again.

    Who left is told once; whoever clicks looks after the publisher, and the channel hears it.
    """
    await confirmed(world)
    await check(world, "widgets", IN_ORDER)
    good = world.forge.state.found(REPOSITORY).files[FILE]
    world.forge.commit(REPOSITORY, {FILE: good.replace(b"id-token: write", b"contents: read")}, "Change")
    told = json.dumps(await seen(world, BROKEN))
    assert "no job of `release.yml` has `permissions: id-token: write` any more" in told
    await world.bot.kill()
    await world.bot.start()
    await check(world, "widgets", ":large_orange_circle: needs attention")
    await check(world, "widgets", ":large_orange_circle: needs attention", 2)
    world.forge.commit(REPOSITORY, {FILE: good}, "Bring it back")
    await seen(world, MENDED)
    await world.slack.command(BOB, RELEASES, "/publisher", "add gears acme/gears index=company")
    await seen(world, "The trusted publisher for gears is pending on company.")
    become(world, {BOB: "deactivated"})
    await check(world, "gears", "who asked for it, is not in this workspace any more")
    message = await seen(world, LEFT)
    await world.slack.click(ALICE, RELEASES, message["ts"], "publisher.take_over")
    await seen(world, TAKEN_OVER)
    await check(world, "gears", IN_ORDER, 2)
    assert [texts(world).count(one) for one in (BROKEN, MENDED, LEFT, TAKEN_OVER)] == [1, 1, 1, 1]
