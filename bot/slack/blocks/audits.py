"""The audit trail in words: a page of it, and the file.

Knows: words, the ids of its buttons. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

from bot.core.audit_notices import (
    AuditFile,
    AuditFileComing,
    AuditFileFailed,
    AuditLine,
    AuditShown,
    ChainFound,
)
from bot.slack.blocks import deeds
from bot.slack.blocks.base import (
    Message,
    actions,
    button,
    context,
    date,
    header,
    message,
    person,
    section,
)
from bot.slack.blocks.pieces import count, go, one_line, paragraphs, sha, tick, tidy

OLDER = "audit_older"
CSV, JSON = "audit_csv", "audit_json"
BREAKS = 5
"""Breaks of the chain that are told one by one."""


def shown(notice: AuditShown) -> Message:
    """Show a page of the trail, whether its chain is whole, and how to get all of it."""
    about = f" of {one_line(notice.project, 60)}" if notice.project else ""
    title = f"Audit trail{about}"
    pages = paragraphs([_line(line) for line in notice.lines], most=len(notice.lines))
    return message(
        title,
        [
            header(title),
            *(pages or [section("Nothing older." if notice.page else "Nothing yet.")]),
            context(_chain(notice.chain)),
            _buttons(notice),
        ],
    )


def _line(line: AuditLine) -> str:
    who = person(line.actor) if line.actor != "shipbell" else "Shipbell"
    said = f"{date(line.at)} · {who} {deeds.told(line.action, line.subject)}"
    more = [f"by {via}"] if (via := tidy(line.via, 64)) else []
    more += [_fact(name, value) for name, value in line.evidence.items()]
    why = f": “{tidy(line.why, 300)}”" if line.why else ""
    beside = f" ({', '.join(more)})" if more else ""
    return f"{said}{why}{beside}"


def _fact(name: str, value: str) -> str:
    if name == "commit":
        return f"commit {sha(value)}"
    if name == "digest":
        return f"digest {tick(value[:12])}"
    return go(value, "evidence") if name == "url" else f"{tidy(name, 20)} {tidy(value, 150)}"


def _chain(found: ChainFound | None) -> str:
    if found is None:
        return "This trail is too long to be checked here. Ask for the file: it is checked from beginning to end."
    if not found.breaks and found.left:
        return (
            f":hourglass_flowing_sand: Checked so far: the first {found.events:,} of {count(f'{found.events + found.left:,}', 'event')}, "
            "none changed or removed. Look again to check more; the file is checked from beginning to end."
        )
    if not found.breaks:
        old = (
            f" {count(found.unchained, 'event')} without a number, from before the chain, can't be checked."
            if found.unchained
            else ""
        )
        end = f" The trail's fingerprint: {tick(one_line(found.head, 100))}" if found.head else ""
        early = f" ({found.before:,} of them checked when they were new)" if found.before else ""
        return f":white_check_mark: Checked: {count(found.events, 'event')}{early}, none changed or removed.{old}{end}"
    broken = "; ".join(
        f"{f'number {number}: ' if number else ''}{tidy(what, 100)}" for number, what in found.broken[:BREAKS]
    )
    more = f" and {found.breaks - BREAKS} more" if found.breaks > BREAKS else ""
    return (
        f":rotating_light: *The trail was changed* in {count(found.breaks, 'place')}: {broken}{more}. *Remedy:* tell whoever runs "
        "Shipbell to run `shipbell audit verify` and compare with a backup."
    )


def _buttons(notice: AuditShown) -> Mapping[str, object]:
    carried = json.dumps({"project": one_line(notice.project, 200), "before": notice.older})
    older = [button("Older", OLDER, carried)] if notice.older else []
    return actions(
        *older, button("Send it all as CSV", CSV, carried), button("Send it all as JSON", JSON, carried)
    )


def file(notice: AuditFile) -> Message:
    """Say what is in the file."""
    about = f" of *{tidy(notice.project, 60)}*" if notice.project else ""
    text = (
        f"The audit trail{about} that you asked for: {count(notice.events, 'event')}. {_chain(notice.chain)}"
    )
    return message(text, [section(text)])


def coming(notice: AuditFileComing) -> Message:
    """Say that the file is on its way."""
    about = f" of *{tidy(notice.project, 60)}*" if notice.project else ""
    kind = _KINDS.get(notice.written_as, "file")
    text = f":hourglass_flowing_sand: The audit trail{about} is checked and comes to you as a {kind} by direct message."
    return message("The file is on its way.", [section(text)])


_KINDS: Mapping[str, str] = MappingProxyType({"csv": "CSV file", "json": "JSON file"})
_SCOPE = (
    "this app may not upload files here: it lacks a scope that it did not ask for when it was installed",
    "Ask an admin to install it again (`files:write` and `im:write`), or whoever runs Shipbell for `shipbell audit export`.",
)
_WHY: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "missing_scope": _SCOPE,
        "not_allowed_token_type": _SCOPE,
        "unreadable": (
            "a part of the trail can't be read: it was changed by hand, or its key is gone",
            "Tell whoever runs Shipbell to run `shipbell audit verify`, and to look into a backup.",
        ),
        "file_uploads_disabled": (
            "this workspace takes no files",
            "Ask an admin to allow uploads, or whoever runs Shipbell for `shipbell audit export`.",
        ),
    }
)


def failed(notice: AuditFileFailed) -> Message:
    """Say why there is no file."""
    cause, remedy = _WHY.get(
        notice.why,
        (
            f"Slack did not take it ({tidy(notice.why, 60)})",
            "Try again later; if it stays so, ask whoever runs Shipbell for `shipbell audit export`.",
        ),
    )
    return message(
        "The audit trail was not given as a file.",
        [
            section(":no_entry_sign: The audit trail was *not given* as a file."),
            section(f"*Cause:* {cause}.\n*Remedy:* {remedy}"),
        ],
    )
