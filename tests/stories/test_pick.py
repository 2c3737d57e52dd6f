"""A package is picked from a repository, in the dialog, on the real bot."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.forge_seed import pyproject
from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES
from bot.demo.world import World
from tests.stories.kit import PATIENCE, Json, become, in_order, saying, with_schema, world_on

MONO = "acme/mono"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Start a world with a private repository of two packages beside the others."""
    async with world_on(with_schema(tmp_path), tmp_path) as started:
        files = {f"libs/{name}/pyproject.toml": pyproject(name, "1.0") for name in ("cogs", "gears")}
        started.forge.add_repository(MONO, files).private = True
        yield started
        in_order(started)


def fields(view: Json) -> dict[str, str]:
    """Return what stands in each field of the dialog, by block id."""
    found = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            first = block["element"].get("initial_option") or {}
            found[block["block_id"]] = str(block["element"].get("initial_value") or first.get("value") or "")
    return found


async def dialog(world: World, has: str) -> Json:
    """Wait until the dialog shows something, and return it."""

    def find(views: list[Json]) -> Json | None:
        return views[-1] if views and has in json.dumps(views[-1], ensure_ascii=False) else None

    found = await world.slack.wait_for(lambda slack: find(slack.views()), PATIENCE)
    assert found is not None
    return found


async def test_a_package_is_picked_from_what_the_bot_sees(world: World) -> None:
    """The menu finds it, the dialog fills itself, what was typed stays, each package of a monorepo gets its own environment."""
    await world.slack.command(ALICE, RELEASES, "/publisher", "add")
    await dialog(world, "Repository")
    offered = [one["value"] for one in await world.gate.hands.search(ALICE, "repository", "acme/")]
    assert {"acme/widgets", "acme/gadgets", MONO} <= set(offered)
    await world.gate.hands.choose(ALICE, "repository", "acme/widgets", {"environment": "mine"})
    told = fields(await dialog(world, "project.1"))
    assert (told["project.1"], told["workflow.1"], told["environment"]) == ("widgets", "release.yml", "mine")
    await world.gate.hands.choose(ALICE, "repository", MONO, {"environment": "mine"})
    await dialog(world, "Which package?")
    await world.gate.hands.choose(ALICE, "project.2", "cogs", {"repository": MONO, "environment": "mine"})
    told = fields(await dialog(world, "is free on"))
    assert (told["project.2"], told["workflow.3"], told["environment"]) == ("cogs", "release.yml", "mine")
    await world.slack.submit(ALICE, {"environment": "pypi", "index_choice": "pypi"})
    await world.slack.wait_for(saying("pypi has no API for trusted publishers"), PATIENCE)
    # The second package of the same repository: an index keeps one pending publisher for each environment.
    await world.slack.command(ALICE, RELEASES, "/publisher", f"add {MONO}")
    await dialog(world, "Which package?")
    await world.gate.hands.choose(ALICE, "project.1", "gears", {"repository": MONO})
    told = fields(await dialog(world, "pypi-gears"))
    assert (told["project.1"], told["environment.3"]) == ("gears", "pypi-gears")


async def test_nobody_is_shown_what_is_not_theirs_and_nothing_waits_for_the_forge(world: World) -> None:
    """A guest sees no names; a forge that is down, a typed stranger's repository and a closed dialog leave all in order."""
    become(world, {CAROL: "guest"})
    await world.slack.command(CAROL, RELEASES, "/publisher", "add")
    await dialog(world, "Repository")
    offered = await world.gate.hands.search(CAROL, "repository", "")
    assert MONO not in json.dumps(offered)
    assert [one["value"] for one in await world.gate.hands.search(BOB, "repository", "psf/requests")] == [
        "psf/requests"
    ]
    world.forge.fail("/repos/acme/widgets", status=503, times=-1)
    await world.gate.hands.choose(BOB, "repository", "acme/widgets", {})
    told = fields(await dialog(world, "I could not read the repository"))
    assert (told["project.1"], told["workflow.1"]) == ("", "release.yml")
    await world.slack.submit(BOB, {"project.1": "-os"})
    assert set(world.slack.errors or {}) == {"project.1"}
    world.forge.heal()
    world.forge.fail("/repos/acme/widgets", hang=True, times=1)
    await world.gate.hands.choose(BOB, "repository", "acme/widgets", {"project.1": ""})
    await world.forge.until_hanging()
    await world.bot.kill()
    await world.bot.start()
    world.forge.release()
    told = fields(await dialog(world, "project.2"))
    assert told["project.2"] == "widgets"
    world.forge.fail("/repos/acme/gadgets", hang=True, times=1)
    await world.gate.hands.choose(BOB, "repository", "acme/gadgets", {})
    await world.forge.until_hanging()
    await world.slack.close_view(BOB)
    world.forge.release()
    await world.slack.command(ALICE, RELEASES, "/publisher", "list")
    await world.slack.wait_for(lambda slack: "publisher" in slack.describe(), PATIENCE)
    assert not world.slack.views()
