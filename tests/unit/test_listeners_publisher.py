"""The dialog that registers a publisher: searched, chosen, typed and sent, as Slack delivers it."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.core import intents
from bot.core.people import CannotTell, Group, GroupOutcome, Person, PersonOutcome, Standing
from bot.core.proposals import Package, PublisherProposal
from bot.core.publisher_forms import Form, PublisherFormShown, begun, filled
from bot.core.repositories import Repositories, RepositorySummary
from bot.core.sites import IndexSite
from bot.demo.slack_limits import option_problems
from bot.demo.slack_views import ViewBook
from bot.slack import filling
from bot.slack.blocks import publisher_form
from bot.slack.blocks.dialogs import ADD_PUBLISHER
from bot.slack.listeners import Listeners
from bot.workflow.menus import Menu
from storage.database import Database
from tests.transport.slack_server import scripted
from tests.unit.form_examples import FILLED, INDEXES, READING, SEVERAL, shown
from tests.unit.test_listeners_releases import NOW, TOKEN, Desk, Notebook
from tests.unit.wording import problems

MEMBER = Person("U2", Standing.MEMBER)
SEEN = (RepositorySummary("acme/widgets", private=True), RepositorySummary("acme/old", archived=True))
NEXT = {"ok": True, "view": {"hash": "hash-2"}}


@dataclass
class OnePerson:
    """Somebody, whoever is asked for."""

    who: PersonOutcome = MEMBER

    async def person(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return who it is."""
        return self.who

    async def person_now(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return a member."""
        return await self.person(slack_team_id, user)

    async def group(self, slack_team_id: str, group: str) -> GroupOutcome:
        """Return an empty group."""
        return Group(group, frozenset())

    async def handles(self, slack_team_id: str) -> Mapping[str, str]:
        """Return none."""
        return {}

    async def token(self, slack_team_id: str) -> str:
        """Return that Slack takes it."""
        return "ok"


@dataclass
class OneList:
    """A forge with two repositories."""

    async def repositories(self, owner: str = "") -> Repositories:
        """Return them."""
        return Repositories(SEEN)


@dataclass
class FormDesk(Desk):
    """The listeners, and somebody before the dialog."""

    people: OnePerson

    async def search(self, text: str) -> list[dict[str, str]]:
        """Type in the menu, and return what it offers."""
        payload = {
            "type": "block_suggestion", "team": {"id": "T1"}, "user": {"id": "U2"}, "action_id": "value",
            "block_id": "repository", "value": text, "view": {"callback_id": ADD_PUBLISHER},
        }  # fmt: skip
        answer = await self.deliver({"payload": json.dumps(payload)})
        told = json.loads(answer.body)
        assert not option_problems(told)
        return [{"text": one["text"]["text"], "value": one["value"]} for one in told["options"]]

    async def act(self, form: Form, block: str, typed: Mapping[str, str]) -> None:
        """Choose or type in the dialog as it stands; `typed` is by block id."""
        view = as_slack_gives(form, typed)
        element = next(one["element"] for one in view["blocks"] if one["block_id"] == block)
        action = {"type": element["type"], "block_id": block, "action_id": "value", "action_ts": "1.0"}
        payload = {
            "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U2"}, "trigger_id": "7.8", "view": view,
            "actions": [action],
        }  # fmt: skip
        answer = await self.deliver({"payload": json.dumps(payload)})
        assert answer.status == 200

    async def send(self, form: Form, typed: Mapping[str, str]) -> dict[str, Any]:
        """Send the dialog as it stands, and return what Slack is answered."""
        view = as_slack_gives(form, typed)
        payload = {"type": "view_submission", "team": {"id": "T1"}, "user": {"id": "U2"}, "trigger_id": "9.0", "view": view}  # fmt: skip
        answer = await self.deliver({"payload": json.dumps(payload)})
        return dict(json.loads(answer.body)) if answer.body else {}


def as_slack_gives(form: Form, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the dialog with what was typed in it, as Slack sends it."""
    book = ViewBook([], [])
    seen = book.open(dict(publisher_form.form(shown(form))))
    states = {}
    for block, value in typed.items():
        element = next(one["element"] for one in seen.view["blocks"] if one["block_id"] == block)
        text = element["type"] == "plain_text_input"
        states[block] = {"value": value} if text else {"selected_option": {"text": {}, "value": value}}
    view = book.standing(seen, states)
    return view | {"hash": "hash-1", "external_id": form.view_id}


@pytest.fixture
async def desk() -> AsyncIterator[FormDesk]:
    """Give the listeners, wired, with a menu."""
    async with scripted(views_open=[NEXT], views_update=[NEXT]) as slack:

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token="xoxb-test")

        bolt = AsyncApp(
            signing_secret="unused", request_verification_enabled=False, client=slack.client(), authorize=authorize,
            process_before_response=True, raise_error_for_unhandled_request=True,
        )  # fmt: skip
        notebook = Notebook(Database("sqlite+aiosqlite://"), lambda: NOW, lambda: None)
        sites = {name: IndexSite(name, f"https://{name}.example") for name in INDEXES}
        people = OnePerson()
        menu = Menu(OneList(), people, lambda: NOW)
        Listeners(notebook, sites, 30.0, "https://github.com", menu=menu).attach(bolt)
        yield FormDesk(bolt, slack, notebook, people)


