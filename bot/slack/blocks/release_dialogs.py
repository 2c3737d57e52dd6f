"""The dialogs about releases: asking for one, rejecting one, breaking the glass.

Knows: words, the ids of fields. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.blocks.base import OPTION, context, plain, section
from bot.slack.blocks.forms import INDEX_CHOICE, View, choice, field, modal, text_field
from bot.slack.blocks.pieces import one_line, tidy
from bot.slack.blocks.releases import BREAK_GLASS, REJECT
from storage.records import ReleaseKind

ASK = "release.ask"
ANY_INDEX = "-"
"""The choice of whichever index the project is on."""
NOTES, REASON = 1_500, 300
"""Characters that can be typed."""


def release_form(typed: Mapping[str, str], indexes: Sequence[str], channel: str) -> View:
    """Return the dialog that asks for a release, with what was typed so far."""
    blocks = [
        section("I look at the version first. Then the right people are asked, and only what they approve is released."),
        field("project", "Project", text_field(typed.get("project", ""), "acme-widgets", 200), "The package's name on the index."),
        field("version", "Tag or version", text_field(typed.get("version", ""), "v1.4.0", 100), "Where there is no such tag yet, I make it once the release is approved."),
        field(INDEX_CHOICE, "Index", _indexes(indexes, typed.get("index", ""))),
        field("notes", "Notes", text_field(typed.get("notes", ""), longest=NOTES, multiline=True), "What changes for those who install it. Everybody who decides sees them.", optional=True),
        field("at", "Not before", text_field(typed.get("at", ""), "+2h or 17:00", 40), "+2h, 17:00 (UTC) or 2026-12-01T17:00+02:00. Empty: as soon as it is approved.", optional=True),
        field("override", "In spite of a freeze, because", text_field(typed.get("override", ""), longest=REASON), "Only where a freeze or a lock stands. Everybody hears the reason.", optional=True),
    ]  # fmt: skip
    return modal(
        "Release", blocks, ASK, "Ask for the release", private_metadata=json.dumps({"channel": channel[:60]})
    )


def _indexes(names: Sequence[str], chosen: str) -> dict[str, Any]:
    listed = choice(names, chosen)
    anywhere = {"text": plain("Wherever the project is", OPTION), "value": ANY_INDEX}
    options = [anywhere, *listed["options"][:99]]
    first = next((option for option in options if option["value"] == chosen), anywhere)
    return listed | {"options": options, "initial_option": first}


def reject(known: Mapping[str, str], channel: str) -> View:
    """Return the dialog that rejects a release; `known` is what the button carried."""
    name = f"*{tidy(known.get('project', ''), 60)} {tidy(known.get('version', ''), 40)}*"
    yank = known.get("kind") == ReleaseKind.YANK
    what, done = ("yank", "yanked") if yank else ("release", "released")
    blocks = [
        section(f":no_entry_sign: Rejecting ends this request: {name} is not {done}, and the thread tells your reason."),
        field("reason", "Reason", text_field(example="What has to change first?", longest=REASON, multiline=True)),
    ]  # fmt: skip
    return modal(
        f"Reject the {what}",
        blocks,
        REJECT,
        "Reject",
        close=plain("Go back", 24),
        private_metadata=_carried(known, channel),
    )


def break_glass(known: Mapping[str, str], channel: str) -> View:
    """Return the dialog that releases without approvals, with its loud warning."""
    name = f"*{tidy(known.get('project', ''), 60)} {tidy(known.get('version', ''), 40)}*"
    yank = known.get("kind") == ReleaseKind.YANK
    done = "to be yanked" if yank else "released"
    kept = "" if yank else "Once on the index, a version can't be replaced."
    blocks = [
        section(
            f":rotating_light: {name} is {done} *without the approvals that are missing.* :rotating_light:\n"
            "The channel hears at once that it was you, and why; the audit trail keeps it. "
            f"{kept}"
        ),
        field("reason", "Reason", text_field(example="Why can't this wait for the others?", longest=REASON, multiline=True)),
        context("Only for emergencies. Findings that are in the way still stop it."),
    ]  # fmt: skip
    return modal("Break the glass", blocks, BREAK_GLASS, "Break the glass", close=plain("Go back", 24), private_metadata=_carried(known, channel))  # fmt: skip


def _carried(known: Mapping[str, str], channel: str) -> str:
    names = ("release", "round", "project", "version")
    return json.dumps(
        {name: one_line(known.get(name, ""), 100) for name in names} | {"channel": channel[:60]}
    )
