"""Fairness: whose due rows are taken first, so that one team's many hold nobody else's one up; and how many at once.

Rows are dealt out in rounds: the first of each team, then the second of each, and what a team has under way counts as
dealt. Within a round the longest due goes first. Only what is due or under way is looked at, which an index holds, however long the
history is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

SPARE = 4
"""How many times as many rows are looked at as are wanted: others may hold the first ones at this moment."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A table whose rows are claimed: its key, what is due, what is under way, and by what the longest due is known."""

    row: Any
    key: Any
    due: ColumnElement[bool]
    under_way: ColumnElement[bool]
    since: Any


def leased(row: Any, key: str, now: datetime, where: ColumnElement[bool]) -> Queue:
    """Return a table whose rows have leases; `where` says which of them this is about."""
    due = col(row.next_at) <= now
    free = col(row.lease_until).is_(None) | (col(row.lease_until) < now)
    under_way = due & (col(row.lease_until) >= now)
    return Queue(row, col(getattr(row, key)), due & free & where, under_way & where, col(row.next_at))


def first(queue: Queue, limit: int) -> Select[Any]:
    """Return the query of the keys that are to be taken now, locked; rows that others hold are passed over."""
    row: type[SQLModel] = queue.row
    team = col(queue.row.team_id)
    due = _apart(
        select(queue.key.label("key"), team.label("team_id"), queue.since.label("since")).where(queue.due),
        "due",
    )
    rows = _apart(select(team.label("team_id")).where(queue.under_way), "under_way")
    busy = select(rows.c.team_id, func.count().label("rows")).group_by(rows.c.team_id).subquery("busy")
    place = func.row_number().over(partition_by=due.c.team_id, order_by=due.c.since) + func.coalesce(
        busy.c.rows, 0
    )
    ranked = (
        select(due.c.key, place.label("place"))
        .outerjoin(busy, busy.c.team_id == due.c.team_id)
        .order_by(place, due.c.since)
        .limit(limit * SPARE)
        .subquery("ranked")
    )
    return (
        select(queue.key)
        .select_from(row)
        .join(ranked, ranked.c.key == queue.key)
        # Asked again of the row as it is when it is locked: somebody may have had it in between.
        .where(queue.due)
        .order_by(ranked.c.place, queue.since)
        .limit(limit)
        .with_for_update(skip_locked=True, of=row)
    )


def _apart(query: Select[Any], name: str) -> CTE:
    """Return a query that is answered by itself: for the sake of the order SQLite would read the whole history by team."""
    return query.cte(name).prefix_with("MATERIALIZED")


async def room(session: AsyncSession, queue: Queue, name: str, most: int, limit: int) -> int:
    """Return how many rows may be taken so that at most so many of this name are under way in all processes together.

    Who asks after this waits until the transaction ends, so that two never count the same room. SQLite's one process
    has its own limit.
    """
    if session.get_bind().dialect.name == "sqlite":
        return limit
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
    busy = await session.scalar(select(func.count()).select_from(queue.row).where(queue.under_way))
    return min(max(most - (busy or 0), 0), limit)
