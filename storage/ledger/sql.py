"""Small pieces of SQL that both databases must be told in their own words."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Table, Update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel


def table(row: type[SQLModel]) -> Table:
    """Return the table behind a row class."""
    return cast("Table", row.__table__)  # type: ignore[attr-defined]


async def insert_once(session: AsyncSession, row: type[SQLModel], **values: Any) -> bool:
    """Insert a row unless a unique constraint says that it's there already; return whether it was inserted."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    # RETURNING rather than a row count, which drivers give for updates but not all for inserts.
    statement = insert(table(row)).values(**values).on_conflict_do_nothing()
    returned = await session.execute(statement.returning(*table(row).primary_key.columns))
    return returned.first() is not None


async def update_one(session: AsyncSession, statement: Update) -> bool:
    """Run an UPDATE that means one row; return whether it was still there to update (the claim was won)."""
    result = await session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount == 1


def as_utc(value: datetime | None) -> datetime:
    """Return a time that the schema says is always there."""
    assert value is not None
    return value
