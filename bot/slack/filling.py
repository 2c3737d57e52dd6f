"""The dialog that registers a publisher, as Slack sends it back.

Knows: the ids of its fields, where Slack puts what was typed. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bot.core.names import normalize_project
from bot.core.proposals import Package
from bot.core.publisher_forms import READ, USUAL, Form
from bot.core.release_commands import token_in
from bot.slack.blocks.dialogs import ADD_PUBLISHER
from bot.slack.blocks.forms import INDEX_CHOICE

Body = Mapping[str, Any]
LONGEST = 300
"""Characters of a field that is kept; what is longer no index takes."""


def standing(body: Body) -> Form:
    """Return the dialog as it stands; what is typed in a field is told apart from what was filled in there.

    Slack may leave out a value that was filled in and not touched (https://github.com/slackapi/bolt-js/issues/1258).
    """
    view = body["view"]
    carried = _carried(view)
    there = dict(_elements(view))
    fields, own = dict(USUAL), [name for name in carried.get("own", []) if name in USUAL]
    for name, (value, filled_in, _) in there.items():
        fields[name] = value if value is not None else filled_in
        if value and value != filled_in and name not in own:
            own.append(name)
    rounds = {str(name): int(number) for name, number in dict(carried.get("rounds", {})).items()}
    return Form(
        view_id=str(view.get("external_id", "")),
        fields=fields,
        own=tuple(own),
        rounds=rounds,
        round=int(carried.get("round", 0)),
        packages=there["project"][2] if "project" in there else (),
        channel=str(carried.get("channel", "")),
        reading=any(name not in there for name in READ),
    )


def is_form(body: Body) -> bool:
    """Whether something was done in this dialog."""
    return (body.get("view") or {}).get("callback_id") == ADD_PUBLISHER


def reads(action: Body) -> bool:
    """Whether what was done lets the repository be read: it was named, or its package or the index was chosen."""
    name = field_of(str(action.get("block_id", "")))
    return name == "repository" or action.get("type") == "static_select"


def holds_token(form: Form) -> bool:
    """Whether something in the dialog looks like a secret, so that none of it may be written down."""
    return any(map(token_in, form.fields.values()))


def without_tokens(form: Form) -> Form:
    """Return the dialog without what looks like a secret."""
    kept = {name: "" if token_in(value) else value for name, value in form.fields.items()}
    return replace(form, fields=kept)


def field_of(block_id: str) -> str:
    """Return the field that a block is."""
    name = block_id.partition(".")[0]
    return "index" if name == INDEX_CHOICE else name


def blocks_of(view: Mapping[str, Any]) -> dict[str, str]:
    """Return each field's block id."""
    inputs = (str(block.get("block_id")) for block in view.get("blocks", []) if block.get("type") == "input")
    return {field_of(block_id): block_id for block_id in inputs}


def _carried(view: Mapping[str, Any]) -> Mapping[str, Any]:
    found = json.loads(view.get("private_metadata") or "{}")
    return found if isinstance(found, dict) else {}


def _elements(view: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str | None, str, tuple[Package, ...]]]]:
    """Give each field with its value (None: not told), what was filled in there, and the packages that it offers."""
    values = (view.get("state") or {}).get("values") or {}
    for block in view.get("blocks", []):
        name = field_of(str(block.get("block_id", "")))
        if block.get("type") != "input" or name not in USUAL:
            continue
        element = block["element"]
        state = (values.get(block["block_id"]) or {}).get(element.get("action_id")) or {}
        value = state.get("value") or (state.get("selected_option") or {}).get("value")
        first = element.get("initial_value") or (element.get("initial_option") or {}).get("value") or ""
        offered = element.get("options", []) if name == "project" else []
        yield (
            name,
            (None if value is None else str(value)[:LONGEST], str(first), tuple(map(_package, offered))),
        )


def _package(option: Mapping[str, Any]) -> Package:
    name = str(option.get("value", ""))
    text = str((option.get("text") or {}).get("text", ""))
    return Package(normalize_project(name), text.removeprefix(name).strip(" ()"))
