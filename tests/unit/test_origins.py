"""By what somebody asked, in words for the audit trail."""

from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.visits import Visit


@pytest.mark.parametrize(
    ("body", "origin"),
    [
        ({"command": "/release"}, "command /release"),
        ({"type": "block_actions"}, "button"),
        ({"type": "block_actions", "view": {"type": "home"}}, "home"),
        ({"type": "block_actions", "view": {"type": "modal"}}, "dialog"),
        ({"type": "view_submission", "view": {"type": "modal"}}, "dialog"),
        ({"type": "shortcut"}, "shortcut"),
        ({"type": "event_callback", "event": {"type": "function_executed"}}, "workflow step"),
        ({"type": "event_callback", "event": {"type": "app_home_opened"}}, "home"),
        ({"type": "event_callback", "event": {"type": "link_shared"}}, "event"),
        ({}, "event"),
    ],
)
def test_each_way_of_asking_has_its_words(body: dict[str, Any], origin: str) -> None:
    """A command, a button, a dialog, the Home tab, a shortcut and a step of a workflow are told apart."""
    visit = Visit(body, AsyncBoltContext(), cast("AsyncWebClient", None))
    assert visit.origin == origin
