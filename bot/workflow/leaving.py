"""A team that takes the bot away: what it trusted it with is destroyed at once, in one transaction; and a team that is back.

Knows: what belongs together. Must not know: Slack's payloads, wording.

Nothing here waits for the network: Slack's token is dead by the time that Slack says so, so nobody can be told there. Killed
anywhere, nothing has happened and the inbox has Slack's word still; done twice, or late, after the team is back, it
does nothing.
"""

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import intents
from bot.core.leaving import GRACE, came_late
from bot.core.lifecycle import ReleaseEvent
from bot.core.releases import Decision
from bot.workflow.hands import Hands, situation, write
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import installations, keys, leaving
from storage.ledger import releases as ledger
from storage.records import InboxItem, ReleaseReason

log = structlog.get_logger(__name__)


async def carry_out(session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.LeaveTeam) -> None:
    """Let a team go, unless Slack's word came late."""
    team_id, now = item.team_id, hands.clock()
    since = await installations.since(session, team_id)
    if since is None or came_late(intent.at, since):
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


async def _end_releases(session: AsyncSession, hands: Hands, team_id: UUID) -> None:
    """End what is under way: what has not begun is cancelled, of what has it is said that it stopped here."""
    for release in await ledger.open_of_team(session, team_id):
        seen = await situation(session, release, hands.clock(), hands.base)
        values = {"reason": ReleaseReason.TEAM_LEFT, "detail": "", "next_at": None}
        await write(session, hands, seen, Decision(ReleaseEvent.LEFT, values), (None, SHIPBELL))
