"""What people do about releases: ask, approve, reject, withdraw, cancel, retry, set who decides.

Knows: which rule is asked, what is written together. Must not know: Slack's payloads, wording.

Every decision locks the release's row first, so that of two clicks in the same moment one comes second and sees the
first. Who somebody is was looked up before, outside the transaction.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import approvals as rules
from bot.core import intents, notices
from bot.core import releases as decide
from bot.core.approvals import Allowed, Eligibility, Policy, Refusal
from bot.core.audit_notices import ChainFound
from bot.core.lifecycle import RELEASE, ReleaseEvent
from bot.core.people import GroupOutcome, PersonOutcome
from bot.core.progress import Progress
from bot.core.publisher_forms import PublisherFormShown
from bot.core.release_notices import Heard, NotCounted, ReleaseAnswer, Step
from bot.core.releases import Decision, Line, Situation
from bot.core.versions import read
from bot.workflow import changing, gate, hearing, requesting, settling
from bot.workflow.asking import askers_rights, policy_now, read_groups
from bot.workflow.hands import Hands, packed, say, show, situation, subject, unpacked, write
from bot.workflow.rights import also, may_push, refused
from bot.workflow.setups import SetUp
from bot.workflow.telling import write_down
from bot.workflow.watching import policy_of
from storage.ledger import approvals, projects
from storage.ledger import releases as ledger
from storage.ledger.releases import NewRelease
from storage.records import InboxItem, Project, Release, ReleaseReason, ReleaseState, Verdict

Vote = intents.Approve | intents.Reject | intents.Withdraw | intents.BreakGlass
Named = intents.CancelRelease | intents.RetryRelease
Decided = (
    intents.AskRelease
    | Vote
    | Named
    | intents.SetPolicy
    | intents.ShowPolicy
    | intents.SetFreeze
    | intents.LiftFreeze
    | changing.Decided
    | intents.TellChannel
    | intents.ShowTold
    | intents.AskYank
    | intents.ShowPolicyForm
)
DECIDED = (
    intents.AskRelease, intents.Approve, intents.Reject, intents.Withdraw, intents.BreakGlass, intents.CancelRelease,
    intents.RetryRelease, intents.SetPolicy, intents.ShowPolicy, intents.SetFreeze, intents.LiftFreeze,
    intents.TellChannel, intents.ShowTold, intents.AskYank, intents.AgreePolicy, intents.RefusePolicy,
    intents.ShowPolicyForm,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """Who the person is, and who the groups are that a policy names; looked up before the transaction."""

    person: PersonOutcome = gate.NOBODY
    groups: Mapping[str, GroupOutcome] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    """What holds now."""
    rights: Eligibility | None = None
    """Whether the person may push there; None where no policy wanted to know."""
    setup: SetUp | None = None
    """What was found, shown or done of a publisher's set-up."""
    confirms: bool | None = None
    """Whether the workflow has the job that confirms a publisher; None: nobody can tell, or it would be of no use."""
    chain: ChainFound | None = None
    """What was found along the audit trail; None: it was not walked."""
    asker: changing.Asker | None = None
    """Who asked for the change of policy that the person decides on, and the groups that say whether that one may."""
    handles: Mapping[str, str] = field(default_factory=dict)
    """The user groups to choose from, by id, with their handles."""
    form: PublisherFormShown | None = None
    """The dialog that registers a publisher, filled in."""
    token: tuple[str, datetime] | None = None
    """What Slack says of the team's token, and when it was asked; what was installed since is not meant."""


async def before(hands: Hands, item: InboxItem, slack_team_id: str, intent: Decided) -> Known:
    """Look up in Slack and on the forge what the decision needs; it may run twice."""
    if isinstance(intent, intents.AskRelease):
        return Known(rights=await askers_rights(hands, item, intent.project, intent.index))
    if isinstance(intent, changing.Decided):
        return Known(asker=await changing.before(hands, item, slack_team_id, intent))
    if isinstance(intent, intents.ShowPolicyForm):
        return Known(handles=await hands.people.handles(slack_team_id))
    if not isinstance(intent, Vote):
        return Known()
    async with hands.database.reading() as session:
        release = await ledger.get(session, item.team_id, UUID(intent.release_id))
    if release is None:
        return Known()
    now = await policy_now(hands, release)
    policy = rules.stricter(unpacked(Policy, release.policy), now)
    groups = await read_groups(hands, slack_team_id, policy)
    person = await hands.people.person_now(slack_team_id, item.actor)
    votes = policy.rights and isinstance(intent, intents.Approve | intents.BreakGlass)
    may = await may_push(hands, item.team_id, item.actor, release.target) if votes else None
    return Known(person, dict(groups), now, rights=may)


