"""The dialogs (modals) and the Home tab.

Knows: words, the ids of fields. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Mapping, Sequence

from bot.core import notices
from bot.core.commands import DEFAULT_ENVIRONMENT, DEFAULT_INDEX, DEFAULT_WORKFLOW
from bot.core.names import Problem
from bot.slack.blocks import credentials
from bot.slack.blocks.base import (
    actions,
    button,
    header,
    section,
)
from bot.slack.blocks.forms import INDEX_CHOICE, View, choice, field, modal, text_field
from bot.slack.blocks.publishers import OPEN_CREDENTIALS, rows

ADD_PUBLISHER, HELP, OPEN_PUBLISHER = "publisher.add", "help", "publisher.open"


def publisher_form(typed: Mapping[str, str], indexes: Sequence[str], channel: str) -> View:
    """Return the dialog that registers a publisher, with what was typed so far."""
    channels = {"type": "conversations_select", "default_to_current_conversation": True,
                "filter": {"include": ["public", "private"], "exclude_bot_users": True}}  # fmt: skip
    blocks = [
        section("The index will take releases of this project from this workflow alone, without a long-lived token."),
        field("project", "Project", text_field(typed.get("project", ""), "acme-widgets", 200), "The package's name on the index. It need not exist yet."),
        field("repository", "Repository", text_field(typed.get("repository", ""), "acme/widgets", 200), "OWNER/REPO on GitHub."),
        field("workflow", "Workflow file", text_field(typed.get("workflow", DEFAULT_WORKFLOW), longest=255), "In .github/workflows/, its name alone."),
        field("environment", "Environment", text_field(typed.get("environment", DEFAULT_ENVIRONMENT)), "Of the publishing job. Empty accepts any, which is less safe.", optional=True),
        field(INDEX_CHOICE, "Index", choice(indexes, typed.get("index", DEFAULT_INDEX))),
        field("channel", "Channel to tell", channels, "Empty: the channel where you typed the command.", optional=True),
    ]  # fmt: skip
    return modal(
        "Trusted publisher",
        blocks,
        ADD_PUBLISHER,
        "Register",
        private_metadata=json.dumps({"channel": channel}),
    )


def errors(problems: Sequence[Problem]) -> dict[str, str]:
    """Return Slack's inline errors for the publisher dialog: field -> message, several of a field together."""
    blocks = {"owner": "repository", "slug": "repository", "index": INDEX_CHOICE}
    found: dict[str, str] = {}
    for problem in problems:
        name = blocks.get(problem.field, problem.field)
        found[name] = f"{found[name]} {problem.message}" if name in found else problem.message
    return found


def loading(external_id: str) -> View:
    """Return the dialog that opens at once, since Slack's `trigger_id` lives for three seconds."""
    return modal(
        "Credentials", [section(":hourglass_flowing_sand: Loading …")], "loading", external_id=external_id
    )


def home(shown: notices.HomeShown) -> View:
    """Return a person's Home tab."""
    blocks = [
        header("Shipbell"),
        section(
            "Sets up trusted publishing for your Python packages, and tells you what the index really says."
        ),
        actions(
            button("Add a publisher", OPEN_PUBLISHER, style="primary"),
            button("Credentials", OPEN_CREDENTIALS),
            button("Enter a secret on a web page", credentials.PAGE),
        ),
        {"type": "divider"},
        header("Publishers"),
        *rows(shown.lines, shown.total),
        header("Credentials"),
        *(credentials.rows(shown.credentials) or [section("No credential yet.")]),
    ]
    return {"type": "home", "blocks": blocks[:100]}
