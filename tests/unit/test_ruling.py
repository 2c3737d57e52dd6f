"""The dialogs of a policy, pressed and sent as Slack delivers them: what is wanted then, and what is told at which field."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.intents import PolicyPart
from bot.core.names import Field
from bot.core.policies import FIELDS, changed
from bot.core.policy_forms import (
    GROUPS,
    PARTS,
    PEOPLE,
    Entered,
    PolicyFormShown,
    differing,
    shown_as,
    value_of,
)
from bot.core.release_notices import FreezeLine
from bot.core.roles import Role
from bot.demo.slack_config import ALICE, BOB
from bot.demo.slack_views import ViewBook
from bot.slack import ruling
from bot.slack.blocks import policy_dialog
from bot.slack.blocks.dialogs import CHANGE_POLICY, WHOLE_TEAM
from tests.unit import test_listeners_releases as releases
from tests.unit.policy_examples import BARE, FULL, OWN, SET
from tests.unit.test_listeners_releases import NOW, TOKEN, Desk
from tests.unit.wording import problems

desk = releases.desk
OPENED = {"ok": True, "view": {"hash": "h2"}}
DECIDING = replace(BARE, part=PolicyPart.DECIDING, handles=FULL.handles)


def place(word: str, what: str = "", project: str = "") -> str:
    """Return the block id of a field."""
    return policy_dialog.block_id(word, project, what)


async def send(
    desk: Desk, shown: PolicyFormShown, states: Mapping[str, Any], callback: str = policy_dialog.SAVE
) -> dict[str, Any]:
    """Send a dialog with what was entered in it, and return what Slack is answered."""
    view = dict(policy_dialog.view(shown))
    if callback == policy_dialog.FROZEN:
        view = dict(policy_dialog.freeze(shown.project, shown.channel))
    view |= {"state": {"values": {block: {"value": state} for block, state in states.items()}}}
    who = {"team": {"id": "T1"}, "user": {"id": "U2"}, "trigger_id": "9.0"}
    answer = await desk.deliver({"payload": json.dumps({"type": "view_submission", "view": view, **who})})
    assert answer.status == 200
    return dict(json.loads(answer.body)) if answer.body else {}


async def press(desk: Desk, action: str, value: str, shown: PolicyFormShown | None = None) -> None:
    """Press a button, in a dialog or on the Home tab."""
    view = {"type": "home"} if shown is None else dict(policy_dialog.view(shown)) | {"id": "V1", "hash": "h1"}
    payload = {
        "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U2"}, "trigger_id": "3.4", "view": view,
        "actions": [{"type": "button", "action_id": action, "value": value, "block_id": "b"}],
    }  # fmt: skip
    assert (await desk.deliver({"payload": json.dumps(payload)})).status == 200


def people(*names: str) -> dict[str, Any]:
    """Return what Slack says of chosen people."""
    return {"type": "multi_users_select", "selected_users": list(names)}


def groups(*names: str) -> dict[str, Any]:
    """Return what Slack says of chosen user groups."""
    return {
        "type": "multi_static_select",
        "selected_options": [{"text": {}, "value": name} for name in names],
    }


def number(value: str) -> dict[str, Any]:
    """Return what Slack says of a number."""
    return {"type": "number_input", "value": value}


def chosen(value: str) -> dict[str, Any]:
    """Return what Slack says of a choice."""
    return {"type": "radio_buttons", "selected_option": {"text": {}, "value": value}}


async def test_home_a_command_and_the_policys_message_open_it(desk: Desk) -> None:
    """The dialog opens as loading at once, and the engine fills it with the policy that was asked for."""
    await press(desk, CHANGE_POLICY, WHOLE_TEAM)
    view_id = desk.opened["external_id"]
    assert desk.wanted == [intents.ShowPolicyForm(view_id, "")]
    desk.slack.calls.clear()
    await desk.click(CHANGE_POLICY, "acme-widgets")
    assert desk.wanted[1:] == [
        intents.ShowPolicyForm(desk.opened["external_id"], "acme-widgets", channel="C1")
    ]
    desk.slack.calls.clear()
    await desk.command("policy Acme_Widgets", "/shipbell")
    assert desk.wanted[2:] == [
        intents.ShowPolicyForm(desk.opened["external_id"], "acme-widgets", channel="C1")
    ]


async def test_it_turns_to_another_project_and_goes_deeper(desk: Desk) -> None:
    """Choosing a project shows its policy in the same dialog; a part opens above it, and knows where all began."""
    desk.slack.answers |= {"views.update": [OPENED], "views.push": [OPENED]}
    shown = replace(BARE, projects=("acme-gears",))
    await press(desk, policy_dialog.WHOSE, "acme-gears", shown)
    assert desk.wanted == [intents.ShowPolicyForm("view-1", "acme-gears", channel="C1")]
    await press(desk, f"{policy_dialog.PART}roles", "acme-gears", shown)
    (call,) = desk.slack.asked("views.push")
    deeper = intents.ShowPolicyForm(call["view"]["external_id"], "acme-gears", PolicyPart.ROLES, "C1")
    assert desk.wanted[1:] == [deeper]
    await press(desk, f"{policy_dialog.PART}nonsense", "acme-gears", shown)
    await press(desk, policy_dialog.FREEZE, WHOLE_TEAM, shown)
    assert problems(desk.slack.asked("views.push")[-1]["view"]) == []
    assert len(desk.wanted) == 2


async def test_lifting_a_freeze_shows_the_policy_anew(desk: Desk) -> None:
    """The freeze ends, told where the dialog was opened, and the dialog shows how it stands then."""
    desk.slack.answers["views.update"] = [OPENED, OPENED]
    await press(desk, policy_dialog.LIFT, WHOLE_TEAM, BARE)
    assert [type(one) for one in desk.wanted] == [
        intents.ShowPolicyForm
    ]  # an older version's, which does not say what it showed
    desk.notebook.wishes.clear()
    line = FreezeLine("", datetime(2026, 1, 1, tzinfo=UTC), None, "Holidays", "U1", "a1b2")
    await press(desk, policy_dialog.LIFT, WHOLE_TEAM, replace(BARE, freezes=(line,)))
    assert desk.wanted == [
        intents.LiftFreeze("", ("a1b2",)),
        intents.ShowPolicyForm("view-1", "", channel="C1"),
    ]
    lift, show = desk.notebook.wishes
    assert (lift.channel, lift.delivery) != (show.channel, show.delivery)
    assert lift.channel == "C1"


async def test_only_what_was_changed_is_set(desk: Desk) -> None:
    """What is sent becomes the same intent as a command's, with the words that differ alone, told where it was opened."""
    states = {
        place("quorum"): number("2"), place("approvers", "people"): people("U07", "U08"),
        place("approvers", "groups"): groups("S01MAINTAINERS"), place("requester"): chosen("yes"),
    }  # fmt: skip
    assert await send(desk, DECIDING, states) == {}
    changes = {"quorum": "2", "approvers": "<@U07>,<@U08>,<!subteam^S01MAINTAINERS>", "requester": "yes"}
    seen = {word: shown_as(value_of(DECIDING.policy, word)) for word in changes}
    assert desk.wanted == [intents.SetPolicy("", changes, seen)]
    assert desk.notebook.wishes[0].channel == "C1"
    after = changed(Policy(), changes, ("pypi",))
    assert isinstance(after, Policy)
    assert (after.quorum, after.approvers) == (2, ("U07", "U08", "S01MAINTAINERS"))
    assert await send(desk, DECIDING, {}) == {}
    assert len(desk.wanted) == 1


