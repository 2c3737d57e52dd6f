"""What the gate adds on the way from Slack to the bot: signatures, retries, disorder, response URLs, Socket Mode."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.slack_gate import GateOptions, SlackGate
from bot.demo.slack_parcels import Parcel
from bot.demo.slack_workspace import ALICE, BOB, RELEASES, SlackWorkspace
from tests.demo.slack_bot import TinyBot, ack
from tests.demo.slack_kit import Kit, buttons, field, modal, open_kit, plain, section, text_input


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    """Give a workspace with a gate and a tiny bot."""
    async with open_kit() as running:
        yield running


async def command(kit: Kit, text: str) -> None:
    """Let Alice type a command."""
    await kit.workspace.command(ALICE, RELEASES, "/publisher", text)


def texts(kit: Kit) -> list[str]:
    """Return what the bot heard after its commands."""
    return [parcel.payload["text"] for parcel in kit.bot.heard]


async def test_delivered_once_and_signed(kit: Kit) -> None:
    """A command reaches the bot once, validly signed, without retry headers, with what Slack sends."""
    await command(kit, "add widgets & co = ü")
    (heard,) = kit.bot.heard
    assert heard.payload["text"] == "add widgets & co = ü"
    assert (heard.payload["team_id"], heard.payload["channel_id"]) == ("T01SHIPBELL", RELEASES.id)
    assert "x-slack-retry-num" not in kit.bot.headers[0]
    (delivery,) = kit.gate.deliveries
    assert (delivery.kind, delivery.what, delivery.status) == ("slash_commands", "/publisher", 200)


async def test_event_passes_unchanged(kit: Kit) -> None:
    """An event that needs no mending arrives with the very content that local-slack sent."""
    await kit.workspace.say(BOB, RELEASES, "hello")
    (heard,) = kit.bot.heard
    assert heard.kind == "events_api"
    assert heard.payload["event"]["text"] == "hello"
    assert heard.payload["event_id"]


async def test_unsubscribed_events() -> None:
    """Events that the app has not subscribed to don't reach it."""
    async with open_kit(GateOptions(events=frozenset({"app_home_opened"}))) as kit:
        await kit.workspace.say(BOB, RELEASES, "hello")
        await kit.workspace.open_home(ALICE)
        assert [parcel.what for parcel in kit.bot.heard] == ["app_home_opened"]


async def test_own_event(kit: Kit) -> None:
    """An event that nobody in the workspace can cause is delivered like any other."""
    delivery = await kit.gate.event({"type": "app_uninstalled"})
    assert delivery.status == 200
    assert kit.bot.heard[-1].payload["event"] == {"type": "app_uninstalled"}


@pytest.mark.parametrize("how", ["duplicate", "twins"])
async def test_repeated_delivery(kit: Kit, how: Any) -> None:
    """A repeated delivery has the same body, a valid signature and Slack's retry headers."""
    kit.gate.disturb(how)
    await command(kit, "add")
    assert kit.bot.bodies[0] == kit.bot.bodies[1]
    nums = sorted(headers.get("x-slack-retry-num", "") for headers in kit.bot.headers)
    assert nums == ["", "1"]
    assert "http_timeout" in {headers.get("x-slack-retry-reason") for headers in kit.bot.headers}
    (delivery,) = kit.gate.deliveries
    assert sorted(attempt.retry for attempt in delivery.attempts) == [0, 1]


async def test_dropped_delivery(kit: Kit) -> None:
    """A dropped delivery never reaches the bot, the next one does."""
    kit.gate.disturb("drop")
    await command(kit, "lost")
    await command(kit, "found")
    assert texts(kit) == ["found"]
    assert kit.gate.deliveries[0].status is None


async def test_held_delivery(kit: Kit) -> None:
    """A held delivery arrives only after its release, its trigger meanwhile growing old."""
    kit.gate.disturb("hold")
    held = asyncio.create_task(command(kit, "held"))
    await kit.gate.until_waiting()
    await command(kit, "other")
    assert texts(kit) == ["other"]
    kit.clock.now += 4
    kit.gate.release()
    await held
    assert texts(kit) == ["other", "held"]
    assert kit.gate.late_acks == []
    trigger = kit.bot.heard[-1].payload["trigger_id"]
    refusal = await kit.refused("views.open", trigger_id=trigger, view=modal())
    assert refusal.response["error"] == "expired_trigger_id"


