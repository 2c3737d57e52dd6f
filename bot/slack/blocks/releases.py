"""A release's one message in its channel, edited in place: what, how far, who decides, what to press.

Knows: words. Must not know: Bolt, network, rules.
"""

import json
from collections.abc import Sequence
from typing import Any

from bot.core.findings import Change, Report
from bot.core.lifecycle import ACTING
from bot.core.release_notices import ReleaseShown, VoteLine
from bot.slack.blocks import findings
from bot.slack.blocks.base import (
    WHOLE,
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    cut,
    date,
    escape,
    fields,
    header,
    message,
    section,
    size,
)
from bot.slack.blocks.pieces import count, go, mention, one_line, paragraphs, sha, tick, tidy
from bot.slack.blocks.release_progress import stages
from bot.slack.blocks.release_reasons import STATES, About, at_time, explain
from storage.records import Registration, ReleaseState, StartBy, Verdict

APPROVE, REJECT, WITHDRAW, BREAK_GLASS, CANCEL, RETRY = (
    "release.approve", "release.reject", "release.withdraw", "release.break_glass", "release.cancel", "release.retry",
)  # fmt: skip

COMMITS = 5
"""Commits that are shown; the link leads to the rest."""
NOTES = 2_600

S = ReleaseState
DECIDING = frozenset({S.REQUESTED, S.AWAITING_APPROVAL, S.APPROVED, S.VOIDED, S.FAILED})
"""States in which people look at what is fine too; afterwards only at what may matter."""
OVER = frozenset({S.REJECTED, S.CANCELLED, S.EXPIRED, S.FAILED})


def about(target: Registration, version: str) -> About:
    """Return what reasons name, short enough for any sentence."""
    return About(
        one_line(target.project, 60),
        one_line(version, 40),
        one_line(target.index, 40),
        one_line(target.workflow, 60),
    )


