"""Freezes: times in which nothing is released; set, lifted, never deleted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, insert_once, update_one
from storage.records import Freeze
from storage.tables import FreezeRow


async def add(session: AsyncSession, team_id: UUID, freeze: Freeze, now: datetime) -> bool:
    """Set a freeze; False where it was set before, by its id."""
    return await insert_once(
        session, FreezeRow,
        id=freeze.id, team_id=team_id, project=freeze.project, starts_at=freeze.starts_at, ends_at=freeze.ends_at,
        reason=freeze.reason[:500], set_by=freeze.set_by, set_at=now,
    )  # fmt: skip


async def lift(session: AsyncSession, team_id: UUID, freeze_id: UUID, by: str, now: datetime) -> bool:
    """End a freeze before its time; False where it was lifted before (or is not this team's)."""
    where = (col(FreezeRow.id) == freeze_id) & (col(FreezeRow.team_id) == team_id)
    return await update_one(
        session,
        update(FreezeRow)
        .where(where, col(FreezeRow.lifted_at).is_(None))
        .values(lifted_at=now, lifted_by=by),
    )


async def standing(
    session: AsyncSession, team_id: UUID, project: str | None, now: datetime
) -> Sequence[Freeze]:
    """Return the freezes of a project and of all, soonest first: not lifted, not over; later ones too.

    `project` "" gives those of all alone, None each one of the team.
    """
    query = select(FreezeRow).where(
        col(FreezeRow.team_id) == team_id,
        col(FreezeRow.lifted_at).is_(None),
        col(FreezeRow.ends_at).is_(None) | (col(FreezeRow.ends_at) > now),
    )
    if project is not None:
        query = query.where(col(FreezeRow.project).in_(("", project)))
    rows = await session.scalars(query.order_by(col(FreezeRow.starts_at), col(FreezeRow.id)))
    return [
        Freeze(row.id, row.team_id, row.project, as_utc(row.starts_at), row.ends_at, row.reason, row.set_by)
        for row in rows
    ]
