"""The dialogs of a policy, as Slack sends them back: what is pressed in them, what was entered.

Knows: the ids of their fields and buttons, where Slack puts what was entered. Must not know: rules, SQL, wording.
Whatever is changed here is the same intent that a command makes, and goes through the same gate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from bot.core import intents, policy_forms, release_commands
from bot.core.intents import PolicyPart
from bot.core.names import normalize_project
from bot.core.parsed import Context, Wrong
from bot.core.policy_forms import Entered
from bot.slack.blocks import policy_dialog
from bot.slack.blocks.dialogs import CHANGE_POLICY, WHOLE_TEAM
from bot.slack.blocks.forms import errors
from bot.slack.visits import Reply, Visit, metadata
from bot.workflow.inlet import Inlet

Body = Mapping[str, Any]
_INITIAL: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "multi_users_select": ("initial_users", "selected_users"),
        "multi_static_select": ("initial_options", "selected_options"),
        "radio_buttons": ("initial_option", "selected_option"),
        "static_select": ("initial_option", "selected_option"),
        "number_input": ("initial_value", "value"),
    }
)
"""Kinds of fields -> where Slack has what it was filled with, and what was entered."""
_TIMES = ("from", "until")


@dataclass(frozen=True, slots=True)
class Ruling:
    """The policy's dialogs on their concrete parts."""

    inlet: Inlet
    indexes: tuple[str, ...]

    async def open(self, visit: Visit, project: str) -> Reply | str:
        """Open the dialog as "loading" before the trigger dies; the engine fills it."""
        external_id = uuid4().hex
        failed = await visit.open(policy_dialog.loading(external_id))
        if not failed:
            await self.inlet.put(
                visit.wish(intents.ShowPolicyForm(external_id, project, channel=visit.channel))
            )
        return failed

    async def clicked(self, visit: Visit, name: str, value: str) -> bool:
        """Take a press that has to do with a policy; False where it has not."""
        project = normalize_project(value[:200]) if value != WHOLE_TEAM else ""
        carried = metadata(visit.body) if visit.in_dialog else {}
        channel = visit.channel or carried.get("channel", "")
        if name == CHANGE_POLICY:
            await self.open(visit, project)
        elif name == policy_dialog.WHOSE:
            await self._turn(visit, carried.get("dialog", ""), project, channel)
        elif name == policy_dialog.FREEZE:
            await visit.open(policy_dialog.freeze(project, channel), above=visit.in_dialog)
        elif name == policy_dialog.LIFT:
            # A dialog that an older version has opened does not say what it showed, so it is shown anew.
            if seen := tuple(filter(None, carried.get("freezes", "").split(","))):
                await self.inlet.put(visit.wish(intents.LiftFreeze(project, seen), channel=channel))
            await self._turn(visit, carried.get("dialog", ""), project, channel, "shown")
        elif name.startswith(policy_dialog.PART):
            await self._part(visit, name.removeprefix(policy_dialog.PART), project, channel)
        else:
            return False
        return True

    async def _turn(self, visit: Visit, dialog: str, project: str, channel: str, after: str = "") -> None:
        """Let the dialog show a policy, once what was pressed before it is done."""
        await visit.change(policy_dialog.loading(dialog))
        shown = intents.ShowPolicyForm(dialog, project, channel=channel)
        await self.inlet.put(visit.wish(shown, after=after))

    async def _part(self, visit: Visit, name: str, project: str, channel: str) -> None:
        if name not in set(PolicyPart):
            return
        external_id = uuid4().hex
        if not await visit.open(policy_dialog.loading(external_id), above=True):
            wanted = intents.ShowPolicyForm(external_id, project, PolicyPart(name), channel)
            await self.inlet.put(visit.wish(wanted))

    async def saved(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        """Take what was changed in a dialog: Slack's inline errors, or nothing where it is written down."""
        view, carried = visit.body["view"], metadata(visit.body)
        project, found, places = carried.get("project", ""), entered(view), _places(view)
        changes = policy_forms.differing(found)
        where = typed.get(policy_dialog.CHANNEL, "") or _channel(view)
        channel = where or carried.get("channel", "")
        if wrong := policy_forms.problems(found, self.indexes, project):
            return errors(wrong, places)
        waits = carried.get("second") == "yes" or changes.get("second") == "yes"
        if changes and waits and not where:
            return {policy_dialog.CHANNEL: "Choose where: the second person agrees there."}
        if changes:
            seen = {word: policy_forms.shown_as(found[word].before) for word in changes}
            await self.inlet.put(visit.wish(intents.SetPolicy(project, changes, seen), channel=channel))
        return {}

    async def frozen(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        """Take a freeze: Slack's inline errors, or nothing where it is written down."""
        carried = metadata(visit.body)
        if kind := release_commands.token_in(typed.get("reason", "")):
            return {"reason": kind.refusal}
        said = {name: typed.get(name, "") for name in (*_TIMES, "reason")}
        said |= {name: _moment(said[name]) for name in _TIMES}
        now = Context(self.indexes, "", now=self.inlet.clock())
        wanted = release_commands.freeze("", carried.get("project", ""), said, now)
        if isinstance(wanted, Wrong):
            return errors(wanted.problems, {})
        assert isinstance(wanted, intents.SetFreeze)
        await self.inlet.put(visit.wish(wanted, channel=carried.get("channel", "")))
        return {}


def _channel(view: Body) -> str:
    """Return the channel that the dialog was filled with, which Slack may leave out where nobody touched it."""
    elements = [
        block.get("element") or {}
        for block in view.get("blocks", [])
        if _word(block) == policy_dialog.CHANNEL
    ]
    return str(elements[0].get("initial_conversation", "")) if elements else ""


def _moment(seconds: str) -> str:
    """Return the picker's unix seconds as a command says them."""
    known = seconds.isascii() and seconds.isdigit() and len(seconds) < 12
    return datetime.fromtimestamp(int(seconds), UTC).isoformat() if known else seconds


def entered(view: Body) -> dict[str, Entered]:
    """Return each word of a dialog with what it was filled with and what stands there now; people and groups go together."""
    found: dict[str, Entered] = {}
    for word, before, after in _elements(view):
        known = found.get(word, Entered((), ()))
        found[word] = Entered((*known.before, *before), (*known.after, *after))
    return found


def _places(view: Body) -> dict[str, str]:
    """Return each word's first field."""
    places: dict[str, str] = {}
    for block in view.get("blocks", []):
        if block.get("type") == "input":
            places.setdefault(_word(block), str(block["block_id"]))
    return places


def _word(block: Body) -> str:
    return str(block.get("block_id", "")).partition(".")[0]


def _elements(view: Body) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Give each field with its word, what it was filled with, and what was entered.

    Slack may leave out a value that was filled in and not touched (https://github.com/slackapi/bolt-js/issues/1258).
    """
    values = (view.get("state") or {}).get("values") or {}
    for block in view.get("blocks", []):
        element = block.get("element") or {}
        if element.get("type") not in _INITIAL:
            continue
        first, now = _INITIAL[element["type"]]
        before = _names(element.get(first))
        state = (values.get(block["block_id"]) or {}).get(element.get("action_id")) or {}
        yield _word(block), before, _names(state[now]) if now in state else before


def _names(value: object) -> tuple[str, ...]:
    match value:
        case list():
            return tuple(name for one in value for name in _names(one))
        case dict():
            return (str(value.get("value") or ""),)
        case _:
            return (str(value),) if value else ()
