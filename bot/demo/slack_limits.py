"""What Slack refuses in a message, a modal or a home tab: sizes, counts, uniqueness.

Knows: Block Kit's published limits, in Slack's own wording and pointers. Must not know: HTTP, who sent it.

https://docs.slack.dev/reference/block-kit and https://docs.slack.dev/reference/views tell the numbers.
What `slack_sdk`'s own models check besides is asked of them last.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

Json = Mapping[str, Any]
MESSAGE_BLOCKS = 50
MESSAGE_WHOLE = 13_200
"""Characters of all blocks as JSON; found by trial, not published (https://github.com/slackapi/bolt-js/issues/2509)."""
VIEW_BLOCKS = 100
TEXT_SOFT = 4_000
"""Slack asks to stay below; beyond it some clients cut."""
TEXT_HARD = 40_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that Slack would refuse, and where: a JSON pointer."""

    pointer: str
    cause: str

    def __str__(self) -> str:
        return f"[ERROR] {self.cause} [json-pointer:{self.pointer}]"


@dataclass(frozen=True, slots=True)
class Rule:
    """How large one field of an object may be. `plain` is a text object that takes no mrkdwn."""

    field: str
    what: Literal["string", "text", "plain", "list", "object"]
    most: int
    least: int = 1
    required: bool = False


ACTION = Rule("action_id", "string", 255)
PLACEHOLDER = Rule("placeholder", "plain", 150)
OPTIONS = Rule("options", "list", 100)
GROUPS = Rule("option_groups", "list", 100)
RULES: dict[str, tuple[Rule, ...]] = {
    "section": (Rule("text", "text", 3_000), Rule("fields", "list", 10)),
    "header": (Rule("text", "plain", 150, required=True),),
    "context": (Rule("elements", "list", 10, required=True),),
    "actions": (Rule("elements", "list", 25, required=True),),
    "input": (
        Rule("label", "plain", 2_000, required=True),
        Rule("hint", "plain", 2_000),
        Rule("element", "object", 1, required=True),
    ),
    "image": (
        Rule("image_url", "string", 3_000),
        Rule("alt_text", "string", 2_000, required=True),
        Rule("title", "plain", 2_000),
    ),
    "markdown": (Rule("text", "string", 12_000, required=True),),
    "divider": (),
    "rich_text": (Rule("elements", "list", 1_000, required=True),),
    "file": (),
    "video": (Rule("title", "plain", 200, required=True), Rule("alt_text", "string", 2_000, required=True)),
    "button": (
        ACTION,
        Rule("text", "plain", 75, required=True),
        Rule("value", "string", 2_000),
        Rule("url", "string", 3_000),
        Rule("accessibility_label", "string", 75),
    ),
    "overflow": (ACTION, Rule("options", "list", 5, required=True)),
    "checkboxes": (ACTION, Rule("options", "list", 10, required=True)),
    "radio_buttons": (ACTION, Rule("options", "list", 10, required=True)),
    "static_select": (ACTION, PLACEHOLDER, OPTIONS, GROUPS),
    "multi_static_select": (ACTION, PLACEHOLDER, OPTIONS, GROUPS),
    "external_select": (ACTION, PLACEHOLDER),
    "users_select": (ACTION, PLACEHOLDER),
    "channels_select": (ACTION, PLACEHOLDER),
    "conversations_select": (ACTION, PLACEHOLDER),
    "multi_users_select": (ACTION, PLACEHOLDER),
    "multi_channels_select": (ACTION, PLACEHOLDER),
    "multi_conversations_select": (ACTION, PLACEHOLDER),
    "datepicker": (ACTION, PLACEHOLDER),
    "timepicker": (ACTION, PLACEHOLDER),
    "datetimepicker": (ACTION,),
    "plain_text_input": (ACTION, PLACEHOLDER, Rule("initial_value", "string", 3_000, least=0)),
    "email_text_input": (ACTION, PLACEHOLDER),
    "url_text_input": (ACTION, PLACEHOLDER),
    "number_input": (ACTION, PLACEHOLDER),
    "option": (
        Rule("text", "text", 75, required=True),
        Rule("value", "string", 150, required=True),
        Rule("description", "plain", 75),
    ),
    "option_group": (Rule("label", "plain", 75, required=True), OPTIONS),
    "confirm": (
        Rule("title", "plain", 100, required=True),
        Rule("text", "text", 300, required=True),
        Rule("confirm", "plain", 30, required=True),
        Rule("deny", "plain", 30, required=True),
    ),
    "view": (
        Rule("callback_id", "string", 255, least=0),
        Rule("external_id", "string", 255, least=0),
        Rule("private_metadata", "string", 3_000, least=0),
        Rule("title", "plain", 24),
        Rule("submit", "plain", 24),
        Rule("close", "plain", 24),
        Rule("blocks", "list", VIEW_BLOCKS, required=True),
    ),
}
BLOCKS = frozenset(
    [
        "section",
        "header",
        "context",
        "actions",
        "input",
        "image",
        "markdown",
        "divider",
        "rich_text",
        "file",
        "video",
    ]
)
CHILDREN = {
    "options": "option",
    "option_groups": "option_group",
    "confirm": "confirm",
    "accessory": "",
    "element": "",
    "elements": "",
}
"""Fields that hold further objects, and what those are; "": what their `type` says."""


def message_problems(message: Json) -> list[Problem]:
    """Return what Slack would refuse in a message's blocks, with pointers from the message."""
    blocks = message.get("blocks")
    if blocks is None:
        return []
    if not isinstance(blocks, list):
        return [Problem("/blocks", "must be an array")]
    found = list(_size(Rule("blocks", "list", MESSAGE_BLOCKS, least=0), blocks, "/blocks"))
    found += _blocks(blocks, "/blocks")
    whole = len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))
    found += [Problem("/blocks", f"blocks too long: {whole} characters")] if whole > MESSAGE_WHOLE else []
    return found or _models(Block.parse_all(blocks), "/blocks")


