"""The lines of a release's timeline, in the thread below its message.

Knows: every `Step`. Must not know: Bolt, network, rules.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.findings import Found
from bot.core.release_notices import ReleaseStep, ReleaseTimeline, Step
from bot.slack.blocks import findings
from bot.slack.blocks.base import FALLBACK, Block, Message, cut, escape, fitted, section
from bot.slack.blocks.lines import Line, Told
from bot.slack.blocks.pieces import (
    count,
    fence,
    go,
    moment,
    one_line,
    paragraphs,
    quoted,
    sha,
    tick,
    tidy,
)
from bot.slack.blocks.release_reasons import explain
from bot.slack.blocks.thanks import thanked
from bot.slack.blocks.upload_timeline import UPLOAD_STEPS
from bot.slack.blocks.yank_timeline import YANK_ONLY, YANK_STEPS
from storage.records import ReleaseKind, ReleaseReason


def told(notice: ReleaseStep) -> Message:
    """Say one step; the release is named in each, since notifications show the line alone."""
    line = Line(notice)
    yank = notice.kind is ReleaseKind.YANK
    words = YANK_STEPS.get(notice.step) if yank else None
    first, *below = (words or _STEPS[notice.step])(line)
    sign, _, rest = first.partition(" ")
    name = f"Yank of {line.about.name}" if yank else line.about.name
    named = f"{sign} *{escape(name)}* · {rest}"
    return Message(
        cut(named, FALLBACK),
        fitted([section(named), *[section(text) for text in below if text], *_elsewhere(notice)]),
    )


def _elsewhere(notice: ReleaseStep) -> list[Block]:
    """Where the release's own message is, for a channel that hears of its end alone."""
    return [section(f"Its message is in <#{tidy(notice.elsewhere, 40)}>.")] if notice.elsewhere else []


def several(notice: ReleaseTimeline) -> Message:
    """Say several lines of the timeline in one message."""
    each = [told(step) for step in notice.steps]
    text = each[0].text if len(each) == 1 else f"{each[0].text} … {each[-1].text}"
    # Sections joined as far as they fit: each would stand apart by a blank line.
    lines = [str(block["text"]["text"]) for one in each for block in one.blocks]
    return Message(cut(text, FALLBACK), fitted(paragraphs(lines)))


def _asked(line: Line) -> Told:
    return (
        f":bell: {line.by} asks for this release to *{line.index}*. I check it first, then people are asked.",
    )


def _blocked(line: Line) -> Told:
    verb = "stands" if line["count"] == "1" else "stand"
    return (
        (
            f":no_entry: {count(line['count'], 'finding')} {verb} in the way, so nobody is asked. The message above names "
            "each with its remedy; look again when they are mended."
        ),
    )


def _shown(line: Line) -> Told:
    wanted = f"{line.people}{count(line['seats'], 'approval')} wanted"
    return (f":hourglass: {wanted}. Look at the message above, then approve or reject there.",)


def _asked_anew(line: Line) -> Told:
    wanted = f"{line.people}{count(line['seats'], 'approval')} wanted"
    return (f":arrows_counterclockwise: Asked anew: earlier approvals do not count. {wanted}.",)


def _of(line: Line) -> str:
    return f"{tidy(line['have'], 6)} of {tidy(line['need'], 6)}"


def _approved(line: Line) -> Told:
    return (f":+1: {line.by} approved ({_of(line)}).",)


_VOID = {
    "left": "the account of {} is deactivated",
    "denied": "{} may not approve this any more",
}


def _withdrawn(line: Line) -> Told:
    if why := _VOID.get(line["why"]):
        return (f":no_entry_sign: An approval does not count any more: {why.format(line.by)} ({_of(line)}).",)
    return (f":leftwards_arrow_with_hook: {line.by} took the approval back ({_of(line)}).",)


def _quorum(_line: Line) -> Told:
    return (
        ":white_check_mark: Every approval that the policy asks for is there. I look once more that nothing has changed, then start.",
    )


def _scheduled(line: Line) -> Told:
    return (
        f":calendar: It starts {moment(line['at'])} at the earliest, once it is approved. Until then it can be cancelled.",
    )


def _reminder(line: Line) -> Told:
    return (
        (
            f":alarm_clock: {line.people}{_of(line)} approvals so far. The request ends {moment(line['expires'])}; "
            "approve or reject it above."
        ),
    )


def _rejected(line: Line) -> Told:
    return (
        f":no_entry_sign: {line.by} rejected it. Nothing is released. When the reason is settled, {line.again}",
        quoted(line["reason"]),
    )


