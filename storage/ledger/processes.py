"""Processes: which of them live, what the dead and the leaving give back."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from storage.ledger import inbox, leases, outbox, troubles
from storage.ledger.sql import as_utc, table, update_one
from storage.records import Process
from storage.tables import InboxRow, OutboxRow, ProcessRow

_SWEEP_LOCK = 0x5348_4950_5357_4550
"""One sweeps at a time."""
_LOCK_MILLISECONDS = 1_000


async def time(session: AsyncSession) -> datetime | None:
    """Return the server's time, by which all its processes are judged alike; None where the file is all there is."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    return as_utc(await session.scalar(select(func.clock_timestamp())))


async def begin(session: AsyncSession, process: Process) -> None:
    """Say that a process lives from now on."""
    session.add(
        ProcessRow(
            id=process.id, kind=process.kind, host=process.host[:255], version=process.version[:64],
            started_at=process.started_at, seen_at=process.seen_at,
        )
    )  # fmt: skip
    await session.flush()


async def beat(session: AsyncSession, process_id: UUID, now: datetime) -> bool:
    """Say that a process still lives; False where it was taken for dead, and all that it had taken is free."""
    return await update_one(
        session, update(ProcessRow).where(col(ProcessRow.id) == process_id).values(seen_at=now)
    )


async def end(session: AsyncSession, process_id: UUID, now: datetime, settle: timedelta) -> None:
    """Give back all that a process has taken, and let it live no longer."""
    await give_back(session, process_id, now, settle)
    await session.execute(
        delete(ProcessRow)
        .where(col(ProcessRow.id) == process_id)
        .execution_options(synchronize_session=False)
    )


async def bury(
    session: AsyncSession, now: datetime, unseen_since: datetime, settle: timedelta
) -> Sequence[UUID]:
    """Take those for dead that were not seen since then, and free all that they had taken; returns who they were.

    A dead one that comes back finds its row gone, and whatever it still writes is not its own any more. Nobody waits here for long: where
    another process does the same, nothing is done; and where a transaction of the dead one is still open on the server, which knows
    nothing of its death, an OperationalError says so, and the next try comes soon.
    """
    if session.get_bind().dialect.name != "sqlite":
        if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _SWEEP_LOCK}):
            return []
        await session.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}"))
    dead = (
        await session.scalars(
            delete(ProcessRow)
            .where(col(ProcessRow.seen_at) < unseen_since)
            .returning(col(ProcessRow.id))
            .execution_options(synchronize_session=False)
        )
    ).all()
    for process_id in dead:
        await troubles.died(session, process_id, now, settle)
        await give_back(session, process_id, now, settle)
    return dead


async def living(session: AsyncSession, seen_since: datetime) -> Sequence[Process]:
    """Return the processes that were seen since then, oldest first."""
    rows = await session.scalars(
        select(ProcessRow).where(col(ProcessRow.seen_at) >= seen_since).order_by(col(ProcessRow.started_at))
    )
    return [
        Process(row.id, row.kind, row.host, row.version, as_utc(row.started_at), as_utc(row.seen_at))
        for row in rows
    ]


async def give_back(session: AsyncSession, process_id: UUID, now: datetime, settle: timedelta) -> None:
    """Free all that a process has taken, after `settle`: a request of its may still be on its way."""
    await inbox.give_back(session, process_id, now)
    await outbox.give_back(session, process_id, now, settle)
    await leases.give_back(session, process_id, now + settle)


async def let_go(
    session: AsyncSession, process_id: UUID, busy: Collection[Hashable], now: datetime, settle: timedelta
) -> int:
    """Free what a living process has taken and does not work on, after `settle`; `busy` are the keys of what it works on."""
    freed = 0
    for rows, values in (
        (leases.LEASED, {"lease_owner": leases.NOBODY, "lease_until": now + settle}),
        # It was taken, and not begun, or its end could not be written down: that is no try that failed.
        ((InboxRow,), {"lease_owner": None, "next_at": now, "attempts": table(InboxRow).c.attempts - 1}),
        # What was being said goes on counting as doubtful: it is looked for first.
        ((OutboxRow,), {"lease_owner": None, "next_at": now + settle}),
    ):
        for row in rows:
            freed += await _let_go(session, row, process_id, busy, values)
    return freed


async def _let_go(
    session: AsyncSession,
    row: type[SQLModel],
    owner: UUID,
    busy: Collection[Hashable],
    values: Mapping[str, object],
) -> int:
    columns = table(row).c
    # The outbox is known by its id outside, and sorted by its number.
    keys = [columns.id] if row is OutboxRow else list(table(row).primary_key.columns)
    mine = (columns.next_at.is_not(None)) & (columns.lease_owner == owner)
    found = [tuple(one) for one in await session.execute(select(*keys).where(mine))]
    left = [one for one in found if (one[0] if len(one) == 1 else one) not in busy]
    for one in left:
        this = and_(*(key == value for key, value in zip(keys, one, strict=True)))
        await session.execute(
            update(row).where(mine, this).values(**values).execution_options(synchronize_session=False)
        )
    return len(left)
