"""Asking for a publisher: the one way in, whether a person adds one or an import many.

Knows: what is written together. Must not know: Slack's payloads, wording.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core.approvals import Publish
from bot.core.lifecycle import OPEN
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
        await write_down(session, team_id, (asked[0], "publisher.requested", wanted.subject), now)
        policy = await watching.policy_of(session, team_id, wanted.project)
        await watching.begin(session, team_id, wanted.project, policy, now)
    return publisher, made


async def uploaded(session: AsyncSession, team_id: UUID, wanted: Registration) -> bool:
    """Whether the policy says that the bot uploads a project itself, so that it needs no publisher."""
    return (await watching.policy_of(session, team_id, wanted.project)).publish is Publish.BOT


async def know(
    session: AsyncSession, team_id: UUID, wanted: Registration, asked: tuple[str, str], now: datetime
) -> Publisher | None:
    """Let a project be known without a publisher; returns the open one where there is one, and changes nothing then."""
    there = await publishers.newest(session, team_id, wanted.project, wanted.index)
    if there is not None and there.state in OPEN:
        return there
    await publishers.know(session, team_id, wanted, asked, now)
    subject = f"{wanted.project} on {wanted.index}"
    await write_down(session, team_id, (asked[0], "project.added", subject), now)
    policy = await watching.policy_of(session, team_id, wanted.project)
    await watching.begin(session, team_id, wanted.project, policy, now)
    return None