def view_problems(view: object) -> list[Problem]:
    """Return what Slack would refuse in a modal or home tab, with pointers from the request."""
    if not isinstance(view, Mapping):
        return [Problem("/view", "must be an object")]
    found = list(_object("view", view, "/view"))
    found += _kind_of_view(view)
    blocks = view.get("blocks")
    if isinstance(blocks, list):
        found += _blocks(blocks, "/view/blocks")
    return found or _models([View(**view)], "/view")


def text_problems(message: Json) -> list[Problem]:
    """Return what is wrong with a message's plain text, though Slack takes it: it is what notifications show."""
    text = message.get("text")
    if not isinstance(text, str) or not text:
        return [Problem("/text", "missing beside blocks: notifications and screen readers show it")]
    if len(text) > TEXT_SOFT:
        return [Problem("/text", f"should be less than {TEXT_SOFT + 1} characters")]
    return []


def metadata_problems(metadata: object) -> list[Problem]:
    """Return what Slack would refuse in a message's metadata. An empty object takes it off a message."""
    if metadata in (None, {}):
        return []
    if not isinstance(metadata, Mapping):
        return [Problem("/metadata", "must be an object")]
    found = []
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        found.append(Problem("/metadata/event_type", "missing required field: event_type"))
    if not isinstance(metadata.get("event_payload"), Mapping):
        found.append(Problem("/metadata/event_payload", "missing required field: event_payload"))
    return found


def error_problems(errors: object, view: Json) -> list[Problem]:
    """Return what Slack would not show of a modal's inline errors: only input blocks can carry one."""
    if not isinstance(errors, Mapping) or not errors:
        return [Problem("/errors", "must be an object with at least one block id")]
    inputs = {block.get("block_id") for block in view.get("blocks", []) if block.get("type") == "input"}
    return [
        Problem(f"/errors/{block_id}", "must be the block id of an input block of this view")
        for block_id in errors
        if block_id not in inputs
    ]


def option_problems(answer: object) -> list[Problem]:
    """Return what Slack would refuse of what a menu is answered that asks the bot what is in it."""
    if not isinstance(answer, Mapping):
        return [Problem("/", "must be an object")]
    rule = Rule("options", "list", 100, least=0, required=True)
    options = answer.get("options")
    if not isinstance(options, list):
        return [Problem("/", "missing required field: options")]
    found = list(_size(rule, options, "/options"))
    for place, one in enumerate(options):
        found += _children("option", one, f"/options/{place}")
    return found


def _kind_of_view(view: Json) -> Iterator[Problem]:
    kind = view.get("type")
    if kind not in {"modal", "home"}:
        yield Problem("/view/type", "must be a valid enum value")
    if kind != "modal":
        return
    if "title" not in view:
        yield Problem("/view", "missing required field: title")
    blocks = view.get("blocks")
    if isinstance(blocks, list) and "submit" not in view and any(_type(b) == "input" for b in blocks):
        yield Problem("/view", "missing required field: submit")


