"""Changes of policy that wait for a second person: asked for once at a time, ended once."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, insert_once, update_one
from storage.questions import Question
from storage.records import ChangeState, PolicyChange
from storage.tables import PolicyChangeRow


async def ask(session: AsyncSession, change: PolicyChange) -> bool:
    """Write down that a change waits; False where one waits already for that project."""
    return await insert_once(
        session, PolicyChangeRow,
        id=change.id, team_id=change.team_id, project=change.project, before=change.before, after=change.after,
        channel=change.channel, asked_by=change.asked_by, asked_at=change.asked_at, expires_at=change.expires_at,
        state=ChangeState.WAITING,
    )  # fmt: skip


async def lock(session: AsyncSession, team_id: UUID, change_id: UUID) -> PolicyChange | None:
    """Return a change of the team's, which nobody else can end until the end of the transaction."""
    row = await session.scalar(
        select(PolicyChangeRow)
        .where(col(PolicyChangeRow.team_id) == team_id, col(PolicyChangeRow.id) == change_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return None if row is None else _record(row)


async def get(session: AsyncSession, team_id: UUID, change_id: UUID) -> PolicyChange | None:
    """Return a change of the team's."""
    row = await session.scalar(
        select(PolicyChangeRow).where(
            col(PolicyChangeRow.team_id) == team_id, col(PolicyChangeRow.id) == change_id
        )
    )
    return None if row is None else _record(row)


async def waiting(session: AsyncSession, team_id: UUID, project: str) -> PolicyChange | None:
    """Return the change that waits for a second person; None where none does."""
    row = await session.scalar(
        select(PolicyChangeRow).where(
            col(PolicyChangeRow.team_id) == team_id,
            col(PolicyChangeRow.project) == project,
            col(PolicyChangeRow.state) == ChangeState.WAITING,
        )
    )
    return None if row is None else _record(row)


async def end(
    session: AsyncSession, change: PolicyChange, state: ChangeState, by: str | None, now: datetime
) -> bool:
    """End a change that waits; False where it has ended. `by` is None where nobody has decided."""
    where = (
        (col(PolicyChangeRow.id) == change.id)
        & (col(PolicyChangeRow.team_id) == change.team_id)
        & (col(PolicyChangeRow.state) == ChangeState.WAITING)
    )
    values = {"state": state, "decided_by": by, "decided_at": now}
    return await update_one(session, update(PolicyChangeRow).where(where).values(**values))


async def due(session: AsyncSession, now: datetime, limit: int) -> Sequence[PolicyChange]:
    """Return changes of all teams whose time is over: for the engine's own sweep."""
    rows = await session.scalars(
        select(PolicyChangeRow)
        .where(col(PolicyChangeRow.state) == ChangeState.WAITING, col(PolicyChangeRow.expires_at) <= now)
        .order_by(col(PolicyChangeRow.expires_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_record(row) for row in rows]


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one's time is over, of all teams."""
    return select(func.min(col(PolicyChangeRow.expires_at))).where(
        col(PolicyChangeRow.state) == ChangeState.WAITING
    )


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget those that ended long ago; the audit trail knows of them."""
    ended = delete(PolicyChangeRow).where(col(PolicyChangeRow.decided_at) < before)
    await session.execute(ended.execution_options(synchronize_session=False))


def _record(row: PolicyChangeRow) -> PolicyChange:
    return PolicyChange(
        id=row.id, team_id=row.team_id, project=row.project, before=row.before, after=row.after, channel=row.channel,
        asked_by=row.asked_by, asked_at=as_utc(row.asked_at), expires_at=as_utc(row.expires_at), state=row.state,
        decided_by=row.decided_by or "",
    )  # fmt: skip
