"""Words for what came from outside: one line, short, escaped; people, links, moments and counts in one way.

Knows: mrkdwn. Must not know: what the words are about.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bot.core.approvals import is_group
from bot.slack.blocks.base import TEXT, Block, code, cut, date, escape, link, person, section

LONGEST_URL = 500
"""Longer links would be cut in their middle, so their label stands alone."""
PEOPLE = 15
"""People that one message calls; the others are counted."""


def one_line(text: str, limit: int) -> str:
    """Return the text as one line of printable signs, within a limit; not escaped yet."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text[: limit * 4])
    return cut(" ".join(shown.split()), limit)


def tidy(text: str, limit: int = 200) -> str:
    """Return outside text as one short, escaped line."""
    return escape(one_line(text, limit))


def tick(text: str, limit: int = 100) -> str:
    """Return outside text in code style, one short line."""
    return code(one_line(text, limit))


def quoted(text: str, limit: int = 600) -> str:
    """Return a person's words as a quotation."""
    return f">{tidy(text, limit)}"


def go(url: str, label: str) -> str:
    """Return a link; the label alone where the address can't be one, or is too long to be kept whole."""
    safe = len(url) <= LONGEST_URL and url.isprintable() and url.startswith(("https://", "http://"))
    return link(url, one_line(label, 80)) if safe else tidy(label, 80)


def sha(commit: str) -> str:
    """Return a commit as people write it: the first seven signs."""
    return tick(commit[:7]) if commit else "_no commit_"


def mention(name: str) -> str:
    """Return a mention of a person or a user group, which Slack shows by name."""
    if not name.isalnum():
        return tidy(name, 60)
    return f"<!subteam^{name}>" if is_group(name) else person(name)


def called(people: Sequence[str]) -> str:
    """Return the people and groups that are called, by mention."""
    more = f" and {len(people) - PEOPLE} more" if len(people) > PEOPLE else ""
    return " ".join(mention(name) for name in people[:PEOPLE]) + more


def count(number: int | str, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 file`, `2 files`; what is no number is shown as it came."""
    word = one if str(number) == "1" else many or f"{one}s"
    return f"{tidy(str(number), 12)} {word}"


def span(seconds: int) -> str:
    """Return a length of time in the largest unit that tells it whole."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0 and (seconds, unit) != (86_400, "day"):
            return count(seconds // length, unit)
    return count(seconds, "second")


def moment(text: str) -> str:
    """Return unix seconds, or an ISO 8601 time, as each reader's own time; what is neither is shown as it came."""
    try:
        at = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return tidy(text, 40)
    return date(at) if at.tzinfo else tidy(text, 40)


def paragraphs(lines: Iterable[str], most: int = 20) -> list[Block]:
    """Return lines packed into as few paragraphs as Slack's limit allows; what is too many is counted."""
    kept = [cut(line, TEXT) for line in lines]
    if len(kept) > most:
        kept = [*kept[:most], f"… and {len(kept) - most} more."]
    pages: list[str] = []
    for line in kept:
        if pages and len(pages[-1]) + 1 + len(line) <= TEXT:
            pages[-1] += f"\n{line}"
        else:
            pages.append(line)
    return [section(page) for page in pages]


def fence(text: str, limit: int = 2_600) -> str:
    """Return the last lines of a log as preformatted text, as many as fit."""
    kept: list[str] = []
    room = limit
    for line in reversed(text.splitlines()[-40:]):
        shown = "".join(sign for sign in line if sign.isprintable())
        shown = cut(escape(shown[:500]).replace("`", "ˋ"), 600)
        if len(shown) + 1 > room:
            break
        room -= len(shown) + 1
        kept.append(shown)
    return "```\n" + "\n".join(reversed(kept)) + "\n```"
