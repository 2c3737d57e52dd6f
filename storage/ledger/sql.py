"""Small pieces of SQL that both databases must be told in their own words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Table, Update, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel


def table(row: type[SQLModel]) -> Table:
    """Return the table behind a row class."""
    return cast("Table", row.__table__)  # type: ignore[attr-defined]


async def insert_once(session: AsyncSession, row: type[SQLModel], **values: Any) -> bool:
    """Insert a row unless a unique constraint says that it's there already; return whether it was inserted."""
    if session.get_bind().dialect.name == "sqlite":
        # Its driver tells the row count, which spares a second trip to its thread; an ack waits for this insert.
        statement = sqlite.insert(table(row)).values(**values).on_conflict_do_nothing()
        return cast("CursorResult[Any]", await session.execute(statement)).rowcount == 1
    returning = postgresql.insert(table(row)).values(**values).on_conflict_do_nothing()
    returned = await session.execute(returning.returning(*table(row).primary_key.columns))
    return returned.first() is not None


async def upsert(
    session: AsyncSession,
    row: type[SQLModel],
    key: Sequence[str],
    written: Mapping[str, Any],
    where: ColumnElement[bool] | None,
    **fixed: Any,
) -> bool:
    """Insert a row, or write over the one with the same key if `where` holds for it; return whether either was done."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(table(row)).values(**fixed, **written)
    statement = statement.on_conflict_do_update(index_elements=list(key), set_=dict(written), where=where)
    # What was written comes back; a row count is not told by both drivers.
    return (await session.execute(statement.returning(*table(row).primary_key.columns))).first() is not None


async def update_one(session: AsyncSession, statement: Update) -> bool:
    """Run an UPDATE that means one row; return whether it was still there to update (the claim was won)."""
    result = await session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount == 1


async def make_room(session: AsyncSession, row: type[SQLModel], now: datetime, most: int) -> None:
    """Let go what has ended, and of more than `most` that anybody may begin unknown the oldest.

    So whoever begins them without end fills no table, and keeps nobody out for longer than that one goes on.
    """
    columns, (key,) = table(row).c, table(row).primary_key.columns
    gone = delete(row).where(columns.expires_at <= now)
    await session.execute(gone.execution_options(synchronize_session=False))
    over = (await session.scalar(select(func.count()).select_from(table(row))) or 0) - most + 1
    if over > 0:
        # Two who make room at once need not wait for each other.
        oldest = select(key).order_by(columns.expires_at, key).limit(over).with_for_update(skip_locked=True)
        pushed = delete(row).where(key.in_(oldest.scalar_subquery()))
        await session.execute(pushed.execution_options(synchronize_session=False))


def as_utc(value: datetime | None) -> datetime:
    """Return a time that the schema says is always there."""
    assert value is not None
    return value
