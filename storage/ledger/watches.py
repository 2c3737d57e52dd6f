"""Watches: which projects are looked at for versions that appear unasked; claimed, learnt from, dropped."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.sql import table, update_one
from storage.questions import Question
from storage.records import PublisherState, Registration, Watch
from storage.tables import PolicyRow, ProjectRow, PublisherRow, WatchRow

_AT_ONCE = 500
"""Rows in one statement."""


async def add(session: AsyncSession, team_id: UUID, project: str, now: datetime) -> None:
    """Watch the projects that a policy is for: one by name, or (`project` "") all that have none of their own.

    A project whose publisher was removed is let be.
    """
    query = select(col(ProjectRow.id)).where(_meant(team_id, project), _newest() != PublisherState.REMOVED)
    ids = (await session.scalars(query.order_by(col(ProjectRow.id)))).all()
    into = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for start in range(0, len(ids), _AT_ONCE):
        rows = [
            {"project_id": one, "team_id": team_id, "etag": "", "versions": [], "primed": False, "next_at": now}
            for one in ids[start : start + _AT_ONCE]
        ]  # fmt: skip
        await session.execute(into(table(WatchRow)).values(rows).on_conflict_do_nothing())


async def drop(session: AsyncSession, team_id: UUID, project: str) -> None:
    """Watch the projects that a policy is for no longer; what was seen of them is forgotten."""
    meant = select(col(ProjectRow.id)).where(_meant(team_id, project))
    await session.execute(
        delete(WatchRow)
        .where(col(WatchRow.team_id) == team_id, col(WatchRow.project_id).in_(meant))
        .execution_options(synchronize_session=False)
    )


async def forget(session: AsyncSession, team_id: UUID, project_id: UUID) -> None:
    """Watch one project no longer."""
    one = (col(WatchRow.project_id) == project_id) & (col(WatchRow.team_id) == team_id)
    await session.execute(delete(WatchRow).where(one).execution_options(synchronize_session=False))


@cache
def _taking() -> ReturningUpdate[Any]:
    return fairness.taken(fairness.leased(WatchRow, "project_id")).returning(col(WatchRow.project_id))


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Watch]:
    """Take due watches, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    taken = await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    ids = taken.scalars().all()
    return await _all(session, col(WatchRow.project_id).in_(ids)) if ids else []


async def seen(session: AsyncSession, watch: Watch, owner: UUID, next_at: datetime, **values: Any) -> bool:
    """Write what a look has brought, and end the lease; False where it was lost, or nobody watches any more."""
    where = _one(watch) & (col(WatchRow.lease_owner) == owner)
    ended = {"lease_owner": None, "lease_until": None, "next_at": next_at}
    return await update_one(session, update(WatchRow).where(where).values(**ended, **values))


async def of_team(session: AsyncSession, team_id: UUID) -> Sequence[Watch]:
    """Return what a team watches, by name."""
    return await _all(session, col(WatchRow.team_id) == team_id)


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next watch that nobody works on is due."""
    return leases.next_due(WatchRow)


def _meant(team_id: UUID, project: str) -> ColumnElement[bool]:
    """Return the clause: the project is one that a policy is for."""
    mine = col(ProjectRow.team_id) == team_id
    if project:
        return mine & (col(ProjectRow.name) == project)
    own = select(col(PolicyRow.project)).where(
        col(PolicyRow.team_id) == team_id, col(PolicyRow.project) == col(ProjectRow.name)
    )
    return mine & ~own.exists()


def _newest() -> ColumnElement[Any]:
    """Return the subquery of the state of a project's newest publisher."""
    return (
        select(col(PublisherRow.state))
        .where(col(PublisherRow.project_id) == col(ProjectRow.id))
        .order_by(col(PublisherRow.requested_at).desc())
        .limit(1)
        .correlate(ProjectRow)
        .scalar_subquery()
    )


def _one(watch: Watch) -> ColumnElement[bool]:
    return (col(WatchRow.project_id) == watch.project_id) & (col(WatchRow.team_id) == watch.team_id)


async def _all(session: AsyncSession, which: ColumnElement[bool]) -> Sequence[Watch]:
    query = (
        select(WatchRow, ProjectRow)
        .join(ProjectRow, col(ProjectRow.id) == col(WatchRow.project_id))
        .where(which)
        .order_by(col(ProjectRow.name), col(ProjectRow.index_name))
        .execution_options(populate_existing=True)
    )
    return [_record(row, project) for row, project in await session.execute(query)]


def _record(row: WatchRow, project: ProjectRow) -> Watch:
    target = Registration(
        project.index_name, project.name, project.owner, project.repository, project.workflow, project.environment
    )  # fmt: skip
    return Watch(
        row.project_id, row.team_id, target, project.channel, row.etag, tuple(row.versions), row.primed
    )