def wanted(desk: FormDesk) -> intents.FillPublisherForm:
    """Return the one wish, as it came."""
    (intent,) = desk.wanted
    assert isinstance(intent, intents.FillPublisherForm)
    return intent


async def test_the_menu_offers_what_fits_and_what_is_typed_in_full(desk: FormDesk) -> None:
    """What is seen comes first, marked; a repository that can't be seen is offered as soon as it is typed in full."""
    assert await desk.search("") == [
        {"text": "acme/widgets (private)", "value": "acme/widgets"},
        {"text": "acme/old (archived)", "value": "acme/old"},
    ]
    assert [one["value"] for one in await desk.search("WID")] == ["acme/widgets"]
    assert [one["value"] for one in await desk.search("psf/requests")] == ["psf/requests"]
    assert [one["value"] for one in await desk.search("acme/widgets")] == ["acme/widgets"]
    assert await desk.search("nothing") == []
    assert [one["value"] for one in await desk.search("x" * 5_000 + "/y")] == []


@pytest.mark.parametrize("who", [Person("U2", Standing.GUEST), CannotTell("Slack did not answer.")])
async def test_the_list_is_for_members(desk: FormDesk, who: PersonOutcome) -> None:
    """A guest, or somebody of whom nobody can tell, sees no names, and can still type one."""
    desk.people.who = who
    (told,) = await desk.search("")
    assert told["value"] == publisher_form.NO_CHOICE
    assert "members" in told["text"]
    assert [one["value"] for one in await desk.search("acme/widgets")] == ["acme/widgets"]


async def test_a_chosen_repository_is_read(desk: FormDesk) -> None:
    """The fields that are to be filled in are hidden at once, and what is wanted carries the dialog's new state."""
    await desk.act(begun("view-1", {}, INDEXES, "C1"), "repository", {"repository": "acme/widgets"})
    (call,) = desk.slack.asked("views.update")
    assert problems(call["view"]) == []
    assert [one.get("block_id") for one in call["view"]["blocks"] if one["type"] == "input"] == [
        "repository", "index_choice", "channel",
    ]  # fmt: skip
    wish = wanted(desk)
    assert (wish.hash, wish.form.reading, wish.form.own) == ("hash-2", True, ("repository",))
    assert wish.form.fields["repository"] == "acme/widgets"
    assert desk.notebook.wishes[0].channel == "C1"


async def test_what_was_typed_stays(desk: FormDesk) -> None:
    """Fields that the person has typed are the person's own: they are shown on, by the same ids, and never replaced."""
    typed = {"repository": "acme/widgets", "project": "mine", "environment": "live"}
    await desk.act(begun("view-1", {}, INDEXES, "C1"), "repository", typed)
    form = wanted(desk).form
    assert set(form.own) == {"repository", "project", "environment"}
    (call,) = desk.slack.asked("views.update")
    there = [one.get("block_id") for one in call["view"]["blocks"] if one["type"] == "input"]
    assert there == ["repository", "project", "environment", "index_choice", "channel"]
    after = filled(form, PublisherProposal("acme/widgets", (Package("theirs"),), "cd.yml", "pypi"))
    assert (after.fields["project"], after.fields["environment"], after.fields["workflow"]) == (
        "mine",
        "live",
        "cd.yml",
    )
    assert {publisher_form.place(after, name) for name in ("project", "environment")} == {
        "project",
        "environment",
    }
    assert publisher_form.place(after, "workflow") == "workflow.1"


