"""What Slack delivers about releases: commands, clicks and dialogs, as wishes and dialogs of ours."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot.core import intents
from bot.core.sites import IndexSite
from bot.errors import NotInstalled
from bot.slack import clicks
from bot.slack.blocks import release_dialogs, releases
from bot.slack.listeners import Listeners
from bot.workflow.inlet import Inlet, Wish
from storage.database import Database
from tests.transport.slack_server import ScriptedSlack, scripted
from tests.unit.release_examples import ASKED, ROOTS
from tests.unit.wording import HOSTILE, ID, problems, rendered

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CARRIED = {"release": ID, "round": "2", "project": "acme-widgets", "version": "1.4.0", "channel": "C1"}
FORM = {"project": "Acme.Widgets", "version": "v1.4.0", "index_choice": "-", "notes": "", "at": "", "override": ""}  # fmt: skip
TOKEN = "pypi-AgEIcHlwaS5vcmcCJDU5" + "x" * 60


@dataclass(frozen=True, slots=True)
class Notebook(Inlet):
    """A way in that only notes what is wanted."""

    wishes: list[Wish] = field(default_factory=list)

    async def put(self, wish: Wish) -> bool:
        """Note it."""
        self.wishes.append(wish)
        return True

    async def put_of_known(self, wish: Wish) -> bool:
        """Note it."""
        return await self.put(wish)


@dataclass
class Desk:
    """The listeners on Bolt, with a Slack that answers as written."""

    bolt: AsyncApp
    slack: ScriptedSlack
    notebook: Notebook
    serves: tuple[str, str] = field(default=("", ""), kw_only=True)
    """(team, org) of the installation that serves every delivery; "": the one that it names."""

    async def deliver(self, fields: Mapping[str, str]) -> BoltResponse:
        """Deliver a form, as Slack does."""
        headers: dict[str, str | Sequence[str]] = {"content-type": ["application/x-www-form-urlencoded"]}
        return await self.bolt.async_dispatch(AsyncBoltRequest(body=urlencode(fields), headers=headers))

    async def command(self, text: str, command: str = "/release") -> BoltResponse:
        """Type a command."""
        who = {"team_id": "T1", "user_id": "U1", "channel_id": "C1", "trigger_id": "1.2"}
        return await self.deliver({"command": command, "text": text, **who})

    async def click(self, action: str, value: str, user: str = "U2") -> BoltResponse:
        """Press a button of a message."""
        payload = {
            "type": "block_actions", "team": {"id": "T1"}, "user": {"id": user}, "channel": {"id": "C1"},
            "trigger_id": "3.4", "actions": [{"type": "button", "action_id": action, "value": value, "block_id": "b"}],
        }  # fmt: skip
        return await self.deliver({"payload": json.dumps(payload)})

    async def submit(self, callback: str, typed: Mapping[str, str], carried: Any = CARRIED) -> dict[str, Any]:
        """Send a dialog, and return what Slack is answered."""
        values = {
            name: {"value": {"type": "plain_text_input", "value": text}} for name, text in typed.items()
        }
        view = {
            "type": "modal", "callback_id": callback, "private_metadata": json.dumps(carried), "state": {"values": values},
        }  # fmt: skip
        payload = {"type": "view_submission", "team": {"id": "T1"}, "user": {"id": "U2"}, "trigger_id": "5.6", "view": view}  # fmt: skip
        answer = await self.deliver({"payload": json.dumps(payload)})
        assert answer.status == 200
        return dict(json.loads(answer.body)) if answer.body else {}

    @property
    def wanted(self) -> list[intents.Intent]:
        """What was wanted so far."""
        return [wish.intent for wish in self.notebook.wishes]

    @property
    def opened(self) -> dict[str, Any]:
        """The one dialog that was opened."""
        (call,) = self.slack.asked("views.open")
        assert problems(call["view"]) == []
        return dict(call["view"])


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """Give the listeners, wired."""
    async with scripted(views_open=[{"ok": True, "view": {}}]) as slack:

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            team, org = found.serves[0] or team_id, found.serves[1] or enterprise_id
            return AuthorizeResult(enterprise_id=org, team_id=team, bot_token="xoxb-test", bot_user_id="UBOT")

        bolt = AsyncApp(
            signing_secret="unused", request_verification_enabled=False, client=slack.client(), authorize=authorize,
            process_before_response=True, raise_error_for_unhandled_request=True,
        )  # fmt: skip
        notebook = Notebook(Database("sqlite+aiosqlite://"), lambda: NOW, lambda: None)
        sites = {name: IndexSite(name, f"https://{name}.example") for name in ("company", "pypi")}
        Listeners(notebook, sites, 30.0, "https://github.com").attach(bolt)
        found = Desk(bolt, slack, notebook)
        yield found


def pressed(name: str, action: str) -> str:
    """Return what a button of a release's message carries."""
    blocks = rendered(ROOTS[name])["blocks"]
    elements = [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
    return str(next(one["value"] for one in elements if one["action_id"] == action))


@pytest.mark.parametrize(
    ("name", "action", "intent"),
    [
        ("release asked anew, one approved", releases.APPROVE, intents.Approve(ID, 2)),
        ("release asked anew, one approved", releases.WITHDRAW, intents.Withdraw(ID, 2)),
        ("release asked", releases.CANCEL, intents.CancelRelease(release_id=ID)),
        ("release failed", releases.CANCEL, intents.CancelRelease(release_id=ID)),
        ("release failed", releases.RETRY, intents.RetryRelease(release_id=ID)),
    ],
)
async def test_a_buttons_value_comes_back_as_a_wish(
    desk: Desk, name: str, action: str, intent: intents.Intent
) -> None:
    """Each button of a release's message is written down as what it says, with its round, for who pressed it."""
    answer = await desk.click(action, pressed(name, action))
    (wish,) = desk.notebook.wishes
    assert (answer.status, wish.intent, wish.actor, wish.channel) == (200, intent, "U2", "C1")
    assert wish.delivery == "3.4"


@pytest.mark.parametrize("action", [releases.REJECT, releases.BREAK_GLASS])
async def test_a_reason_is_asked_for_first(desk: Desk, action: str) -> None:
    """Rejecting and breaking the glass open a dialog that names the release, and nothing is written yet."""
    await desk.click(action, pressed("release asked", action))
    view = desk.opened
    assert (view["callback_id"], desk.wanted) == (action, [])
    assert "acme-widgets 1.4.0" in json.dumps(view["blocks"])
    carried = json.loads(view["private_metadata"])
    assert carried == {**CARRIED, "round": "1"}


@pytest.mark.parametrize(
    ("callback", "intent"),
    [
        (releases.REJECT, intents.Reject(ID, 2, "Docs first.")),
        (releases.BREAK_GLASS, intents.BreakGlass(ID, 2, "Docs first.")),
    ],
)
async def test_a_reason_that_was_given_is_a_wish(desk: Desk, callback: str, intent: intents.Intent) -> None:
    """A sent dialog is written down with its reason, and answered where its button was pressed."""
    assert await desk.submit(callback, {"reason": " Docs\nfirst. "}) == {}
    (wish,) = desk.notebook.wishes
    assert (wish.intent, wish.channel, wish.actor) == (intent, "C1", "U2")


@pytest.mark.parametrize("reason", ["", " \n ", TOKEN])
@pytest.mark.parametrize("callback", [releases.REJECT, releases.BREAK_GLASS])
async def test_a_reason_is_needed_and_no_secret(desk: Desk, callback: str, reason: str) -> None:
    """Without a reason, or with a token in it, the dialog stays open and says why; nothing is written."""
    answer = await desk.submit(callback, {"reason": reason})
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == ["reason"]
    assert TOKEN not in json.dumps(answer)
    assert desk.wanted == []


@pytest.mark.parametrize(
    "carried", [{}, [], "", {"release": "x", "round": "1"}, {"release": ID, "round": "one"}]
)
async def test_a_dialog_that_has_forgotten_its_release_says_so(desk: Desk, carried: Any) -> None:
    """What a dialog carried and can't be read is no release: nothing is guessed."""
    answer = await desk.submit(releases.REJECT, {"reason": "No."}, carried)
    assert answer["response_action"] == "errors"
    assert desk.wanted == []


@pytest.mark.parametrize("value", ["", "{}", "[1]", "null", "1", '{"release": 1, "round": 1}', f'{{"release": "{ID}"}}', HOSTILE])  # fmt: skip
@pytest.mark.parametrize(
    "action",
    [
        releases.APPROVE,
        releases.REJECT,
        releases.WITHDRAW,
        releases.BREAK_GLASS,
        releases.CANCEL,
        releases.RETRY,
    ],
)
async def test_an_unreadable_button_does_nothing(desk: Desk, action: str, value: str) -> None:
    """A value that is none of ours is acked and wants nothing."""
    assert (await desk.click(action, value)).status == 200
    assert desk.wanted == []
    assert desk.slack.calls == []


async def test_a_bare_command_opens_the_form(desk: Desk) -> None:
    """`/release` alone opens the form with every index, and remembers the channel."""
    answer = await desk.command("")
    view = desk.opened
    assert (answer.body, view["callback_id"]) == ("", release_dialogs.ASK)
    assert json.loads(view["private_metadata"]) == {"channel": "C1"}
    choices = next(block for block in view["blocks"] if block.get("block_id") == "index_choice")
    assert [one["value"] for one in choices["element"]["options"]] == ["-", "company", "pypi"]


async def test_half_a_command_fills_the_form(desk: Desk) -> None:
    """What was typed already stands in the form."""
    await desk.command("acme-widgets index=pypi notes='Faster.'")
    shown = {block.get("block_id"): block.get("element") for block in desk.opened["blocks"]}
    assert shown["project"]["initial_value"] == "acme-widgets"
    assert shown["notes"]["initial_value"] == "Faster."
    assert shown["index_choice"]["initial_option"]["value"] == "pypi"


async def test_a_whole_command_is_a_wish(desk: Desk) -> None:
    """A time to come is counted from when it was typed."""
    await desk.command("acme-widgets v1.4.0 at=+2h")
    (wanted,) = desk.wanted
    assert isinstance(wanted, intents.AskRelease)
    assert (wanted.project, wanted.version, wanted.act_at) == (
        "acme-widgets",
        "v1.4.0",
        NOW + timedelta(hours=2),
    )


async def test_the_sent_form_is_a_wish(desk: Desk) -> None:
    """The form asks for what its fields say, in the channel where it was opened."""
    typed = FORM | {"index_choice": "company", "notes": "Faster.", "at": "+1h", "override": "A hole in it."}
    assert await desk.submit(release_dialogs.ASK, typed, {"channel": "C1"}) == {}
    expected = intents.AskRelease(
        "acme-widgets", "v1.4.0", "company", "Faster.", NOW + timedelta(hours=1), "A hole in it.", "C1"
    )
    assert desk.wanted == [expected]
    assert desk.notebook.wishes[0].channel == "C1"


async def test_any_index_is_no_index(desk: Desk) -> None:
    """Whichever index the project is on is left to the bot."""
    await desk.submit(release_dialogs.ASK, FORM, {"channel": "C1"})
    (wanted,) = desk.wanted
    assert isinstance(wanted, intents.AskRelease)
    assert wanted.index == ""


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"project": ""}, {"project"}),
        ({"version": "a b"}, {"version"}),
        ({"at": "yesterday"}, {"at"}),
        ({"index_choice": "gone"}, {"index_choice"}),
        ({"project": " ", "version": "", "at": "x"}, {"project", "version", "at"}),
        ({"notes": TOKEN}, {"notes"}),
    ],
)
async def test_the_form_names_every_wrong_field(desk: Desk, changed: dict[str, str], wrong: set[str]) -> None:
    """All that is wrong is said at once, each beside its field, and nothing is written."""
    answer = await desk.submit(release_dialogs.ASK, FORM | changed, {"channel": "C1"})
    assert set(answer["errors"]) == wrong
    assert desk.wanted == []
    assert set(answer["errors"]) <= {
        block.get("block_id") for block in release_dialogs.release_form({}, ("pypi",), "C1")["blocks"]
    }


