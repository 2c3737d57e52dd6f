"""The dialogs (modals) and the Home tab.

Knows: words, the ids of fields. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.core import notices
from bot.core.commands import DEFAULT_ENVIRONMENT, DEFAULT_INDEX, DEFAULT_WORKFLOW
from bot.core.names import Problem
from bot.slack.blocks.base import (
    BLOCKS,
    Block,
    actions,
    button,
    code,
    confirm,
    context,
    date,
    escape,
    header,
    person,
    section,
)
from bot.slack.blocks.forms import INDEX_CHOICE, View, choice, field, modal, text_field
from bot.slack.blocks.publishers import OPEN_CREDENTIALS, rows

ADD_PUBLISHER, ADD_CREDENTIAL, HELP, REVOKE, OPEN_PUBLISHER = (
    "publisher.add", "credential.add", "help", "credential.revoke", "publisher.open",
)  # fmt: skip


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


def credentials(shown: notices.CredentialsShown) -> View:
    """Return the team's credentials, and the fields for a new one."""
    blocks: list[Block] = [header("Kept for this workspace")]
    blocks += _credential_rows(shown.lines, shown.view_id) or [section("No credential yet.")]
    blocks += [
        header("Add one"),
        field(INDEX_CHOICE, "Index", choice(shown.indexes, shown.index or DEFAULT_INDEX)),
        field("token", "API token", text_field(example="pypi-…", longest=2_900),
               "Sealed at once and never shown again. It replaces the one kept for this index.", optional=bool(shown.lines)),
        context("Never type a token into a message or a command: only here."),
    ]  # fmt: skip
    return modal("Credentials", blocks, ADD_CREDENTIAL, "Save", external_id=shown.view_id)


def _credential_rows(lines: Sequence[notices.CredentialLine], view_id: str = "") -> list[Block]:
    return [section(_credential(line), accessory=_revoke(line, view_id)) for line in lines[: BLOCKS - 10]]


def _credential(line: notices.CredentialLine) -> str:
    used = (
        f"used {line.uses} time{'' if line.uses == 1 else 's'}, last {date(line.last_used_at)}"
        if line.last_used_at
        else "not used yet"
    )
    refused = f"\n:x: *the index refused it* {date(line.refused_at)}: replace it" if line.refused_at else ""
    return f"*{escape(line.index)}* · {escape(line.hint)}\nadded by {person(line.added_by)} {date(line.added_at)} · {used}{refused}"


def _revoke(line: notices.CredentialLine, view_id: str) -> dict[str, Any]:
    question = confirm(
        "Revoke?",
        f"The token for {code(line.index)} is destroyed here. Revoke it on the index too.",
        "Revoke",
    )
    value = json.dumps({"credential": line.credential_id, "view": view_id})
    return button(f"Revoke {line.index}", REVOKE, value, style="danger", confirm=question)


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
        ),
        {"type": "divider"},
        header("Publishers"),
        *rows(shown.lines, shown.total),
        header("Credentials"),
        *(_credential_rows(shown.credentials) or [section("No credential yet.")]),
    ]
    return {"type": "home", "blocks": blocks[:100]}