async def test_reordered_deliveries(kit: Kit) -> None:
    """The first of two arrives after the second was answered."""
    kit.gate.disturb("reorder")
    first = asyncio.create_task(command(kit, "first"))
    await kit.gate.wait_for(lambda gate: len(gate.deliveries) == 1)
    await command(kit, "second")
    await first
    assert texts(kit) == ["second", "first"]


async def test_heal_lets_go(kit: Kit) -> None:
    """`heal` lets a delivery go that waits for its next, and forgets what was to come."""
    kit.gate.disturb("reorder")
    kit.gate.disturb("drop", times=5)
    alone = asyncio.create_task(command(kit, "alone"))
    await kit.gate.wait_for(lambda gate: len(gate.deliveries) == 1)
    kit.gate.heal()
    await alone
    await command(kit, "next")
    assert texts(kit) == ["alone", "next"]


async def test_redelivered_to_a_restarted_bot(kit: Kit) -> None:
    """A delivery to a bot that is down can be delivered again when it is up elsewhere."""
    kit.gate.bot_url = None
    await command(kit, "add")
    assert kit.gate.deliveries[0].status is None
    assert await kit.gate.redeliver(0) is None
    async with TinyBot(kit.workspace.signing_secret) as restarted:
        kit.gate.bot_url = f"{restarted.url}/slack/events"
        assert await kit.gate.redeliver(0, retry=2, reason="connection_failed") == 200
        assert restarted.heard[0].payload["text"] == "add"
        assert restarted.headers[0]["x-slack-retry-num"] == "2"
        assert restarted.headers[0]["x-slack-retry-reason"] == "connection_failed"
        assert await kit.gate.redeliver(0, resign=False) == 200
        first = kit.gate.deliveries[0].headers
        assert restarted.headers[1]["x-slack-signature"] == first["X-Slack-Signature"]


async def test_bot_refuses_foreign_signatures(kit: Kit) -> None:
    """What is signed with another secret, or not at all, the bot can tell: the gate's deliveries are neither."""
    address = f"{kit.bot.url}/slack/events"
    async with aiohttp.ClientSession() as session, session.post(address, data=b"{}") as answer:
        assert answer.status == 401
    await command(kit, "add")
    assert kit.gate.deliveries[0].status == 200


async def test_late_ack(kit: Kit) -> None:
    """An ack after more than three seconds is remembered, and its answer is not heard."""

    async def slow(_parcel: Parcel) -> web.Response:
        kit.clock.now += 3.5
        return web.json_response({"text": "too late"})

    kit.bot.answering = slow
    await command(kit, "add")
    (late,) = kit.gate.late_acks
    assert late.attempts[0].seconds == 3.5
    assert [one["text"] for one in kit.workspace.messages()] == [
        "/publisher failed with the error “operation_timeout”"
    ]


async def test_failed_command_is_told(kit: Kit) -> None:
    """A command that the bot answers with an error is told to the caller as Slack does."""
    kit.bot.says("broken", status=500)
    await command(kit, "add")
    (shown,) = kit.workspace.messages()
    assert shown["text"] == "/publisher failed with the error “dispatch_failed”"
    assert shown["ephemeral_to"] == ALICE.id


@pytest.mark.parametrize(
    ("told", "subtype"),
    [("plain", "ephemeral"), ({"text": "plain"}, "ephemeral"), ({"text": "plain", "response_type": "in_channel"}, None)],
)  # fmt: skip
async def test_answer_in_the_ack(kit: Kit, told: Any, subtype: str | None) -> None:
    """An answer in the ack is shown, also as plain text, to the caller alone unless it says `in_channel`."""
    kit.bot.says(told)
    await command(kit, "add")
    (shown,) = kit.workspace.messages()
    assert (shown["text"], shown.get("subtype")) == ("plain", subtype)
    assert kit.gate.violations == []