async def test_a_list_that_is_emptied_is_taken_away(desk: Desk) -> None:
    """Nobody chosen any more is what the command calls by its word for nobody; a group that is left stays."""
    shown = replace(FULL, part=PolicyPart.DECIDING, second=False)
    states = {place("glass", "people"): people(), place("approvers", "people"): people()}
    assert await send(desk, shown, states) == {}
    (wanted,) = desk.wanted
    assert wanted == intents.SetPolicy(
        "",
        {"glass": "", "approvers": "<!subteam^S01MAINTAINERS>"},
        {word: shown_as(value_of(FULL.policy, word)) for word in ("glass", "approvers")},
    )
    after = changed(SET, wanted.changes, ("pypi",))
    assert isinstance(after, Policy)
    assert (after.break_glass, after.approvers) == ((), ("S01MAINTAINERS",))


async def test_what_can_not_be_stands_at_its_field(desk: Desk) -> None:
    """A quorum that can't be met, and one out of bounds, are told at the field, and nothing is written down."""
    states = {place("quorum"): number("3"), place("approvers", "people"): people("U07", "U08")}
    answer = await send(desk, DECIDING, states)
    assert "Only 2" in answer["errors"][place("quorum")]
    answer = await send(desk, DECIDING, {place("quorum"): number("11")})
    assert set(answer["errors"]) == {place("quorum")}
    shown = replace(BARE, part=PolicyPart.ROLES, channel="")
    answer = await send(desk, shown, {place("second"): chosen("yes")})
    assert set(answer["errors"]) == {policy_dialog.CHANNEL}
    assert desk.wanted == []


