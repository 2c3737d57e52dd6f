"""The pieces of a dialog: fields, lists, the frame around them.

Knows: the ids of fields, Slack's limits. Must not know: what a dialog is for, Bolt, network.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.core.names import Problem
from bot.slack.blocks.base import OPTION, OPTIONS, Block, plain

VALUE = "value"
"""The action id of every field; its block id is the field's name."""
INDEX_CHOICE = "index_choice"

View = Mapping[str, Any]


def modal(title: str, blocks: Sequence[Block], callback: str, submit: str = "", **more: Any) -> View:
    """Return a dialog."""
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "close": plain("Cancel" if submit else "Close", 24),
        **({"submit": plain(submit, 24)} if submit else {}),
        "blocks": [dict(block) for block in blocks[:100]],
        **more,
    }


def field(
    name: str,
    label: str,
    element: Mapping[str, Any],
    hint: str = "",
    *,
    optional: bool = False,
    dispatch: bool = False,
) -> Block:
    """Return a labelled field of a dialog; its block id is its name. With `dispatch` Slack tells of each change."""
    block = {
        "type": "input",
        "block_id": name,
        "label": plain(label, 2_000),
        "element": {**element, "action_id": VALUE},
    }
    more = {"optional": optional, "dispatch_action": dispatch}
    return (
        block
        | ({"hint": plain(hint, 2_000)} if hint else {})
        | {name: True for name, so in more.items() if so}
    )


def text_field(
    initial: str = "",
    example: str = "",
    longest: int = 255,
    *,
    multiline: bool = False,
    on_enter: bool = False,
) -> dict[str, Any]:
    """Return a line, or several, to type in; `on_enter` goes with a field that dispatches."""
    element: dict[str, Any] = {"type": "plain_text_input", "max_length": longest}
    if multiline:
        element["multiline"] = True
    if on_enter:
        element["dispatch_action_config"] = {"trigger_actions_on": ["on_enter_pressed"]}
    if example:
        element["placeholder"] = plain(example, 150)
    return element | ({"initial_value": initial[:longest]} if initial else {})


def errors(problems: Iterable[Problem], places: Mapping[str, str]) -> dict[str, str]:
    """Return Slack's inline errors, several of a field together; `places` are the blocks of fields that are called otherwise."""
    found: dict[str, str] = {}
    for problem in problems:
        at = places.get(problem.field, problem.field)
        found[at] = f"{found[at]} {problem.message}" if at in found else problem.message
    return found


def choice(names: Sequence[str], initial: str) -> dict[str, Any]:
    """Return a list to choose from."""
    options = [{"text": plain(name, OPTION), "value": name[:150]} for name in names[:OPTIONS]]
    first = next((option for option in options if option["value"] == initial), options[0])
    return {"type": "static_select", "options": options, "initial_option": first}
