"""Who decides about releases, and when nothing is released: policies, freezes and locks, as people set them.

Knows: what is written together. Must not know: Slack's payloads, wording.
"""

from dataclasses import replace
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import approvals as rules
from bot.core import intents, notices
from bot.core.approvals import Policy
from bot.core.policies import changed, of_project
from bot.core.release_notices import FreezeLine, FreezeSet, PolicyRefused, PolicyShown
from bot.workflow import changing
from bot.workflow.gate import read_policies
from bot.workflow.hands import Hands, packed
from bot.workflow.telling import say_in_channel, write_down
from storage.ledger import freezes, policies, policy_changes
from storage.records import Freeze, InboxItem

Settled = intents.SetPolicy | intents.ShowPolicy | intents.SetFreeze | intents.LiftFreeze | changing.Decided


async def carry_out(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: Settled, asker: changing.Asker | None
) -> notices.Notice | None:
    """Set or show who decides; `asker` is who asked for the change that is agreed to."""
    if isinstance(intent, changing.Decided):
        return await changing.carry_out(session, hands, item, intent, asker)
    if isinstance(intent, intents.ShowPolicy):
        return await _shown(session, hands, item, intent.project)
    if isinstance(intent, intents.SetPolicy):
        return await _set(session, hands, item, intent)
    if isinstance(intent, intents.SetFreeze):
        return await _freeze(session, hands, item, intent)
    return await _lift(session, hands, item, intent)


async def _shown(
    session: AsyncSession, hands: Hands, item: InboxItem, project: str, *, was_changed: bool = False
) -> notices.Notice:
    team, own = await read_policies(session, item.team_id, project)
    standing = await freezes.standing(session, item.team_id, project, hands.clock())
    lines = tuple(_line(freeze) for freeze in standing)
    waits = await policy_changes.waiting(session, item.team_id, project)
    asker = waits.asked_by if waits else ""
    return PolicyShown(project, rules.merged(team, own), own is not None, lines, was_changed, asker)


def _line(freeze: Freeze) -> FreezeLine:
    return FreezeLine(freeze.project, freeze.starts_at, freeze.ends_at, freeze.reason, freeze.set_by)


async def _set(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.SetPolicy
) -> notices.Notice | None:
    await policies.lock(session, item.team_id)
    team, own = await read_policies(session, item.team_id, intent.project)
    before = rules.merged(team, own)
    # A project that gets its own names nobody for what the workspace says, which holds beside it.
    begun = before if own or not intent.project else replace(before, roles=of_project(before.roles))
    after = changed(begun, intent.changes, tuple(hands.index.names()), intent.project)
    if not isinstance(after, Policy):
        return PolicyRefused("unreadable", " ".join(problem.message for problem in after))
    if _nobody_left(after):
        return PolicyRefused("nobody_left")
    now = hands.clock()
    if changing.needs_second(team, own, after):
        return await changing.propose(session, item, intent.project, (before, after), now)
    await changing.make(session, item, intent.project, (packed(before), after), now)
    return await _shown(session, hands, item, intent.project, was_changed=True)


def _nobody_left(policy: Policy) -> bool:
    """Whether the people named could never be enough: a group may hold anybody, so only bare people are counted."""
    named = (*policy.approvers, *policy.one_of_each)
    if not named or any(rules.is_group(name) for name in named):
        return False
    return len(set(named) - set(policy.deny)) < policy.quorum


async def _freeze(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.SetFreeze
) -> notices.Notice | None:
    now = hands.clock()
    starts = intent.starts_at or now
    freeze = Freeze(uuid4(), item.team_id, intent.project, starts, intent.ends_at, intent.reason, item.actor)
    await freezes.add(session, item.team_id, freeze, now)
    notice = FreezeSet(_line(freeze))
    await say_in_channel(session, item, notice, now)
    what = intent.project or "every project"
    until = intent.ends_at.isoformat() if intent.ends_at else ""
    await write_down(
        session, item.team_id, (item.actor, "freeze.set", what), now, reason=intent.reason, until=until
    )
    return None if item.channel else notice  # the channel has heard it, the person too


async def _lift(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.LiftFreeze
) -> notices.Notice | None:
    now = hands.clock()
    found = await freezes.standing(session, item.team_id, intent.project, now)
    standing = [freeze for freeze in found if freeze.project == intent.project]
    for freeze in standing:
        await freezes.lift(session, item.team_id, freeze.id, item.actor, now)
    line = _line(standing[0]) if standing else FreezeLine(intent.project, now, None, "", item.actor)
    notice = FreezeSet(line, lifted=True, count=len(standing))
    if standing:
        await say_in_channel(session, item, notice, now)
        what = intent.project or "every project"
        await write_down(session, item.team_id, (item.actor, "freeze.lifted", what), now, count=len(standing))
    return None if standing and item.channel else notice
