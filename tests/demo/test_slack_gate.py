"""What the gate adds on the way from the bot to Slack: checks, memory, pace, faults."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack_gate import GateOptions, SlackGate
from bot.demo.slack_methods import BOT_SCOPES
from bot.demo.slack_workspace import (
    ALICE,
    BOT_USER_ID,
    CHANNELS,
    DAVE,
    GENERAL,
    RELEASES,
    Channel,
    SlackWorkspace,
)
from tests.demo.slack_kit import Kit, buttons, open_kit, section

META = {"event_type": "shipbell_told", "event_payload": {"key": "k1"}}


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    """Give a workspace with a gate and a tiny bot."""
    async with open_kit() as running:
        yield running


async def test_auth_test_tells_scopes(kit: Kit) -> None:
    """`auth.test` gives the fixed identity, and the token's scopes in a header as Slack does."""
    answer = await kit.client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["user"]) == ("T01SHIPBELL", BOT_USER_ID, "shipbell")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert set(headers["x-oauth-scopes"].split(",")) == BOT_SCOPES


@pytest.mark.parametrize(("token", "error"), [("xoxb-other", "invalid_auth"), ("", "not_authed")])
async def test_token_checked(kit: Kit, token: str, error: str) -> None:
    """A wrong or missing token is refused."""
    kit.client = AsyncWebClient(token=token or None, base_url=kit.gate.api_url)
    refusal = await kit.refused("auth.test")
    assert refusal.response["error"] == error


async def test_token_kinds(kit: Kit) -> None:
    """The app token opens sockets and nothing else; the bot token everything else."""
    assert (await kit.refused("apps.connections.open")).response["error"] == "not_allowed_token_type"
    kit.client = AsyncWebClient(token=kit.workspace.app_token, base_url=kit.gate.api_url)
    assert (await kit.refused("auth.test")).response["error"] == "not_allowed_token_type"
    assert (await kit.client.apps_connections_open(app_token=kit.workspace.app_token))["url"].startswith(
        "ws:"
    )


async def test_missing_scope() -> None:
    """A call beyond the token's scopes is refused, says what is needed, and is a violation."""
    async with open_kit(GateOptions(scopes=frozenset({"commands"}))) as kit:
        refusal = await kit.refused("chat.postMessage", channel=RELEASES.id, text="x")
        assert refusal.response["error"] == "missing_scope"
        assert refusal.response["needed"] == "chat:write"
        assert refusal.response["provided"] == "commands"
        assert [one.cause for one in kit.gate.violations] == ["missing_scope: chat:write"]
        assert kit.workspace.messages() == []


async def test_required_arguments(kit: Kit) -> None:
    """A call without what it needs is refused and says what."""
    refusal = await kit.refused("conversations.replies", channel=RELEASES.id)
    assert refusal.response["error"] == "invalid_arguments"
    assert "missing required field: ts" in refusal.response["response_metadata"]["messages"][0]
    assert kit.gate.violations


async def test_invalid_blocks(kit: Kit) -> None:
    """A message beyond the limits is refused in Slack's words and never shown."""
    refusal = await kit.refused(
        "chat.postMessage", channel=RELEASES.id, text="x", blocks=[section("x" * 3001)]
    )
    assert refusal.response["error"] == "invalid_blocks"
    assert refusal.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]
    assert [one.method for one in kit.gate.violations] == ["chat.postMessage"]
    await kit.workspace.settled()
    assert kit.workspace.messages() == []


@pytest.mark.parametrize(
    ("message", "error"),
    [({}, "no_text"), ({"text": "x" * 40_001}, "msg_too_long"), ({"text": "x", "metadata": {"a": 1}}, "invalid_metadata_format")],
)  # fmt: skip
async def test_refused_messages(kit: Kit, message: dict[str, Any], error: str) -> None:
    """Empty and over-long messages and broken metadata are refused."""
    assert (await kit.refused("chat.postMessage", channel=RELEASES.id, **message)).response["error"] == error
    assert kit.gate.violations


@pytest.mark.parametrize("message", [{"blocks": [section()]}, {"text": "x" * 4001}])
async def test_taken_but_noted(kit: Kit, message: dict[str, Any]) -> None:
    """Blocks without text, and texts above 4,000 characters, are taken but noted."""
    await kit.client.api_call("chat.postMessage", json={"channel": RELEASES.id, **message})
    assert len(kit.gate.violations) == 1


async def test_good_bot_leaves_no_violation(kit: Kit) -> None:
    """A proper message in each way of sending arguments passes unchanged, without a violation."""
    blocks = [section("*Hi* &lt;you&gt;"), buttons("go")]
    await kit.client.chat_postMessage(channel="#releases", text="JSON", blocks=blocks)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {kit.workspace.bot_token}"}) as form:
        told = {"channel": RELEASES.id, "text": "form", "blocks": '[{"type":"divider"}]'}
        async with form.post(f"{kit.gate.api_url}chat.postMessage", data=told) as answer:
            assert (await answer.json())["ok"]
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["JSON", "form"]
    assert kit.workspace.messages()[0]["blocks"] == blocks
    assert kit.gate.violations == []


