"""What the demo's workspace needs for releases: people of every kind, user groups, edited messages, threads, clicks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import aiohttp
import pytest

from bot import codec
from bot.core import intents, notices
from bot.core.people import CannotTell, Group, Person, Standing
from bot.demo.slack_api import GateOptions
from bot.demo.slack_config import Kind
from bot.demo.slack_methods import BOT_SCOPES
from bot.demo.slack_people import SLACKBOT, escaped
from bot.demo.slack_workspace import (
    ALICE,
    BOB,
    BOT_USER_ID,
    CAROL,
    CHANNELS,
    DAVE,
    ERIN,
    GROUPS,
    MAINTAINERS,
    RELEASES,
    SECURITY,
    TEAM_ID,
    USERS,
)
from bot.slack import clicks
from bot.slack.blocks import releases
from bot.slack.notifier import SlackNotifier
from bot.slack.people import SlackPeople
from bot.slack.visits import field_values, metadata
from bot.workflow.ports import Said
from storage.records import OutboxItem, OutboxState, ReleaseReason, ReleaseState
from tests.demo.slack_kit import Kit, open_kit
from tests.unit.release_examples import ASKED, STEP, standing

ROOT_ID = UUID("0b6f2f0e-0000-4000-8000-0000000000a1")
LINE_ID = UUID("0b6f2f0e-0000-4000-8000-0000000000a2")


@pytest.fixture
async def kit() -> AsyncIterator[Kit]:
    """Give a workspace with a gate and a tiny bot."""
    async with open_kit() as running:
        yield running


def people(kit: Kit) -> SlackPeople:
    """Return the bot's own view of the workspace's people."""
    return SlackPeople(kit.client_for, lambda: datetime.now(UTC))  # noqa: TID251 - Slack's clock


async def say(kit: Kit, notice: notices.Notice, item_id: UUID = ROOT_ID, **more: object) -> str:
    """Say a notice through the bot's own notifier, and return the message's ts."""
    kind, facts = codec.pack(notice, notices.KINDS)
    item = OutboxItem(
        id=item_id, team_id=ROOT_ID, slack_team_id=TEAM_ID, dedupe_key="k", channel=RELEASES.id, user="", response_url=None,
        kind=kind, facts=facts, state=OutboxState.WAITING, attempts=0, created_at=datetime.now(UTC), claimed_at=None,  # noqa: TID251 - Slack's clock
    )  # fmt: skip
    maybe_said = bool(more.pop("maybe_said", False))
    async with aiohttp.ClientSession() as session:
        notifier = SlackNotifier(kit.client_for, session)
        said = await notifier.deliver(replace(item, **more), maybe_said=maybe_said)  # type: ignore[arg-type]  # its fields
    assert isinstance(said, Said), said
    return said.ts


async def test_everybody_is_what_they_are(kit: Kit) -> None:
    """Members, an admin, a guest, bots and strangers are told apart as Slack tells them."""
    known = people(kit)
    assert await known.person(TEAM_ID, ALICE.id) == Person(ALICE.id, Standing.MEMBER, admin=True)
    assert await known.person(TEAM_ID, CAROL.id) == Person(CAROL.id, Standing.MEMBER)
    assert await known.person(TEAM_ID, ERIN.id) == Person(ERIN.id, Standing.GUEST)
    assert await known.person(TEAM_ID, BOT_USER_ID) == Person(BOT_USER_ID, Standing.BOT)
    assert await known.person(TEAM_ID, SLACKBOT.id) == Person(SLACKBOT.id, Standing.BOT)
    assert await known.person(TEAM_ID, "U0NOBODY") == Person("U0NOBODY", Standing.UNKNOWN)
    assert kit.gate.violations == []


@pytest.mark.parametrize(
    ("kind", "standing_"),
    [("deactivated", Standing.DEACTIVATED), ("stranger", Standing.STRANGER), ("bot", Standing.BOT)],
)
async def test_people_can_become_something_else(kit: Kit, kind: Kind, standing_: Standing) -> None:
    """A test may deactivate somebody, or let them be of another workspace, while it runs."""
    kit.workspace.users = tuple(replace(user, kind=kind) if user == DAVE else user for user in USERS)
    assert await people(kit).person(TEAM_ID, DAVE.id) == Person(DAVE.id, standing_)


async def test_groups_have_members(kit: Kit) -> None:
    """User groups are listed with their members; an unknown one is refused."""
    known = people(kit)
    assert await known.group(TEAM_ID, SECURITY.id) == Group(SECURITY.id, frozenset({CAROL.id}))
    assert isinstance(await known.group(TEAM_ID, "S0NONE"), CannotTell)
    listed = await kit.client.usergroups_list()
    assert [group["handle"] for group in listed["usergroups"]] == ["maintainers", "security"]


async def test_without_the_scopes_nobody_is_known() -> None:
    """A token without the scopes is refused, and the bot names the one that is missing."""
    scopes = BOT_SCOPES - {"users:read", "usergroups:read"}
    async with open_kit(GateOptions(scopes=scopes)) as kit:
        known = people(kit)
        for outcome in (await known.person(TEAM_ID, BOB.id), await known.group(TEAM_ID, SECURITY.id)):
            assert isinstance(outcome, CannotTell)
            assert "lacks the scope user" in outcome.detail


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        (
            "approvers=@bob,@maintainers",
            f"approvers=<@{BOB.id}|bob>,<!subteam^{MAINTAINERS.id}|@maintainers>",
        ),
        ("channel=#releases", f"channel=<#{RELEASES.id}|releases>"),
        ("@nobody #nowhere a@bob.example", "@nobody #nowhere a@bob.example"),
        (f"<@{BOB.id}|bob> <#{RELEASES.id}|releases>", f"<@{BOB.id}|bob> <#{RELEASES.id}|releases>"),
    ],
)
def test_names_in_commands_are_written_as_slack_does(typed: str, sent: str) -> None:
    """People, groups and channels that exist become ids; everything else stays as typed."""
    assert escaped(typed, USERS, GROUPS, CHANNELS) == sent


async def test_a_commands_names_reach_the_bot_as_ids(kit: Kit) -> None:
    """What a person types at the page arrives as Slack would send it."""
    await kit.workspace.command(ALICE, RELEASES, "/shipbell", "settings policy approvers=@carol")
    assert kit.bot.heard[-1].payload["text"] == f"settings policy approvers=<@{CAROL.id}|carol>"


async def test_one_message_a_release(kit: Kit) -> None:
    """A release's message is edited in place, keeps its metadata, and its timeline stands below it."""
    root = await say(kit, ASKED)
    line = await say(kit, STEP, LINE_ID, thread_ts=root)
    assert await say(kit, standing(ReleaseState.PUBLISHED, ReleaseReason.VERIFIED), ts=root) == root
    await kit.workspace.settled()
    shown = kit.workspace.messages(RELEASES)
    assert [one["ts"] for one in shown] == [root, line]
    assert shown[0]["text"].endswith("published.")
    assert shown[1]["thread_ts"] == root
    history = await kit.client.conversations_history(channel=RELEASES.id, include_all_metadata=True)
    assert [one["ts"] for one in history["messages"]] == [root]
    assert history["messages"][0]["metadata"]["event_payload"] == {"id": str(ROOT_ID)}
    assert kit.gate.violations == []


