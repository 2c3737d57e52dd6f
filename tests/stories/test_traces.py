"""A release as its trace tells it: one, from the click to the index, through a killed process; and no secret in it."""

import asyncio
from pathlib import Path

from bot.demo.slack_config import ALICE, BOB
from tests.stories.collector import Collector
from tests.stories.kit import (
    PATIENCE,
    ask,
    click,
    confirmed,
    ended,
    in_order,
    root_saying,
    with_schema,
    world_on,
)


async def test_a_release_is_one_trace_from_click_to_index(tmp_path: Path) -> None:
    """Delivery, steps, requests, messages and end are of one trace, made by two processes of which one was killed."""
    notes = "MARK-what-somebody-wrote"
    async with Collector() as collector, asyncio.timeout(4 * PATIENCE):
        settings = {"SHIPBELL_OTLP_URL": collector.url}
        async with world_on(with_schema(tmp_path), tmp_path, settings=settings) as world:
            await confirmed(world)
            root = await ask(world, ALICE, f"widgets v1.4.0 notes={notes}")
            trace = await of_the_release(collector)
            await collector.has("delivery", trace)
            await world.bot.kill()
            await world.bot.start()
            await click(world, BOB, root, "release.approve")
            await root_saying(world, "published")
            await ended(world, root, "*Published*")
            in_order(world)
            await collector.has("release", trace)
            token = world.forge_token
        ours = [one for one in collector.spans if one.trace == trace]
        names = {one.name for one in ours}
        assert {
            "delivery",
            "release",
            "step inbox",
            "step outbox",
            "slack chat.postMessage",
            "slack chat.update",
        } <= names
        assert {"step releases of company", "step orders for company", "POST forge", "GET forge"} <= names
        assert "GET index:company" in names
        assert {one.facts["kind"] for one in ours if one.name == "step inbox"} == {
            "release.ask",
            "release.approve",
        }
        assert len({one.process for one in ours}) == 2
        (whole,) = [one for one in ours if one.name == "release"]
        assert (whole.parent, whole.facts["state"]) == ("", "published")
        known = {one.own for one in ours}
        # What the killed process was about has no end, so what it did for it may be known, and it not.
        lived = [one for one in ours if one.process == whole.process]
        assert [one.name for one in lived if one.parent and one.parent not in known] == []
        assert len([one for one in ours if one.name == "delivery"]) == 2  # asked, approved
        held = collector.raw.decode("latin-1")
        marks = {
            "notes": notes,
            "forge": token,
            "bot": world.slack.bot_token,
            "signing": world.slack.signing_secret,
        }
        assert [name for name, mark in marks.items() if mark in held] == []


async def of_the_release(collector: Collector) -> str:
    """Wait for a step of a release, and return its trace."""
    async with collector.changed:
        await collector.changed.wait_for(lambda: any("release" in one.facts for one in collector.spans))
    return next(one.trace for one in collector.spans if "release" in one.facts)
