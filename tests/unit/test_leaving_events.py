"""What Slack says of teams and people that leave, as it delivers it: wishes of ours, of the right team."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.core import intents
from tests.unit.test_events import event
from tests.unit.test_listeners_releases import Desk, desk

__all__ = ["desk"]
AT = 1_790_000_000
THEN = datetime.fromtimestamp(AT, UTC)


@pytest.mark.parametrize(
    ("said", "more", "team"),
    [
        ({"type": "app_uninstalled"}, {"team_id": "T1"}, ("T1", "")),
        ({"type": "app_uninstalled"}, {"team_id": "T1", "enterprise_id": "E1"}, ("T1", "E1")),
        ({"type": "app_uninstalled"}, {"team_id": "E1", "enterprise_id": "E1"}, ("E1", "E1")),
        (
            {"type": "app_uninstalled"},
            {"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": True},
            ("E1", "E1"),
        ),
        ({"type": "tokens_revoked", "tokens": {"bot": ["UBOT"]}}, {"team_id": "T1"}, ("T1", "")),
    ],
)
async def test_the_install_that_ended_is_named(
    desk: Desk, said: dict[str, Any], more: dict[str, Any], team: tuple[str, str]
) -> None:
    """Word that the app was taken away is of the very workspace, or of the org where the install was the org's, with its time."""
    assert await event(desk, said, event_time=AT, **more) == 200
    (wish,) = desk.notebook.wishes
    assert (wish.slack_team_id, wish.enterprise_id) == team
    assert (wish.actor, wish.channel, wish.delivery) == ("", "", "Ev1")
    assert wish.intent == intents.LeaveTeam(THEN, said["type"])


@pytest.mark.parametrize(
    "said",
    [
        {"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}},
        {"type": "tokens_revoked"},
        {"type": "user_change", "user": {"id": "U2", "deleted": False}},
        {"type": "user_change", "user": {"deleted": True}},
    ],
)
async def test_other_changes_are_nothing_to_us(desk: Desk, said: dict[str, Any]) -> None:
    """A person's own token, a changed name, and what names nobody are heard and change nothing."""
    assert await event(desk, said) == 200
    assert not desk.notebook.wishes


async def test_who_is_deactivated_is_named(desk: Desk) -> None:
    """Word that somebody is deactivated is of the team whose installation serves it, and nobody's own wish."""
    desk.serves = ("E1", "E1")
    said = {"type": "user_change", "user": {"id": "U2", "deleted": True}}
    assert await event(desk, said, enterprise_id="E1") == 200
    (wish,) = desk.notebook.wishes
    assert (wish.slack_team_id, wish.actor) == ("E1", "")
    assert wish.intent == intents.PersonLeft("U2")


@pytest.mark.parametrize("kind", ["channel", "group"])
@pytest.mark.parametrize("why", ["archive", "deleted", "left"])
async def test_a_lost_channel_is_named(desk: Desk, kind: str, why: str) -> None:
    """Word that a channel is archived, deleted or left is a wish of nobody's, with Slack's time."""
    said = {"type": f"{kind}_{why}", "channel": "C7", "user": "U9"}
    assert await event(desk, said, event_time=AT) == 200
    (wish,) = desk.notebook.wishes
    assert wish.actor == ""
    assert wish.intent == intents.ChannelLost("C7", THEN, f"{kind}_{why}")


@pytest.mark.parametrize("kind", ["channel", "group"])
async def test_a_channel_that_is_back_is_named(desk: Desk, kind: str) -> None:
    """Word that a channel is unarchived is a wish of nobody's; what names no channel is none."""
    assert await event(desk, {"type": f"{kind}_unarchive", "channel": "C7"}, event_time=AT) == 200
    (wish,) = desk.notebook.wishes
    assert wish.intent == intents.ChannelBack("C7", THEN)


@pytest.mark.parametrize(("user", "wishes"), [("UBOT", 1), ("U2", 0)])
async def test_only_the_bots_own_joining_counts(desk: Desk, user: str, wishes: int) -> None:
    """That the bot was invited is heard; that somebody else joins is nothing to us."""
    said = {"type": "member_joined_channel", "channel": "C7", "user": user}
    assert await event(desk, said, event_time=AT) == 200
    assert len(desk.notebook.wishes) == wishes
