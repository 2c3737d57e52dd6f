"""Every limit of messages and views at its edge: what just fits passes, one more is refused."""

from typing import Any

import pytest

from bot.demo.slack_limits import (
    error_problems,
    message_problems,
    metadata_problems,
    text_problems,
    view_problems,
)
from tests.demo.slack_kit import buttons, field, modal, plain, section, text_input


def option(value: str, text: str = "One") -> dict[str, Any]:
    """Return an option of a menu."""
    return {"text": plain(text), "value": value}


def options(count: int) -> list[dict[str, Any]]:
    """Return so many options."""
    return [option(f"v{number}") for number in range(count)]


def menu(**more: Any) -> dict[str, Any]:
    """Return a section with a menu."""
    return section(accessory={"type": "static_select", "action_id": "menu", **more})


def button(**more: Any) -> dict[str, Any]:
    """Return an actions block with one button."""
    return {"type": "actions", "elements": [{"type": "button", "text": plain("Go"), **more}]}


EDGES: dict[str, tuple[Any, Any, str]] = {
    "50 blocks": ([section()] * 50, [section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "section text": ([section("x" * 3000)], [section("x" * 3001)], "/blocks/0/text/text"),
    "empty text": ([section("x")], [section("")], "must be more than 0 characters"),
    "header": (
        [{"type": "header", "text": plain("x" * 150)}],
        [{"type": "header", "text": plain("x" * 151)}],
        "less than 151",
    ),
    "header is plain": (
        [{"type": "header", "text": plain("x")}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "must be a plain_text object",
    ),
    "fields": (
        [{"type": "section", "fields": [plain("x" * 1000)] * 10}],
        [{"type": "section", "fields": [plain("x")] * 11}],
        "/blocks/0/fields",
    ),
    "the whole": ([section("x" * 2500)] * 5, [section("x" * 2700)] * 5, "blocks too long"),
    "field text": (
        [{"type": "section", "fields": [plain("x" * 2000)]}],
        [{"type": "section", "fields": [plain("x" * 2001)]}],
        "/blocks/0/fields/0/text",
    ),
    "section of nothing": ([section()], [{"type": "section"}], "text or fields"),
    "button text": ([button(text=plain("x" * 75))], [button(text=plain("x" * 76))], "less than 76"),
    "button value": ([button(value="x" * 2000)], [button(value="x" * 2001)], "/elements/0/value"),
    "button url": (
        [button(url="https://a.example/" + "x" * 2982)],
        [button(url="https://a.example/" + "x" * 2983)],
        "/elements/0/url",
    ),
    "action_id": ([button(action_id="x" * 255)], [button(action_id="x" * 256)], "/action_id"),
    "action_id twice": ([buttons("a", "b")], [buttons("a", "a")], "`action_id` 'a' already exists"),
    "block_id": ([section(block_id="x" * 255)], [section(block_id="x" * 256)], "/block_id"),
    "block_id twice": (
        [section(block_id="a"), section(block_id="b")],
        [section(block_id="a"), section(block_id="a")],
        "`block_id` 'a' already exists",
    ),
    "25 elements": (
        [buttons(*(f"b{number}" for number in range(25)))],
        [buttons(*(f"b{number}" for number in range(26)))],
        "no more than 25",
    ),
    "context": (
        [{"type": "context", "elements": [plain("x")] * 10}],
        [{"type": "context", "elements": [plain("x")] * 11}],
        "no more than 10",
    ),
    "100 options": ([menu(options=options(100))], [menu(options=options(101))], "no more than 100"),
    "no options": ([menu(options=options(1))], [menu(options=[])], "no fewer than 1"),
    "option text": (
        [menu(options=[option("v", "x" * 75)])],
        [menu(options=[option("v", "x" * 76)])],
        "/options/0/text/text",
    ),
    "option value": (
        [menu(options=[option("x" * 150)])],
        [menu(options=[option("x" * 151)])],
        "/options/0/value",
    ),
    "unknown block": ([section()], [{"type": "poem"}], "unsupported type: poem"),
    "unknown element": (
        [buttons("a")],
        [{"type": "actions", "elements": [{"type": "lever"}]}],
        "unsupported type: lever",
    ),
    "confirm": (
        [button(confirm={"title": plain("x" * 100), "text": plain("x"), "confirm": plain("Y"), "deny": plain("N")})],
        [button(confirm={"title": plain("x" * 101), "text": plain("x"), "confirm": plain("Y"), "deny": plain("N")})],
        "/confirm/title/text",
    ),
    "not blocks": ([section()], "text", "must be an array"),
    "what only the SDK checks": (
        [section(accessory={"type": "overflow", "action_id": "o", "options": options(2)})],
        [button(style="loud")],
        "style",
    ),
}  # fmt: skip

VIEWS: dict[str, tuple[Any, Any, str]] = {
    "title": (modal(title=plain("x" * 24)), modal(title=plain("x" * 25)), "/view/title/text"),
    "submit": (modal(submit=plain("x" * 24)), modal(submit=plain("x" * 25)), "/view/submit/text"),
    "close": (modal(close=plain("x" * 24)), modal(close=plain("x" * 25)), "/view/close/text"),
    "private_metadata": (
        modal(private_metadata="x" * 3000),
        modal(private_metadata="x" * 3001),
        "/view/private_metadata",
    ),
    "callback_id": (modal(callback_id="x" * 255), modal(callback_id="x" * 256), "/view/callback_id"),
    "100 blocks": (modal(*[section()] * 100), modal(*[section()] * 101), "no more than 100"),
    "type": (modal(), modal(type="dialog"), "/view/type"),
    "label": (
        modal(field("a", text_input(), hint=plain("x"))),
        modal(field("a", text_input(), label=plain("x" * 2001))),
        "/view/blocks/0/label/text",
    ),
    "placeholder": (
        modal(field("a", text_input(placeholder=plain("x" * 150)))),
        modal(field("a", text_input(placeholder=plain("x" * 151)))),
        "/element/placeholder/text",
    ),
    "not a view": (modal(), "modal", "must be an object"),
}


@pytest.mark.parametrize("name", EDGES)
def test_message_edges(name: str) -> None:
    """A message at the edge passes; beyond it Slack's wording and pointer come back."""
    fits, refused, says = EDGES[name]
    assert message_problems({"blocks": fits}) == []
    found = message_problems({"blocks": refused})
    assert any(says in str(problem) for problem in found), found


@pytest.mark.parametrize("name", VIEWS)
def test_view_edges(name: str) -> None:
    """A view at the edge passes; beyond it Slack's wording and pointer come back."""
    fits, refused, says = VIEWS[name]
    assert view_problems(fits) == []
    found = view_problems(refused)
    assert any(says in str(problem) for problem in found), found


@pytest.mark.parametrize(
    "block",
    [
        1,
        "text",
        None,
        {"type": "input", "label": plain("x")},
        {"type": "actions", "elements": ["x"]},
        {"type": "actions", "elements": 5},
        {"type": "section", "text": "x"},
        {"type": "section", "fields": 5},
        {"type": "section", "accessory": None, "text": {"type": "mrkdwn", "text": 5}},
        {"type": ["section"]},
    ],
)
def test_malformed(block: Any) -> None:
    """What isn't even shaped like a block is refused, and breaks nothing."""
    assert message_problems({"blocks": [block]})


def test_wording() -> None:
    """The wording is Slack's own, as seen in its answers."""
    (problem,) = view_problems(modal(title=plain("x" * 25)))
    assert str(problem) == "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"


def test_modal_needs_title_and_submit() -> None:
    """A modal without a title, or with inputs but no submit button, is refused."""
    view = modal(field("a", text_input()))
    without = [{key: value for key, value in view.items() if key != name} for name in ("title", "submit")]
    assert [str(view_problems(one)[0]) for one in without] == [
        "[ERROR] missing required field: title [json-pointer:/view]",
        "[ERROR] missing required field: submit [json-pointer:/view]",
    ]


def test_home_needs_no_title() -> None:
    """A home tab has neither title nor buttons."""
    assert view_problems({"type": "home", "blocks": [section()]}) == []


def test_text() -> None:
    """Text beside blocks is wanted, and below 4,000 characters."""
    assert text_problems({"text": "x" * 4000}) == []
    assert "less than 4001" in str(text_problems({"text": "x" * 4001})[0])
    assert "missing" in str(text_problems({"blocks": [section()]})[0])


def test_metadata() -> None:
    """Metadata needs a type and a payload; none, or an empty object, is fine."""
    for fine in (None, {}, {"event_type": "told", "event_payload": {"id": "1"}}):
        assert metadata_problems(fine) == []
    assert len(metadata_problems({"event_payload": "x"})) == 2
    assert metadata_problems("x")


def test_error_keys() -> None:
    """Inline errors can stand at input blocks only."""
    view = modal(section(block_id="words"), field("owner", text_input()))
    assert error_problems({"owner": "No."}, view) == []
    assert len(error_problems({"words": "No.", "nothing": "No."}, view)) == 2
    assert error_problems({}, view)
