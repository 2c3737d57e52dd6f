"""Paces: the next free moment of each limit, taken one after the other by all processes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, table
from storage.tables import PaceRow


async def take(session: AsyncSession, name: str, gap: timedelta, now: datetime) -> datetime:
    """Return the next free moment of a limit, and keep it, and `gap` after it, for the caller."""
    free = col(PaceRow.free_at)
    # The row is locked by the first statement, so that two who take at once have two moments.
    await _put(session, name, now)
    held = await session.scalar(select(free).where(col(PaceRow.name) == name).with_for_update())
    moment = max(as_utc(held), now)
    await _put(session, name, moment + gap)
    return moment


async def hold(session: AsyncSession, name: str, until: datetime) -> None:
    """Let a limit have no free moment before then."""
    await _put(session, name, until)


async def held(session: AsyncSession, prefix: str, now: datetime) -> Mapping[str, datetime]:
    """Return the limits of this prefix that are not free yet, and until when."""
    row = PaceRow
    found = await session.execute(
        select(col(row.name), col(row.free_at)).where(
            col(row.free_at) > now, col(row.name).startswith(prefix)
        )
    )
    return {name: as_utc(free_at) for name, free_at in found}


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget the limits that were free long ago."""
    await session.execute(
        delete(PaceRow).where(col(PaceRow.free_at) < before).execution_options(synchronize_session=False)
    )


async def _put(session: AsyncSession, name: str, at: datetime) -> None:
    """Let a limit be free no earlier than then."""
    into = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement: Any = into(table(PaceRow)).values(name=name[:200], free_at=at)
    free = table(PaceRow).c.free_at
    later = case((free > statement.excluded.free_at, free), else_=statement.excluded.free_at)
    await session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"free_at": later}))
