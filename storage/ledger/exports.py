"""Files of the audit trail that were asked for: taken by one process at a time, uploaded, given, ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.sql import as_utc, insert_once, table, update_one
from storage.questions import Question
from storage.records import AuditExport
from storage.tables import AuditExportRow, TeamRow

_Row = AuditExportRow


async def under_way(session: AsyncSession, who: tuple[UUID, str], what: tuple[str, str]) -> bool:
    """Return whether (team, user) is about to get the same (project, format) already."""
    same = (col(_Row.team_id) == who[0]) & (col(_Row.user) == who[1])
    same &= (col(_Row.project) == what[0]) & (col(_Row.written_as) == what[1])
    return (
        await session.scalar(select(col(_Row.id)).where(same, col(_Row.next_at).is_not(None)).limit(1))
        is not None
    )


async def ask(session: AsyncSession, wanted: AuditExport, now: datetime) -> bool:
    """Write down that somebody wants a file; False where that was written before."""
    return await insert_once(
        session, _Row,
        id=wanted.id, team_id=wanted.team_id, user=wanted.user, project=wanted.project, written_as=wanted.written_as,
        until_seq=wanted.until_seq, asked_at=wanted.asked_at, file_id="", found={}, attempts=0, error="", next_at=now,
    )  # fmt: skip


@cache
def _taking() -> ReturningUpdate[Any]:
    return fairness.taken(fairness.leased(_Row, "id"), attempts=col(_Row.attempts) + 1).returning(
        col(_Row.id)
    )


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[AuditExport]:
    """Take what is due, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    taken = await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    ids = taken.scalars().all()
    query = (
        select(_Row, col(TeamRow.slack_team_id))
        .join(table(TeamRow), col(TeamRow.id) == col(_Row.team_id))
        .where(col(_Row.id).in_(ids))
        .execution_options(populate_existing=True)
    )
    return [_record(row, slack_team_id) for row, slack_team_id in await session.execute(query)]


async def uploaded(
    session: AsyncSession, one: AuditExport, owner: UUID, file_id: str, found: dict[str, Any]
) -> bool:
    """Write down, before it is given, which file Slack has; "": none any more. False where the lease was lost."""
    return await update_one(
        session, update(_Row).where(_held(one, owner)).values(file_id=file_id, found=found)
    )


async def end(session: AsyncSession, one: AuditExport, owner: UUID, error: str, now: datetime) -> bool:
    """End it, given or (with an error) not; False where the lease was lost."""
    values = {
        "next_at": None,
        "ended_at": now,
        "error": error[:200],
        "lease_owner": None,
        "lease_until": None,
    }
    return await update_one(session, update(_Row).where(_held(one, owner)).values(**values))


async def rest(session: AsyncSession, one: AuditExport, owner: UUID, until: datetime, error: str) -> bool:
    """Try again later; False where the lease was lost."""
    values = {"next_at": until, "error": error[:200], "lease_owner": None, "lease_until": None}
    return await update_one(session, update(_Row).where(_held(one, owner)).values(**values))


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one that nobody works on is due."""
    return leases.next_due(_Row)


def _held(one: AuditExport, owner: UUID) -> ColumnElement[bool]:
    return (col(_Row.id) == one.id) & (col(_Row.team_id) == one.team_id) & (col(_Row.lease_owner) == owner)


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget those that ended long ago; the audit trail knows of them."""
    ended = delete(AuditExportRow).where(col(AuditExportRow.ended_at) < before)
    await session.execute(ended.execution_options(synchronize_session=False))


def _record(row: AuditExportRow, slack_team_id: str) -> AuditExport:
    return AuditExport(
        id=row.id, team_id=row.team_id, user=row.user, project=row.project, written_as=row.written_as,
        until_seq=row.until_seq, asked_at=as_utc(row.asked_at), slack_team_id=slack_team_id, file_id=row.file_id,
        found=row.found, attempts=row.attempts,
    )  # fmt: skip
