"""The smallest pieces of what the bot says: escaping, Slack's limits, dates, a message.

Knows: Block Kit's shapes and limits (https://docs.slack.dev/reference/block-kit). Must not know: Bolt, network.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Block = Mapping[str, Any]

TEXT = 3_000
HEADER = 150
BUTTON = 75
FALLBACK = 3_000
BLOCKS = 50
WHOLE = 12_000
"""Characters of all blocks as JSON: Slack refuses somewhat above, and does not document it
(https://github.com/slackapi/bolt-js/issues/2509)."""
OPTION = 75
OPTIONS = 100


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: blocks, and the text that notifications and screen readers use."""

    text: str
    blocks: tuple[Block, ...]


def escape(text: str) -> str:
    """Escape the three signs that mean something to Slack (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return the text in code style; a backtick would end it, so it becomes another sign."""
    return f"`{escape(text).replace('`', 'ˋ')}`" if text else "_none_"


def link(url: str, label: str) -> str:
    """Return a link; one that can't be a link is shown as text."""
    safe = url.startswith(("https://", "http://")) and not any(sign in url for sign in "<>|\n ")
    return (
        f"<{url.replace('&', '&amp;')}|{escape(label).replace('|', '¦')}>"
        if safe
        else f"{escape(label)} ({escape(url)})"
    )


def person(user: str) -> str:
    """Return a mention; Slack shows it as the person's name."""
    return f"<@{user}>" if user.isalnum() else escape(user)


def date(moment: datetime, form: str = "{date_short_pretty} at {time}") -> str:
    """Return a moment that Slack shows in each reader's own time zone."""
    plain = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{form}|{plain}>"


def cut(text: str, limit: int) -> str:
    """Return the text within a limit, told by an ellipsis where it was cut; never inside an entity like `&lt;`."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    start = kept.rfind("&", max(0, len(kept) - 5))
    if start != -1 and ";" not in kept[start:]:
        kept = kept[:start]
    return kept + "…"


def section(text: str, **more: Any) -> Block:
    """Return a paragraph of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, TEXT)}, **more}


def header(text: str) -> Block:
    """Return a heading, plain text."""
    return {"type": "header", "text": plain(text, HEADER)}


def context(*texts: str) -> Block:
    """Return small print: at most ten pieces."""
    return {
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": cut(text, TEXT)} for text in texts[:10]],
    }


def plain(text: str, limit: int) -> dict[str, Any]:
    """Return a plain-text object."""
    return {"type": "plain_text", "text": cut(text, limit), "emoji": True}


def fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """Return label and value pairs in two columns; values are mrkdwn already. Slack takes ten of 2,000 characters."""
    texts = [{"type": "mrkdwn", "text": cut(f"*{escape(label)}*\n{value}", 2_000)} for label, value in pairs]
    return {"type": "section", "fields": texts[:10]}


def button(text: str, action: str, value: str = "", **more: Any) -> dict[str, Any]:
    """Return a button that says what it does to what."""
    element = {"type": "button", "text": plain(text, BUTTON), "action_id": action, **more}
    return element | ({"value": value} if value else {})


def link_button(text: str, url: str, action: str) -> dict[str, Any]:
    """Return a button that opens a page; Slack tells us of the click too, and we ignore it."""
    return button(text, action, url=url[:3_000])


def confirm(title: str, text: str, yes: str) -> dict[str, Any]:
    """Return the question that Slack asks before a button counts."""
    return {
        "title": plain(title, 100),
        "text": {"type": "mrkdwn", "text": cut(text, 300)},
        "confirm": plain(yes, 30),
        "deny": plain("Cancel", 30),
    }


def actions(*elements: Mapping[str, Any]) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "elements": list(elements[:25])}


def message(text: str, blocks: Sequence[Block]) -> Message:
    """Return a message inside Slack's limits: 50 blocks, all of them not too long, and a short text."""
    # Slack reads mentions in the text too, so what came from outside is escaped there as well.
    return Message(cut(escape(text), FALLBACK), fitted(blocks))


def fitted(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return as many blocks as fit, in order; buttons always stay, and what is left out is counted."""
    room = WHOLE - sum(size(block) for block in blocks if block["type"] == "actions") - 200
    places = BLOCKS - sum(block["type"] == "actions" for block in blocks) - 1
    kept: list[Block] = []
    left_out = 0
    for block in blocks:
        if block["type"] == "actions":
            kept.append(block)
        elif size(block) <= room and (places > 0 or len(blocks) <= BLOCKS):
            kept.append(block)
            room -= size(block)
            places -= 1
        else:
            left_out += 1
    more = [context(f"… and {left_out} more that do not fit here.")] if left_out else []
    return (*kept, *more)


def size(block: Block) -> int:
    """Return how long a block is on its way to Slack."""
    return len(json.dumps(block, ensure_ascii=False, separators=(",", ":")))
