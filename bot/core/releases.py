"""What a release does next: outcomes in, decisions out.

Knows: the lifecycle's meaning, what is told when. Must not know: how anything is fetched, kept or said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.core import binding, preflight
from bot.core.approvals import Policy, reminders, term
from bot.core.findings import Report
from bot.core.forge import Unsure
from bot.core.lifecycle import ReleaseEvent
from bot.core.outcomes import TryLater
from bot.core.polling import next_look
from bot.core.progress import Progress
from bot.core.release_notices import Step
from bot.core.secrets import redact
from storage.records import Approval, Evidence, Release, ReleaseReason, Verdict

MOST_CALLED = 20
FAULTS_TOLD = 2
"""Looks in a row that come to nothing before the team hears of it."""
FAULTS_BORNE = 40
"""Looks in a row that come to nothing before a release that has not acted yet is given up."""

LONGEST_ASKED = 86_400
"""Seconds that somebody who is out of order may put us off at most; nudges come sooner anyway."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline that is to be said."""

    step: Step
    values: Mapping[str, str] = field(default_factory=dict)
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a step comes to."""

    event: ReleaseEvent
    values: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the release; `report` as a value, not packed."""
    progress: Progress | None = None
    """None: as it was."""
    lines: tuple[Line, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    withdrawn: tuple[str, ...] = ()
    """Whose votes count no more."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What decisions about a release need besides answers."""

    release: Release
    policy: Policy
    report: Report
    progress: Progress
    now: datetime
    base: timedelta
    """Base period of the pollers."""
    votes: tuple[Approval, ...] = ()

    def since(self, periods: float) -> bool:
        """Whether the state has lasted longer than so many base periods."""
        return self.now - self.release.state_at > self.base * periods


def again(
    situation: Situation,
    progress: Progress,
    lines: tuple[Line, ...] = (),
    evidence: tuple[Evidence, ...] = (),
) -> Decision:
    """Look again in a while: nothing has come to an end."""
    wait = next_look(situation.base, progress.looks, situation.release.id)
    changed = replace(progress, looks=progress.looks + 1, trouble="")
    values = {"next_at": situation.now + wait, "faults": 0}
    return Decision(ReleaseEvent.WAITED, values, changed, lines, evidence)


def at_once(situation: Situation, progress: Progress, *lines: Line, **values: Any) -> Decision:
    """Go on with the next step of the same state at once."""
    values = {"next_at": situation.now, "faults": 0, "begun": "", "begun_at": None, **values}
    return Decision(ReleaseEvent.WAITED, values, replace(progress, looks=0, trouble=""), lines)


def troubled(situation: Situation, outcome: Unsure | TryLater | str) -> Decision:
    """Look again later, since somebody outside is out of order; the team hears of it once, if it lasts."""
    detail = (outcome if isinstance(outcome, str) else outcome.detail) or "no answer"
    asked = None if isinstance(outcome, str) else outcome.retry_after
    release, progress = situation.release, situation.progress
    faults = release.faults + 1
    wait = next_look(situation.base, 20 + faults, release.id)
    lines: tuple[Line, ...] = ()
    if faults >= FAULTS_TOLD and not progress.trouble:
        lines = (Line(Step.TROUBLE, {"detail": detail}),)
    told = detail if faults >= FAULTS_TOLD else progress.trouble
    asked_for = timedelta(seconds=min(asked or 0, LONGEST_ASKED))
    values = {"next_at": situation.now + max(wait, asked_for), "faults": faults}
    return Decision(ReleaseEvent.WAITED, values, replace(progress, trouble=told), lines)


def broke(
    situation: Situation,
    reason: ReleaseReason,
    detail: str = "",
    *lines: Line,
    progress: Progress | None = None,
) -> Decision:
    """It can't go on by itself: say why, and let people choose."""
    detail = redact(detail)  # names of files are somebody else's words, and stay in the row
    values = {"reason": reason, "detail": detail, "next_at": None, "begun": "", "begun_at": None}
    told = (*lines, Line(Step.FAILED, {"reason": str(reason), "detail": detail}))
    return Decision(ReleaseEvent.BROKE, values, progress or situation.progress, told)


def after_look(situation: Situation, facts: preflight.Facts) -> Decision:
    """Decide after the look before the team is asked, or asked anew."""
    if detail := preflight.undecided(facts):
        return unsure(situation, detail)
    return looked(situation, preflight.judge(facts))


def unsure(situation: Situation, detail: str) -> Decision:
    """Look again later before the bot has acted, and give up where nobody can tell for too long."""
    if situation.release.faults >= FAULTS_BORNE:
        return broke(situation, ReleaseReason.OUT_OF_ORDER, detail)
    return troubled(situation, detail)


def looked(situation: Situation, report: Report) -> Decision:
    """Ask the team about what was found, unless something stands in the way."""
    progress, forgotten = _of_commit(situation, report)
    situation = replace(situation, progress=progress)
    seen = {
        "report": report,
        "tag": report.tag,
        "commit": report.commit,
        "make_tag": report.make_tag,
        "start": report.start,
        **forgotten,
    }
    if report.blocking:
        blocked = {**seen, "reason": ReleaseReason.BLOCKED, "next_at": None, "faults": 0}
        return Decision(
            ReleaseEvent.BLOCKED,
            blocked,
            _fresh(situation),
            (Line(Step.BLOCKED, {"count": str(len(report.blocking))}),),
        )
    return _ask(situation, report, seen)


def _ask(situation: Situation, report: Report, seen: Mapping[str, Any]) -> Decision:
    release, policy, now = situation.release, situation.policy, situation.now
    digest = binding.digest(release.target, release.version, release.notes, report, release.kind)
    expires = now + term(policy)
    asked = {
        **seen, "digest": digest, "round": release.round + 1, "asked_at": now, "expires_at": expires, "reminders": 0, "faults": 0,
    }  # fmt: skip
    if not policy.seats:
        values = {**asked, "reason": ReleaseReason.NO_APPROVAL_NEEDED, "next_at": _when(release, now)}
        return Decision(ReleaseEvent.QUORUM, values, _fresh(situation), (Line(Step.QUORUM),))
    step = Step.ASKED_ANEW if release.round else Step.SHOWN
    line = Line(step, {"seats": str(policy.seats)}, called(policy, release.requested_by))
    values = {**asked, "reason": ReleaseReason.CHECKED, "next_at": reminders(now, expires)[0]}
    return Decision(ReleaseEvent.ASKED, values, _fresh(situation), (line, *_scheduled(release, now)))


def _fresh(situation: Situation) -> Progress:
    return replace(situation.progress, looks=0, trouble="")


def _of_commit(situation: Situation, report: Report) -> tuple[Progress, Mapping[str, Any]]:
    """Return the progress, and columns, as far as they are about the commit that is there now.

    A run of the commit before must be neither followed, run again nor let through for this one.
    """
    if report.commit == situation.release.commit:
        return situation.progress, {}
    return Progress(override=situation.progress.override), {"run_id": None, "begun": "", "begun_at": None}


def _scheduled(release: Release, now: datetime) -> tuple[Line, ...]:
    if release.act_at is None or release.act_at <= now:
        return ()
    return (Line(Step.SCHEDULED, {"at": str(int(release.act_at.timestamp()))}),)


def _when(release: Release, now: datetime) -> datetime:
    return max(now, release.act_at) if release.act_at else now


def asked_again(situation: Situation, policy: Policy) -> dict[str, Any]:
    """Return the columns of a release whose approvals do not suffice any more: people have its whole term again."""
    now = situation.now
    expires = now + term(policy)
    return {
        "reason": ReleaseReason.CHECKED, "next_at": reminders(now, expires)[0], "asked_at": now, "expires_at": expires,
        "reminders": 0,
    }  # fmt: skip


def called(policy: Policy, requester: str, votes: Sequence[Approval] = ()) -> tuple[str, ...]:
    """Return who is called to decide: whom the policy names, but who has decided or can't; nobody where it names nobody."""
    named = (*policy.approvers, *policy.one_of_each)
    out = (
        {vote.user for vote in votes} | (set() if policy.requester_counts else {requester}) | set(policy.deny)
    )
    return tuple(name for name in dict.fromkeys(named) if name not in out)[:MOST_CALLED]


def have(votes: Sequence[Approval]) -> int:
    """Return how many have approved."""
    return sum(vote.verdict is Verdict.APPROVED for vote in votes)


def reminded(situation: Situation) -> Decision:
    """Remind, or end the wait where nobody decided in time."""
    release, now = situation.release, situation.now
    assert release.asked_at is not None
    assert release.expires_at is not None
    count = {"have": str(have(situation.votes)), "need": str(situation.policy.seats)}
    if now >= release.expires_at:
        over = {"reason": ReleaseReason.TERM_OVER, "next_at": None}
        return Decision(ReleaseEvent.EXPIRED, over, lines=(Line(Step.EXPIRED, count),))
    moments = reminders(release.asked_at, release.expires_at)
    due = sum(moment <= now for moment in moments)
    coming = next((moment for moment in moments if moment > now), release.expires_at)
    values: dict[str, Any] = {"next_at": coming, "reminders": due, "faults": 0}
    if due <= release.reminders:
        return Decision(ReleaseEvent.WAITED, values)
    people = called(situation.policy, release.requested_by, situation.votes)
    told = {**count, "expires": str(int(release.expires_at.timestamp())), "count": str(len(people))}
    return Decision(ReleaseEvent.WAITED, values, lines=(Line(Step.REMINDER, told, people),))


def voided(situation: Situation, facts: preflight.Facts) -> Decision | None:
    """Return what becomes of approvals for something that is no longer so; None where it still is."""
    return overtaken(situation, preflight.judge(facts))


def overtaken(situation: Situation, report: Report) -> Decision | None:
    """Return what becomes of approvals for something that is reported otherwise now; None where it is as it was."""
    change = binding.changed(situation.report, report)
    if not change:
        return None
    if isinstance(change[0], str):
        tag, before, after = (str(part) for part in change)
        line = Line(Step.VOIDED, {"tag": tag, "from": before, "to": after})
    else:
        found = change[0]
        line = Line(Step.VOIDED, {"finding": str(found.found), **found.values})
    progress, forgotten = _of_commit(situation, report)
    # Without a digest nothing is shown that an approval could be for, until people are asked anew.
    values = {"reason": ReleaseReason.CHANGED, "next_at": situation.now, "digest": "", **forgotten}
    # Taken back at once, not only by the round to come: what is void must not come to count again by a retry.
    void = tuple(vote.user for vote in situation.votes)
    return Decision(
        ReleaseEvent.CHANGED, values, replace(progress, looks=0, trouble=""), (line,), withdrawn=void
    )


def act(situation: Situation, facts: preflight.Facts) -> Decision:
    """Decide after the last look before acting: what was approved must be seen to be so still."""
    if decision := voided(situation, facts) if not preflight.undecided(facts) else None:
        return decision
    if detail := preflight.uncertain(facts):
        return unsure(situation, detail)
    report = preflight.judge(facts)
    values: dict[str, Any] = {
        "reason": ReleaseReason.STARTED, "next_at": situation.now, "start": report.start, "make_tag": report.make_tag, "faults": 0,
    }  # fmt: skip
    return Decision(ReleaseEvent.ACTED, values, _fresh(situation))


def approved(situation: Situation, reason: ReleaseReason, *lines: Line) -> Decision:
    """Enough have approved: the bot acts, now or when it was asked to."""
    release, now = situation.release, situation.now
    values = {"reason": reason, "next_at": _when(release, now)}
    return Decision(ReleaseEvent.QUORUM, values, _fresh(situation), (*lines, *_scheduled(release, now)))
