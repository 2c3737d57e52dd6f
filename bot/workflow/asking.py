"""A release until it acts: looked at, asked for, reminded of, looked at again.

Knows: the order of steps. Must not know: what a finding means, wording.
"""

import asyncio
from dataclasses import replace
from uuid import UUID

from bot.core import approvals as rules
from bot.core import releases as decide
from bot.core.approvals import Eligibility, Groups, Policy, Refusal
from bot.core.lifecycle import ReleaseEvent
from bot.core.preflight import undecided
from bot.core.release_notices import Step
from bot.core.releases import Decision, Line, Situation
from bot.workflow.gathering import gather
from bot.workflow.hands import Hands, packed, page, unpacked
from bot.workflow.rights import may_push
from storage.ledger import policies, projects
from storage.ledger import releases as ledger
from storage.records import (
    Approval,
    InboxItem,
    Registration,
    Release,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
    Verdict,
)

ENDED_BADLY = frozenset(
    {ReleaseState.REJECTED, ReleaseState.CANCELLED, ReleaseState.EXPIRED, ReleaseState.FAILED}
)


async def look(hands: Hands, seen: Situation) -> Decision:
    """Look before the team is asked (anew)."""
    if waiting := await _rehearsed(hands, seen):
        return waiting
    decision = decide.after_look(seen, await gather(hands, seen.release))
    first_time = not seen.release.round and decision.event in {ReleaseEvent.ASKED, ReleaseEvent.QUORUM}
    if not seen.release.rehearsal or not first_time:
        return decision
    return replace(decision, lines=(_went_well(hands, seen.release), *decision.lines))


def _went_well(hands: Hands, release: Release) -> Line:
    url = page(hands.index.site(release.rehearsal).url, release)
    return Line(Step.REHEARSED, {"index": release.rehearsal, "url": url})


async def _rehearsed(hands: Hands, seen: Situation) -> Decision | None:
    """Return what to do while the rehearsal is not over; None once it has arrived, or where there is none."""
    release = seen.release
    if not release.rehearsal:
        return None
    async with hands.database.reading() as session:
        first = await ledger.newest(
            session,
            release.team_id,
            release.target.project,
            release.version,
            release.rehearsal,
            ReleaseKind.RELEASE,
        )
    if first is None or first.state in ENDED_BADLY:
        return decide.broke(seen, ReleaseReason.REHEARSAL_FAILED, release.rehearsal)
    if first.state is ReleaseState.PUBLISHED:
        return None
    # Only our own books are looked at: however long people take to decide there, it goes on right afterwards.
    return Decision(ReleaseEvent.WAITED, {"next_at": seen.now + hands.base, "faults": 0})


async def remind(hands: Hands, seen: Situation) -> Decision:
    """Look whether what people are asked about still holds; then remind them, or end the wait."""
    release = seen.release
    assert release.expires_at is not None
    assert release.asked_at is not None
    policy = rules.stricter(seen.policy, await policy_now(hands, release))
    ends = rules.ends(release.asked_at, release.expires_at, policy)
    seen = replace(seen, release=replace(release, expires_at=ends))
    if seen.now < ends:
        facts = await gather(hands, seen.release)
        if decision := decide.voided(seen, facts) if not undecided(facts) else None:
            return decision
    return decide.reminded(seen)


async def begin(hands: Hands, seen: Situation) -> Decision:
    """Look at everything once more, people too, and act if all is still as approved."""
    release = seen.release
    if release.act_at and release.act_at > seen.now:
        return Decision(ReleaseEvent.WAITED, {"next_at": release.act_at})
    policy = rules.stricter(seen.policy, await policy_now(hands, release))
    if decision := await still_enough(hands, seen, policy):
        return decision
    decision = decide.act(seen, await gather(hands, release))
    if decision.event is not ReleaseEvent.ACTED:
        return decision
    # What the policy says by now of the run's environments holds for this run.
    return replace(decision, values={**decision.values, "policy": packed(policy)})


