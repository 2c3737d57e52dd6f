"""The lines of a yank's timeline, where a release's would not do.

Knows: the steps that are worded otherwise for a yank. Must not know: Bolt, network, rules.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.release_notices import Step
from bot.slack.blocks.base import escape
from bot.slack.blocks.lines import Line, Told
from bot.slack.blocks.pieces import count, go, one_line, quoted, tidy
from bot.slack.blocks.yank_reasons import explain_yank
from storage.records import ReleaseReason

_ON_PAGE = "The button is on the message of this yank."


def _of(line: Line) -> str:
    return f"{tidy(line['have'], 6)} of {tidy(line['need'], 6)}"


def _asked(line: Line) -> Told:
    first = f":bell: {line.by} asks to yank it from *{line.index}*. I check it first, then people are asked."
    return (first, quoted(line["reason"]) if line["reason"] else "")


def _quorum(_line: Line) -> Told:
    return (
        ":white_check_mark: Every approval that the policy asks for is there. I look once more that nothing has changed.",
    )


def _rejected(line: Line) -> Told:
    first = (
        f":no_entry_sign: {line.by} rejected it. Nothing is yanked. When the reason is settled, {line.again}"
    )
    return (first, quoted(line["reason"]))


def _cancelled(line: Line) -> Told:
    return (f":wastebasket: {line.by} cancelled it. I do nothing more for it. {line.again}",)


def _expired(line: Line) -> Told:
    return (f":alarm_clock: Nobody decided in time ({_of(line)} approvals). Nothing is yanked. {line.again}",)


def _retried(line: Line) -> Told:
    return (f":arrows_counterclockwise: {line.by} asked me to look again.",)


def _page(line: Line) -> Told:
    first = (
        f":point_right: *Approved. {line.index} has no API for it, so somebody who owns the project there yanks it: "
        f"{go(line['url'], 'open the page')}*, choose “Yank” and copy the reason. I see by myself when every file is yanked."
    )
    return (first, quoted(line["reason"]))


def _yanked(line: Line) -> Told:
    first = (
        f":no_entry: *Yanked.* {go(line['url'], line.about.index)} shows {count(line['files'], 'file')} of it as yanked: "
        "installers skip it now, unless it is pinned."
    )
    return (first,)


def _failed(line: Line) -> Told:
    known = {one.value for one in ReleaseReason}
    reason = ReleaseReason(line["reason"]) if line["reason"] in known else None
    detail = one_line(line["detail"], 400)
    cause, remedy = (
        explain_yank(reason, line.about, detail) if reason else (f"{detail or 'No cause is known'}.", "")
    )
    told = f"*Remedy:* {escape(remedy)} {_ON_PAGE}" if remedy else ""
    return (f":x: *Not done.* {escape(cause)}", told)


YANK_ONLY: Mapping[Step, Callable[[Line], Told]] = MappingProxyType(
    {Step.YANK_PAGE: _page, Step.YANKED: _yanked}
)
"""Steps that no release has."""
YANK_STEPS: Mapping[Step, Callable[[Line], Told]] = MappingProxyType(
    {
        Step.ASKED: _asked,
        Step.QUORUM: _quorum,
        Step.REJECTED: _rejected,
        Step.CANCELLED: _cancelled,
        Step.EXPIRED: _expired,
        Step.RETRIED: _retried,
        Step.FAILED: _failed,
        **YANK_ONLY,
    }
)
