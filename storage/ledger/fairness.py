"""Fairness: whose due rows are taken first, so that one team's many hold nobody else's one up; and how many at once.

Rows are dealt out in rounds: the first of each team, then the second of each, and what a team has under way counts as
dealt. Within a round the longest due goes first. Only what is due or under way is looked at, which an index holds, however long the
history is; and where much is due only a part of it, however much that is: the longest due of all, and the first few of some
teams, others each time, so that whoever is not among the longest due comes up all the same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Executable,
    Integer,
    Result,
    Select,
    Update,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    true,
    tuple_,
    union,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

SPARE = 4
"""How many times as many rows are looked at as are wanted: others may hold the first ones at this moment."""
WINDOW = 500
"""So many of the longest due are looked at; where no more are due, that is all."""
_WHOLE = text("SET LOCAL enable_incremental_sort = off")
"""For the first few rows of a team PostgreSQL takes an index that only begins alike, reads all that the team has, and sorts it: ten times
slower where much is due. Pages of a history are quick by that very way, so it is said of claims alone."""
TEAMS, EACH = 128, 4
"""Of so many teams, where more is due, so many rows each: few enough for some milliseconds, and as many as a claim takes."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A table whose rows are claimed: its key, what is due, what is under way, and by what the longest due is known."""

    row: Any
    key: Any
    due: ColumnElement[bool]
    under_way: ColumnElement[bool]
    since: Any
    part: ColumnElement[bool] = true()  # noqa: RUF009 - it is the same word wherever it is said
    """Which of the rows this is about, as far as an index by team knows."""
    held: ColumnElement[bool] | None = None
    """What is due whether somebody has it or not, where what is under way stays due; None where it does not."""


def moment(row: Any) -> Any:
    """Return what stands for the time now in a statement about rows of this class."""
    return bindparam("fair_now", type_=row.next_at.type)


def bound(now: datetime, limit: int = 0, lease: tuple[UUID, datetime] | None = None) -> dict[str, Any]:
    """Return what a statement is sent with that was made here; `lease` is (owner, end).

    Making one takes some milliseconds, so it is made once, and every moment anew is only what stands in it.
    """
    values = {"fair_now": now, "fair_from": uuid4(), "fair_limit": limit, "fair_spare": limit * SPARE}
    return values if lease is None else {**values, "fair_owner": lease[0], "fair_until": lease[1]}


def leased(
    row: Any, key: str, where: ColumnElement[bool] | None = None, part: ColumnElement[bool] | None = None
) -> Queue:
    """Return a table whose rows have leases; `where` says which of them this is about, `part` as far as an index by team knows."""
    now, where = moment(row), true() if where is None else where
    due = col(row.next_at) <= now
    free = col(row.lease_until).is_(None) | (col(row.lease_until) < now)
    under_way = due & (col(row.lease_until) >= now)
    every = true() if part is None else part
    name = col(getattr(row, key))
    return Queue(row, name, due & free & where, under_way & where, col(row.next_at), every, due & where)


