"""Modals and home tabs between the bot and local-slack: stable ids, hashes, and what local-slack can't show.

Knows: views as Slack and as local-slack have them. Must not know: HTTP, what a view is for.

local-slack gives a view a new id at each update, forgets initial values that nobody touched, and has no picker
for channels, conversations and people in modals. So it is handed views in which those are plain menus, lists of several are lines
to type names in, and that carry our id as `external_id`; the bot is handed back what it sent, with the ids and states that Slack would give.
"""

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.demo.slack_config import Channel, User
from bot.demo.slack_mirror import VALUE_KEYS, Json, elements

SEVERAL = {"multi_users_select": "initial_users", "multi_static_select": "initial_options"}
"""Menus in which several can be chosen, and where they have what is chosen at first: shown as a line of names."""
TYPED = {"external_select", "number_input", "datetimepicker", *SEVERAL}
"""What local-slack can't show, and a person types."""
HANDS = "hands."
"""How triggers begin that local-slack knows nothing of: `slack_hands`."""
PICKERS = {"channels_select", "conversations_select", "users_select"}
DEFAULTS: Json = {
    "callback_id": "",
    "private_metadata": "",
    "external_id": "",
    "submit": None,
    "close": None,
    "clear_on_close": False,
    "notify_on_close": False,
}


@dataclass(slots=True)
class Seen:
    """A view as the bot wrote it, and what Slack keeps beside it."""

    id: str
    view: Json
    hash: str
    root: str
    previous: str | None
    channel: str
    """Where the person was when it was opened, for `default_to_current_conversation`."""


class ViewBook:
    """All views that ever came by."""

    def __init__(self, channels: Sequence[Channel], users: Sequence[User]) -> None:
        self._options = {
            "channels_select": [_option(f"#{at.name}", at.id) for at in channels],
            "conversations_select": [_option(f"#{at.name}", at.id) for at in channels],
            "users_select": [_option(f"@{user.name}", user.id) for user in users],
        }
        self._names = {user.id: f"@{user.name}" for user in users}
        self._seen: dict[str, Seen] = {}
        self._homes: dict[str, str] = {}
        self._count = itertools.count(1)

    def open(self, view: Json, *, channel: str = "", above: Seen | None = None) -> Seen:
        """Take in a new modal; `above` is the one that it is pushed upon."""
        number = f"V{next(self._count):08d}"
        seen = Seen(
            number, {}, "", above.root if above else number, above.id if above else None,
            channel or (above.channel if above else ""),
        )  # fmt: skip
        self._seen[number] = seen
        return self.change(seen, view)

    def change(self, seen: Seen, view: Json) -> Seen:
        """Put other contents into a view; its id stays, its hash is new."""
        seen.view = _complete(view, seen.channel)
        seen.hash = f"{next(self._count)}.{seen.id.lower()}"
        return seen

    def home(self, user: str, view: Json) -> Seen:
        """Take in a user's home tab."""
        seen = self.home_of(user)
        if seen is not None:
            return self.change(seen, view)
        seen = self.open(view)
        self._homes[user] = seen.id
        return seen

    def home_of(self, user: str) -> Seen | None:
        """Return the user's home tab, if published."""
        return self._seen.get(self._homes.get(user, ""))

    def find(self, *, view_id: str = "", external_id: str = "") -> Seen | None:
        """Return the view of that id, else the latest of that external id."""
        if view_id:
            return self._seen.get(view_id)
        named = (
            seen
            for seen in reversed(self._seen.values())
            if external_id and seen.view.get("external_id") == external_id
        )
        return next(named, None)

    def for_local(self, seen: Seen) -> Json:
        """Return the view as local-slack can show it."""
        view = copy.deepcopy(seen.view)
        view["external_id"] = seen.id
        for block in view["blocks"]:
            if block["type"] == "input":
                block["element"] = self._showable(block["element"])
        return view

    def for_bot(self, local: Json) -> Json:
        """Return local-slack's view as Slack would give it to the bot; a view of unknown origin as it is."""
        seen = self._seen.get(str(local.get("external_id", "")))
        if seen is None:
            return local
        entered = (local.get("state") or {}).get("values") or {}
        return {
            **local,
            **DEFAULTS,
            **copy.deepcopy(seen.view),
            "id": seen.id,
            "hash": seen.hash,
            "root_view_id": seen.root,
            "previous_view_id": seen.previous,
            "state": {"values": _states(seen.view["blocks"], entered, self._names)},
        }

    def standing(self, seen: Seen, typed: Mapping[str, Json]) -> Json:
        """Return a view as Slack gives it to the bot while somebody fills it in; `typed` is by block id."""
        entered = {
            block["block_id"]: {block["element"]["action_id"]: typed[block["block_id"]]}
            for block in seen.view["blocks"]
            if block["block_id"] in typed
        }
        return self.for_bot({"external_id": seen.id, "type": "modal", "state": {"values": entered}})

    def _showable(self, element: Json) -> Json:
        shown = dict(element)
        if element["type"] in TYPED:
            return _typed(element, self._names)
        if element["type"] in PICKERS:
            key = VALUE_KEYS[element["type"]]
            shown |= {"type": "static_select", "options": self._options[element["type"]]}
            first = element.get("initial_" + key.removeprefix("selected_"))
            initial = next((option for option in shown["options"] if option["value"] == first), None)
        else:
            initial = element.get("initial_option")
        if initial is not None and shown["type"] in {"static_select", "radio_buttons"}:
            # Its page shows no initial choice, but the placeholder stands where the choice would.
            shown |= {"type": "static_select", "initial_option": initial, "placeholder": initial["text"]}
        return shown


