"""What the app asks Slack for, and why: the one list that the manifest, the docs and `shipbell doctor` follow.

Knows: scopes, slash commands' short descriptions. Must not know: Bolt, rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.status_links import CALLBACK

BOT_SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "commands": "so that people can type `/publisher`, `/release`, `/shipbell`",
        "chat:write": "to answer, and to tell the channels it was invited to",
        "channels:history": "after a crash, to see in a public channel whether a message was already said",
        "groups:history": "the same in a private channel",
        "channels:read": "to hear that a public channel was archived or deleted, or that somebody removed or invited the bot",
        "groups:read": "the same of a private channel",
        "files:write": "to send the audit trail as a file to whoever asked for it",
        "im:write": "to open the direct message in which whoever installed it gets the first steps, and whoever asked that file",
        "im:history": "to see there whether either was already said",
        "users:read": "to see who is a guest, a bot or an admin before an approval counts",
        "usergroups:read": "to see who is in the user groups that a release policy names, and to offer them in its dialog",
        "links:read": "to see links to releases on the bot's own status page, and no other links",
        "links:write": "to show below such a link how the release stands",
    }
)
"""Scopes of the bot token (`xoxb-`), each with what it is for; the least that works."""

EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "app_home_opened": "somebody opens the Home tab, which is then made for that person",
        "function_executed": "a step of a workflow is run that somebody built",
        "app_uninstalled": "the app is taken away: all secrets are destroyed at once",
        "tokens_revoked": "its token is revoked: the same",
        "user_change": "somebody is deactivated: that person's approvals count no more",
        "channel_archive": "a public channel is archived: whoever waits for something there is told",
        "channel_deleted": "it is deleted: the same",
        "channel_left": "the bot is removed from it: the same",
        "channel_unarchive": "it is back: what waits for it is said",
        "group_archive": "a private channel is archived: as above",
        "group_deleted": "it is deleted: as above",
        "group_left": "the bot is removed from it: as above",
        "group_unarchive": "it is back: as above",
        "member_joined_channel": "the bot is invited to a channel: what waits for it is said",
        "link_shared": "somebody posts a link to a release on the bot's own status page",
    }
)
"""Events that Slack delivers, each with what it is for."""

SIGN_IN_REDIRECT = CALLBACK
INSTALL_REDIRECT = "/slack/oauth_redirect"
"""Where Slack may send browsers back to."""

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


SHORTCUTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "shortcut.release": (
            "Release a package",
            "Ask the right people for a release of one of your packages",
        ),
        "shortcut.publisher": ("Add a publisher", "Register a package's trusted publisher with its index"),
    }
)
"""Global shortcuts by callback id: the name and description that Slack shows."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a step takes or gives."""

    name: str
    title: str
    description: str
    type: str = "string"
    required: bool = True


@dataclass(frozen=True, slots=True)
class StepKind:
    """A step that people put into workflows."""

    title: str
    description: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]


_RUNNER = Parameter(
    "runner",
    "Who runs it",
    "Filled in by Slack: whoever ran the workflow. Nobody can put somebody else there.",
    # Never chosen by whoever builds the workflow (https://docs.slack.dev/reference/types/user_context-type).
    "slack#/types/user_context",
)
_PROJECT = Parameter("project", "Project", "The package's name on the index")
_INDEX = Parameter("index", "Index", "Empty: whichever index the project is on", required=False)
_ON_INDEX = Parameter("index", "Index", "The index's name")
_VERSION = Parameter("version", "Version", "As the index writes it")

STEPS: Mapping[str, StepKind] = MappingProxyType(
    {
        "step_release": StepKind(
            "Release a package",
            "Asks the right people to approve a release; ends when they are asked, or says why they are not",
            (
                _RUNNER,
                _PROJECT,
                Parameter(
                    "version", "Tag or version", "Where there is no such tag yet, it is made once approved"
                ),
                _INDEX,
                Parameter("notes", "Notes", "What changes for those who install it", required=False),
            ),
            (
                Parameter("release_id", "Release", "For the step that waits until it is published"),
                _PROJECT,
                _VERSION,
            ),
        ),
        "step_wait": StepKind(
            "Wait until it is published",
            "Ends when the index has every file, checked; fails with the reason if it comes to nothing",
            (Parameter("release_id", "Release", "From the step that asked for the release"),),
            (
                _PROJECT,
                _VERSION,
                _ON_INDEX,
                Parameter("url", "Page on the index", "Where the index shows the version"),
            ),
        ),
        "step_set_up": StepKind(
            "Set up publishing",
            "Registers a package's trusted publisher; ends when the index has it, or a person its form",
            (
                _RUNNER,
                _PROJECT,
                Parameter("repository", "Repository", "OWNER/REPO"),
                Parameter("channel", "Channel", "The channel that is told", "slack#/types/channel_id"),
                Parameter("workflow", "Workflow", "Empty: release.yml", required=False),
                Parameter("environment", "Environment", "Empty: pypi", required=False),
                Parameter("index", "Index", "Empty: pypi", required=False),
            ),
            (
                _PROJECT,
                _ON_INDEX,
                Parameter(
                    "state", "State", "pending, confirmed, known, or waits_for_person: its form was given"
                ),
            ),
        ),
    }
)
"""Steps for Workflow Builder, by callback id."""


def missing_scopes(granted: str) -> tuple[str, ...]:
    """Return the scopes that a token lacks; `granted` is the `x-oauth-scopes` header, comma-separated."""
    have = {scope.strip() for scope in granted.split(",")}
    return tuple(scope for scope in BOT_SCOPES if scope not in have)
