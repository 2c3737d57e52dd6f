"""Messages on their way to Slack: posted, edited, answered in threads, looked for, given up."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot import codec
from bot.core import notices
from bot.core.release_notices import Unapproved
from bot.errors import NotInstalled
from bot.slack.notifier import INVITED_SECONDS, OPERATOR_SECONDS, WAIT, SlackNotifier
from bot.workflow.ports import NeverSay, Said, SayLater
from storage.records import OutboxItem, OutboxState, Registration
from tests.transport.slack_server import HANG_UP, ScriptedSlack, scripted
from tests.unit.release_examples import ASKED, STEP

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ID = UUID("0b6f2f0e-0000-4000-8000-000000000009")
META = {"event_type": "shipbell_message", "event_payload": {"id": str(ID)}}
ROOT = OutboxItem(
    id=ID, team_id=ID, slack_team_id="T1", dedupe_key="k", channel="C1", user="", response_url=None, kind="release.shown",
    facts=codec.pack(ASKED, notices.KINDS)[1], state=OutboxState.WAITING, attempts=0, created_at=NOW, claimed_at=None,
)  # fmt: skip
EDIT = replace(ROOT, ts="1.1")
ANSWER = replace(
    ROOT, kind="release.step", facts=codec.pack(STEP, notices.KINDS)[1], thread_ts="1.1", broadcast=True
)
UNAPPROVED = Unapproved(
    Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi"), "https://pypi.org", "1.4.1", 2
)
POSTED = {"ok": True, "channel": "C1", "ts": "2.2"}


def refused(error: str, **more: Any) -> dict[str, Any]:
    """Return one of Slack's refusals."""
    return {"ok": False, "error": error, **more}


def notifier(slack: ScriptedSlack) -> SlackNotifier:
    """Return what is tested."""
    assert slack.session
    return SlackNotifier(slack.client_for, slack.session)


async def test_a_message_that_was_said_is_edited() -> None:
    """A message with an id is changed in place, keeps its metadata, and needs no look before."""
    async with scripted(chat_update=[POSTED]) as slack:
        assert await notifier(slack).deliver(EDIT, maybe_said=True) == Said("1.1")
        (args,) = slack.asked("chat.update")
        assert (args["channel"], args["ts"], args["metadata"]) == ("C1", "1.1", META)
        assert args["text"].startswith("Release of acme-widgets 1.4.0")
        assert [method for method, _ in slack.calls] == ["chat.update"]


async def test_blocks_that_slack_refuses_leave_the_bare_text() -> None:
    """An edit whose blocks are refused still tells what happened, and takes the old buttons away."""
    async with scripted(chat_update=[refused("invalid_blocks"), POSTED]) as slack:
        assert await notifier(slack).deliver(EDIT, maybe_said=False) == Said("1.1")
        assert slack.asked("chat.update")[1]["blocks"] == []


@pytest.mark.parametrize(
    "error", ["message_not_found", "cant_update_message", "edit_window_closed"]
)  # fmt: skip
async def test_what_can_not_be_edited_is_given_up(error: str) -> None:
    """A message that is gone, or is not ours any more, is not tried again."""
    async with scripted(chat_update=[refused(error)]) as slack:
        assert await notifier(slack).deliver(EDIT, maybe_said=False) == NeverSay(error)


@pytest.mark.parametrize("item", [EDIT, ROOT, ANSWER])
async def test_slacks_pace_is_obeyed(item: OutboxItem) -> None:
    """After a 429 the message waits as long as Slack says, and is known not to have arrived."""
    slow = refused("ratelimited", status=429, headers={"Retry-After": "17"})
    async with scripted(chat_update=[slow], chat_postMessage=[slow]) as slack:
        outcome = await notifier(slack).deliver(item, maybe_said=False)
        assert outcome == SayLater("rate limited", arrived_maybe=False, seconds=17, limited=True)


@pytest.mark.parametrize("item", [EDIT, ROOT, ANSWER])
@pytest.mark.parametrize("answer", [HANG_UP, refused("internal_error"), {"raw": "<html>", "status": 503}])
async def test_a_lost_answer_leaves_a_doubt(item: OutboxItem, answer: dict[str, Any]) -> None:
    """Where nobody knows whether it arrived, the next try has to look first."""
    async with scripted(chat_update=[answer], chat_postMessage=[answer]) as slack:
        outcome = await notifier(slack).deliver(item, maybe_said=False)
        assert isinstance(outcome, SayLater)
        assert outcome.arrived_maybe