def carry_out(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: Decided, known: Known
) -> Awaitable[notices.Notice | None]:
    """Do what somebody wants of a release, and return what they hear."""
    match intent:
        case intents.AskRelease():
            return _ask(session, hands, item, intent, known)
        case intents.Approve() | intents.Reject() | intents.Withdraw() | intents.BreakGlass():
            return _vote(session, hands, item, intent, known)
        case intents.CancelRelease() | intents.RetryRelease():
            return _named(session, hands, item, intent)
        case intents.AskYank():
            return requesting.yank(session, hands, item, intent)
        case intents.TellChannel() | intents.ShowTold():
            return hearing.carry_out(session, item, intent, hands.clock())
        case _:
            return settling.carry_out(session, hands, item, intent, known.asker, known.handles)


async def _ask(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.AskRelease, known: Known
) -> notices.Notice:
    found = await projects.named(session, item.team_id, intent.project, intent.index)
    if not found:
        return await requesting.unknown(session, item, intent.project)
    policy = await policy_of(session, item.team_id, intent.project)
    if no := refused(policy, known.rights):
        return NotCounted(intent.project, intent.version, no.why, no.detail, asked=True)
    main = requesting.meant(found, policy)
    if len(main) > 1:
        return requesting.which(main, intent.version)
    first = next(
        (one for one in found if one.registration.index == policy.rehearsal and one != main[0]), None
    )
    if policy.rehearsal and first is None:
        first = next(
            iter(await projects.named(session, item.team_id, intent.project, policy.rehearsal)), None
        )
    if first is None or first == main[0]:
        return await _request(session, hands, item, intent, (main[0], policy, "", item.id))
    version = read(intent.version, intent.project).version
    # An index takes no file twice: what was rehearsed well is not rehearsed again. And a rehearsal need not wait.
    if await ledger.published(session, item.team_id, first.id, version) is None:
        await _request(session, hands, item, replace(intent, act_at=None), (first, policy, "", uuid4()))
    return await _request(session, hands, item, intent, (main[0], policy, first.registration.index, item.id))


async def _request(
    session: AsyncSession,
    hands: Hands,
    item: InboxItem,
    intent: intents.AskRelease,
    where: tuple[Project, Policy, str, UUID],
) -> notices.Notice:
    # What somebody asked for has the id of the asking: so whoever follows it begins at the click (`bot/core/tracks.py`).
    project, policy, rehearsal, release_id = where
    wanted = read(intent.version, intent.project)
    new = NewRelease(
        version=wanted.version[:100], tag=intent.version, notes=intent.notes, channel=project.channel or item.channel,
        requested_by=item.actor, policy=packed(policy), rehearsal=rehearsal, act_at=intent.act_at,
        id=release_id,
    )  # fmt: skip
    now = hands.clock()
    release, made = await ledger.ask(session, item.team_id, project, new, now)
    if not made:
        return _answer(release, Heard.OPEN_ALREADY, state=release.state)
    if intent.override:
        progress = packed(Progress(override=intent.override))
        await ledger.move(session, release, None, progress=progress)
        release = replace(release, progress=progress)
    seen = await situation(session, release, now, hands.base)
    await show(session, hands, seen)
    await say(session, hands, seen, Line(Step.ASKED, {"by": item.actor}))
    if rehearsal:
        await say(session, hands, seen, Line(Step.REHEARSAL, {"index": rehearsal}))
    if intent.override:
        told = {"by": item.actor, "reason": intent.override, "freeze": ""}
        await say(session, hands, seen, Line(Step.OVERRIDDEN, told))
    await write_down(
        session, item.team_id, (item.actor, "release.requested", subject(release)), now,
        release=str(release.id), override=intent.override,
    )  # fmt: skip
    return _answer(release, Heard.ASKED)


async def _vote(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: Vote, known: Known
) -> notices.Notice:
    release = await ledger.lock(session, item.team_id, UUID(intent.release_id))
    if release is None:
        return ReleaseAnswer("", "", Heard.UNKNOWN_RELEASE)
    seen = await situation(session, release, hands.clock(), hands.base)
    if too_late := _too_late(seen, intent, rules.stricter(seen.policy, known.policy)):
        return too_late
    match intent:
        case intents.Withdraw():
            return await _withdraw(session, hands, item, (seen, known))
        case intents.Approve():
            return await _approve(session, hands, item, seen, known)
        case intents.Reject():
            return await _reject(session, hands, item, (seen, known), intent.reason)
        case intents.BreakGlass():
            return await _break_glass(session, hands, item, (seen, known), intent.reason)


