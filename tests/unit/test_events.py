"""Events, shortcuts and the Home tab's buttons, as Slack delivers them: wishes and dialogs of ours."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt.async_app import AsyncBoltRequest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot.core import intents
from bot.core.names import Problem
from bot.core.release_notices import LinksShown
from bot.core.steps import (
    Ending,
    StepDone,
    StepMisused,
    StepPublisherEnded,
    StepRefused,
    StepReleaseEnded,
    StepTooLong,
    StepUnknown,
)
from bot.slack import scopes
from bot.slack.blocks import home, releases, steps
from bot.slack.blocks.unfurls import unfurls
from bot.slack.events import Events, release_links
from bot.slack.steps import SlackCompleter
from bot.workflow.ports import NeverSay, Said, SayLater
from storage.records import Reason, Registration, ReleaseKind, ReleaseReason, ReleaseState
from tests.transport.slack_server import HANG_UP, scripted
from tests.unit.release_examples import ASKED
from tests.unit.test_listeners_releases import Desk, desk
from tests.unit.wording import HOSTILE, ID, URL, WANTED, WILD, marked_up, problems

__all__ = ["desk"]
RUNNER = {"id": "U2", "secret": "hush"}
PAGE = f"https://bot.example/status/releases/{ID}"
ENDS: dict[str, Ending] = {
    "misused": StepMisused((Problem("project", "Give a project."), Problem("version", "Give a version."))),
    "refused": StepRefused("publisher.unknown", {"project": "widgts", "suggestion": "widgets"}),
    "broke down": StepRefused("broke_down", {"incident": "0123abcd"}),
    "release failed": StepReleaseEnded(
        WANTED, "1.4.0", ReleaseState.FAILED, ReleaseReason.RUN_FAILED, "", ReleaseKind.RELEASE
    ),
    "release rejected": StepReleaseEnded(
        WANTED,
        "1.4.0",
        ReleaseState.REJECTED,
        ReleaseReason.REJECTED_BY_PERSON,
        "Not on Fridays",
        ReleaseKind.RELEASE,
    ),
    "publisher failed": StepPublisherEnded(WANTED, URL, Reason.TOKEN_INVALID, ""),
    "unknown": StepUnknown("nonsense"),
    "too long": StepTooLong(30),
}


async def event(desk: Desk, event: Mapping[str, Any], **more: Any) -> int:
    """Deliver an event; returns the status of the answer."""
    body = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": dict(event), **more}
    request = AsyncBoltRequest(body=json.dumps(body), headers={"content-type": ["application/json"]})
    return (await desk.bolt.async_dispatch(request)).status


def step(kind: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that runs a step."""
    return {
        "type": "function_executed", "function": {"callback_id": kind}, "inputs": dict(inputs),
        "function_execution_id": "Fx1", "bot_access_token": "xwfp-hush",
    }  # fmt: skip


async def run(desk: Desk, kind: str, **inputs: Any) -> intents.RunStep:
    """Run a step, and return what was written down."""
    assert await event(desk, step(kind, inputs)) == 200
    (wish,) = desk.notebook.wishes
    assert isinstance(wish.intent, intents.RunStep)
    assert (wish.delivery, wish.intent.execution_id) == ("Ev1", "Fx1")
    assert "hush" not in repr(wish)
    return wish.intent


async def test_a_step_asks_as_whoever_runs_it(desk: Desk) -> None:
    """What a step wants is written down for whom Slack names as the runner, without Slack's tokens."""
    asked = await run(
        desk, "step_release", runner=RUNNER, project="Acme.Widgets", version="v1.4.0", notes="New."
    )
    assert desk.notebook.wishes[0].actor == "U2"
    assert asked.release == intents.AskRelease("acme-widgets", "v1.4.0", "", "New.")