def _blocks(blocks: Sequence[Any], pointer: str) -> Iterator[Problem]:
    for place, block in enumerate(blocks):
        at = f"{pointer}/{place}"
        kind = _type(block)
        if kind not in BLOCKS:
            yield Problem(at, f"unsupported type: {kind}")
            continue
        if kind == "section" and not block.get("text") and not block.get("fields"):
            yield Problem(at, "missing required field: text or fields")
        yield from _object(kind, block, at)
        yield from _twice("action_id", _action_ids(block), at)
    yield from _twice("block_id", (block.get("block_id") for block in blocks if _type(block)), pointer)


def _object(kind: str, item: Json, pointer: str) -> Iterator[Problem]:
    """Check one object by its rules and then what it holds."""
    rules = RULES[kind] + ((Rule("block_id", "string", 255),) if kind in BLOCKS else ())
    for rule in rules:
        value = item.get(rule.field)
        if value is not None:
            yield from _size(rule, value, f"{pointer}/{rule.field}")
        elif rule.required:
            yield Problem(pointer, f"missing required field: {rule.field}")
    for field, child in CHILDREN.items():
        if kind not in {"rich_text", "confirm"} and field in item:
            yield from _children(child, item[field], f"{pointer}/{field}")
    for place, text in enumerate(_listed(item, "fields") if kind == "section" else ()):
        yield from _text(Rule("fields", "text", 2_000), text, f"{pointer}/fields/{place}")


def _children(kind: str, held: object, pointer: str) -> Iterator[Problem]:
    if isinstance(held, list):
        for place, one in enumerate(held):
            yield from _children(kind, one, f"{pointer}/{place}")
        return
    if not isinstance(held, Mapping):
        yield Problem(pointer, "must be an object")
        return
    named = kind or _type(held)
    if named in {"mrkdwn", "plain_text"}:
        yield from _text(Rule("elements", "text", 3_000), held, pointer)
    elif named in RULES:
        yield from _object(named, held, pointer)
    else:
        yield Problem(pointer, f"unsupported type: {named}")


def _size(rule: Rule, value: object, pointer: str) -> Iterator[Problem]:
    if rule.what in {"text", "plain"}:
        yield from _text(rule, value, pointer)
    elif rule.what == "list":
        if not isinstance(value, list):
            yield Problem(pointer, "must be an array")
        elif len(value) > rule.most:
            yield Problem(pointer, f"no more than {rule.most} items allowed")
        elif len(value) < rule.least:
            yield Problem(pointer, f"no fewer than {rule.least} items allowed")
    elif rule.what == "string":
        yield from _length(rule, value, pointer)


def _text(rule: Rule, value: object, pointer: str) -> Iterator[Problem]:
    kinds = {"plain_text"} if rule.what == "plain" else {"plain_text", "mrkdwn"}
    if not isinstance(value, Mapping) or value.get("type") not in kinds:
        yield Problem(pointer, f"must be a {' or '.join(sorted(kinds))} object")
        return
    yield from _length(rule, value.get("text"), f"{pointer}/text")


def _length(rule: Rule, value: object, pointer: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(pointer, "must be a string")
    elif len(value) > rule.most:
        yield Problem(pointer, f"must be less than {rule.most + 1} characters")
    elif len(value) < rule.least:
        yield Problem(pointer, f"must be more than {rule.least - 1} characters")


def _twice(field: str, values: Iterable[object], pointer: str) -> Iterator[Problem]:
    for value, count in Counter(value for value in values if value is not None).items():
        if count > 1:
            yield Problem(pointer, f"`{field}` {value!r} already exists")


def _action_ids(block: Json) -> Iterator[object]:
    for element in _listed(block, "elements"):
        if isinstance(element, Mapping):
            yield element.get("action_id")


def _listed(item: Json, name: str) -> list[Any]:
    held = item.get(name)
    return held if isinstance(held, list) else []


def _type(item: object) -> str:
    return str(item.get("type", "")) if isinstance(item, Mapping) else ""


def _parts(objects: Iterable[Any]) -> Iterator[JsonObject]:
    """Give each model and those in it; a model checks itself alone."""
    for one in objects:
        if not isinstance(one, JsonObject):
            continue
        yield one
        for name in ("blocks", "elements"):
            yield from _parts(getattr(one, name, None) or ())
        yield from _parts([getattr(one, name, None) for name in ("accessory", "element")])


def _models(objects: Iterable[Any], pointer: str) -> list[Problem]:
    found = []
    for one in _parts(objects):
        try:
            one.validate_json()
        except SlackObjectFormationError as refusal:
            found.append(Problem(pointer, str(refusal)))
    return found