def _too_late(seen: Situation, intent: Vote, policy: Policy) -> ReleaseAnswer | None:
    """Return what somebody hears whose click came too late, or on a message of another round."""
    release = seen.release
    if intent.round != release.round:
        return _answer(release, Heard.OLD_ROUND, state=release.state)
    waiting = release.state is ReleaseState.AWAITING_APPROVAL
    if waiting and seen.now >= _ends(release, policy):
        # The engine has not got round to saying so yet.
        return _answer(release, Heard.TOO_LATE, state=ReleaseState.EXPIRED)
    still = release.state is ReleaseState.APPROVED and isinstance(intent, intents.Withdraw | intents.Reject)
    return None if waiting or still else _answer(release, Heard.TOO_LATE, state=release.state)


def _ends(release: Release, policy: Policy) -> datetime:
    assert release.asked_at is not None
    assert release.expires_at is not None
    return rules.ends(release.asked_at, release.expires_at, policy)


async def _approve(
    session: AsyncSession, hands: Hands, item: InboxItem, seen: Situation, known: Known
) -> notices.Notice:
    release = seen.release
    policy = rules.stricter(seen.policy, known.policy)
    groups = known.groups
    verdict = also(policy, rules.eligible(policy, known.person, release.requested_by, groups), known.rights)
    if not isinstance(verdict, Allowed):
        return _refused(release, verdict)
    if not await approvals.vote(session, release, item.actor, Verdict.APPROVED, "", seen.now):
        return _answer(release, Heard.VOTED_BEFORE)
    votes = tuple(await approvals.votes(session, release))
    seen = replace(seen, votes=votes)
    count = {"have": str(decide.have(votes)), "need": str(policy.seats)}
    line = Line(Step.APPROVED, {**count, "by": item.actor})
    if rules.enough(policy, votes, groups):
        decision = decide.approved(seen, ReleaseReason.QUORUM, line, Line(Step.QUORUM))
    else:
        decision = Decision(ReleaseEvent.WAITED, {"next_at": release.next_at}, lines=(line,))
    await _written(session, hands, item, seen, decision)
    await _note(session, item, seen, "vote.approved", digest=release.digest)
    return _answer(release, Heard.COUNTED, **count)


async def _written(
    session: AsyncSession, hands: Hands, item: InboxItem, seen: Situation, decision: Decision
) -> None:
    """Write a person's decision; the row is locked, so nobody can have been faster."""
    if await write(session, hands, seen, decision, (None, item.actor)) is None:
        raise RuntimeError("a locked release has changed")  # a fault of ours: tried again, and logged


async def _note(session: AsyncSession, item: InboxItem, seen: Situation, action: str, **detail: str) -> None:
    release = seen.release
    await write_down(
        session, item.team_id, (item.actor, f"{release.kind}.{action}", subject(release)), seen.now,
        release=str(release.id), round=release.round, commit=release.commit, **detail,
    )  # fmt: skip


async def _withdraw(
    session: AsyncSession, hands: Hands, item: InboxItem, what: tuple[Situation, Known]
) -> notices.Notice:
    seen, known = what
    release = seen.release
    policy = rules.stricter(seen.policy, known.policy)
    if not await approvals.withdraw(session, release, item.actor, seen.now):
        return _answer(release, Heard.NOTHING_TO_WITHDRAW)
    votes = tuple(await approvals.votes(session, release))
    count = {"have": str(decide.have(votes)), "need": str(policy.seats)}
    decision = Decision(
        ReleaseEvent.WAITED,
        {"next_at": release.next_at},
        lines=(Line(Step.WITHDRAWN, {**count, "by": item.actor}),),
    )
    glass = any(vote.verdict is Verdict.BREAK_GLASS for vote in votes)
    if release.state is ReleaseState.APPROVED and not (glass or rules.enough(policy, votes, known.groups)):
        decision = replace(
            decision, event=ReleaseEvent.ASKED_AGAIN, values=decide.asked_again(seen, seen.policy)
        )
    await _written(session, hands, item, replace(seen, votes=votes), decision)
    await _note(session, item, seen, "vote.withdrawn")
    return _answer(release, Heard.WITHDRAWN, **count)


async def _reject(
    session: AsyncSession, hands: Hands, item: InboxItem, what: tuple[Situation, Known], reason: str
) -> notices.Notice:
    seen, known = what
    release = seen.release
    policy = replace(rules.stricter(seen.policy, known.policy), requester_counts=True)
    verdict = rules.eligible(policy, known.person, release.requested_by, known.groups)
    if not isinstance(verdict, Allowed):
        return _refused(release, verdict)
    await approvals.withdraw(session, release, item.actor, seen.now)
    await approvals.vote(session, release, item.actor, Verdict.REJECTED, reason, seen.now)
    line = Line(Step.REJECTED, {"by": item.actor, "reason": reason})
    values = {"reason": ReleaseReason.REJECTED_BY_PERSON, "detail": reason, "next_at": None}
    seen = replace(seen, votes=tuple(await approvals.votes(session, release)))
    await _written(session, hands, item, seen, Decision(ReleaseEvent.REJECTED, values, lines=(line,)))
    await _note(session, item, seen, "vote.rejected", reason=reason)
    return _answer(release, Heard.REJECTED)