async def test_membership() -> None:
    """The bot can't speak or read where it is not a member, nor whisper to who isn't there, nor find what isn't."""
    private = Channel("C03PRIVATE", "private", (ALICE.id,))
    small = Channel("C04SMALL", "small", (ALICE.id, BOT_USER_ID))
    workspace = SlackWorkspace(channels=(*CHANNELS, private, small))
    gate = SlackGate(workspace)
    async with gate, workspace:
        client = AsyncWebClient(token=workspace.bot_token, base_url=gate.api_url)
        for channel, method, error in [
            (private.id, client.conversations_history, "not_in_channel"),
            ("C09NONE", client.conversations_history, "channel_not_found"),
        ]:
            with pytest.raises(SlackApiError, match=error):
                await method(channel=channel)
        with pytest.raises(SlackApiError, match="not_in_channel"):
            await client.chat_postMessage(channel="private", text="x")
        with pytest.raises(SlackApiError, match="user_not_in_channel"):
            await client.chat_postEphemeral(channel=small.id, user=DAVE.id, text="x")
        opened = await client.conversations_open(users=ALICE.id)
        assert (await client.conversations_history(channel=opened["channel"]["id"]))["messages"] == []


async def test_metadata_kept(kit: Kit) -> None:
    """Metadata comes back in history and replies when asked for, survives an edit, and an empty object ends it."""
    root = await kit.client.chat_postMessage(channel=RELEASES.id, text="root", metadata=META)
    reply = await kit.client.chat_postMessage(
        channel=RELEASES.id, text="reply", thread_ts=root["ts"], metadata={**META, "event_type": "reply"}
    )
    await kit.client.chat_update(channel=RELEASES.id, ts=root["ts"], text="edited")

    async def history(**more: Any) -> list[Any]:
        found = await kit.client.conversations_history(channel=RELEASES.id, **more)
        return [one.get("metadata") for one in found["messages"]]

    assert await history() == [None]
    assert await history(include_all_metadata=True) == [META]
    thread = await kit.client.conversations_replies(
        channel=RELEASES.id, ts=root["ts"], include_all_metadata=True
    )
    assert [one["metadata"]["event_type"] for one in thread["messages"]] == ["shipbell_told", "reply"]
    assert thread["messages"][1]["ts"] == reply["ts"]
    await kit.client.chat_update(channel=RELEASES.id, ts=root["ts"], text="edited", metadata={})
    assert await history(include_all_metadata=True) == [None]


async def test_history_pages(kit: Kit) -> None:
    """History goes newest first in pages by cursor, each message once; a made-up cursor is refused."""
    for number in range(5):
        await kit.client.chat_postMessage(channel=RELEASES.id, text=str(number))
    # The SDK's iterator gives one object that changes, so each page is read as it comes.
    walk = await kit.client.conversations_history(channel=RELEASES.id, limit=2)
    pages = [[one["text"] for one in page["messages"]] async for page in walk]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    for cursor in ("???", "YWJj"):
        refusal = await kit.refused("conversations.history", channel=RELEASES.id, cursor=cursor)
        assert refusal.response["error"] == "invalid_cursor"


async def test_history_bounds(kit: Kit) -> None:
    """`oldest` and `latest` bound the history, themselves left out unless `inclusive`."""
    stamps = [
        (await kit.client.chat_postMessage(channel=RELEASES.id, text=str(number)))["ts"]
        for number in range(4)
    ]

    async def texts(**bounds: Any) -> str:
        found = await kit.client.conversations_history(channel=RELEASES.id, **bounds)
        return "".join(one["text"] for one in found["messages"])

    assert await texts(oldest=stamps[1]) == "32"
    assert await texts(latest=stamps[1]) == "0"
    assert await texts(oldest=stamps[1], latest=stamps[2], inclusive=True) == "21"
    assert await texts(oldest="0", latest=stamps[0]) == ""


async def test_ephemeral_not_kept(kit: Kit) -> None:
    """An ephemeral message is shown but in no history, and can't be updated."""
    whisper = await kit.client.chat_postEphemeral(channel=RELEASES.id, user=ALICE.id, text="psst")
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["psst"]
    assert (await kit.client.conversations_history(channel=RELEASES.id))["messages"] == []
    refusal = await kit.refused("chat.update", channel=RELEASES.id, ts=whisper["message_ts"], text="x")
    assert refusal.response["error"] == "message_not_found"


async def test_only_own_messages(kit: Kit) -> None:
    """A person's message can't be updated by the bot; a thread that isn't there can't be read."""
    ts = await kit.workspace.say(ALICE, RELEASES, "mine")
    refusal = await kit.refused("chat.update", channel=RELEASES.id, ts=ts, text="x")
    assert refusal.response["error"] == "cant_update_message"
    refusal = await kit.refused("conversations.replies", channel=RELEASES.id, ts="1.000001")
    assert refusal.response["error"] == "thread_not_found"


