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
    OPTION,
    OPTIONS,
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
    plain,
    section,
)
from bot.slack.blocks.publishers import OPEN_CREDENTIALS, rows

ADD_PUBLISHER, ADD_CREDENTIAL, HELP, REVOKE, OPEN_PUBLISHER = (
    "publisher.add", "credential.add", "help", "credential.revoke", "publisher.open",
)  # fmt: skip
VALUE = "value"
"""The action id of every field; its block id is the field's name."""
INDEX_CHOICE = "index_choice"

View = Mapping[str, Any]


def _modal(title: str, blocks: Sequence[Block], callback: str, submit: str = "", **more: Any) -> View:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "close": plain("Cancel" if submit else "Close", 24),
        **({"submit": plain(submit, 24)} if submit else {}),
        "blocks": list(blocks[:100]),
        **more,
    }


def _input(
    name: str, label: str, element: Mapping[str, Any], hint: str = "", *, optional: bool = False
) -> Block:
    block = {
        "type": "input",
        "block_id": name,
        "label": plain(label, 2_000),
        "element": {**element, "action_id": VALUE},
    }
    return block | ({"hint": plain(hint, 2_000)} if hint else {}) | ({"optional": True} if optional else {})


def _text(initial: str = "", example: str = "", longest: int = 255) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "max_length": longest}
    if example:
        element["placeholder"] = plain(example, 150)
    return element | ({"initial_value": initial[:longest]} if initial else {})


def _choice(names: Sequence[str], initial: str) -> dict[str, Any]:
    options = [{"text": plain(name, OPTION), "value": name[:150]} for name in names[:OPTIONS]]
    first = next((option for option in options if option["value"] == initial), options[0])
    return {"type": "static_select", "options": options, "initial_option": first}


def publisher_form(typed: Mapping[str, str], indexes: Sequence[str], channel: str) -> View:
    """Return the dialog that registers a publisher, with what was typed so far."""
    channels = {"type": "conversations_select", "default_to_current_conversation": True,
                "filter": {"include": ["public", "private"], "exclude_bot_users": True}}  # fmt: skip
    blocks = [
        section("The index will take releases of this project from this workflow alone, without a long-lived token."),
        _input("project", "Project", _text(typed.get("project", ""), "acme-widgets", 200), "The package's name on the index. It need not exist yet."),
        _input("repository", "Repository", _text(typed.get("repository", ""), "acme/widgets", 200), "OWNER/REPO on GitHub."),
        _input("workflow", "Workflow file", _text(typed.get("workflow", DEFAULT_WORKFLOW), longest=255), "In .github/workflows/, its name alone."),
        _input("environment", "Environment", _text(typed.get("environment", DEFAULT_ENVIRONMENT)), "Of the publishing job. Empty accepts any, which is less safe.", optional=True),
        _input(INDEX_CHOICE, "Index", _choice(indexes, typed.get("index", DEFAULT_INDEX))),
        _input("channel", "Channel to tell", channels, "Empty: the channel where you typed the command.", optional=True),
    ]  # fmt: skip
    return _modal(
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
    return _modal(
        "Credentials", [section(":hourglass_flowing_sand: Loading …")], "loading", external_id=external_id
    )


def credentials(shown: notices.CredentialsShown) -> View:
    """Return the team's credentials, and the fields for a new one."""
    blocks: list[Block] = [header("Kept for this workspace")]
    blocks += _credential_rows(shown.lines, shown.view_id) or [section("No credential yet.")]
    blocks += [
        header("Add one"),
        _input(INDEX_CHOICE, "Index", _choice(shown.indexes, shown.index or DEFAULT_INDEX)),
        _input("token", "API token", _text(example="pypi-…", longest=2_900),
               "Sealed at once and never shown again. It replaces the one kept for this index.", optional=bool(shown.lines)),
        context("Never type a token into a message or a command: only here."),
    ]  # fmt: skip
    return _modal("Credentials", blocks, ADD_CREDENTIAL, "Save", external_id=shown.view_id)


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