async def test_what_only_the_operator_can_mend_waits_long() -> None:
    """A revoked token is not asked with again every second."""
    async with scripted(chat_update=[refused("token_revoked")]) as slack:
        outcome = await notifier(slack).deliver(EDIT, maybe_said=False)
        assert outcome == SayLater("token_revoked", arrived_maybe=False, seconds=OPERATOR_SECONDS)


async def test_an_answer_goes_into_its_thread() -> None:
    """A line of the timeline is posted below its message, and shown in the channel where it says so."""
    async with scripted(chat_postMessage=[POSTED]) as slack:
        assert await notifier(slack).deliver(ANSWER, maybe_said=False) == Said("2.2")
        assert await notifier(slack).deliver(replace(ANSWER, broadcast=False), maybe_said=False) == Said(
            "2.2"
        )
        loud, quiet = slack.asked("chat.postMessage")
        assert (loud["thread_ts"], loud["metadata"]) == ("1.1", META)
        assert (bool(loud["reply_broadcast"]), str(quiet["reply_broadcast"]).lower()) == (True, "false")


async def test_bare_text_stays_in_its_thread() -> None:
    """An answer whose blocks are refused does not leave the thread for the channel."""
    async with scripted(chat_postMessage=[refused("invalid_blocks"), POSTED]) as slack:
        assert await notifier(slack).deliver(ANSWER, maybe_said=False) == Said("2.2")
        assert slack.asked("chat.postMessage")[1]["thread_ts"] == "1.1"


async def test_a_doubtful_answer_is_looked_for_in_its_thread() -> None:
    """After a crash the thread's own messages, page by page, tell whether it was said; then it is not said again."""
    first = {"ok": True, "messages": [{"ts": "1.1"}], "response_metadata": {"next_cursor": "more"}}
    second = {"ok": True, "messages": [{"ts": "1.5", "metadata": META}]}
    async with scripted(conversations_replies=[first, second]) as slack:
        assert await notifier(slack).deliver(ANSWER, maybe_said=True) == Said("1.5")
        one, two = slack.asked("conversations.replies")
        assert (one["channel"], one["ts"], one["include_all_metadata"]) == ("C1", "1.1", "1")
        assert two["cursor"] == "more"


async def test_a_doubtful_answer_that_is_not_there_is_said() -> None:
    """Where the thread does not have it, it is said now, once."""
    empty: dict[str, Any] = {"ok": True, "messages": []}
    async with scripted(conversations_replies=[empty], chat_postMessage=[POSTED]) as slack:
        assert await notifier(slack).deliver(ANSWER, maybe_said=True) == Said("2.2")
        assert len(slack.asked("chat.postMessage")) == 1


async def test_a_thread_that_is_gone_holds_nothing() -> None:
    """Where the thread itself is gone, nothing was said in it."""
    async with scripted(
        conversations_replies=[refused("thread_not_found")], chat_postMessage=[POSTED]
    ) as slack:
        assert await notifier(slack).deliver(ANSWER, maybe_said=True) == Said("2.2")


async def test_a_doubt_stays_while_nobody_can_look() -> None:
    """While the history can't be read, nothing is said: it might be the second time."""
    async with scripted(conversations_replies=[refused("internal_error")]) as slack:
        outcome = await notifier(slack).deliver(ANSWER, maybe_said=True)
        assert isinstance(outcome, SayLater)
        assert slack.asked("chat.postMessage") == []


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found", "is_archived", "is_inactive"])
async def test_what_was_begun_in_a_lost_channel_waits(error: str) -> None:
    """An edit, and an answer in a thread, wait while the channel is archived or the bot is not in it: it may come back."""
    kind, facts = codec.pack(UNAPPROVED, notices.KINDS)
    answer = replace(ROOT, kind=kind, facts=facts, thread_ts="1.1")
    async with scripted(chat_update=[refused(error)], chat_postMessage=[refused(error)]) as slack:
        assert await notifier(slack).deliver(EDIT, maybe_said=False) == WAIT
        assert await notifier(slack).deliver(answer, maybe_said=False) == WAIT


