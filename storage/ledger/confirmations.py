"""Confirmations: runs of a workflow's `confirm` job that were asked for; claimed, led on, ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.sql import insert_once, update_one
from storage.questions import Question
from storage.records import Confirmation, ConfirmationReason, ConfirmationState, Publisher
from storage.tables import ConfirmationRow

_OPEN = (ConfirmationState.ASKED, ConfirmationState.BEGUN, ConfirmationState.FOLLOWED)


async def ask(session: AsyncSession, publisher: Publisher, asked_by: str, now: datetime) -> bool:
    """Ask for a run; False where one for this publisher is not over yet."""
    return await insert_once(
        session, ConfirmationRow,
        id=uuid4(), team_id=publisher.team_id, publisher_id=publisher.id, slug=publisher.registration.slug.lower(),
        asked_by=asked_by, asked_at=now, state=ConfirmationState.ASKED, reason=ConfirmationReason.ASKED, progress={},
        next_at=now,
    )  # fmt: skip


@cache
def _taking() -> ReturningUpdate[Any]:
    return fairness.taken(fairness.leased(ConfirmationRow, "id")).returning(ConfirmationRow)


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Confirmation]:
    """Take what is due, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    taken = await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    return [_record(row) for row in taken.scalars()]


async def begin(
    session: AsyncSession, confirmation: Confirmation, owner: UUID, progress: dict[str, Any], now: datetime
) -> bool:
    """Write down, before the forge is asked, that it begins, and keep the lease; False where it was lost."""
    values = {"state": ConfirmationState.BEGUN, "begun_at": now, "progress": progress}
    return await update_one(
        session, update(ConfirmationRow).where(_held(confirmation, owner)).values(**values)
    )


async def move(session: AsyncSession, confirmation: Confirmation, owner: UUID, **values: Any) -> bool:
    """Write what a step has decided, and end the lease; False where it was lost."""
    where = _held(confirmation, owner)
    return await update_one(
        session, update(ConfirmationRow).where(where).values(lease_owner=None, lease_until=None, **values)
    )


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one that nobody works on is due."""
    return leases.next_due(ConfirmationRow)


async def nudge(session: AsyncSession, owner: str, repository: str, now: datetime) -> int:
    """Let every one that follows a run of a repository be looked at now; returns how many."""
    slug = f"{owner}/{repository}".lower()
    moved = await session.execute(
        update(ConfirmationRow)
        .where(
            col(ConfirmationRow.slug) == slug,
            col(ConfirmationRow.state).in_(_OPEN),
            col(ConfirmationRow.next_at) > now,
        )
        .values(next_at=now)
        .returning(col(ConfirmationRow.id))
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())


async def under_way(session: AsyncSession, team_id: UUID, publisher_id: UUID) -> bool:
    """Say whether one of a publisher is not over yet."""
    found = select(col(ConfirmationRow.id)).where(
        col(ConfirmationRow.team_id) == team_id,
        col(ConfirmationRow.publisher_id) == publisher_id,
        col(ConfirmationRow.state).in_(_OPEN),
    )
    return await session.scalar(found) is not None


async def newest(session: AsyncSession, team_id: UUID, publisher_id: UUID) -> Confirmation | None:
    """Return the newest one of a publisher."""
    row = await session.scalar(
        select(ConfirmationRow)
        .where(col(ConfirmationRow.team_id) == team_id, col(ConfirmationRow.publisher_id) == publisher_id)
        .order_by(col(ConfirmationRow.asked_at).desc())
        .limit(1)
    )
    return None if row is None else _record(row)


def _held(confirmation: Confirmation, owner: UUID) -> ColumnElement[bool]:
    one = (col(ConfirmationRow.id) == confirmation.id) & (
        col(ConfirmationRow.team_id) == confirmation.team_id
    )
    return one & (col(ConfirmationRow.lease_owner) == owner)


def _record(row: ConfirmationRow) -> Confirmation:
    return Confirmation(
        row.id, row.team_id, row.publisher_id, row.asked_by, row.state, row.reason, row.run_id, row.begun_at, row.progress
    )  # fmt: skip
