"""A team that takes the bot away: what it trusted it with is destroyed at once, in one transaction; and a team that is back.

Knows: what belongs together. Must not know: Slack's payloads, wording.

Slack's token is dead by the time that Slack says so, so nobody can be told there; a token that lives on for half a minute is that of
a team that is back, whatever the clocks say. Killed anywhere, nothing has happened and the inbox has Slack's word still; done twice, or
late, after the team is back, it does nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import intents
from bot.core.approvals import enough
from bot.core.leaving import DEAD, DOUBT_GAP, GRACE, LIVES, came_late
from bot.core.lifecycle import ReleaseEvent
from bot.core.people import CannotTell, Standing
from bot.core.release_notices import Step
from bot.core.releases import Decision, Line, Situation, asked_again, have
from bot.workflow.deciding import Known
from bot.workflow.hands import Hands, situation, write
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import installations, keys, leaving
from storage.ledger import releases as ledger
from storage.records import InboxItem, ReleaseReason, ReleaseState, Verdict

log = structlog.get_logger(__name__)


Left = intents.LeaveTeam | intents.PersonLeft
LEFT = (intents.LeaveTeam, intents.PersonLeft)


PATIENCE = timedelta(seconds=30)
"""For so long Slack is asked whether it takes a token that it has called dead."""
AGAIN = timedelta(seconds=5)
"""How often."""


class TooEarly(Exception):
    """Slack still takes the token of a team that has left, it says; it is to be asked again."""


async def before(hands: Hands, item: InboxItem, slack_team_id: str) -> Known:
    """Return what Slack says of the token of a team that has left; TooEarly where it takes it."""
    asked = hands.clock()
    said = await hands.people.token(slack_team_id)
    if said == LIVES and asked < item.received_at + PATIENCE:
        raise TooEarly("Slack takes the token")
    return Known(token=(said, asked))


async def carry_out(session: AsyncSession, hands: Hands, item: InboxItem, intent: Left, known: Known) -> None:
    """Let a team or a person go; `known` has what Slack says of them now."""
    person = known.person
    if isinstance(intent, intents.LeaveTeam):
        await _team_left(session, hands, item, intent, known)
    elif isinstance(person, CannotTell) or person.standing in {Standing.DEACTIVATED, Standing.UNKNOWN}:
        # Where Slack does not say more now, what it said first holds: who is back can approve again.
        await _person_left(session, hands, item, intent.user)


async def _team_left(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.LeaveTeam, known: Known
) -> None:
    """Let a team go, unless Slack's word came late, or Slack takes the token that is kept now."""
    team_id, now = item.team_id, hands.clock()
    since = await installations.since(session, team_id)
    said, asked = known.token or ("", now)
    if since is not None and (said == LIVES or since >= asked):
        log.warning(
            "Slack takes the token of a team that has left, it said", team=str(team_id), why=intent.why
        )
        return
    if since is None or came_late(intent.at, since) or not await _still_holds(session, team_id, intent, now):
        log.info("word of a team that left came late or twice", team=str(team_id), why=intent.why)
        return
    await _end_releases(session, hands, team_id)
    await installations.remove(session, team_id, now)
    await keys.destroy(session, team_id, now)
    await leaving.empty(session, team_id, SHIPBELL, now)
    await leaving.rest(session, team_id, now + GRACE)
    await write_down(
        session, team_id, (SHIPBELL, "team.left", intent.why), now, kept_until=(now + GRACE).isoformat()
    )
    log.info("team left", team=str(team_id), why=intent.why)


async def _still_holds(
    session: AsyncSession, team_id: UUID, intent: intents.LeaveTeam, now: datetime
) -> bool:
    """Whether what Slack's answers alone have told is what they go on telling; an event holds by itself."""
    if intent.why not in DEAD:
        return True
    doubt = await installations.doubted(session, team_id)
    return doubt is not None and doubt[0] == intent.at and now - doubt[1] <= DOUBT_GAP


async def _end_releases(session: AsyncSession, hands: Hands, team_id: UUID) -> None:
    """End what is under way: what has not begun is cancelled, of what has it is said that it stopped here."""
    for release in await ledger.open_of_team(session, team_id):
        seen = await situation(session, release, hands.clock(), hands.base)
        values = {"reason": ReleaseReason.TEAM_LEFT, "detail": "", "next_at": None}
        await write(session, hands, seen, Decision(ReleaseEvent.LEFT, values), (None, SHIPBELL))


async def _person_left(session: AsyncSession, hands: Hands, item: InboxItem, user: str) -> None:
    """Let no approval of somebody count any more, where nothing has begun on it; each channel hears of it once."""
    now = hands.clock()
    void = 0
    for release in await ledger.voted_on(session, item.team_id, user):
        seen = await situation(session, release, now, hands.base)
        if any(vote.user == user for vote in seen.votes):
            await write(session, hands, seen, _without(seen, user), (None, SHIPBELL))
            void += 1
    await leaving.person(session, item.team_id, user, now)
    await write_down(session, item.team_id, (SHIPBELL, "person.left", user), now, approvals_void=void)


def _without(seen: Situation, user: str) -> Decision:
    """Take somebody's vote away; where what is left does not suffice, people are asked again.

    Whom a user group must seat is looked at before anything is done, as ever.
    """
    left = [vote for vote in seen.votes if vote.user != user]
    count = {"have": str(have(left)), "need": str(seen.policy.seats), "by": user, "why": "left"}
    lines, gone = (Line(Step.WITHDRAWN, count),), (user,)
    glass = any(vote.verdict is Verdict.BREAK_GLASS for vote in left)
    suffices = glass or enough(replace(seen.policy, one_of_each=()), left, {})
    if seen.release.state is ReleaseState.APPROVED and not suffices:
        values = asked_again(seen, seen.policy)
        return Decision(ReleaseEvent.ASKED_AGAIN, values, lines=lines, withdrawn=gone)
    return Decision(ReleaseEvent.WAITED, {"next_at": seen.release.next_at}, lines=lines, withdrawn=gone)