async def test_what_was_filled_in_is_filled_in_anew(desk: FormDesk) -> None:
    """A second repository replaces what the first one said, but not what the person has changed since."""
    await desk.act(FILLED, "repository", {"repository": "acme/gears", "environment.1": "mine"})
    form = wanted(desk).form
    assert set(form.own) == {"repository", "environment"}
    after = filled(form, PublisherProposal("acme/gears", (Package("gears"),), "b.yml", "pypi"))
    assert [after.fields[name] for name in ("project", "workflow", "environment")] == [
        "gears",
        "b.yml",
        "mine",
    ]
    assert publisher_form.place(after, "project") == "project.2"
    assert publisher_form.place(after, "environment") == "environment.1"


async def test_a_package_is_chosen(desk: FormDesk) -> None:
    """Choosing one of several packages reads on for that one, and the packages stay to be chosen from."""
    await desk.act(SEVERAL, "project.1", {"repository": "acme/widgets", "project.1": "two"})
    form = wanted(desk).form
    assert (form.fields["project"], form.reading) == ("two", True)
    assert form.packages == (Package("one", "packages/one"), Package("two"))
    assert set(form.own) == {"repository", "project"}


async def test_enter_in_a_field_looks_at_it(desk: FormDesk) -> None:
    """What is typed is looked at without anything being hidden or changed before."""
    await desk.act(FILLED, "project.1", {"repository": "acme/widgets", "project.1": "other"})
    wish = wanted(desk)
    assert (wish.hash, wish.form.reading, wish.form.fields["project"]) == ("hash-1", False, "other")
    assert desk.slack.asked("views.update") == []


async def test_a_secret_in_a_field_is_kept_nowhere(desk: FormDesk) -> None:
    """A token that was pasted into a field is told of at once, written down nowhere, and not shown again."""
    await desk.act(FILLED, "project.1", {"repository": "acme/widgets", "project.1": TOKEN})
    assert desk.wanted == []
    (call,) = desk.slack.asked("views.update")
    assert "kept nowhere" in json.dumps(call["view"])
    assert TOKEN not in json.dumps(call["view"])


async def test_an_entry_that_is_no_repository_reads_nothing(desk: FormDesk) -> None:
    """The menu's own words, chosen, hide nothing and are told to be no repository."""
    await desk.act(begun("view-1", {}, INDEXES, "C1"), "repository", {"repository": publisher_form.NO_CHOICE})
    assert not wanted(desk).form.reading


async def test_a_command_with_a_repository_alone_opens_the_dialog_reading(desk: FormDesk) -> None:
    """`/publisher add OWNER/REPO` opens it at once, and wants it filled."""
    await desk.command("add acme/widgets", "/publisher")
    assert "I read" in json.dumps(desk.opened)
    wish = wanted(desk)
    assert (wish.hash, wish.form.reading, wish.form.own) == ("hash-2", True, ("repository",))
    assert wish.form.view_id == desk.opened["external_id"]


async def test_the_filled_dialog_is_sent(desk: FormDesk) -> None:
    """Whatever the fields' ids are by now, what stands in them is registered, and problems stand at the right ones."""
    refused = await desk.send(FILLED, {"project.1": "-os", "repository": "acme/widgets"})
    assert set(refused["errors"]) == {"project.1"}
    assert await desk.send(FILLED, {}) == {}
    (intent,) = desk.wanted
    assert isinstance(intent, intents.AddPublisher)
    known = intent.registration
    assert (known.project, known.slug, known.workflow, known.environment, intent.channel) == (
        "widgets", "acme/widgets", "cd.yml", "live", "C1",
    )  # fmt: skip


async def test_a_dialog_that_is_being_read_is_not_sent(desk: FormDesk) -> None:
    """Sent while its fields are hidden, the dialog stays, and says to wait."""
    refused = await desk.send(READING, {})
    assert refused["errors"] == {"repository": publisher_form.STILL_READING}
    assert desk.wanted == []


def test_a_view_that_slack_tells_little_of_is_read() -> None:
    """Values that were filled in and not touched may be missing from what Slack tells: they stand as they were."""
    again = replace(FILLED, view_id="view-1")
    view = dict(publisher_form.form(PublisherFormShown(again, shown(again).looked, INDEXES, menu=True)))
    view = {name: one for name, one in view.items() if name != "state"} | {"external_id": "view-1"}
    read = filling.standing({"view": view})
    assert dict(read.fields) == dict(again.fields)
    assert (read.own, read.rounds, read.round, read.reading) == (again.own, again.rounds, again.round, False)