async def test_a_step_is_of_the_team_whose_installation_serves_it(desk: Desk) -> None:
    """In a workspace of an org-wide install a step is the org's, as every other delivery: no other policy holds for it."""
    desk.serves = ("E1", "E1")
    for kind in ("step_release", "step_wait"):
        assert await event(desk, step(kind, {"runner": RUNNER}), enterprise_id="E1") == 200
    assert [(one.slack_team_id, one.enterprise_id) for one in desk.notebook.wishes] == [("E1", "E1")] * 2


async def test_a_step_sets_publishing_up(desk: Desk) -> None:
    """What is left out takes the defaults of the command."""
    asked = await run(
        desk, "step_set_up", runner=RUNNER, project="acme-widgets", repository="acme/widgets", channel="C1", index="company"
    )  # fmt: skip
    assert asked.publisher == intents.AddPublisher(WANTED, "C1")


async def test_a_step_that_waits_needs_no_runner(desk: Desk) -> None:
    """Waiting changes nothing, so a workflow that nobody ran may wait."""
    assert (await run(desk, "step_wait", release_id=ID)).waits_for == ID


async def test_a_step_that_waits_keeps_no_secret(desk: Desk) -> None:
    """What looks like a token is no release, and is neither written down nor told back."""
    assert (await run(desk, "step_wait", release_id="ghp_" + "a" * 36)).waits_for == ""


@pytest.mark.parametrize(
    ("kind", "inputs", "field"),
    [
        ("step_release", {"project": "p", "version": "1"}, "runner"),
        ("step_release", {"runner": "U2", "project": "p", "version": "1"}, "runner"),
        ("step_release", {"runner": RUNNER, "project": "", "version": "1"}, "project"),
        ("step_release", {"runner": RUNNER, "project": "p", "version": "1", "index": "nope"}, "index"),
        ("step_release", {"runner": RUNNER, "project": "p", "version": "pypi-AgEIcHlwaS5vcmcCJDU5" + "x" * 60}, "version"),
        ("step_set_up", {"runner": RUNNER, "project": "p", "repository": "nonsense", "channel": "C1"}, "repository"),
        ("step_set_up", {"runner": RUNNER, "project": "p", "repository": "a/b"}, "channel"),
        ("step_gone", {"runner": RUNNER}, "step"),
        ("step_release", {}, "runner"),
    ],
)  # fmt: skip
async def test_a_step_that_can_not_be_run_is_written_down_too(
    desk: Desk, kind: str, inputs: dict[str, Any], field: str
) -> None:
    """A step without a runner that Slack has named, or with values of no use, is ended with its problems; no secret is kept."""
    asked = await run(desk, kind, **inputs)
    assert (asked.release, asked.publisher) == (None, None)
    assert field in {problem.field for problem in asked.problems}
    assert "AgEIcHlwaS5" not in repr(asked)


async def test_a_step_can_neither_override_nor_wait(desk: Desk) -> None:
    """What is out of the ordinary is nobody's to hide in a workflow: inputs of other names count for nothing."""
    asked = await run(desk, "step_release", runner=RUNNER, project="p", version="1", override="now", at="+2h")
    assert asked.release == intents.AskRelease("p", "1", "")


def test_every_step_is_listened_to() -> None:
    """No step of the manifest is one that the listener knows nothing of, and only a waiting one takes no runner."""
    events = Events(None, ("pypi",), "", None)  # type: ignore[arg-type]  # only what needs neither
    for kind, known in scopes.STEPS.items():
        takes = {one.name for one in known.inputs}
        assert ("runner" in takes) is (kind != "step_wait")
        if kind == "step_wait":
            assert events._step(step(kind, {"release_id": ID}), {"release_id": ID}).problems == ()


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ([PAGE], [(PAGE, ID)]),
        ([PAGE + "?from=mail"], [(PAGE + "?from=mail", ID)]),
        (["https://bot.example/status/releases/nonsense", "https://bot.example/status"], []),
        ([PAGE.replace("bot.example", "evil.example"), PAGE.replace("bot.example", "bot.example.evil.example")], []),
        ([PAGE.replace("bot.example", "bot.example@evil.example"), PAGE.replace("https", "http")], []),
        (["https://[bad", "x" * 2_000], []),
        ([f"{PAGE}?{number}" for number in range(30)], [(f"{PAGE}?{number}", ID) for number in range(5)]),
    ],
)  # fmt: skip
def test_only_our_own_links_to_releases_count(links: list[str], found: list[tuple[str, str]]) -> None:
    """Links of other hosts, however they look, and pages that are no release's, are nothing to us."""
    event = {"links": [{"url": url, "domain": "bot.example"} for url in links]}
    assert list(release_links(event, "https://bot.example")) == found


