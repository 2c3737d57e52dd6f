"""The audit trail: only ever appended to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, table
from storage.records import AuditEvent
from storage.tables import AuditRow


async def append(session: AsyncSession, event: AuditEvent) -> None:
    """Write one event down, in the transaction that did what it tells."""
    await session.execute(
        insert(table(AuditRow)).values(
            team_id=event.team_id, at=event.at, actor=event.actor, action=event.action, subject=event.subject[:255],
            detail=event.detail,
        )
    )  # fmt: skip


async def trail(
    session: AsyncSession, team_id: UUID, *, limit: int, project: str = ""
) -> Sequence[AuditEvent]:
    """Return the team's newest events, newest first; `project` keeps those about it."""
    query = select(AuditRow).where(col(AuditRow.team_id) == team_id)
    if project:
        query = query.where(col(AuditRow.subject).startswith(f"{project} on ", autoescape=True))
    rows = await session.scalars(query.order_by(col(AuditRow.seq).desc()).limit(limit))
    return [
        AuditEvent(row.team_id, as_utc(row.at), row.actor, row.action, row.subject, row.detail)
        for row in rows
    ]