async def test_a_second_person_is_asked_where_the_dialog_says(desk: Desk) -> None:
    """The change goes to the channel that was chosen, where the second person agrees to it."""
    states = {
        place("second"): chosen("yes"),
        policy_dialog.CHANNEL: {"type": "conversations_select", "selected_conversation": "C9"},
    }
    assert await send(desk, replace(BARE, part=PolicyPart.ROLES), states) == {}
    assert desk.notebook.wishes[0].channel == "C9"
    assert desk.wanted == [intents.SetPolicy("", {"second": "yes"}, {"second": "no"})]


async def test_a_freeze_is_asked_for_as_by_a_command(desk: Desk) -> None:
    """Times of the reader's own zone, a reason; what is wrong stands at its field, and a secret is kept nowhere."""
    shown = replace(BARE, project="acme-widgets")
    until = NOW + timedelta(days=2)
    typed: dict[str, Any] = {
        "until": {"type": "datetimepicker", "selected_date_time": int(until.timestamp())},
        "reason": {"type": "plain_text_input", "value": "Holidays"},
    }
    assert await send(desk, shown, typed, policy_dialog.FROZEN) == {}
    assert desk.wanted == [intents.SetFreeze("acme-widgets", None, until.replace(microsecond=0), "Holidays")]
    assert desk.notebook.wishes[0].channel == "C1"
    past = {"type": "datetimepicker", "selected_date_time": int((NOW - timedelta(days=2)).timestamp())}
    answer = await send(desk, shown, {"until": past}, policy_dialog.FROZEN)
    assert set(answer["errors"]) == {"until", "reason"}
    typed["reason"]["value"] = TOKEN
    answer = await send(desk, shown, typed, policy_dialog.FROZEN)
    assert "kept nowhere" in answer["errors"]["reason"]
    assert len(desk.wanted) == 1


def test_every_word_of_a_policy_is_in_one_dialog() -> None:
    """What can be typed can be chosen, once."""
    words = [word for part in PARTS.values() for word in part]
    assert sorted(words) == sorted(FIELDS)
    assert {*PEOPLE, *GROUPS} <= set(FIELDS)


@pytest.mark.parametrize("word", FIELDS)
def test_what_a_dialog_says_is_read_as_it_was_meant(word: Field) -> None:
    """A word's value as the dialog holds it, written as a command has it, gives the policy back."""
    value = value_of(SET, word)
    text = differing({word: Entered((), value)})[word]
    tried = changed(replace(Policy(), one_of_each=()), {word: text}, ("pypi", "testpypi"))
    assert isinstance(tried, Policy)
    assert value_of(tried, word) == value
    assert Role.SETTERS in PARTS[PolicyPart.ROLES]


def test_a_person_types_what_the_stand_in_can_not_show() -> None:
    """The stand-in's page shows lists of people as a line of names, and the bot gets what Slack would give."""
    book = ViewBook([], [ALICE, BOB])
    policy = Policy(approvers=(ALICE.id,))
    seen = book.open(dict(policy_dialog.view(replace(DECIDING, policy=policy))))
    shown = {block["block_id"]: block.get("element") for block in book.for_local(seen)["blocks"]}
    field = place("approvers", "people")
    assert shown[field] == {
        "type": "plain_text_input", "action_id": "value", "initial_value": "@alice",
        "placeholder": {"type": "plain_text", "text": "Choose people", "emoji": True},
    }  # fmt: skip
    view = book.standing(seen, {field: {"type": "plain_text_input", "value": "@bob, @nobody"}})
    assert view["state"]["values"][field]["value"]["selected_users"] == [BOB.id]
    untouched = book.standing(seen, {})["state"]["values"]
    assert untouched[field]["value"]["selected_users"] == [ALICE.id]
    assert untouched[place("quorum")]["value"]["value"] == "1"


@pytest.mark.parametrize("part", [one for one in PolicyPart if one is not PolicyPart.OVERVIEW])
@pytest.mark.parametrize("shown", [BARE, FULL, OWN])
def test_what_a_dialog_showed_is_what_it_was_filled_with(shown: PolicyFormShown, part: PolicyPart) -> None:
    """Each word comes back as the policy had it, so that a change made meanwhile, and nothing else, is seen as one."""
    found = ruling.entered(policy_dialog.view(replace(shown, part=part)))
    assert found
    for word, one in found.items():
        assert shown_as(one.before) == shown_as(value_of(shown.policy, word)), word