async def test_the_asker_hears_what_a_channel_can_not() -> None:
    """Where the bot is not in the channel, who asked gets it; it has no id there by which it could be edited."""
    pending = notices.PublisherPending(ASKED.target, "https://index.example", "U1", NOW, by_hand=False)
    item = replace(ROOT, kind="publisher.pending", facts=codec.pack(pending, notices.KINDS)[1])
    async with scripted(chat_postMessage=[refused("not_in_channel"), POSTED]) as slack:
        assert await notifier(slack).deliver(item, maybe_said=False) == Said("")
        assert [args["channel"] for args in slack.asked("chat.postMessage")] == ["C1", "U1"]


async def test_a_release_waits_until_the_bot_is_invited() -> None:
    """A message with buttons is of no use elsewhere: who asked is told once to invite the bot, and then it is posted."""
    outside = refused("not_in_channel")
    async with scripted(chat_postMessage=[outside, POSTED, outside, POSTED]) as slack:
        told = notifier(slack)
        waits = SayLater("not invited", arrived_maybe=False, seconds=INVITED_SECONDS, asker_told=True)
        knows = replace(ROOT, asker_told=True)
        got = [await told.deliver(item, maybe_said=False) for item in (ROOT, knows, knows)]
        assert got == [waits, waits, Said("2.2")]
        asked = slack.asked("chat.postMessage")
        assert [args["channel"] for args in asked] == ["C1", "U1", "C1", "C1"]
        assert "/invite @shipbell" in json.dumps(asked[1]["blocks"])
        assert "release.approve" not in json.dumps(asked[1]["blocks"])


OPENED = {"ok": True, "channel": {"id": "D7"}}


async def test_a_direct_message_is_said_and_edited_in_its_conversation() -> None:
    """What goes to a person and is edited later lies in a conversation, whose name comes back; a doubt is looked up there."""
    item = replace(ROOT, channel="UALICE")
    async with scripted(conversations_open=[OPENED], chat_postMessage=[POSTED]) as slack:
        said = await notifier(slack).deliver(item, maybe_said=False)
        assert isinstance(said, Said)
        assert said.channel == "D7"
        (posted,) = slack.asked("chat.postMessage")
        assert posted["channel"] == "D7"
    known = {"ts": "5.0", "metadata": {"event_payload": {"id": str(item.id)}}}
    history = [{"ok": True, "messages": [known]}]
    async with scripted(conversations_open=[OPENED], conversations_history=history) as slack:
        assert await notifier(slack).deliver(item, maybe_said=True) == Said("5.0", "D7")
        assert slack.asked("conversations.history")[0]["channel"] == "D7"
    async with scripted(conversations_open=[refused("missing_scope")]) as slack:
        assert isinstance(await notifier(slack).deliver(item, maybe_said=False), SayLater)


async def test_where_the_app_is_gone_it_waits() -> None:
    """A message for a workspace that the app is not in waits for the next install, and Slack is not asked."""

    async def nobody(_team: str) -> AsyncWebClient:
        raise NotInstalled("https://bell.example/slack/install")

    async with aiohttp.ClientSession() as session:
        said = await SlackNotifier(nobody, session).deliver(ROOT, maybe_said=False)
    assert isinstance(said, SayLater)
    assert (said.seconds, said.arrived_maybe) == (OPERATOR_SECONDS, False)


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found"])
async def test_what_nobody_asked_for_goes_to_who_installed_the_app(error: str) -> None:
    """Where the bot is not in the channel and nobody has asked, whoever installed it hears it, with the way to let it in; answers in a thread wait."""

    async def keeper(team: str) -> str:
        return f"U-of-{team}"

    kind, facts = codec.pack(UNAPPROVED, notices.KINDS)
    item = replace(ROOT, kind=kind, facts=facts)
    async with scripted(chat_postMessage=[refused(error), POSTED]) as slack:
        assert slack.session
        with_keeper = SlackNotifier(slack.client_for, slack.session, keeper)
        assert await with_keeper.deliver(item, maybe_said=False) == Said()
        _, told = slack.asked("chat.postMessage")
        assert told["channel"] == "U-of-T1"
        assert "/invite @shipbell" in json.dumps(told["blocks"])
    async with scripted(chat_postMessage=[refused(error)]) as slack:
        assert slack.session
        with_keeper = SlackNotifier(slack.client_for, slack.session, keeper)
        answer = replace(item, thread_ts="1.1")
        assert await with_keeper.deliver(answer, maybe_said=False) == WAIT
