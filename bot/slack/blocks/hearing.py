"""What a channel hears of releases that are not its own, in words.

Knows: words. Must not know: Bolt, network, rules.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.core.release_notices import HearsLine, HearsShown
from bot.slack.blocks.base import Message, context, date, header, message, section
from bot.slack.blocks.pieces import mention, paragraphs, tidy
from storage.records import Hears

HEARS: Mapping[Hears, str] = MappingProxyType(
    {
        Hears.ALL: "how every release ends",
        Hears.FINAL: "how releases end that are no pre-releases",
        Hears.PRE: "how pre-releases end",
        Hears.FAILURES: "what failed, or was not decided in time",
        Hears.NOTHING: "nothing",
    }
)
_OWN = (
    "Beside this, every channel hears of the releases that are asked for in it, as the policy's `tell` says."
)
_REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "not_member": (
            "only full members of this workspace say what a channel hears",
            "Ask one of them to type the same command.",
        ),
        "cannot_tell": (
            "Slack did not tell me who you are",
            "Try again in a minute; if it stays so, tell whoever runs Shipbell (`shipbell doctor` names what is missing).",
        ),
    }
)


def shown(notice: HearsShown) -> Message:
    """Show what a channel hears, or why that was not changed."""
    if notice.refused:
        return _refused(notice)
    title = "What this channel hears"
    done = [section(":white_check_mark: *Changed.* It holds from now on.")] if notice.changed else []
    lines = [_line(line) for line in notice.lines]
    if not lines:
        lines = ["Nothing of other channels' releases. `/release tell [PROJECT] all` changes that."]
    return message(
        f"{title}: changed" if notice.changed else title,
        [header(title), *done, *paragraphs(lines, 40), context(_OWN)],
    )


def _line(line: HearsLine) -> str:
    what = f"*{tidy(line.project, 60)}*" if line.project else "*Every project*"
    return f"{what}: {HEARS[line.hears]} ({mention(line.set_by)}, {date(line.set_at)})"


def _refused(notice: HearsShown) -> Message:
    cause, remedy = _REFUSED.get(notice.refused, (tidy(notice.refused), "Type the command again."))
    detail = f": {tidy(notice.detail, 300).rstrip('.')}" if notice.detail else ""
    return message(
        "What this channel hears was not changed.",
        [
            section(":no_entry_sign: What this channel hears was *not changed*."),
            section(f"*Cause:* {cause}{detail}.\n*Remedy:* {remedy}"),
        ],
    )
