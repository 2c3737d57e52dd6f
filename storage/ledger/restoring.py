"""After a backup was put back: what may have been said or done since, and so must not be again. The operator's, over all teams."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, table
from storage.records import InboxState, OutboxState, ReleaseState, Restoration
from storage.tables import AuditRow, InboxRow, OutboxRow, ReleaseRow, RestorationRow

UNKNOWN = "restored from a backup"
"""Why an intent is set aside: it may have been carried out."""


async def prepare(session: AsyncSession, now: datetime) -> datetime:
    """Write down that this database is, or may become, one that was put back; returns how far it knows.

    Whatever was to be said may have been said: it is looked for first. Whatever was wanted may have been carried out: it
    is set aside, its secrets destroyed. Twice changes nothing more.
    """
    taken_at = min(await _newest(session) or now, now)
    await session.execute(
        update(OutboxRow)
        .where(col(OutboxRow.state) == OutboxState.WAITING, col(OutboxRow.ts) == "")
        .values(state=OutboxState.SENDING, claimed_at=col(OutboxRow.created_at))
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(InboxRow)
        .where(col(InboxRow.state) == InboxState.WAITING)
        .values(state=InboxState.DEAD, error=UNKNOWN, sealed=None, next_at=None, done_at=now)
        .execution_options(synchronize_session=False)
    )
    waiting = select(func.count()).where(col(RestorationRow.restored_at).is_(None))
    if not await session.scalar(waiting):
        await session.execute(insert(table(RestorationRow)).values(taken_at=taken_at))
    return taken_at


async def begun(session: AsyncSession, now: datetime) -> Restoration | None:
    """Return the newest restoration, which begins now where no bot has run on it yet; None where there never was one."""
    row = await session.scalar(select(RestorationRow).order_by(col(RestorationRow.seq).desc()).limit(1))
    if row is None:
        return None
    restored_at = row.restored_at or max(now, as_utc(row.taken_at))
    if row.restored_at is None:
        begins = update(RestorationRow).where(
            col(RestorationRow.seq) == row.seq, col(RestorationRow.restored_at).is_(None)
        )
        await session.execute(
            begins.values(restored_at=restored_at).execution_options(synchronize_session=False)
        )
    return Restoration(as_utc(row.taken_at), restored_at)


async def unsettled(
    session: AsyncSession, states: Sequence[ReleaseState], before: datetime
) -> Sequence[tuple[UUID, UUID]]:
    """Return (team, release) of every release in one of these states since before then."""
    found = await session.execute(
        select(col(ReleaseRow.team_id), col(ReleaseRow.id))
        .where(col(ReleaseRow.state).in_(states), col(ReleaseRow.state_at) <= before)
        .order_by(col(ReleaseRow.id))
    )
    return [(team_id, release_id) for team_id, release_id in found]


async def _newest(session: AsyncSession) -> datetime | None:
    times = [
        await session.scalar(select(func.max(column)))
        for column in (col(AuditRow.at), col(InboxRow.received_at), col(OutboxRow.created_at))
    ]
    return max((as_utc(one) for one in times if one is not None), default=None)
