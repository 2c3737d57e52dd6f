"""Changes of policy that wait for a second person: asked for, agreed to, refused, over.

Knows: the order of things, what is written together. Must not know: Slack's payloads, wording.

Whoever asked never agrees; who agreed and who asked must both be such as may set the policy when it is done. What was changed
meanwhile is not overwritten: the change is made of the policy that was shown, or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import approvals as rules
from bot.core import intents, notices, permissions
from bot.core.approvals import Policy, Refusal
from bot.core.people import GroupOutcome, PersonOutcome
from bot.core.permissions import Action
from bot.core.policy_notices import ChangeAnswer, ChangeOutcome, PolicyChangeShown
from bot.workflow import watching
from bot.workflow.asking import read_groups
from bot.workflow.gate import read_policies
from bot.workflow.hands import Hands, packed, unpacked
from bot.workflow.ports import Clock
from bot.workflow.telling import SHIPBELL, write_down
from storage.database import Database
from storage.ledger import outbox, policies, policy_changes
from storage.ledger.outbox import Destination
from storage.records import ChangeState, InboxItem, PolicyChange

log = structlog.get_logger(__name__)

TERM = timedelta(days=3)
"""How long a change waits for a second person."""
Decided = intents.AgreePolicy | intents.RefusePolicy
Asker = tuple[PersonOutcome, Mapping[str, GroupOutcome]]
"""Who asked for a change, and the groups that say whether that person may set the policy."""


@dataclass(frozen=True, slots=True)
class Changing:
    """What ends by itself, on its concrete parts."""

    database: Database
    clock: Clock

    async def claim(self, limit: int) -> Sequence[PolicyChange]:
        """End the changes whose time is over; returns those that were ended."""
        now = self.clock()
        async with self.database.transaction() as session:
            due = await policy_changes.due(session, now, limit)
            return [one for one in due if await _end(session, one, ChangeState.EXPIRED, None, now)]

    async def next_due(self) -> datetime | None:
        """Return when the next change's time is over."""
        return await self.database.ask(policy_changes.next_due(), self.clock())

    async def told(self, change: PolicyChange) -> None:
        """Say in the log that a change has ended."""
        log.info("change of policy expired", change=str(change.id), team=str(change.team_id))


def needs_second(team: Policy | None, own: Policy | None, after: Policy) -> bool:
    """Say whether a change waits: where the policy of team or project says so, or is to say so.

    So that word is taken away by two alone; and it is given by two, which shows that there are two.
    """
    return after.second or any(one.second for one in (team, own) if one)


async def propose(
    session: AsyncSession, item: InboxItem, project: str, what: tuple[Policy, Policy], now: datetime
) -> notices.Notice | None:
    """Ask for a second person in the channel where the change was typed; a change that waits there already gives way."""
    before, after = what
    if not item.channel or item.channel.startswith("D"):
        return ChangeAnswer(ChangeOutcome.NOBODY_SEES, project)
    if earlier := await policy_changes.waiting(session, item.team_id, project):
        await _end(session, earlier, ChangeState.OVERTAKEN, item.actor, now)
    change = PolicyChange(
        uuid4(), item.team_id, project, packed(before), packed(after), item.channel, item.actor, now, now + TERM
    )  # fmt: skip
    await policy_changes.ask(session, change)
    await _show(session, change, now)
    await write_down(
        session, item.team_id, (item.actor, "policy.asked", project or EVERY), now,
        changes=differing(change.before, change.after), change=str(change.id),
    )  # fmt: skip
    return None


EVERY = "every project"


async def before(hands: Hands, item: InboxItem, slack_team_id: str, intent: Decided) -> Asker | None:
    """Look up who asked, who must still be such as may; it may run twice. None where there is no such change."""
    async with hands.database.reading() as session:
        change = await policy_changes.get(session, item.team_id, UUID(intent.change_id))
        if change is None:
            return None
        policy = await _setters(session, change)
    person = await hands.people.person(slack_team_id, change.asked_by)
    return person, await read_groups(hands, slack_team_id, policy)