async def test_violation_in_the_ack(kit: Kit) -> None:
    """Blocks beyond the limits in an ack are violations and not shown."""
    kit.bot.says({"text": "x", "blocks": [section("x" * 3001)]})
    await command(kit, "add")
    assert kit.workspace.messages() == []
    assert [one.method for one in kit.gate.violations] == ["/publisher"]


async def test_modal_stays_open_without_an_answer(kit: Kit) -> None:
    """A submitted modal whose bot fails stays open and says that there was trouble."""
    await kit.client.views_open(trigger_id=await kit.trigger(), view=modal())
    kit.bot.says("broken", status=500)
    await kit.workspace.submit(ALICE, {"owner": "x"})
    assert len(kit.workspace.views()) == 1
    assert "trouble connecting" in str(kit.workspace.errors)


@pytest.mark.parametrize(
    "told",
    [
        {"response_action": "errors", "errors": {"nowhere": "No."}},
        {"response_action": "update", "view": modal(title=plain("x" * 25))},
    ],
)
async def test_violation_in_a_submission(kit: Kit, told: Any) -> None:
    """Errors at blocks that can't carry one, and views beyond the limits, are violations."""
    await kit.client.views_open(trigger_id=await kit.trigger(), view=modal())
    kit.bot.says(told)
    await kit.workspace.submit(ALICE, {"owner": "x"})
    assert len(kit.workspace.views()) == 1
    assert [one.method for one in kit.gate.violations] == ["add"]


async def test_update_and_push_in_the_ack(kit: Kit) -> None:
    """A modal updated by the ack keeps its id, a pushed one knows what it lies on, and both can be updated."""
    opened = (await kit.client.views_open(trigger_id=await kit.trigger(), view=modal()))["view"]
    kit.bot.says({"response_action": "update", "view": modal(field("second", text_input()))})
    await kit.workspace.submit(ALICE, {"owner": "x"})
    kit.bot.says({"response_action": "push", "view": modal(field("third", text_input()))})
    await kit.workspace.submit(ALICE, {"second": "x"})
    assert kit.bot.heard[-1].payload["view"]["id"] == opened["id"]
    kit.bot.answering = ack
    await kit.client.views_update(
        view_id=opened["id"], view=modal(section("below"), field("a", text_input()))
    )
    await kit.workspace.submit(ALICE, {"third": "x"})
    top = kit.bot.heard[-1].payload["view"]
    assert (top["previous_view_id"], top["root_view_id"]) == (opened["id"], opened["id"])
    assert kit.gate.violations == []


async def test_response_url(kit: Kit) -> None:
    """A response URL leads through the gate, shows to the caller alone by default, and is good five times."""
    await command(kit, "add")
    url = kit.bot.heard[0].payload["response_url"]
    assert url.startswith(kit.gate.url)
    hook = AsyncWebhookClient(url)
    for number in range(5):
        assert (await hook.send(text=str(number))).status_code == 200
    spent = await hook.send(text="6")
    assert (spent.status_code, "used_url" in spent.body) == (404, True)
    await kit.workspace.settled()
    assert [one["subtype"] for one in kit.workspace.messages()] == ["ephemeral"] * 5
    assert kit.gate.count("response_url") == 6


async def test_response_url_expires(kit: Kit) -> None:
    """A response URL is good for thirty minutes, and a made-up one never."""
    await command(kit, "add")
    url = kit.bot.heard[0].payload["response_url"]
    kit.clock.now += 30 * 60 + 1
    for address in (url, f"{kit.gate.url}/_hooks/response/nonsense"):
        assert (await AsyncWebhookClient(address).send(text="x")).status_code == 404


async def test_response_url_checked_and_broken(kit: Kit) -> None:
    """Messages for a response URL are held to the limits, and the URL can be made to fail."""
    await command(kit, "add")
    hook = AsyncWebhookClient(kit.bot.heard[0].payload["response_url"], retry_handlers=[])
    assert (await hook.send(text="x", blocks=[section("x" * 3001)])).status_code == 400
    assert [one.method for one in kit.gate.violations] == ["response_url"]
    kit.gate.fail("response_url", status=500)
    assert (await hook.send(text="x")).status_code == 500
    kit.gate.fail("response_url", close="before")
    with pytest.raises(aiohttp.ClientError):
        await hook.send(text="x")
    assert kit.workspace.messages() == []


