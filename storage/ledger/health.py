"""Health: which publishers are looked at once a day, what the looks found; claimed, learnt from, ended."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.leases import free
from storage.ledger.sql import as_utc, insert_once, update_one
from storage.questions import Question
from storage.records import Health, Publisher
from storage.tables import HealthRow


async def begin(session: AsyncSession, publisher: Publisher, next_at: datetime) -> None:
    """Let a publisher be looked at from now on; one that is already stays as it is."""
    values = {"publisher_id": publisher.id, "team_id": publisher.team_id, "next_at": next_at}
    await insert_once(session, HealthRow, **values, seen={}, troubles=0)


async def end(session: AsyncSession, team_id: UUID, publisher_id: UUID) -> None:
    """Look at a publisher no longer."""
    statement = delete(HealthRow).where(_one(team_id, publisher_id))
    await session.execute(statement.execution_options(synchronize_session=False))


async def get(session: AsyncSession, team_id: UUID, publisher_id: UUID) -> Health | None:
    """Return how a publisher fares; None where nobody looks."""
    query = select(HealthRow).where(_one(team_id, publisher_id))
    row = await session.scalar(query.execution_options(populate_existing=True))
    return None if row is None else record(row)


async def of_publishers(
    session: AsyncSession, team_id: UUID, publisher_ids: Collection[UUID]
) -> Mapping[UUID, Health]:
    """Return how these publishers of a team fare, of those that are looked at."""
    query = select(HealthRow).where(
        col(HealthRow.team_id) == team_id, col(HealthRow.publisher_id).in_(publisher_ids)
    )
    return {row.publisher_id: record(row) for row in await session.scalars(query)}


@cache
def _taking() -> ReturningUpdate[Any]:
    return (
        fairness.taken(fairness.leased(HealthRow, "publisher_id"))
        .returning(HealthRow)
        .execution_options(populate_existing=True)
    )


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Health]:
    """Take due ones, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    taken = await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    return [record(row) for row in taken.scalars()]


async def claim_one(
    session: AsyncSession, publisher: Publisher, owner: UUID, times: tuple[datetime, datetime]
) -> Health | None:
    """Take one out of turn; None where somebody looks at it already, or nobody ever does."""
    now, until = times
    where = _one(publisher.team_id, publisher.id) & free(HealthRow, now)
    taken = update(HealthRow).where(where).values(lease_owner=owner, lease_until=until)
    if not await update_one(session, taken):
        return None
    return await get(session, publisher.team_id, publisher.id)


async def seen(session: AsyncSession, health: Health, owner: UUID, next_at: datetime, **values: Any) -> bool:
    """Write what a look has brought, and end the lease; False where it was lost, or nobody looks any more."""
    where = _one(health.team_id, health.publisher_id) & (col(HealthRow.lease_owner) == owner)
    ended = {"lease_owner": None, "lease_until": None, "next_at": next_at}
    return await update_one(session, update(HealthRow).where(where).values(**ended, **values))


async def put(session: AsyncSession, health: Health, seen: dict[str, Any], troubles: int) -> None:
    """Write what a person's act has changed; a look that is under way loses its lease, since it began before."""
    values = {"seen": seen, "troubles": troubles, "lease_owner": None, "lease_until": None}
    where = _one(health.team_id, health.publisher_id)
    await update_one(session, update(HealthRow).where(where).values(**values))


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one that nobody works on is due."""
    return leases.next_due(HealthRow)


async def counts(session: AsyncSession) -> dict[str, int]:
    """Return how many fare how, over all teams, for the metrics."""
    fares = case(
        (col(HealthRow.looked_at).is_(None), "unseen"), (col(HealthRow.troubles) > 0, "attention"), else_="ok"
    )
    rows = await session.execute(select(fares, func.count()).group_by(fares))
    return {str(word): count for word, count in rows}


def _one(team_id: UUID, publisher_id: UUID) -> ColumnElement[bool]:
    return (col(HealthRow.publisher_id) == publisher_id) & (col(HealthRow.team_id) == team_id)


def record(row: HealthRow) -> Health:
    """Return a row as it travels."""
    return Health(row.publisher_id, row.team_id, dict(row.seen), row.looked_at, as_utc(row.next_at))
