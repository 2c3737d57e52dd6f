"""Feeds: what was last seen of each index's, and who is made due by them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.leases import free
from storage.ledger.sql import insert_once, update_one
from storage.records import Feed, PublisherState
from storage.tables import FeedRow, ProjectRow, PublisherRow, WatchRow


class Missed(NamedTuple):
    """What may have been missed: publishers that were last looked at before `since`; so many are made due at once."""

    since: datetime
    at_once: int


async def read(session: AsyncSession, index: str) -> Feed | None:
    """Return what is known of an index's feeds; None where nobody has looked yet."""
    row = await session.scalar(select(FeedRow).where(col(FeedRow.index_name) == index))
    return None if row is None else _record(row)


async def claim(
    session: AsyncSession, index: str, owner: UUID, times: tuple[datetime, datetime]
) -> Sequence[Feed]:
    """Take the feeds of an index if they are due; `times` is (now, end of the lease)."""
    now, until = times
    await insert_once(
        session, FeedRow, index_name=index, pages={}, waiting=0, faults=0, ask_at=now, next_at=now
    )
    taken = (
        update(FeedRow)
        .where(col(FeedRow.index_name) == index, col(FeedRow.next_at) <= now, free(FeedRow, now))
        .values(lease_owner=owner, lease_until=until)
        .returning(FeedRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return [_record(row) for row in (await session.scalars(taken)).all()]


async def seen(session: AsyncSession, feed: Feed, owner: UUID, next_at: datetime, **values: Any) -> bool:
    """Write what a look has brought, and end the lease; False where it was lost."""
    where = (col(FeedRow.index_name) == feed.index) & (col(FeedRow.lease_owner) == owner)
    ended = {"lease_owner": None, "lease_until": None, "next_at": next_at}
    return await update_one(session, update(FeedRow).where(where).values(**ended, **values))


async def next_due(session: AsyncSession, index: str, now: datetime) -> datetime | None:
    """Return when the feeds of an index are due; None where nobody waits for anything there."""
    if not await _anybody(session, index):
        return None
    query = select(col(FeedRow.next_at), col(FeedRow.lease_until)).where(col(FeedRow.index_name) == index)
    row = (await session.execute(query)).first()
    if row is None:
        return now
    return None if row.lease_until is not None and row.lease_until >= now else row.next_at


async def nudge(session: AsyncSession, index: str, names: Collection[str], now: datetime) -> set[str]:
    """Make all due that wait for these projects; returns the names of those that are being looked at just now.

    Their look may have begun before the index knew, and its end would write over what is written here.
    """
    return await _nudge_publishers(session, index, names, now) | await _nudge_watches(
        session, index, names, now
    )


async def make_up(session: AsyncSession, index: str, missed: Missed, now: datetime) -> bool:
    """Make some of those due that may have been missed, longest not looked at first; returns whether there are any.

    The ones taken earlier that still wait for their look count: however slow the index is, no queue builds up.
    """
    oldest = (
        select(col(PublisherRow.id))
        .where(_pending(index), col(PublisherRow.looked_at) < missed.since)
        .order_by(col(PublisherRow.looked_at))
        .limit(missed.at_once)
    )
    ids = (await session.scalars(oldest)).all()
    await session.execute(
        update(PublisherRow)
        .where(col(PublisherRow.id).in_(ids), _pending(index), col(PublisherRow.next_at) > now, free(PublisherRow, now))
        .values(next_at=now)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return bool(ids)


async def waiting(session: AsyncSession, index: str) -> int:
    """Return how many publishers are pending on an index, over all teams."""
    return await session.scalar(select(func.count()).where(_pending(index))) or 0


async def _nudge_publishers(
    session: AsyncSession, index: str, names: Collection[str], now: datetime
) -> set[str]:
    meant = _pending(index) & col(PublisherRow.project).in_(names)
    found = (
        await session.execute(select(col(PublisherRow.id), col(PublisherRow.project)).where(meant))
    ).all()
    if not found:
        return set()
    due = (
        update(PublisherRow)
        .where(col(PublisherRow.id).in_([row.id for row in found]), _pending(index), free(PublisherRow, now))
        # Looked at often again: the feed may know of a release a while before the project's page does.
        .values(next_at=now, polls=0)
        .returning(col(PublisherRow.id))
        .execution_options(synchronize_session=False)
    )
    done = set((await session.scalars(due)).all())
    return {row.project for row in found if row.id not in done}


async def _nudge_watches(
    session: AsyncSession, index: str, names: Collection[str], now: datetime
) -> set[str]:
    query = (
        select(col(WatchRow.project_id), col(ProjectRow.name))
        .join(ProjectRow, col(ProjectRow.id) == col(WatchRow.project_id))
        .where(col(ProjectRow.index_name) == index, col(ProjectRow.name).in_(names))
    )
    found = (await session.execute(query)).all()
    if not found:
        return set()
    due = (
        update(WatchRow)
        .where(col(WatchRow.project_id).in_([row.project_id for row in found]), free(WatchRow, now))
        .values(next_at=now)
        .returning(col(WatchRow.project_id))
        .execution_options(synchronize_session=False)
    )
    done = set((await session.scalars(due)).all())
    return {row.name for row in found if row.project_id not in done}


async def _anybody(session: AsyncSession, index: str) -> bool:
    publisher = select(col(PublisherRow.id)).where(_pending(index)).limit(1)
    if await session.scalar(publisher) is not None:
        return True
    watch = (
        select(col(WatchRow.project_id))
        .join(ProjectRow, col(ProjectRow.id) == col(WatchRow.project_id))
        .where(col(ProjectRow.index_name) == index)
        .limit(1)
    )
    return await session.scalar(watch) is not None


def _pending(index: str) -> ColumnElement[bool]:
    # The state as a literal, so that both databases see that the indexes of pending rows alone will do.
    state = col(PublisherRow.state) == literal_column(f"'{PublisherState.PENDING}'")
    return (col(PublisherRow.index_name) == index) & state


def _record(row: FeedRow) -> Feed:
    return Feed(
        row.index_name, dict(row.pages), row.waiting, row.faults, row.looked_at, row.missed_at, row.ask_at
    )
