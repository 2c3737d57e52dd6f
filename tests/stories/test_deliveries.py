"""How Slack delivers: signed, repeated, at odd moments, and with answers that get lost."""

import contextlib
import hashlib
import hmac
import io
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.world import World
from tests.stories.kit import ADD, PATIENCE, PENDING, give_token, seen, texts, with_schema, world_on


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Start a world whose bot has a token."""
    async with world_on(with_schema(tmp_path), tmp_path) as started:
        await give_token(started, started.company.make_token())
        yield started


def signed(world: World, body: str, *, age: int = 0, secret: str = "") -> dict[str, str]:
    """Return the headers of a request signed as Slack signs, so many seconds ago."""
    at = str(int(time.time()) - age)  # noqa: TID251 - the signature's own clock
    key = (secret or world.slack.signing_secret).encode()
    digest = hmac.new(key, f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def command(world: World, text: str, trigger: str = "1.2.abc") -> str:
    """Return the body of a slash command."""
    fields = {
        "command": "/publisher", "text": text, "team_id": world.slack.team_id, "user_id": str(ALICE),
        "channel_id": str(RELEASES), "trigger_id": trigger, "api_app_id": world.slack.app_id,
    }  # fmt: skip
    return urlencode(fields)


async def post(world: World, body: str, headers: dict[str, str]) -> tuple[int, str]:
    """Deliver a request straight to the bot."""
    url = f"{world.bot.url}/slack/events"
    sent = io.BytesIO(body.encode())
    async with aiohttp.ClientSession() as session, session.post(url, data=sent, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("age", "secret"), [(0, "not-the-secret"), (360, ""), (-360, "")], ids=["wrong", "old", "from the future"]
)
async def test_what_slack_did_not_sign_now_does_nothing(world: World, age: int, secret: str) -> None:
    """A wrong signature, and one that is more than five minutes off, get 401 and change nothing."""
    body = command(world, ADD)
    assert (await post(world, body, signed(world, body, age=age, secret=secret)))[0] == 401
    assert (await post(world, body, {}))[0] == 401
    listed = command(world, "list", "other")
    await post(world, listed, signed(world, listed))
    await world.slack.wait_for(lambda slack: "Trusted publishers: 0 projects" in slack.describe(), PATIENCE)


async def test_a_repeated_delivery_is_done_once(world: World) -> None:
    """The same delivery at once, a minute later and after a restart is answered 200 and done once."""
    body = command(world, ADD)
    for _repeat in range(3):
        assert (await post(world, body, signed(world, body)))[0] == 200
    await seen(world, PENDING)
    await world.bot.kill()
    await world.bot.start()
    assert await post(world, body, signed(world, body)) == (200, "")
    await world.slack.command(ALICE, RELEASES, "/publisher", "list")
    await seen(world, "Trusted publishers: 1 project")
    assert texts(world).count(PENDING) == 1
    assert len(world.company.registrations) == 1
    assert not any("already has a publisher" in text for text in texts(world))


@pytest.mark.parametrize("kind", ["duplicate", "twins"])
async def test_slacks_own_repetition_is_done_once(world: World, kind: str) -> None:
    """A dialog that Slack delivers twice, even at the same moment, registers once."""
    await world.slack.command(ALICE, RELEASES, "/publisher")
    await world.slack.wait_for(lambda slack: slack.views())
    world.gate.disturb(kind)  # type: ignore[arg-type]  # one of its literals
    fields = {
        "project": "widgets",
        "repository": "acme/widgets",
        "workflow": "release.yml",
        "index_choice": "company",
    }
    await world.slack.submit(ALICE, fields)
    await seen(world, PENDING)
    await world.slack.command(ALICE, RELEASES, "/publisher", "list")
    await seen(world, "Trusted publishers: 1 project")
    assert not any("already has a publisher" in text for text in texts(world))


async def test_odd_bodies_are_refused_in_order(world: World) -> None:
    """A body that is too large gets 413, garbage and events that nobody asked for get an answer, and the bot lives."""
    big = "x" * 1_100_000
    # The refusal comes before the body is read, so a sender that is still writing may only see the connection end.
    with contextlib.suppress(aiohttp.ClientConnectionError):
        assert (await post(world, big, signed(world, big)))[0] == 413
    for body in ("", "payload=not-json", "payload=[]", "%00=%00", '{"type":"event_callback"}'):
        status, _ = await post(world, body, signed(world, body))
        assert status < 500 or body.startswith("{")
    # Read before the signature is looked at: what nobody has signed must not make a fault either.
    for deep in ("payload=" + "[" * 200_000, "[" * 200_000):
        assert (await post(world, deep, signed(world, deep)))[0] < 500
    late = signed(world, "") | {"X-Slack-Request-Timestamp": "9" * 400}
    assert (await post(world, "", late))[0] == 400
    delivery = await world.gate.event({"type": "team_join", "user": {"id": "U1"}})
    assert delivery.status == 200
    await world.slack.command(ALICE, RELEASES, "/publisher", "help")
    await seen(world, "How to use /publisher")


async def test_slacks_429_is_waited_for(world: World) -> None:
    """Slack's 429 delays the message as long as it says, and loses and doubles nothing."""
    world.gate.fail("chat.postMessage", retry_after=1)
    await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
    await seen(world, PENDING)
    assert world.gate.count("chat.postMessage") >= 2
    assert texts(world).count(PENDING) == 1


async def test_what_slack_loses_is_said_again(world: World) -> None:
    """While Slack is out of order nothing is lost; afterwards it is said once."""
    world.gate.fail("chat.postMessage", status=503, times=2)
    await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
    await seen(world, PENDING)
    assert texts(world).count(PENDING) == 1


async def test_a_channel_that_the_bot_is_not_in(world: World) -> None:
    """Where the bot can't speak, whoever asked is told so in person, with how to let it in."""
    world.gate.fail("chat.postMessage", error="not_in_channel")
    await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
    await world.slack.wait_for(lambda slack: PENDING in slack.describe(), PATIENCE)
    assert PENDING not in texts(world)