def _broken_glass(line: Line) -> Told:
    return (
        (
            f":rotating_light: {line.by} *broke the glass*: it goes on without the approvals that are missing. The audit "
            "trail keeps this and the reason:"
        ),
        quoted(line["reason"]),
    )


def _overridden(line: Line) -> Told:
    freeze = f" (“{tidy(line['freeze'])}”)" if line["freeze"] else ""
    return (
        f":rotating_light: {line.by} asks *in spite of the freeze*{freeze}. The audit trail keeps this and the reason:",
        quoted(line["reason"]),
    )


def _cancelled(line: Line) -> Told:
    return (f":wastebasket: {line.by} cancelled the release. I do nothing more for it. {line.again}",)


def _expired(line: Line) -> Told:
    return (
        f":alarm_clock: Nobody decided in time ({_of(line)} approvals). Nothing is released. {line.again}",
    )


def _voided(line: Line) -> Told:
    known = {one.value for one in Found}
    if line["tag"]:
        what = f"The tag {tick(line['tag'])} moved from {sha(line['from'])} to {sha(line['to'])}."
    elif line["finding"] in known:
        what = f"Something has changed: {findings.words(Found(line['finding']), line.notice.values)}"
    else:
        what = f"Something has changed: {tidy(line['finding'] or line['what'], 400) or 'what was shown'}."
    return (f":warning: {what} *Every approval is void*; I look again and ask anew.",)


def _tag_made(line: Line) -> Told:
    tag = go(line["url"], line["tag"]) if line["url"] else tick(line["tag"])
    return (f":label: The tag {tag} is made at {sha(line['sha'])}.",)


def _tag_used(line: Line) -> Told:
    return (f":label: The tag {tick(line['tag'])} is there, at {sha(line['sha'])} as approved.",)


def _release_made(line: Line) -> Told:
    return (f":memo: The {go(line['url'], 'release')} of {tick(line['tag'])} is made on the forge.",)


def _dispatched(line: Line) -> Told:
    return (f":rocket: {tick(line['workflow'])} is started at {tick(line['tag'])}.",)


def _run_found(line: Line) -> Told:
    again = f", attempt {tidy(line['attempt'], 6)}" if line["attempt"] not in {"", "0", "1"} else ""
    return (f":gear: The {go(line['url'], 'run')} is there{again}; I follow it.",)


def _run_waits(line: Line) -> Told:
    who = f" ({tidy(line['reviewers'])})" if line["reviewers"] else ""
    return (
        (
            f":eyes: The {go(line['url'], 'run')} waits for the environment {tick(line['environment'])}. One of its "
            f"reviewers{who} has to approve it there; I go on by myself then."
        ),
    )


def _deployment_approved(line: Line) -> Told:
    return (
        f":unlock: I approved the environment {tick(line['environment'])} for the run, as the team decided.",
    )


def _job_started(line: Line) -> Told:
    return (f":gear: The job {go(line['url'], line['job'])} runs.",)


_ENDS: Mapping[str, str] = MappingProxyType(
    {
        "success": ":white_check_mark: {} ended well.",
        "skipped": ":fast_forward: {} was skipped.",
        "cancelled": ":no_entry_sign: {} was cancelled.",
    }
)


def _job_ended(line: Line) -> Told:
    job = f"The job {go(line['url'], line['job'])}"
    if end := _ENDS.get(line["conclusion"]):
        return (end.format(job),)
    return (f":x: {job} failed ({tidy(line['conclusion'], 40).replace('_', ' ') or 'no word why'}).",)


def _run_ended(line: Line) -> Told:
    return (f":white_check_mark: The {go(line['url'], 'run')} ended well. I look at the index now.",)


def _run_failed(line: Line) -> Told:
    step = f" at the step *{tidy(line['step'], 80)}*" if line["step"] else ""
    job = f"the job *{tidy(line['job'], 80)}*{step}" if line["job"] else "it"
    end = tidy(line["conclusion"], 40).replace("_", " ")
    why = f" ({end})" if end and end != "failure" else ""
    log = fence(line["log"]) if line["log"].strip() else ""
    _, remedy = explain(ReleaseReason.RUN_FAILED, line.about, "")
    return (
        f":x: The {go(line['url'], 'run')} failed: {job} did not end well{why}.",
        log,
        _remedy(remedy),
    )


def _files(line: Line) -> str:
    return count(line["files"], "file")


def _accepted(line: Line) -> Told:
    what = f"lists {_files(line)} of it" if line["files"] else "has it"
    only = ", as its simple index says; it has no project JSON of it" if line["simple"] else ""
    return (f":inbox_tray: *Accepted:* {go(line['url'], line.about.index)} {what}{only}.",)