async def test_a_group_is_called_by_its_handle(kit: Kit) -> None:
    """The page shows a user group's handle, where Slack would, and not its id."""
    root = await say(kit, ASKED)
    await say(kit, replace(STEP, people=(MAINTAINERS.id,)), LINE_ID, thread_ts=root)
    await kit.workspace.settled()
    assert "@maintainers: 2 approvals wanted" in kit.workspace.messages(RELEASES)[1]["text"]


async def test_nothing_is_said_twice(kit: Kit) -> None:
    """A doubtful message is found: in the channel by its metadata, in a thread by the thread's."""
    root = await say(kit, ASKED)
    line = await say(kit, STEP, LINE_ID, thread_ts=root)
    assert await say(kit, ASKED, maybe_said=True) == root
    assert await say(kit, STEP, LINE_ID, thread_ts=root, maybe_said=True) == line
    assert kit.gate.count("chat.postMessage") == 2


async def test_the_end_is_shown_in_the_channel_too(kit: Kit) -> None:
    """A broadcast answer is in the thread and in the channel's history; a quiet one in the thread alone."""
    root = await say(kit, ASKED)
    loud = await say(kit, STEP, LINE_ID, thread_ts=root, broadcast=True)
    quiet = await say(kit, STEP, ROOT_ID, thread_ts=root)
    await kit.workspace.settled()
    assert kit.gate.broadcasts == {(RELEASES.id, loud)}
    history = await kit.client.conversations_history(channel=RELEASES.id)
    assert [one["ts"] for one in history["messages"]] == [loud, root]
    assert history["messages"][0]["subtype"] == "thread_broadcast"
    thread = await kit.client.conversations_replies(channel=RELEASES.id, ts=root)
    assert [(one["ts"], one.get("subtype", "")) for one in thread["messages"]] == [
        (root, ""), (loud, "thread_broadcast"), (quiet, ""),
    ]  # fmt: skip


@pytest.mark.parametrize("user", [BOB, CAROL, ERIN])
async def test_everybody_can_press_the_button(kit: Kit, user: object) -> None:
    """A click on a release's message brings its value back, with who pressed it, guest or not."""
    root = await say(kit, ASKED)
    await kit.workspace.settled()
    await kit.workspace.click(str(user), RELEASES, root, releases.APPROVE)
    payload = kit.bot.heard[-1].payload
    (action,) = payload["actions"]
    assert clicks.clicked(action["action_id"], action["value"]) == intents.Approve(ASKED.release_id, 1)
    assert payload["user"]["id"] == str(user)


async def test_a_rejection_goes_through_its_dialog(kit: Kit) -> None:
    """The button opens the dialog, and what is typed there comes back with the release that it is about."""
    root = await say(kit, ASKED)
    await kit.workspace.settled()
    await kit.workspace.click(BOB, RELEASES, root, releases.REJECT)
    payload = kit.bot.heard[-1].payload
    (action,) = payload["actions"]
    view = clicks.asks_first(action["action_id"], action["value"], RELEASES.id)
    assert view is not None
    await kit.client.views_open(trigger_id=payload["trigger_id"], view=dict(view))
    await kit.workspace.wait_for(lambda slack: slack.views())
    await kit.workspace.submit(BOB, {"reason": "Docs first."})
    sent = kit.bot.heard[-1].payload
    decided = clicks.decided(sent["view"]["callback_id"], metadata(sent), field_values(sent))
    assert decided == intents.Reject(ASKED.release_id, 1, "Docs first.")
    assert kit.gate.violations == []