def _typed(element: Json, names: Mapping[str, str]) -> Json:
    """Return what local-slack has no element for as a field to type in; people are called by their names."""
    shown = {"type": "plain_text_input", "action_id": element["action_id"]}
    first = (element.get("initial_option") or {}).get("value") or element.get("initial_value")
    if key := SEVERAL.get(element["type"]):
        known = _called(element, names)
        chosen = [one if isinstance(one, str) else one["value"] for one in element.get(key, [])]
        first = ", ".join(known.get(one, one) for one in chosen)
    told = {"placeholder": element.get("placeholder"), "initial_value": first}
    return shown | {name: value for name, value in told.items() if value}


def _called(element: Json, names: Mapping[str, str]) -> dict[str, str]:
    """Return what can be chosen in a menu, by value, with what a person types for it."""
    return {one["value"]: one["text"]["text"] for one in element.get("options", [])} or dict(names)


def _chosen(element: Json, typed: str, names: Mapping[str, str]) -> list[Any]:
    """Return what somebody has chosen by typing names; who is unknown is left out."""
    values = {text: value for value, text in _called(element, names).items()}
    found = [values[one] for name in typed.split(",") if (one := name.strip()) in values]
    options = element.get("options", [])
    return [one for one in options if one["value"] in found] if options else found


def _option(text: str, value: str) -> Json:
    return {"text": {"type": "plain_text", "text": text}, "value": value}


def _complete(view: Json, channel: str) -> Json:
    """Give ids to the blocks and elements that have none, as Slack does, and the current conversation."""
    own = copy.deepcopy(view)
    for place, block in enumerate(own["blocks"]):
        block.setdefault("block_id", f"b{place}")
    for place, (_, element) in enumerate(elements(own["blocks"])):
        if element.get("type") not in {"mrkdwn", "plain_text", "image", None}:
            element.setdefault("action_id", f"a{place}")
        if element.get("default_to_current_conversation") and channel:
            element.setdefault("initial_conversation", channel)
    return own


def _states(
    blocks: list[Json], entered: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, dict[str, Json]]:
    return {
        block["block_id"]: {
            block["element"]["action_id"]: _state(
                block["element"],
                (entered.get(block["block_id"]) or {}).get(block["element"]["action_id"]) or {},
                names,
            )
        }
        for block in blocks
        if block["type"] == "input"
    }


def _state(element: Json, got: Json, names: Mapping[str, str]) -> Json:
    kind = element["type"]
    key = VALUE_KEYS[kind]
    if kind in SEVERAL:
        typed = got.get("value")
        first = element.get(SEVERAL[kind], [])
        return {
            "type": kind,
            key: _chosen(element, typed, names) if isinstance(typed, str) else got.get(key, first),
        }
    if kind == "datetimepicker":
        typed = str(got.get("value") or "")
        return {"type": kind, key: int(datetime.fromisoformat(typed).timestamp()) if typed else None}
    value = got.get(key)
    if kind == "external_select" and isinstance(got.get("value"), str):
        value = _option(got["value"], got["value"]) if got["value"] else ""
    if value is None and kind in PICKERS:
        value = (got.get("selected_option") or {}).get("value")
    if value == "":
        return {"type": kind, key: None}  # emptied by hand: Slack tells null
    if not value:
        value = element.get("initial_" + key.removeprefix("selected_"), [] if value == [] else None)
    return {"type": kind, key: value}