async def still_enough(hands: Hands, seen: Situation, policy: Policy) -> Decision | None:
    """Return what to do where the approvals do not suffice any more; None where they do."""
    groups = await read_groups(hands, seen.release.slack_team_id, policy)
    gone = []
    # Broken glass first: where it still holds, nothing else matters.
    for vote in sorted(seen.votes, key=lambda one: one.verdict is not Verdict.BREAK_GLASS):
        glass = vote.verdict is Verdict.BREAK_GLASS
        verdict = await _still(hands, seen.release, policy, groups, vote)
        if isinstance(verdict, Refusal):
            if verdict.why is rules.Denied.RIGHTS_UNKNOWN:
                return decide.troubled(seen, f"GitHub does not say what {vote.user} may do: {verdict.detail}")
            if verdict.why is rules.Denied.CANNOT_TELL:
                return decide.troubled(seen, f"Slack does not say who {vote.user} is: {verdict.detail}")
            gone.append(vote.user)
        elif glass:
            return None
    left = [vote for vote in seen.votes if vote.user not in gone]
    if rules.enough(policy, left, groups):
        return None
    assert seen.release.asked_at is not None
    count = {"have": str(decide.have(left)), "need": str(policy.seats)}
    lines = tuple(Line(Step.WITHDRAWN, {**count, "by": user, "why": "denied"}) for user in gone)
    values = {**decide.asked_again(seen, policy), "policy": packed(policy)}
    return Decision(ReleaseEvent.ASKED_AGAIN, values, lines=lines, withdrawn=tuple(gone))


async def _still(
    hands: Hands, release: Release, policy: Policy, groups: Groups, vote: Approval
) -> Eligibility:
    """Say whether what somebody decided would still count."""
    person = await hands.people.person_now(release.slack_team_id, vote.user)
    verdict = (
        rules.may_break_glass(policy, person, groups)
        if vote.verdict is Verdict.BREAK_GLASS
        else rules.eligible(policy, person, release.requested_by, groups)
    )
    if policy.rights and not isinstance(verdict, Refusal):
        return await may_push(hands, release.team_id, vote.user, release.target)
    return verdict


async def askers_rights(hands: Hands, item: InboxItem, project: str, index: str) -> Eligibility | None:
    """Say whether somebody may push what a project releases; None where no policy wants to know."""
    async with hands.database.reading() as session:
        found = await projects.named(session, item.team_id, project, index)
    verdict: Eligibility | None = None
    for target in dict.fromkeys(one.registration for one in found):
        if (await policy_of_target(hands, item.team_id, target)).rights:
            verdict = await may_push(hands, item.team_id, item.actor, target)
            if isinstance(verdict, Refusal):
                break
    return verdict


async def policy_now(hands: Hands, release: Release) -> Policy:
    """Return the policy that holds for a release's project now."""
    return await policy_of_target(hands, release.team_id, release.target)


async def policy_of_target(hands: Hands, team_id: UUID, target: Registration) -> Policy:
    """Return the policy that holds for a project now.

    Whoever lets a run through lets everything through that its environment publishes: so the policies of other projects
    of the same repository and environment hold as well, and nobody comes past one by registering another name.
    """
    async with hands.database.reading() as session:
        team, project = await policies.read(session, team_id, target.project)
        names = await projects.sharing(session, team_id, target)
        others = [(await policies.read(session, team_id, name))[1] for name in names]
    policy = rules.merged(
        unpacked(Policy, team) if team is not None else None,
        unpacked(Policy, project) if project is not None else None,
    )
    for other in others:
        policy = policy if other is None else rules.stricter(unpacked(Policy, other), policy)
    return replace(policy, rights=True) if hands.shared else policy


async def read_groups(hands: Hands, slack_team_id: str, policy: Policy) -> Groups:
    """Return every user group that a policy names."""
    names = policy.groups
    found = await asyncio.gather(*(hands.people.group(slack_team_id, name) for name in names))
    return dict(zip(names, found, strict=True))
