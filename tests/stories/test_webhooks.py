"""The forge's webhooks: they make a release quick, and nothing stands or falls with them."""

import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import quote_plus

import aiohttp

from bot.demo.slack_config import ALICE, BOB
from bot.demo.world import WEBHOOK_SECRET, World
from tests.stories.kit import (
    REPOSITORY,
    ask,
    click,
    ended,
    files_of,
    in_thread,
    ready,
    root_saying,
    thread_saying,
)


async def tell(world: World, event: str, body: bytes, secret: str) -> int:
    """Deliver a webhook; returns the bot's status."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": f"sha256={digest}",
        "Content-Type": "application/json",
    }
    url = f"{world.bot.url}/github/webhooks"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status


async def test_without_webhooks_everything_is_polled(tmp_path: Path) -> None:
    """A bot that hears nothing from the forge releases all the same."""
    async with ready(tmp_path, webhooks=False) as world:
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, "release.approve")
        await root_saying(world, "published")
        await thread_saying(world, root, "*Published*")
        assert len(files_of(world, "1.4.0")) == 2
        assert not world.forge.hooks.sent


async def test_only_a_true_webhook_makes_it_quick(tmp_path: Path) -> None:
    """Where polls are an hour apart a true event takes a release on at once, and a forged one is 401 and does nothing."""
    async with ready(tmp_path) as world:
        world.settings["SHIPBELL_POLL_SECONDS"] = "3600"
        world.bot.environment = world.environment()
        await world.bot.stop()
        await world.bot.start()
        world.forge.hook_url = ""
        world.forge.runner.hold()
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, "release.approve")
        await thread_saying(world, root, "is made at")
        await world.forge.runner.until_held()
        looks = f"/repos/{REPOSITORY}/actions/"
        # What looks by itself has looked, at the list, the run and its jobs: the next look is an hour away.
        await world.forge.arrived(looks, count=3)
        world.forge.runner.go_on()
        await world.forge.runner.settled()
        asked = world.forge.count(looks)
        body = json.dumps({"repository": {"full_name": "Acme/Widgets"}, "workflow_run": {"id": 1}}).encode()
        assert await tell(world, "workflow_run", body, "not-the-secret") == 401
        assert await tell(world, "workflow_run", body.replace(b"Widgets", b"Gadgets"), WEBHOOK_SECRET) == 200
        assert world.forge.count(looks) == asked
        assert await tell(world, "workflow_run", body, WEBHOOK_SECRET) == 200
        await thread_saying(world, root, "I follow it")
        await thread_saying(world, root, "I approved the environment")
        await world.forge.runner.settled()
        # As a form too, which is how a hook sends it that was made without a thought.
        form = b"payload=" + quote_plus(body).encode()
        assert await tell(world, "workflow_run", form, WEBHOOK_SECRET) == 200
        await root_saying(world, "published")
        await ended(world, root, "*Published*")
        assert in_thread(world.slack, root).count("*Published*") == 1