async def _break_glass(
    session: AsyncSession, hands: Hands, item: InboxItem, what: tuple[Situation, Known], reason: str
) -> notices.Notice:
    seen, known = what
    release = seen.release
    policy = rules.stricter(seen.policy, known.policy)
    verdict = also(policy, rules.may_break_glass(policy, known.person, known.groups), known.rights)
    if not isinstance(verdict, Allowed):
        return _refused(release, verdict, glass=True)
    await approvals.withdraw(session, release, item.actor, seen.now)
    await approvals.vote(session, release, item.actor, Verdict.BREAK_GLASS, reason, seen.now)
    seen = replace(seen, votes=tuple(await approvals.votes(session, release)))
    line = Line(Step.BROKEN_GLASS, {"by": item.actor, "reason": reason})
    await _written(session, hands, item, seen, decide.approved(seen, ReleaseReason.BREAK_GLASS, line))
    await _note(session, item, seen, "glass_broken", reason=reason, digest=release.digest)
    return _answer(release, Heard.BROKE_GLASS)


async def _named(session: AsyncSession, hands: Hands, item: InboxItem, intent: Named) -> notices.Notice:
    release = await _find(session, item, intent)
    if release is None:
        return ReleaseAnswer(intent.project, intent.version, Heard.UNKNOWN_RELEASE)
    seen = await situation(session, release, hands.clock(), hands.base)
    if isinstance(intent, intents.RetryRelease):
        return await _retry(session, hands, item, seen)
    if ReleaseEvent.CANCELLED not in RELEASE[release.state]:
        return _answer(release, Heard.CANNOT_CANCEL, state=release.state)
    gave_up = release.state is ReleaseState.FAILED
    reason = ReleaseReason.GIVEN_UP if gave_up else ReleaseReason.CANCELLED_BY_PERSON
    line = Line(Step.CANCELLED, {"by": item.actor})
    decision = Decision(ReleaseEvent.CANCELLED, {"reason": reason, "next_at": None}, lines=(line,))
    await _written(session, hands, item, seen, decision)
    return _answer(release, Heard.CANCELLED)


async def _find(session: AsyncSession, item: InboxItem, intent: Named) -> Release | None:
    if intent.release_id:
        return await ledger.lock(session, item.team_id, UUID(intent.release_id))
    version = read(intent.version, intent.project).version
    found = await ledger.newest(session, item.team_id, intent.project, version)
    return await ledger.lock(session, item.team_id, found.id) if found else None


async def _retry(session: AsyncSession, hands: Hands, item: InboxItem, seen: Situation) -> notices.Notice:
    release, progress = seen.release, seen.progress
    if release.state is not ReleaseState.FAILED:
        return _answer(release, Heard.CANNOT_RETRY, state=release.state)
    acted = progress.tag_made or progress.started or release.run_id is not None
    # What has been voided since is looked at and asked for anew, though it had acted before.
    event = ReleaseEvent.RETRIED if acted and release.digest else ReleaseEvent.ASKED_AGAIN
    rerun = max(progress.run_attempt, progress.rerun_of)
    again = Progress(override=progress.override) if not acted else replace(
        progress, rerun_of=rerun, looks=0, trouble="", jobs=(), waits_told=False, accepted_at=None, installable_at=None,
        downloadable_at=None, attested_at=None, files=(), not_verified="", expected=(), expected_known=False,
        tag_made=False, started=False,
    )  # fmt: skip
    values = {"reason": ReleaseReason.RETRIED, "detail": "", "next_at": seen.now, "faults": 0}
    line = Line(Step.RETRIED, {"by": item.actor})
    if await write(session, hands, seen, Decision(event, values, again, (line,)), (None, item.actor)) is None:
        return _answer(release, Heard.CANNOT_RETRY, state=ReleaseState.REQUESTED)
    return _answer(release, Heard.RETRIED)


def _refused(release: Release, no: Refusal, *, glass: bool = False) -> NotCounted:
    return NotCounted(
        release.target.project, release.version, no.why, no.detail, glass=glass, kind=release.kind
    )


def _answer(release: Release, heard: Heard, **values: str) -> ReleaseAnswer:
    return ReleaseAnswer(
        release.target.project,
        release.version,
        heard,
        {name: str(value) for name, value in values.items()},
        release.kind,
        str(release.id),
    )
