"""What a link to a release shows below itself: the release in three lines, and nothing to press.

Knows: words. Must not know: Bolt, network, rules.
"""

from typing import Any

from bot.core.release_notices import LinksShown, ReleaseShown
from bot.slack.blocks.base import Block, context, date, escape, section
from bot.slack.blocks.pieces import count, mention, one_line, sha, tidy
from bot.slack.blocks.release_reasons import STATES, at_time
from bot.slack.blocks.releases import have
from bot.slack.blocks.yank_reasons import YANK_STATES
from storage.records import ReleaseKind, ReleaseState


def unfurls(notice: LinksShown) -> dict[str, dict[str, Any]]:
    """Return what Slack's `chat.unfurl` takes: for each link its blocks."""
    return {
        url: {"blocks": [dict(block) for block in _blocks(shown)], "preview": {"title": _title(shown)}}
        for url, shown in notice.shown
    }


def _name(notice: ReleaseShown) -> str:
    return f"{one_line(notice.target.project, 60)} {one_line(notice.version, 40)}"


def _title(notice: ReleaseShown) -> dict[str, Any]:
    return {"type": "plain_text", "text": _name(notice), "emoji": True}


def _blocks(notice: ReleaseShown) -> list[Block]:
    yank = notice.kind is ReleaseKind.YANK
    sign, word = (YANK_STATES if yank else STATES)[notice.state]
    way = "Yank of" if yank else "Release of"
    index = tidy(notice.target.index, 40)
    told = f"{sign} {way} *{tidy(_name(notice), 120)}* {'from' if yank else 'to'} *{index}*: {at_time(notice.state, f'*{word}*', date(notice.since))}"
    if notice.state is ReleaseState.AWAITING_APPROVAL:
        told += f"\n{have(notice.votes)} of {count(notice.policy.seats, 'approval')}"
    commit = f" · commit {sha(notice.report.commit)}" if notice.report.commit else ""
    where = f" in <#{escape(notice.channel)}>" if notice.channel else ""
    return [section(told), context(f"{mention(notice.asked_by)} asked for it{where}{commit}")]