async def test_a_dialog_that_slack_does_not_open_is_said(desk: Desk) -> None:
    """Where the form can't be opened the caller hears so."""
    desk.slack.answers["views.open"] = [{"ok": False, "error": "expired_trigger_id"}]
    answer = await desk.command("")
    assert "expired_trigger_id" in answer.body


def test_every_button_of_ours_is_understood() -> None:
    """No button of a release's message in any state is left without a meaning."""
    for example in (*ROOTS.values(), ASKED):
        for block in rendered(example)["blocks"]:
            for one in block["elements"] if block["type"] == "actions" else ():
                name, value = one["action_id"], one["value"]
                assert clicks.clicked(name, value) or clicks.asks_first(name, value, "C1")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"command": "/release", "team_id": "T9", "user_id": "U1", "channel_id": "C1"}, "Add it to Slack"),
        ({"payload": json.dumps({"type": "view_submission", "team": {"id": "T9"}, "view": {"type": "modal", "callback_id": "x"}})}, "update"),
        ({"payload": json.dumps({"type": "event_callback", "team_id": "T9", "event": {"type": "app_home_opened"}})}, ""),
    ],
)  # fmt: skip
async def test_who_has_not_installed_the_app_is_told_where(fields: dict[str, str], told: str) -> None:
    """A delivery of a workspace that the app is not in writes nothing, and a person gets the way to install it."""
    async with scripted() as slack:

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            raise NotInstalled("https://bell.example/slack/install")

        bolt = AsyncApp(
            signing_secret="unused", request_verification_enabled=False, client=slack.client(), authorize=authorize,
            process_before_response=True, raise_error_for_unhandled_request=True,
        )  # fmt: skip
        notebook = Notebook(Database("sqlite+aiosqlite://"), lambda: NOW, lambda: None)
        Listeners(notebook, {}, 30.0, "https://github.com").attach(bolt)
        answer = await Desk(bolt, slack, notebook).deliver(fields)
    assert answer.status == 200
    assert notebook.wishes == []
    assert told in answer.body
    assert ("https://bell.example/slack/install" in answer.body) == bool(told)