async def _setters(session: AsyncSession, change: PolicyChange) -> Policy:
    return permissions.holding(
        Action.SET_POLICY, *await read_policies(session, change.team_id, change.project)
    )


async def carry_out(
    session: AsyncSession,
    hands: Hands,
    item: InboxItem,
    intent: Decided,
    asker: Asker | None,
) -> notices.Notice | None:
    """Make a change that somebody agrees to, or end it."""
    await policies.lock(session, item.team_id)
    change = await policy_changes.lock(session, item.team_id, UUID(intent.change_id))
    if change is None or asker is None:
        return ChangeAnswer(ChangeOutcome.UNKNOWN, "")
    now, own = hands.clock(), change.asked_by == item.actor
    if change.state is not ChangeState.WAITING or now >= change.expires_at:
        return ChangeAnswer(ChangeOutcome.ENDED, change.project)
    if isinstance(intent, intents.RefusePolicy):
        state = ChangeState.WITHDRAWN if own else ChangeState.REFUSED
        await _end(session, change, state, item.actor, now)
        return None
    return await _agree(session, item, change, asker, now)


async def _agree(
    session: AsyncSession, item: InboxItem, change: PolicyChange, asker: Asker, now: datetime
) -> notices.Notice | None:
    if change.asked_by == item.actor:
        return ChangeAnswer(ChangeOutcome.OWN, change.project)
    no = permissions.may(Action.SET_POLICY, await _setters(session, change), *asker)
    if isinstance(no, Refusal):
        return ChangeAnswer(ChangeOutcome.ASKER_MAY_NOT, change.project, change.asked_by, no.why)
    if packed(rules.merged(*await read_policies(session, item.team_id, change.project))) != change.before:
        await _end(session, change, ChangeState.OVERTAKEN, item.actor, now)
        return ChangeAnswer(ChangeOutcome.OVERTAKEN, change.project)
    await _end(session, change, ChangeState.MADE, item.actor, now)
    after = unpacked(Policy, change.after)
    await make(session, item, change.project, (change.before, after), now, asked_by=change.asked_by)
    return None


async def make(
    session: AsyncSession,
    item: InboxItem,
    project: str,
    what: tuple[Mapping[str, Any], Policy],
    now: datetime,
    **more: str,
) -> None:
    """Set a policy, with what hangs on it, and write down what was changed."""
    before, after = what
    by = more.get("asked_by", item.actor)
    await policies.put(session, item.team_id, project, packed(after), by, now)
    await watching.end(session, item.team_id, project, after)
    did = (item.actor, "policy.set", project or EVERY)
    await write_down(session, item.team_id, did, now, changes=differing(before, packed(after)), **more)
    await watching.begin(session, item.team_id, project, after, now)


def differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the fields that differ, each with what it was and is."""
    return {name: [was.get(name), now[name]] for name in now if was.get(name) != now[name]}


async def _end(
    session: AsyncSession, change: PolicyChange, state: ChangeState, by: str | None, now: datetime
) -> bool:
    """End a change, let its message say so, and write down what nobody else does: who made it stands with what was made."""
    if not await policy_changes.end(session, change, state, by, now):
        return False
    await _show(session, replace(change, state=state, decided_by=by or ""), now)
    if state is not ChangeState.MADE:
        did = (by or SHIPBELL, f"policy.{state}", change.project or EVERY)
        await write_down(session, change.team_id, did, now, change=str(change.id), asked_by=change.asked_by)
    return True


async def _show(session: AsyncSession, change: PolicyChange, now: datetime) -> None:
    notice = PolicyChangeShown(
        str(change.id), change.project, unpacked(Policy, change.before), unpacked(Policy, change.after),
        change.asked_by, change.expires_at, change.state, change.decided_by,
    )  # fmt: skip
    message = codec.pack(notice, notices.KINDS)
    to = Destination(change.channel)
    await outbox.show(session, change.team_id, f"policy:{change.id}", to, message, now)