def first(queue: Queue) -> Select[Any]:
    """Return the query of the keys that are to be taken now, locked; rows that others hold are passed over."""
    limit, spare = (bindparam(name, type_=Integer()) for name in ("fair_limit", "fair_spare"))
    row: type[SQLModel] = queue.row
    team = col(queue.row.team_id)
    seen = _seen(queue)
    due = _apart(select(seen.c.key, seen.c.team_id, seen.c.since).where(seen.c.free == 1), "due")
    taken: Select[Any] = select(team.label("team_id")).where(queue.under_way)
    held = select(seen.c.team_id).where(seen.c.free == 0)
    rows = _apart(taken if queue.held is None else held, "under_way")
    busy = select(rows.c.team_id, func.count().label("rows")).group_by(rows.c.team_id).subquery("busy")
    place = func.row_number().over(partition_by=due.c.team_id, order_by=due.c.since) + func.coalesce(
        busy.c.rows, 0
    )
    ranked = (
        select(due.c.key, place.label("place"))
        .outerjoin(busy, busy.c.team_id == due.c.team_id)
        .order_by(place, due.c.since)
        .limit(spare)
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


def _seen(queue: Queue) -> CTE:
    """Return the rows that are looked at: the longest due, and where those are not all the first ones of some teams."""
    team, longest = col(queue.row.team_id), col(queue.row.next_at)
    looked_at = queue.due if queue.held is None else queue.held
    free = case((queue.due, 1), else_=0)
    window = _apart(
        select(queue.key.label("key"), team.label("team_id"), queue.since.label("since"), free.label("free"))
        .where(looked_at)
        .order_by(longest)
        .limit(WINDOW),
        "longest",
    )
    teams = _some_teams(queue, select(func.count()).select_from(window).scalar_subquery() >= WINDOW)
    # Said so, and sorted so, that no other index than the one by team will do: PostgreSQL takes each team to have as much
    # as any other, and would look for a small one's in the index of all that is due.
    since_ever = tuple_(team, longest) >= tuple_(teams.c.team_id, datetime.min.replace(tzinfo=UTC))
    theirs = (
        longest.is_not(None)
        & since_ever
        & (tuple_(team, longest) <= tuple_(teams.c.team_id, moment(queue.row)))
    )

    ordered = select(queue.key).where(theirs, looked_at).order_by(team, longest).limit(1).correlate(teams)
    # Their keys alone, since looking for the first ones is what costs; what stands beside a key is found by it.
    keys = [
        select(ordered.offset(place).scalar_subquery().label("key"), teams.c.team_id) for place in range(EACH)
    ]
    firsts = _apart(union_all(*keys), "firsts")

    def beside(what: Any) -> Any:
        return select(what).where(queue.key == firsts.c.key).correlate(firsts).scalar_subquery()

    is_free = literal(1) if queue.held is None else beside(free)
    rows = select(firsts.c.key, firsts.c.team_id, beside(queue.since), is_free)
    return _apart(union(select(window), rows.where(firsts.c.key.is_not(None))), "seen")


def _some_teams(queue: Queue, where: ColumnElement[bool]) -> CTE:
    """Return some teams that have rows here, from a random one on, round to the first: one probe of an index for each.

    PostgreSQL and SQLite have no such scan of their own (https://wiki.postgresql.org/wiki/Loose_indexscan).
    """
    team = col(queue.row.team_id)
    there = (
        select(team)
        .where(col(queue.row.next_at).is_not(None), queue.part)
        .order_by(team, col(queue.row.next_at))
        .limit(1)
    )
    around = there.where(team >= UUID(int=0)).scalar_subquery()
    start = there.where(team >= bindparam("fair_from", type_=queue.row.team_id.type)).scalar_subquery()
    first = select(func.coalesce(start, around).label("team_id"), literal(1).label("number")).where(where)
    found = first.cte("around", recursive=True)
    after = there.where(team > found.c.team_id).correlate(found).scalar_subquery()
    step = select(func.coalesce(after, around), found.c.number + 1)
    found = found.union_all(step.where(found.c.team_id.is_not(None), found.c.number < TEAMS))
    return select(found.c.team_id).distinct().cte("some_teams").prefix_with("MATERIALIZED")


def _apart(query: Select[Any] | CompoundSelect[Any], name: str) -> CTE:
    """Return a query that is answered by itself: for the sake of the order SQLite would read the whole history by team."""
    return query.cte(name).prefix_with("MATERIALIZED")


def taken(queue: Queue, **more: Any) -> Update:
    """Return the statement that takes the rows whose turn it is; `more` is what is written besides.

    The caller says what it returns. Rows that the session holds already are not brought up to date.
    """
    return (
        update(queue.row)
        .where(queue.key.in_(first(queue).scalar_subquery()))
        .values(lease_owner=bindparam("fair_owner"), lease_until=bindparam("fair_until"), **more)
        .execution_options(synchronize_session=False)
    )


async def take(
    session: AsyncSession, statement: Executable, values: dict[str, Any]
) -> Result[*tuple[Any, ...]]:
    """Carry out a statement that was made here, with what `bound` gave for it."""
    if session.get_bind().dialect.name != "sqlite":
        await session.execute(_WHOLE)
    return await session.execute(statement, values)


async def room(session: AsyncSession, queue: Queue, name: str, most: int, limit: int, now: datetime) -> int:
    """Return how many rows may be taken so that at most so many of this name are under way in all processes together.

    Who asks after this waits until the transaction ends, so that two never count the same room. SQLite's one process
    has its own limit.
    """
    if session.get_bind().dialect.name == "sqlite":
        return limit
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
    busy = await session.scalar(
        select(func.count()).select_from(queue.row).where(queue.under_way), bound(now)
    )
    return min(max(most - (busy or 0), 0), limit)
