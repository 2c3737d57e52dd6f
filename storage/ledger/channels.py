"""Who waits for something in a channel, and whether anything was said there.

Knows: releases, publishers, messages. Must not know: Slack.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger import releases
from storage.ledger.sql import table
from storage.records import PublisherState
from storage.tables import OutboxRow, ProjectRow, PublisherRow, ReleaseRow

_OPEN = (PublisherState.REQUESTED, PublisherState.PENDING)


async def waiting(session: AsyncSession, team_id: UUID, channel: str) -> Sequence[tuple[str, str]]:
    """Return (who asked, its name) of every release that is under way and every publisher that is being set up there."""
    release, publisher, project = ReleaseRow, PublisherRow, ProjectRow
    asked = await session.execute(
        select(col(release.requested_by), col(project.name), col(release.version))
        .join(table(project), col(project.id) == col(release.project_id))
        .where(col(release.team_id) == team_id, col(release.channel) == channel, releases.is_under_way())
        .order_by(col(release.requested_at), col(release.id))
    )
    found = [(user, f"{name} {version}".strip()) for user, name, version in asked]
    asked_of = await session.execute(
        select(col(publisher.requested_by), col(project.name))
        .join(table(project), col(project.id) == col(publisher.project_id))
        .where(
            col(publisher.team_id) == team_id, col(publisher.channel) == channel, col(publisher.state).in_(_OPEN)
        )
        .order_by(col(publisher.requested_at), col(publisher.id))
    )  # fmt: skip
    return [*found, *((user, name) for user, name in asked_of)]


async def spoken(session: AsyncSession, team_id: UUID, channel: str, since: datetime) -> bool:
    """Whether Slack has taken anything for a channel since then."""
    row = OutboxRow
    taken = (col(row.ts) != "") & (col(row.sent_at) > since)
    asked = select(col(row.seq)).where(col(row.team_id) == team_id, col(row.channel) == channel, taken)
    return await session.scalar(asked.limit(1)) is not None