def shown(notice: ReleaseShown) -> Message:
    """Show a release as it stands."""
    known = about(notice.target, notice.version)
    blocks = _blocks(notice, COMMITS, NOTES)
    if sum(map(size, blocks)) > WHOLE:
        # What was found, and who decides, comes before what can be read behind a link.
        blocks = _blocks(notice, 0, NOTES // 4)
    return message(f"Release of {known.name} to {known.index}: {_headline(notice)}.", blocks)


def _blocks(notice: ReleaseShown, commits: int, notes: int) -> list[Block]:
    known = about(notice.target, notice.version)
    sign, word = STATES[notice.state]
    return [
        header(f"{sign} {known.name} → {known.index}: {word}"),
        section(_standing(notice)),
        *_progress(notice),
        fields(_facts(notice)),
        *_changes(notice.report, commits),
        *findings.blocks(notice.report, fine=notice.state in DECIDING),
        *decisions(notice),
        *_notes(notice, notes),
        *_buttons(notice),
        context(" · ".join(_small(notice))),
    ]


def have(votes: Sequence[VoteLine]) -> int:
    """Return how many people approved."""
    return len({vote.user for vote in votes if vote.verdict is Verdict.APPROVED})


def _headline(notice: ReleaseShown) -> str:
    """What a notification shows after the release's name."""
    if notice.state is S.AWAITING_APPROVAL:
        return f"waiting for {wanted(notice)}"
    if notice.state is S.REQUESTED:
        return "checking before anybody is asked"
    if notice.state is S.FAILED and notice.report.blocking:
        return f"{count(len(notice.report.blocking), 'finding')} in the way"
    return STATES[notice.state][1]


def wanted(notice: ReleaseShown) -> str:
    """Return what is still wanted before it goes on."""
    left = notice.policy.seats - have(notice.votes)
    if left > 0:
        return count(left, "approval")
    return "an approval of each group" if notice.policy.one_of_each else "the last look"


def _standing(notice: ReleaseShown) -> str:
    """The state in words, with cause and remedy."""
    known = about(notice.target, notice.version)
    what = f"*{escape(known.project)} {escape(known.version)}* to *{escape(known.index)}*"
    if notice.state is S.AWAITING_APPROVAL:
        return f"{what} waits for *{wanted(notice)}*. Until then I tag, start and publish nothing."
    if notice.state is S.APPROVED and notice.act_at:
        return f"{what} is approved and *starts {date(notice.act_at)}*. I check once more before that."
    if notice.state is S.PUBLISHED:
        return _published(notice, what)
    cause, remedy = explain(notice.reason, known, one_line(notice.detail, 400))
    told = f"{what}: *{_headline(notice)}*. {escape(cause)}"
    return f"{told}\n*Remedy:* {escape(remedy)}" if remedy else told


def _published(notice: ReleaseShown, what: str) -> str:
    where = go(notice.release_url, "See it there") if notice.release_url else ""
    gap = notice.progress.not_verified
    told = f"{what} is *published*. {where}".strip()
    if gap:
        return f"{told}\n:warning: *Not verified:* {tidy(gap)}. Look yourself before you rely on it."
    built = {name for name, _ in notice.progress.expected}
    every = bool(built) and all(file.filename in built for file in notice.progress.files)
    same = "each is the one that the run built" if every else "each sha256 is right"
    proof = ", and its attestation names the approved repository, workflow and commit"
    return f"{told}\nI read every file from the index: {same}{proof if notice.progress.attested_at else ''}."


def _facts(notice: ReleaseShown) -> list[tuple[str, str]]:
    report = notice.report
    tag = "_not known yet_"
    if report.tag:
        made = notice.progress.tag_made or not report.make_tag
        to_come = "not made" if notice.state in OVER else "to be made at this commit"
        tag = tick(report.tag) if made else f"{tick(report.tag)}, {to_come}"
    place = (
        go(notice.repository_url, notice.target.slug) if notice.repository_url else tick(notice.target.slug)
    )
    commit = f"_not known yet_, in {place}"
    if report.commit:
        named = go(report.commit_url, report.commit[:7]) if report.commit_url else sha(report.commit)
        commit = f"{named} of {place}"
    return [
        ("Commit", commit),
        ("Tag", tag),
        ("How it started" if report.run_id else "How it starts", _start(report, notice.target.workflow)),
        ("Index", go(notice.index_url, notice.target.index)),
        *([("Rehearsal", f"first on {tidy(notice.rehearsal, 40)}")] if notice.rehearsal else []),
    ]  # fmt: skip


def _start(report: Report, workflow: str) -> str:
    file = tick(workflow)
    if report.assets:
        return "nothing builds it: I upload the files of the forge's release"
    if report.run_id:
        return f"the tag has started {file}"
    if report.start is None:
        return "_not known yet_"
    ways = {
        StartBy.PUSH: f"pushing the tag starts {file}",
        StartBy.RELEASE: f"a release on the forge starts {file}",
        StartBy.DISPATCH: f"I start {file} at the tag",
    }
    return ways[report.start]


def _changes(report: Report, most: int) -> list[Block]:
    if not report.changes_total and not report.changes:
        return []
    people = f" by {count(len(report.contributors), 'person', 'people')}" if report.contributors else ""
    names = ", ".join(tidy(name, 40) for name in report.contributors[:8])
    more = ", …" if len(report.contributors) > 8 else ""
    since = f" since {tick(report.since)}" if report.since else ""
    total = count(report.changes_total or len(report.changes), "commit")
    top = f"*What changed{since}:* {total}{people}{f' ({names}{more})' if names else ''}"
    lines = [top, *(_commit(change) for change in report.changes[:most])]
    rest = report.changes_total - len(report.changes[:most])
    if report.changes_url:
        lines.append(go(report.changes_url, f"and {rest} more" if rest > 0 else "Compare"))
    elif rest > 0:
        lines.append(f"and {rest} more")
    return paragraphs(lines)


def _commit(change: Change) -> str:
    where = go(change.url, change.sha[:7]) if change.url else sha(change.sha)
    by = f" ({tidy(change.author, 40)})" if change.author else ""
    return f"• {where} {tidy(change.title, 100)}{by}"


def decisions(notice: ReleaseShown) -> list[Block]:
    """Who decided, and who is wanted; the thread calls people, so nobody is called twice here."""
    policy, votes = notice.policy, notice.votes
    if not votes and notice.state not in {S.AWAITING_APPROVAL, S.APPROVED}:
        return []
    if not policy.seats and not votes:
        return [section("*Approvals:* the policy asks for none.")]
    lines = [f"*Approvals:* {have(votes)} of {policy.seats}", *(_vote(vote) for vote in votes[:15])]
    if notice.state is S.AWAITING_APPROVAL:
        lines.append(f":point_right: needed: {_who(notice)}")
    return paragraphs(lines)


def _who(notice: ReleaseShown) -> str:
    policy = notice.policy
    if policy.one_of_each:
        who = f"one of each of {count(len(policy.one_of_each), 'group')}, by different people"
    elif policy.approvers:
        who = "people that the policy names; the thread calls them"
    else:
        who = "any full member of this workspace"
    own = "" if policy.requester_counts else f"; not {mention(notice.asked_by)}, who asked"
    return who + own


def _vote(vote: VoteLine) -> str:
    words = {
        Verdict.APPROVED: ":+1: approved by",
        Verdict.REJECTED: ":no_entry_sign: rejected by",
        Verdict.BREAK_GLASS: ":rotating_light: glass broken by",
    }
    reason = f": “{tidy(vote.reason, 300)}”" if vote.reason else ""
    return f"{words[vote.verdict]} {mention(vote.user)} {date(vote.at)}{reason}"


def _begun(notice: ReleaseShown) -> bool:
    """Whether something was done outside: then a retry goes on from there, and else it begins with a look."""
    return notice.progress.tag_made or bool(notice.progress.run_url)


def _progress(notice: ReleaseShown) -> list[Block]:
    told = (
        notice.state in ACTING or notice.state is S.PUBLISHED or (notice.state is S.FAILED and _begun(notice))
    )
    return [section(stages(notice))] if told else []


def _notes(notice: ReleaseShown, most: int) -> list[Block]:
    text = notice.notes.strip()
    if not text:
        return []
    lines = [f">{escape(one_line(line, 1_000))}" for line in text.splitlines()[:60]]
    whole = "\n".join(lines)
    if len(whole) <= most and len(text.splitlines()) <= 60:
        return [section(f"*Notes*\n{whole}")]
    url = notice.progress.release_url
    rest = (
        f"The rest is {go(url, 'in the release')}." if url else "The rest goes into the tag or the release."
    )
    return [section(f"*Notes*\n{cut(whole, most)}\n_{rest}_")]


def _small(notice: ReleaseShown) -> list[str]:
    word = STATES[notice.state][1]
    small = [f"{mention(notice.asked_by)} asked for it", at_time(notice.state, word, date(notice.since))]
    if notice.expires_at and notice.state is S.AWAITING_APPROVAL:
        small.append(f"expires {date(notice.expires_at)}")
    if notice.act_at and notice.state in {S.REQUESTED, S.AWAITING_APPROVAL}:
        small.append(f"starts {date(notice.act_at)} at the earliest")
    return [*small, f"asked anew (round {notice.round})"] if notice.round > 1 else small


def _name(notice: ReleaseShown) -> str:
    """The release, short enough for a button."""
    return f"{one_line(notice.target.project, 30)} {one_line(notice.version, 15)}"


def _value(notice: ReleaseShown, *, named: bool = False) -> str:
    """What a button brings back; with the names where a dialog shows them."""
    names = {"project": one_line(notice.target.project, 60), "version": one_line(notice.version, 40)}
    return json.dumps({"release": notice.release_id, "round": notice.round, **(names if named else {})})


def _press(notice: ReleaseShown, text: str, action: str, **more: Any) -> dict[str, Any]:
    named = action in {REJECT, BREAK_GLASS}
    return button(text, action, _value(notice, named=named), **more)


def _buttons(notice: ReleaseShown) -> list[Block]:
    name = _name(notice)
    match notice.state:
        case S.AWAITING_APPROVAL:
            return _deciding(notice)
        case S.APPROVED if notice.act_at:
            return [
                actions(_cancel(notice), _press(notice, f"Reject {name}…", REJECT, style="danger")),
                *_rare(notice),
            ]
        case S.REQUESTED | S.APPROVED | S.VOIDED:
            return [actions(_cancel(notice))]
        case S.FAILED:
            again = "Retry" if _begun(notice) else "Look again at"
            give_up = _press(notice, f"Give up {name}", CANCEL, confirm=_give_up(notice))
            return [actions(_press(notice, f"{again} {name}", RETRY, style="primary"), give_up)]
        case _:
            return []  # fmt: skip


def _deciding(notice: ReleaseShown) -> list[Block]:
    name = _name(notice)
    approve = _press(notice, f"Approve {name}", APPROVE, style="primary", confirm=_approval(notice))
    reject = _press(notice, f"Reject {name}…", REJECT, style="danger")
    return [actions(approve, reject), *_rare(notice, _cancel(notice), _glass(notice))]


def _rare(notice: ReleaseShown, *more: dict[str, Any]) -> list[Block]:
    withdraw = _press(notice, f"Withdraw my approval of {_name(notice)}", WITHDRAW)
    elements = ([withdraw] if have(notice.votes) else []) + list(more)
    return [actions(*elements)] if elements else []


def _cancel(notice: ReleaseShown) -> dict[str, Any]:
    question = confirm(
        "Cancel the release?",
        f"*{escape(_name(notice))}* is not released then. Nothing has been tagged or published.",
        "Cancel the release",
    )
    return _press(
        notice, f"Cancel the release of {_name(notice)}", CANCEL, confirm=question | {"deny": _keep()}
    )


def _give_up(notice: ReleaseShown) -> dict[str, Any]:
    question = confirm(
        "Give this release up?",
        f"I stop trying to release *{escape(_name(notice))}*. What was tagged or uploaded stays as it is.",
        "Give up",
    )
    return question | {"deny": _keep()}


def _keep() -> dict[str, Any]:
    return {"type": "plain_text", "text": "Keep it", "emoji": True}


def _glass(notice: ReleaseShown) -> dict[str, Any]:
    return _press(notice, f"Break glass for {_name(notice)}…", BREAK_GLASS)


def _approval(notice: ReleaseShown) -> dict[str, Any]:
    name, index = one_line(notice.target.project, 40), one_line(notice.target.index, 30)
    version, commit = one_line(notice.version, 20), notice.report.commit[:7]
    where = f"from commit `{escape(commit)}` " if commit else ""
    text = f"*{escape(name)} {escape(version)}* {where}goes to *{escape(index)}*. Once on the index, a version can't be replaced."
    return confirm(f"Approve {name} {version}?", text, "Approve")
