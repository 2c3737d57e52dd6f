"""What the app asks Slack for, and why: the one list that the manifest, the docs and `shipbell doctor` follow.

Knows: scopes, slash commands' short descriptions. Must not know: Bolt, rules.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

BOT_SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "commands": "to be asked: `/publisher`, `/release`, `/shipbell`",
        "chat:write": "to answer, and to tell the channels it was invited to",
        "channels:history": "after a crash, to see in a public channel whether a message was already said",
        "groups:history": "the same in a private channel",
        "files:write": "to give whoever asked the audit trail as a file",
        "im:write": "to open the direct message in which whoever installed it gets the first steps, and whoever asked that file",
        "im:history": "to see there whether either was already said",
        "users:read": "to see who is a guest, a bot or an admin before an approval counts",
        "usergroups:read": "to see who is in the user groups that a release policy names",
    }
)
"""Scopes of the bot token (`xoxb-`), each with what it is for; the least that works."""

EVENTS: Mapping[str, str] = MappingProxyType(
    {"app_home_opened": "somebody opens the Home tab, which is then made for that person"}
)
"""Events that Slack delivers, each with what it is for."""

SIGN_IN_REDIRECT = "/slack/openid/callback"
INSTALL_REDIRECT = "/slack/oauth_redirect"
"""Where Slack may send browsers back to."""

FUNCTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
"""Steps for Workflow Builder, as the manifest has them."""

APP_SCOPES: Mapping[str, str] = MappingProxyType(
    {"connections:write": "Socket Mode: to open the connection over which Slack delivers"}
)
"""Scopes of the app-level token (`xapp-`), needed in Socket Mode only."""

USER_SCOPES: Mapping[str, str] = MappingProxyType(
    {"openid": "to learn who signs in on the status page, and of which workspace"}
)
"""Scopes that people grant when they sign in; the install asks for none of them."""

SLASH_COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "/publisher": (
            "Register a package's trusted publisher",
            "add [PROJECT OWNER/REPO] | list | check PROJECT | remove PROJECT | import [OWNER] | help",
        ),
        "/release": (
            "Release a version of a package, once the right people approve",
            "PROJECT TAG_OR_VERSION | status | cancel | retry | yank | tell | lock | unlock | help",
        ),
        "/shipbell": (
            "Set up Shipbell for this workspace",
            "credentials | connect INDEX | connect github | disconnect github | settings | audit [PROJECT] | help",
        ),
    }
)
"""Slash command -> what Slack shows beside it: a description and a usage hint."""


def missing_scopes(granted: str) -> tuple[str, ...]:
    """Return the scopes that a token lacks; `granted` is the `x-oauth-scopes` header, comma-separated."""
    have = {scope.strip() for scope in granted.split(",")}
    return tuple(scope for scope in BOT_SCOPES if scope not in have)
