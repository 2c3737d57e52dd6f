"""A publisher of a new project is confirmed without a release: the workflow's own job exchanges its identity, for real."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.core.workflow_text import Plan, write
from bot.demo.forge_runs import Run
from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.world import World
from tests.stories.kit import PATIENCE, Json, heard, in_order, seen, texts, world_on

GEARS = "acme/gears"
BY_HAND = "pypi has no API for trusted publishers"
PENDING = "The trusted publisher for gears is pending on pypi."
CONFIRMED = "The trusted publisher for gears on pypi is confirmed."
RUNS = "The confirmation of gears runs."
DISPATCHES = f"/repos/{GEARS}/actions/workflows/release.yml/dispatches"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Start a world in which the repository of gears, which is on no index yet, has the proposed workflow."""
    async with world_on(database_url, tmp_path) as started:
        yield started
        in_order(started)


def push_workflow(world: World, environment: str = "pypi") -> None:
    """Let the default branch have the workflow that the bot proposes."""
    plan = Plan("gears", "release.yml", environment, world.public.url, world.public.upload_url)
    world.forge.add_repository(GEARS, {plan.path: write(plan).encode()}, [environment])


async def submit_form(world: World) -> None:
    """Fill in the index's form in the browser, as the bot's message says."""
    form = {
        "project_name": "gears", "owner": "acme", "repository": "gears", "workflow_filename": "release.yml",
        "environment": "pypi",
    }  # fmt: skip
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        await session.post(f"{world.public.url}/account/login/", data={"user": "demo"})
        async with session.post(f"{world.public.url}/manage/account/publishing/", data=form) as answer:
            assert answer.status == 200


async def submitted(world: World) -> Json:
    """Ask for the publisher, submit the index's form, say so, and return the message that it is pending."""
    await world.slack.command(ALICE, RELEASES, "/publisher", f"add gears {GEARS} index=pypi")
    message = await seen(world, BY_HAND)
    await submit_form(world)
    await world.slack.click(ALICE, RELEASES, message["ts"], "publisher.submitted")
    return await seen(world, PENDING)


async def confirm_now(world: World, message: Json) -> str:
    """Press the button, send the dialog, and return what it said."""
    await world.slack.click(ALICE, RELEASES, message["ts"], "publisher.confirm")
    await world.slack.wait_for(lambda slack: slack.views(), PATIENCE)
    shown = json.dumps(world.slack.views()[-1], ensure_ascii=False)
    await world.slack.submit(ALICE, {})
    return shown


def runs(world: World) -> list[Run]:
    """Return the runs of gears."""
    return world.forge.state.found(GEARS).runs


async def test_a_run_confirms_a_new_project(world: World) -> None:
    """The dialog says what follows; a reviewer is called; the exchange makes the publisher real, and the run is the evidence.

    Killed right after the forge has started the run, the bot follows that one and starts no other.
    """
    push_workflow(world)
    world.forge.require_review(GEARS, "pypi")
    pending = await submitted(world)
    world.forge.fail(DISPATCHES, method="POST", after=True, hang=True)
    shown = await confirm_now(world, pending)
    for said in ("publishes nothing", "claims the project's name", "can't be undone"):
        assert said in shown
    await heard(world, "I start the confirmation run")
    await world.forge.until_hanging()
    await world.bot.kill()
    world.forge.release()
    world.forge.heal()
    await world.bot.start()
    await seen(world, "The confirmation of gears waits for a review.")
    (run,) = runs(world)
    world.forge.approve_by_hand(run.id)
    told = json.dumps((await seen(world, CONFIRMED)).get("blocks"), ensure_ascii=False)
    assert f"/actions/runs/{run.id}" in told
    assert "the index took the identity of a run of this workflow" in told
    assert "has appeared on the index" in told
    assert world.public.state.projects["gears"].files == []
    assert len(runs(world)) == 1
    for once in (RUNS, CONFIRMED):
        assert texts(world).count(once) == 1


async def test_a_wrong_environment_is_named(world: World) -> None:
    """Where the job runs in another environment than was registered, the index refuses, and the channel hears which differs."""
    push_workflow(world, "live")
    pending = await submitted(world)
    await confirm_now(world, pending)
    message = await seen(world, "The confirmation of gears came to nothing")
    assert "the environment is 'live' in the run, and 'pypi' is registered" in str(message["text"])
    assert "gears" not in world.public.state.projects
    assert "publisher.confirm" in json.dumps(message["blocks"])
