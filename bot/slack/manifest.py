"""The Slack app's manifest, made of what the code asks for: https://docs.slack.dev/reference/app-manifest.

Knows: the manifest's shape. Must not know: settings, Bolt.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.slack.scopes import (
    BOT_SCOPES,
    EVENTS,
    INSTALL_REDIRECT,
    SHORTCUTS,
    SIGN_IN_REDIRECT,
    SLASH_COMMANDS,
    STEPS,
    USER_SCOPES,
    Parameter,
)

DELIVERIES = "/slack/events"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bot is, and for whom."""

    url: str
    """How Slack and browsers reach it."""
    many: bool = False
    """Whether many workspaces and orgs install it: then tokens rotate. One workspace's token lies in the settings, and does not."""
    socket: bool = False
    """Whether Slack delivers over Socket Mode."""


def manifest(place: Place) -> dict[str, Any]:
    """Return what Slack takes under "Create New App", "From a manifest"."""
    there = f"{place.url}{DELIVERIES}"
    redirects = (*((INSTALL_REDIRECT,) if place.many else ()), SIGN_IN_REDIRECT)
    return {
        "display_information": {
            "name": "Shipbell",
            "description": "Sets up trusted publishing for Python packages and releases them, on evidence.",
            "background_color": "#1f3a5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                # The bot answers in its own tab where it can't in a channel.
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "shipbell", "always_online": True},
            "slash_commands": [
                {"command": name, "url": there, "description": said, "usage_hint": hint, "should_escape": True}
                for name, (said, hint) in SLASH_COMMANDS.items()
            ],
            "shortcuts": [
                {"name": name, "type": "global", "callback_id": callback, "description": said}
                for callback, (name, said) in SHORTCUTS.items()
            ],
            # Links to releases on the bot's own status page show how these stand.
            "unfurl_domains": [urlsplit(place.url).hostname or ""],
        },
        "oauth_config": {
            "redirect_urls": [f"{place.url}{path}" for path in redirects],
            "scopes": {"bot": list(BOT_SCOPES), "user": list(USER_SCOPES)},
        },
        "settings": {
            "event_subscriptions": {"request_url": there, "bot_events": list(EVENTS)},
            # What is in a menu Slack asks at the last of these addresses.
            "interactivity": {"is_enabled": True, "request_url": there, "message_menu_options_url": there},
            # Steps of workflows need both (https://docs.slack.dev/workflows/workflow-steps).
            "org_deploy_enabled": True,
            "function_runtime": "remote",
            "socket_mode_enabled": place.socket,
            "token_rotation_enabled": place.many,
        },
        "functions": {
            name: {
                "title": one.title,
                "description": one.description,
                "input_parameters": {each.name: _parameter(each) for each in one.inputs},
                "output_parameters": {each.name: _parameter(each) for each in one.outputs},
            }
            for name, one in STEPS.items()
        },
    }  # fmt: skip


def _parameter(one: Parameter) -> dict[str, Any]:
    told = {"name": one.name, "type": one.type, "title": one.title, "description": one.description}
    return {**told, "is_required": one.required}
