"""What the local Slack workspace shows, kept up to date from its pushes; and how to find things in it.

Knows: local-slack's pushes over `/ui`, Block Kit's shapes. Must not know: connections.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

VALUE_KEYS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
"""Under which key of `state.values[block][action]` Slack puts what was entered, by the element's type."""


class Mirror:
    """The workspace as a person looking at it sees it."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Json]] = {}
        self.stack: list[Json] = []
        """The open modals, the top one last. local-slack has one stack for everybody."""
        self.errors: dict[str, str] | None = None
        """The errors shown in the top modal, by block id; None where it shows none."""
        self.homes: dict[str, Json] = {}
        """The published home tab of each user id."""
        self.connected = False
        """Whether a bot is connected by Socket Mode."""
        self.answers = 0
        """How many submitted modals were answered and the answer shown."""
        self._answered = False

    def take(self, push: Mapping[str, Any]) -> None:
        """Take in one push; unknown ones are left alone."""
        handler = getattr(self, f"_on_{push.get('t')}", None)
        if handler is not None:
            handler(push)

    def _on_init(self, push: Json) -> None:
        state = push["state"]
        self.messages = {channel: list(found) for channel, found in state["messages"].items()}
        self.stack = state["modalStack"]
        self.errors = None
        self.homes = {user: next(iter(views.values())) for user, views in state["homeViews"].items() if views}
        self.connected = any(app["connected"] for app in state["apps"])

    def _on_message(self, push: Json) -> None:
        message = push["message"]
        self.messages.setdefault(message["channel"], []).append(message)

    def _on_message_update(self, push: Json) -> None:
        message = push["message"]
        for place, old in enumerate(self.messages.get(message["channel"], [])):
            if old["ts"] == message["ts"]:
                self.messages[message["channel"]][place] = message

    def _on_message_delete(self, push: Json) -> None:
        found = self.messages.get(push["channel"], [])
        found[:] = [message for message in found if message["ts"] != push["ts"]]

    def _on_channel(self, push: Json) -> None:
        self.messages.setdefault(push["channel"]["id"], [])

    def _on_view(self, push: Json) -> None:
        self.stack, self.errors = push["stack"], None
        self._shown()

    def _on_view_errors(self, push: Json) -> None:
        self.errors = push.get("errors") or {}
        self._shown()

    def _on_home(self, push: Json) -> None:
        self.homes[push["user"]] = push["view"]

    def _on_socket_status(self, push: Json) -> None:
        self.connected = bool(push["connected"])

    def _on_log(self, push: Json) -> None:
        # The bot's answer is logged right before it is applied, whichever way it came; a bot that couldn't
        # be reached is logged as "internal".
        entry = push["entry"]
        if entry["kind"] in {"interactive", "ack", "socket"} and entry["direction"] != "to_bot":
            self._answered = True

    def _shown(self) -> None:
        if self._answered:
            self._answered = False
            self.answers += 1


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Give each interactive element with the block that it is in."""
    for block in blocks:
        for element in block.get("elements", []):
            yield block, element
        for key in ("accessory", "element"):
            if key in block:
                yield block, block[key]


def label(element: Json) -> str:
    """Return what stands on a button; "" on what isn't one."""
    text = element.get("text")
    return str(text.get("text", "")) if isinstance(text, dict) else ""


def find_action(blocks: list[Json], wanted: str) -> tuple[Json, Json]:
    """Return (block, element) of the action id or label. LookupError, which says what there is."""
    there = [(block, element) for block, element in elements(blocks) if element.get("action_id") is not None]
    for block, element in there:
        if wanted in {element["action_id"], label(element)}:
            return block, element
    names = ", ".join(f"{element['action_id']} ({label(element)})" for _, element in there)
    raise LookupError(f"nothing called {wanted!r} can be clicked here; there is: {names or 'nothing'}")


def chosen(element: Json, value: str) -> Json:
    """Return the option of that value or text. LookupError, which says what there is."""
    options: list[Json] = element.get("options", [])
    for option in options:
        if value in {option["value"], option["text"]["text"]}:
            return option
    names = ", ".join(option["value"] for option in options)
    raise LookupError(f"no option {value!r} in {element.get('action_id')!r}; there is: {names or 'nothing'}")


def entered(element: Json, value: object) -> Json:
    """Return the state of an input element into which a person has entered `value`.

    Texts, ids and dates as they are; options by value or text; several options as a list. A dict is taken as it is.
    """
    if isinstance(value, dict):
        return value
    kind = element["type"]
    key = VALUE_KEYS[kind]
    if key == "selected_option":
        return {"type": kind, key: chosen(element, str(value))}
    if key == "selected_options":
        assert isinstance(value, (list, tuple))
        return {"type": kind, key: [chosen(element, str(one)) for one in value]}
    return {"type": kind, key: value}


def filled(view: Json, values: Mapping[str, Any]) -> dict[str, dict[str, Json]]:
    """Return `{block: {action: state}}` of a modal into which `values` were entered.

    `values` is by block id: what was entered, or `{action id: what}`. LookupError for a block that isn't there.
    """
    inputs = {block.get("block_id"): block["element"] for block in view["blocks"] if block["type"] == "input"}
    states: dict[str, dict[str, Json]] = {}
    for block_id, value in values.items():
        element = inputs.get(block_id)
        if element is None:
            raise LookupError(f"no input {block_id!r} in this modal; there is: {', '.join(map(str, inputs))}")
        action_id = element["action_id"]
        inner = value[action_id] if isinstance(value, dict) and action_id in value else value
        states[block_id] = {action_id: entered(element, inner)}
    return states