async def test_replace_original(kit: Kit) -> None:
    """A click's response URL replaces the message that was clicked."""
    posted = await kit.client.chat_postMessage(channel=RELEASES.id, text="Go?", blocks=[buttons("go")])
    await kit.workspace.click(ALICE, RELEASES, posted["ts"], "go")
    hook = AsyncWebhookClient(kit.bot.heard[0].payload["response_url"])
    await hook.send(text="Gone.", replace_original=True)
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["Gone."]


class SocketBot:
    """A bot on Socket Mode, by the SDK's own client."""

    def __init__(self) -> None:
        self.heard: list[SocketModeRequest] = []
        self.answer: dict[str, Any] | None = None
        self.silent = False
        self.news = asyncio.Event()

    async def hear(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Take an envelope and ack it."""
        self.heard.append(request)
        self.news.set()
        if not self.silent:
            await client.send_socket_mode_response(
                SocketModeResponse(envelope_id=request.envelope_id, payload=self.answer)
            )


@asynccontextmanager
async def open_socket() -> AsyncIterator[tuple[SlackWorkspace, SlackGate, SocketBot, AsyncWebClient]]:
    """Give a workspace in mode `socket` with a connected bot."""
    workspace, bot = SlackWorkspace(mode="socket"), SocketBot()
    gate = SlackGate(workspace)
    async with gate, workspace:
        web_client = AsyncWebClient(token=workspace.bot_token, base_url=gate.api_url)
        client = SocketModeClient(app_token=workspace.app_token, web_client=web_client, ping_interval=60)
        client.socket_mode_request_listeners.append(bot.hear)
        await client.connect()  # type: ignore[no-untyped-call]  # the SDK's gap
        await workspace.wait_for(lambda now: now.bot_connected)
        try:
            yield workspace, gate, bot, web_client
        finally:
            await client.close()  # type: ignore[no-untyped-call]  # the SDK's gap


async def test_socket_story() -> None:
    """Over Socket Mode commands, modals, pickers and response URLs are mended and recorded as over HTTP."""
    async with open_socket() as (workspace, gate, bot, client):
        await workspace.command(ALICE, RELEASES, "/publisher", "add")
        (heard,) = bot.heard
        picker = {"type": "conversations_select", "action_id": "c", "default_to_current_conversation": True}
        await client.views_open(trigger_id=heard.payload["trigger_id"], view=modal(field("where", picker)))
        bot.answer = {"response_action": "errors", "errors": {"where": "No."}}
        await workspace.submit(ALICE)
        assert workspace.errors == {"where": "No."}
        state = bot.heard[-1].payload["view"]["state"]["values"]["where"]["c"]
        assert state == {"type": "conversations_select", "selected_conversation": RELEASES.id}
        assert heard.payload["response_url"].startswith(gate.url)
        assert (await AsyncWebhookClient(heard.payload["response_url"]).send(text="hi")).status_code == 200
        assert [(one.kind, one.status) for one in gate.deliveries] == [
            ("slash_commands", 200),
            ("interactive", 200),
        ]


async def test_socket_retry() -> None:
    """Over Socket Mode a delivery can be repeated: a new envelope, the same payload, Slack's retry fields."""
    async with open_socket() as (workspace, gate, bot, _):
        await workspace.say(ALICE, RELEASES, "hello")
        assert await gate.redeliver(0) == 200
        first, second = bot.heard
        assert first.payload == second.payload
        assert first.envelope_id != second.envelope_id
        assert (second.retry_attempt, second.retry_reason) == (1, "http_timeout")


async def test_socket_closed_under_way() -> None:
    """A delivery under way when the bot's socket closes has no answer and can be repeated."""
    async with open_socket() as (workspace, gate, bot, _):
        bot.silent = True
        said = asyncio.create_task(workspace.say(ALICE, RELEASES, "hello"))
        await bot.news.wait()
        for socket in list(gate._socket._bots):
            await socket.close()
        (attempt,) = await gate.wait_for(lambda gate: gate.deliveries[0].attempts)
        assert attempt.status is None
        said.cancel()  # local-slack itself would wait five seconds for the ack
        await asyncio.gather(said, return_exceptions=True)