async def test_a_link_is_taken_where_only_the_workspace_reads(desk: Desk) -> None:
    """A link is written down for who posted it; where people of another workspace read along it shows nothing."""
    shared = {
        "type": "link_shared", "user": "U2", "channel": "C1", "message_ts": "1.2", "unfurl_id": "C1.1.2", "source": "conversations_history",
        "links": [{"url": PAGE.replace("https://bot.example", ""), "domain": ""}],
    }  # fmt: skip
    assert await event(desk, shared, is_ext_shared_channel=True) == 200
    assert await event(desk, shared) == 200
    (wish,) = desk.notebook.wishes
    assert (wish.actor, wish.channel) == ("U2", "C1")
    assert isinstance(wish.intent, intents.UnfurlLinks)
    assert wish.intent.links[0][1] == ID


def test_what_a_link_shows(snapshot: SnapshotAssertion) -> None:
    """A release in three lines with nothing to press, whatever it is called."""
    shown = unfurls(LinksShown(((PAGE, replace(ASKED, channel="C1")),), "u", "composer", "", ""))
    assert shown == snapshot(extension_class=JSONSnapshotExtension)
    wild = unfurls(
        LinksShown(((PAGE, replace(ASKED, target=WILD, version=HOSTILE)),), "u", "composer", "", "")
    )
    assert problems({"text": "x", "blocks": wild[PAGE]["blocks"]}) == []
    assert "<!channel>" not in "".join(marked_up(wild))
    assert "button" not in repr(shown)


@pytest.mark.parametrize("callback", scopes.SHORTCUTS)
async def test_a_shortcut_opens_its_dialog(desk: Desk, callback: str) -> None:
    """Each global shortcut opens the dialog that the bare command opens."""
    payload = {
        "type": "shortcut", "callback_id": callback, "team": {"id": "T1"}, "user": {"id": "U1"}, "trigger_id": "1.2", "action_ts": "3.4",
    }  # fmt: skip
    assert (await desk.deliver({"payload": json.dumps(payload)})).status == 200
    wanted = {"shortcut.release": "release.ask", "shortcut.publisher": "publisher.add"}
    assert desk.opened["callback_id"] == wanted[callback]


async def press(desk: Desk, action: str, value: str, view: Mapping[str, Any]) -> None:
    """Press a button of a view."""
    payload = {
        "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U2"}, "trigger_id": "3.4", "view": dict(view),
        "actions": [{"type": "button", "action_id": action, "value": value, "block_id": "b"}],
    }  # fmt: skip
    assert (await desk.deliver({"payload": json.dumps(payload)})).status == 200


HOME = {"type": "home", "hash": "h1"}


async def test_the_homes_pages_turn(desk: Desk) -> None:
    """A button that turns the page says which, and how the tab stood; one that can't be read does nothing."""
    await press(desk, home.ON, "3", HOME)
    await press(desk, home.BACK, "nonsense", HOME)
    assert desk.wanted == [intents.OpenHome(3, "h1")]


