"""Thanks: which releases are still to be told of where their work came from; claimed, led on, ended."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.sql import insert_once, update_one
from storage.questions import Question
from storage.records import Release, ReleaseThanks
from storage.tables import ThanksRow


async def add(session: AsyncSession, release: Release, now: datetime) -> None:
    """Let those be told whose work a release holds, once."""
    values = {"release_id": release.id, "team_id": release.team_id, "progress": {}, "next_at": now}
    await insert_once(session, ThanksRow, **values)


@cache
def _taking() -> ReturningUpdate[Any]:
    return fairness.taken(fairness.leased(ThanksRow, "release_id")).returning(
        col(ThanksRow.release_id), col(ThanksRow.team_id), col(ThanksRow.progress)
    )


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[ReleaseThanks]:
    """Take what is due, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    return [
        ReleaseThanks(*row)
        for row in await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    ]


async def move(
    session: AsyncSession,
    thanks: ReleaseThanks,
    owner: UUID,
    progress: dict[str, Any],
    next_at: datetime | None,
) -> bool:
    """Write how far it has come, and end the lease; `next_at` None: it is over. False where the lease was lost."""
    values = {"progress": progress, "next_at": next_at, "lease_owner": None, "lease_until": None}
    return await update_one(session, update(ThanksRow).where(_held(thanks, owner)).values(**values))


async def keep(session: AsyncSession, thanks: ReleaseThanks, owner: UUID, progress: dict[str, Any]) -> bool:
    """Write how far it has come, and keep the lease; False where it was lost."""
    return await update_one(session, update(ThanksRow).where(_held(thanks, owner)).values(progress=progress))


async def rest(session: AsyncSession, thanks: ReleaseThanks, owner: UUID, until: datetime) -> None:
    """End the lease until a moment; how far it has come stays as it is written."""
    values = {"next_at": until, "lease_owner": None, "lease_until": None}
    await update_one(session, update(ThanksRow).where(_held(thanks, owner)).values(**values))


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one that nobody works on is due."""
    return leases.next_due(ThanksRow)


def _held(thanks: ReleaseThanks, owner: UUID) -> ColumnElement[bool]:
    one = (col(ThanksRow.release_id) == thanks.release_id) & (col(ThanksRow.team_id) == thanks.team_id)
    return one & (col(ThanksRow.lease_owner) == owner)