async def test_rate_limit() -> None:
    """With the limit on, a second message within a second in one channel is a 429 that says when."""
    async with open_kit(GateOptions(rate_limit=True)) as kit:
        await kit.client.chat_postMessage(channel=RELEASES.id, text="one")
        await kit.client.chat_postMessage(channel=GENERAL.id, text="elsewhere")
        refusal = await kit.refused("chat.postMessage", channel=RELEASES.id, text="two")
        assert refusal.response.status_code == 429
        assert refusal.response.headers["Retry-After"] == "1"
        assert refusal.response["error"] == "ratelimited"
        kit.clock.now += 1.0
        await kit.client.chat_postMessage(channel=RELEASES.id, text="two")
        await kit.workspace.settled()
        assert [one["text"] for one in kit.workspace.messages()] == ["one", "two"]


async def test_injected_statuses(kit: Kit) -> None:
    """A method fails as often as told, with 429 and Retry-After, 5xx or an error of Slack's; others don't."""
    kit.gate.fail("chat.postMessage", retry_after=7)
    refusal = await kit.refused("chat.postMessage", channel=RELEASES.id, text="x")
    assert (refusal.response.status_code, refusal.response.headers["Retry-After"]) == (429, "7")
    kit.gate.fail("chat.postMessage", error="account_inactive", times=2)
    for _ in range(2):
        refusal = await kit.refused("chat.postMessage", channel=RELEASES.id, text="x")
        assert refusal.response["error"] == "account_inactive"
    kit.gate.fail("*", status=503, times=-1)
    async with aiohttp.ClientSession() as session, session.post(f"{kit.gate.api_url}auth.test") as answer:
        assert answer.status == 503
    kit.gate.heal()
    await kit.client.chat_postMessage(channel=RELEASES.id, text="at last")
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["at last"]
    assert [call.status for call in kit.gate.calls] == [429, 200, 200, 503, 200]


async def test_request_lost(kit: Kit) -> None:
    """Closed before: the sender sees a cut connection and nothing was done."""
    kit.gate.fail("chat.postMessage", close="before")
    with pytest.raises(aiohttp.ClientError):
        await kit.client.chat_postMessage(channel=RELEASES.id, text="lost")
    await kit.workspace.settled()
    assert kit.workspace.messages() == []


async def test_answer_lost(kit: Kit) -> None:
    """Closed after: the sender sees a cut connection although it was done, and metadata tells it afterwards."""
    kit.gate.fail("chat.postMessage", close="after")
    with pytest.raises(aiohttp.ClientError):
        await kit.client.chat_postMessage(channel=RELEASES.id, text="told", metadata=META)
    found = await kit.client.conversations_history(channel=RELEASES.id, include_all_metadata=True)
    assert [one["metadata"] for one in found["messages"]] == [META]


async def test_blind_retry_shows_twice(kit: Kit) -> None:
    """A bot that sends again without looking, as the SDK does unless told otherwise, is seen to speak twice."""
    careless = AsyncWebClient(token=kit.workspace.bot_token, base_url=kit.gate.api_url)
    kit.gate.fail("chat.postMessage", close="after")
    await careless.chat_postMessage(channel=RELEASES.id, text="told")
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["told", "told"]
    assert kit.gate.count("chat.postMessage") == 2


async def test_hang_until_released(kit: Kit) -> None:
    """A hanging call is done after its release, and not at all if its sender has given up before."""
    kit.gate.fail("chat.postMessage", hang=True, times=2)
    patient = asyncio.create_task(kit.client.chat_postMessage(channel=RELEASES.id, text="patient"))
    await kit.gate.until_waiting(1)
    hasty = asyncio.create_task(kit.client.chat_postMessage(channel=RELEASES.id, text="hasty"))
    await kit.gate.until_waiting(2)
    hasty.cancel()
    await asyncio.gather(hasty, return_exceptions=True)
    await kit.gate.until_waiting_no_more_than(1)
    assert not patient.done()
    kit.gate.release()
    assert (await patient)["ok"]
    await kit.workspace.settled()
    assert [one["text"] for one in kit.workspace.messages()] == ["patient"]


async def test_slow(kit: Kit) -> None:
    """A slow call is done truly in the end."""
    kit.gate.fail("auth.test", delay=0.001)
    assert (await kit.client.auth_test())["ok"]


async def test_calls_hide_tokens(kit: Kit) -> None:
    """What is remembered of a call has no token in it, however it was sent."""
    async with aiohttp.ClientSession() as session:
        told = {"token": kit.workspace.bot_token}
        async with session.post(f"{kit.gate.api_url}auth.test", data=told) as answer:
            assert (await answer.json())["ok"]
    assert kit.workspace.bot_token not in repr([(call, call.args) for call in kit.gate.calls])
