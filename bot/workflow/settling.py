"""Who decides about releases, and when nothing is released: policies, freezes and locks, as people set them.

Knows: what is written together. Must not know: Slack's payloads, wording.
"""

from collections.abc import Mapping
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import approvals as rules
from bot.core import intents, notices
from bot.core.approvals import Policy
from bot.core.policies import changed, too_few
from bot.core.policy_forms import LONGEST_CHOICE, MOST_PROJECTS, PolicyFormShown, held_now, shown_as, value_of
from bot.core.release_notices import FreezeLine, FreezeSet, PolicyRefused, PolicyShown
from bot.workflow import changing
from bot.workflow.gate import read_policies
from bot.workflow.hands import Hands, packed
from bot.workflow.telling import say_in_channel, write_down
from storage.ledger import freezes, policies, policy_changes, projects
from storage.records import Freeze, InboxItem

MOST_TOLD = 20
"""Freezes of which the audit trail tells whose they were, where several end at once."""
Handles = Mapping[str, str]
Settled = (
    intents.SetPolicy
    | intents.ShowPolicy
    | intents.ShowPolicyForm
    | intents.SetFreeze
    | intents.LiftFreeze
    | changing.Decided
)


async def carry_out(
    session: AsyncSession,
    hands: Hands,
    item: InboxItem,
    intent: Settled,
    asker: changing.Asker | None,
    handles: Handles,
) -> notices.Notice | None:
    """Set or show who decides; `asker` is who asked for the change that is agreed to, `handles` are the user groups."""
    if isinstance(intent, intents.ShowPolicyForm):
        return await _form(session, hands, item, intent, handles)
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


async def _form(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.ShowPolicyForm, known: Handles
) -> PolicyFormShown:
    """Return what one of a policy's dialogs is filled with."""
    project, channel = intent.project, intent.channel or item.channel
    team, own = await read_policies(session, item.team_id, project)
    standing = await freezes.standing(session, item.team_id, project, hands.clock())
    waits = await policy_changes.waiting(session, item.team_id, project)
    owners = await policies.projects(session, item.team_id)
    names = await projects.near(session, item.team_id, "", MOST_PROJECTS + 1)
    offered = list(dict.fromkeys([*([project] if project else []), *owners, *names]))
    fitting = [name for name in offered if len(name) <= LONGEST_CHOICE]
    return PolicyFormShown(
        intent.view_id, project, intent.part, held_now(rules.merged(team, own), project, own=own is not None), own is not None,
        any(one.second for one in (team, own) if one), tuple(map(_line, standing)), waits.asked_by if waits else "",
        tuple(sorted(fitting[:MOST_PROJECTS])), len(offered) > len(fitting[:MOST_PROJECTS]), tuple(hands.index.names()),
        channel, dict(known),
    )  # fmt: skip


def _line(freeze: Freeze) -> FreezeLine:
    name = freeze.id.hex[:12]
    return FreezeLine(freeze.project, freeze.starts_at, freeze.ends_at, freeze.reason, freeze.set_by, name)


async def _set(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.SetPolicy
) -> notices.Notice | None:
    await policies.lock(session, item.team_id)
    team, own = await read_policies(session, item.team_id, intent.project)
    before = rules.merged(team, own)
    begun = held_now(before, intent.project, own=own is not None)
    if any(shown_as(value_of(begun, word)) != shown for word, shown in intent.seen.items()):
        return PolicyRefused("changed_meanwhile")
    after = changed(begun, intent.changes, tuple(hands.index.names()), intent.project)
    if not isinstance(after, Policy):
        return PolicyRefused("unreadable", " ".join(problem.message for problem in after))
    if too_few(after) is not None:
        return PolicyRefused("nobody_left")
    now = hands.clock()
    if changing.needs_second(team, own, after):
        return await changing.propose(session, item, intent.project, (before, after), now)
    await changing.make(session, item, intent.project, (packed(before), after), now)
    return await _shown(session, hands, item, intent.project, was_changed=True)


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
    wanted = [one for one in standing if not intent.seen or _line(one).name in intent.seen]
    # What somebody else lifts in this very moment is that person's deed.
    meant = [one for one in wanted if await freezes.lift(session, item.team_id, one.id, item.actor, now)]
    line = _line(meant[0]) if meant else FreezeLine(intent.project, now, None, "", item.actor)
    notice = FreezeSet(line, lifted=True, count=len(meant), left=len(standing) - len(wanted))
    if meant:
        await say_in_channel(session, item, notice, now)
        what = intent.project or "every project"
        ended = [{"set_by": one.set_by, "reason": one.reason} for one in meant[:MOST_TOLD]]
        who_did = (item.actor, "freeze.lifted", what)
        await write_down(session, item.team_id, who_did, now, count=len(meant), ended=ended)
    return None if meant and item.channel else notice
