"""What the tests of the bot's words share: values, friendly and hostile, and what Slack makes of a message."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.core import notices
from bot.demo.slack_limits import message_problems, view_problems
from bot.slack.blocks import base
from bot.slack.blocks.render import MESSAGES, VIEWS
from storage.records import Registration

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
URL = "https://index.example"
WANTED = Registration("company", "acme-widgets", "acme", "widgets", "release.yml", "pypi")
HOSTILE = "<!channel> & `code` <@U1> *bold* \n\u202e " + "x" * 10_000
WILD = Registration("company", HOSTILE, HOSTILE, HOSTILE, HOSTILE, "")
ID = "0b6f2f0e-0000-4000-8000-000000000001"
OUR_IDS = {"view_id", "publisher_id", "credential_id", "release_id", "import_id"}
"""Made by us, so never hostile."""


def told(said: base.Message) -> dict[str, Any]:
    """Return a message as Slack gets it."""
    return {"text": said.text, "blocks": [dict(block) for block in said.blocks]}


def rendered(notice: notices.Notice) -> dict[str, Any]:
    """Return a notice as Slack gets it: a message, or a view."""
    if type(notice) in VIEWS:
        return dict(VIEWS[type(notice)](notice))
    return told(MESSAGES[type(notice)](notice))


def problems(shown: dict[str, Any]) -> list[Any]:
    """Return what Slack would refuse."""
    return list(view_problems(shown) if "type" in shown else message_problems({"channel": "C1", **shown}))


def wild(value: Any) -> Any:
    """Return the value with every text in it replaced by a hostile one, keys and ids apart."""
    if isinstance(value, Registration):
        return WILD
    if isinstance(value, dict):
        return {name: wild(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(wild(one) for one in value) * (60 if value and dataclasses.is_dataclass(value[0]) else 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            one.name: wild(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if one.name not in OUR_IDS
        }
        return dataclasses.replace(value, **changes)
    return HOSTILE if type(value) is str else value


def marked_up(shown: Any) -> Iterator[str]:
    """Give every text in which Slack would read mentions: mrkdwn, and a message's own text; plain text is shown as it is."""
    if isinstance(shown, dict):
        if isinstance(shown.get("text"), str) and shown.get("type") != "plain_text":
            yield shown["text"]
        for one in shown.values():
            yield from marked_up(one)
    elif isinstance(shown, list | tuple):
        for one in shown:
            yield from marked_up(one)