def _installable(line: Line) -> Told:
    return (
        f":package: *Installable:* {_files(line)} in the {go(line['url'], 'simple index')}, where pip looks.",
    )


def _downloadable(line: Line) -> Told:
    same = (
        f"; {tidy(line['compared'], 6)} of them equal what the run built"
        if line["compared"] not in {"", "0"}
        else ""
    )
    return (
        f":floppy_disk: *Downloadable:* I read {_files(line)} to the end, and each sha256 is right{same}.",
    )


def _attested(line: Line) -> Told:
    return (
        (
            f":lock: *Attested:* {_files(line)} made by {tick(line['workflow'])} of {tick(line['repository'])} at "
            f"{sha(line['commit'])}, as approved."
        ),
    )


def _trouble(line: Line) -> Told:
    detail = tidy(line["detail"], 300).rstrip(".")
    return (f":construction: Delayed: {detail}. I keep looking by myself; nobody has to do anything yet.",)


def _retried(line: Line) -> Told:
    return (
        f":arrows_counterclockwise: {line.by} asked for another try. What is done already is not done twice.",
    )


def _rehearsal(line: Line) -> Told:
    return (f":performing_arts: It is rehearsed on *{tidy(line['index'], 40)}* first.",)


def _rehearsed(line: Line) -> Told:
    return (
        f":performing_arts: The {go(line['url'], 'rehearsal')} on *{tidy(line['index'], 40)}* went well.",
    )


def _remedy(text: str) -> str:
    button = " The button is on the release's message." if "again" in text else ""
    return f"*Remedy:* {escape(text)}{button}" if text else ""


def _failed(line: Line) -> Told:
    known = {one.value for one in ReleaseReason}
    reason = ReleaseReason(line["reason"]) if line["reason"] in known else None
    detail = one_line(line["detail"], 400)
    cause, remedy = (
        explain(reason, line.about, detail) if reason else (f"{detail or 'No cause is known'}.", "")
    )
    first = f":x: *Failed* on the way to {line.index}. {escape(cause)}"
    return (first, _remedy(remedy))


def _published(line: Line) -> Told:
    where = go(line["url"], line.about.index)
    told = f":tada: *Published* on {where}, {_files(line)}."
    if line["not_verified"]:
        return (
            f"{told} :warning: *Not verified:* {tidy(line['not_verified'])}. Look yourself before you rely on it.",
        )
    if line["uploaded"]:
        return (
            (
                f"{told} I read every file from the index: each is the one that I uploaded. With no trusted publisher, "
                "*nothing attests* where they were built."
            ),
        )
    return (f"{told} I read every file from the index and verified it.",)


_STEPS: Mapping[Step, Callable[[Line], Told]] = MappingProxyType(
    {
        Step.ASKED: _asked,
        Step.BLOCKED: _blocked,
        Step.SHOWN: _shown,
        Step.ASKED_ANEW: _asked_anew,
        Step.APPROVED: _approved,
        Step.WITHDRAWN: _withdrawn,
        Step.QUORUM: _quorum,
        Step.SCHEDULED: _scheduled,
        Step.REMINDER: _reminder,
        Step.REJECTED: _rejected,
        Step.BROKEN_GLASS: _broken_glass,
        Step.OVERRIDDEN: _overridden,
        Step.CANCELLED: _cancelled,
        Step.EXPIRED: _expired,
        Step.VOIDED: _voided,
        Step.TAG_MADE: _tag_made,
        Step.TAG_USED: _tag_used,
        Step.RELEASE_MADE: _release_made,
        Step.DISPATCHED: _dispatched,
        Step.RUN_FOUND: _run_found,
        Step.RUN_WAITS: _run_waits,
        Step.DEPLOYMENT_APPROVED: _deployment_approved,
        Step.JOB_STARTED: _job_started,
        Step.JOB_ENDED: _job_ended,
        Step.RUN_ENDED: _run_ended,
        Step.RUN_FAILED: _run_failed,
        **UPLOAD_STEPS,
        Step.ACCEPTED: _accepted,
        Step.INSTALLABLE: _installable,
        Step.DOWNLOADABLE: _downloadable,
        Step.ATTESTED: _attested,
        Step.TROUBLE: _trouble,
        Step.RETRIED: _retried,
        Step.REHEARSAL: _rehearsal,
        Step.REHEARSED: _rehearsed,
        Step.FAILED: _failed,
        Step.PUBLISHED: _published,
        **YANK_ONLY,
        Step.THANKED: lambda line: thanked(line.notice.values),
    }
)