async def test_the_homes_buttons_open_what_they_say(desk: Desk) -> None:
    """A project's button opens the form with the project in it; a release's the dialog, which the engine fills."""
    await press(desk, home.OPEN_RELEASE, json.dumps({"project": "acme-widgets", "index": "company"}), HOME)
    form = json.dumps(desk.opened)
    assert '"initial_value": "acme-widgets"' in form
    desk.slack.calls.clear()
    await press(desk, home.LOOK, ID, HOME)
    (wanted,) = desk.wanted
    assert wanted == intents.ShowRelease(desk.opened["external_id"], ID)
    await press(desk, home.POLICY, "", HOME)
    await press(desk, home.AUDIT, "", HOME)
    assert desk.wanted[1:] == [intents.ShowPolicy(""), intents.ShowAudit("")]


async def test_a_decision_in_the_dialog_shows_in_it(desk: Desk) -> None:
    """Who approves in the dialog sees at once that it was taken, and then how the release stands."""
    desk.slack.answers["views.update"] = [{"ok": True, "view": {"hash": "h2"}}]
    carried = json.dumps({"dialog": "view-1"})
    view = {"type": "modal", "id": "V1", "callback_id": "release.dialog", "private_metadata": carried}
    await press(desk, releases.APPROVE, json.dumps({"release": ID, "round": 2}), view)
    assert desk.wanted == [intents.Approve(ID, 2), intents.ShowRelease("view-1", ID)]
    assert len({wish.delivery for wish in desk.notebook.wishes}) == 2
    (shown,) = desk.slack.asked("views.update")
    assert shown["view"]["external_id"] == "view-1"


@pytest.mark.parametrize("name", ENDS)
def test_why_a_step_did_not_end_well(name: str, snapshot: SnapshotAssertion) -> None:
    """Each bad end says its cause, and the remedy where there is one, in plain text."""
    said = steps.error(ENDS[name])
    assert said == snapshot(extension_class=JSONSnapshotExtension)
    assert len(said) <= steps.LONGEST


def test_hostile_values_stay_short() -> None:
    """Whatever was typed, an error stays within what a person reads."""
    assert len(steps.error(StepMisused((Problem(HOSTILE, HOSTILE),) * 60))) <= steps.LONGEST
    wild = Registration("company", HOSTILE, HOSTILE, HOSTILE, HOSTILE, "")
    ended = StepReleaseEnded(
        wild, HOSTILE, ReleaseState.FAILED, ReleaseReason.RUN_FAILED, HOSTILE, ReleaseKind.YANK
    )
    assert len(steps.error(ended)) <= steps.LONGEST


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ({"ok": True}, Said()),
        ({"ok": False, "error": "execution_not_in_running_state"}, Said()),
        ({"ok": False, "error": "function_execution_not_found"}, Said()),
        ({"ok": False, "error": "parameter_validation_failed"}, NeverSay("parameter_validation_failed")),
        ({"status": 429, "headers": {"Retry-After": "7"}, "ok": False, "error": "ratelimited"}, SayLater("rate limited", arrived_maybe=False, seconds=7.0, limited=True)),
        (HANG_UP, None),
    ],
)  # fmt: skip
async def test_slack_is_told_how_a_step_ended(answer: dict[str, Any], delivery: object) -> None:
    """A good end brings its outputs, a bad one its reason; what Slack knows already is as good as told."""
    async with scripted(
        **{"functions.completeSuccess": [answer], "functions.completeError": [answer]}
    ) as slack:
        completer = SlackCompleter(slack.client_for)
        told = [
            await completer.complete("T1", "Fx1", StepDone({"release_id": ID})),
            await completer.complete("T1", "Fx1", ENDS["unknown"]),
        ]
        if delivery is None:
            assert all(isinstance(one, SayLater) and one.arrived_maybe for one in told)
        else:
            assert told == [delivery, delivery]
        assert json.loads(slack.asked("functions.completeSuccess")[0]["outputs"]) == {"release_id": ID}
        assert "no release" in slack.asked("functions.completeError")[0]["error"]
