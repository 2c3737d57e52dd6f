"""Asking for a publisher: the one way in, whether a person adds one or an import many.

Knows: what is written together. Must not know: Slack's payloads, wording.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.workflow import watching
from bot.workflow.telling import write_down
from storage.ledger import publishers
from storage.records import Publisher, Registration


async def add(
    session: AsyncSession, team_id: UUID, wanted: Registration, asked: tuple[str, str], now: datetime
) -> tuple[Publisher, bool]:
    """Ask for a publisher; `asked` is (Slack user, channel). Returns it and True, or the open one that is there and False."""
    publisher, made = await publishers.request(session, team_id, wanted, asked, now)
    if made:
        subject = f"{wanted.project} on {wanted.index}"
        await write_down(session, team_id, (asked[0], "publisher.requested", subject), now)
        policy = await watching.policy_of(session, team_id, wanted.project)
        await watching.begin(session, team_id, wanted.project, policy, now)
    return publisher, made
