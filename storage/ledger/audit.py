"""The audit trail: only ever appended to, each event chained to the one before (`storage.ledger.chain`)."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, cast, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import ChainKey
from storage.ledger import chain, homes, keys
from storage.ledger.chain import ChainReport, Link
from storage.ledger.sql import as_utc, insert_once, table, update_one
from storage.records import AuditEvent, StorageError
from storage.tables import AuditHeadRow, AuditRow

PAGE = 1_000
"""So many rows are in memory at once, however long a trail is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event with its place in the chain; `number` is None for one from before there was a chain."""

    event: AuditEvent
    number: int | None
    mac: bytes | None


async def append(session: AsyncSession, event: AuditEvent) -> None:
    """Write one event down, in the transaction that did what it tells.

    Events of one team are written one after the other: until the end of the transaction nobody else can append. So
    lock what else is to be locked before, or two transactions may wait for each other.
    """
    key = (await keys.data_key(session, event.team_id)).chain()
    number, head = await _locked_end(session, event.team_id, key)
    number += 1
    said = chain.settled(event)
    mac = key.link(head, chain.canonical(said, number))
    await session.execute(
        insert(table(AuditRow)).values(
            team_id=said.team_id, at=said.at, actor=said.actor, action=said.action, subject=said.subject,
            detail=said.detail, number=number, mac=mac,
        )
    )  # fmt: skip
    where = col(AuditHeadRow.team_id) == event.team_id
    await update_one(session, update(AuditHeadRow).where(where).values(number=number, mac=key.head(mac)))
    # Whatever is worth writing down may be on somebody's Home tab; after the lock, so that these rows have one order.
    await homes.touch(session, event.team_id, event.at)


async def trail(
    session: AsyncSession, team_id: UUID, *, limit: int, project: str = ""
) -> Sequence[AuditEvent]:
    """Return the team's newest events, newest first; `project` keeps those about it."""
    return [event for _, event in await page(session, team_id, limit=limit, project=project)]


async def page(
    session: AsyncSession, team_id: UUID, *, limit: int, project: str = "", before: int = 0
) -> Sequence[tuple[int, AuditEvent]]:
    """Return a page of the team's events with their places, newest first; `before` (a place) begins behind the first page."""
    query = select(AuditRow).where(col(AuditRow.team_id) == team_id)
    if project:
        about = col(AuditRow.subject).startswith(f"{project} on ", autoescape=True)
        query = query.where(about | (col(AuditRow.subject) == project))
    if before:
        query = query.where(col(AuditRow.seq) < before)
    rows = await session.scalars(query.order_by(col(AuditRow.seq).desc()).limit(limit))
    return [
        (
            row.seq or 0,
            AuditEvent(row.team_id, as_utc(row.at), row.actor, row.action, row.subject, row.detail),
        )
        for row in rows
    ]


def is_about(event: AuditEvent, project: str) -> bool:
    """Whether an event is about a project, as `page` says it."""
    return event.subject == project or event.subject.startswith(f"{project} on ")


async def newest(session: AsyncSession, team_id: UUID) -> int:
    """Return the place of the team's newest event; 0 where there is none."""
    return (
        await session.scalar(select(func.max(col(AuditRow.seq))).where(col(AuditRow.team_id) == team_id)) or 0
    )


async def length(session: AsyncSession, team_id: UUID) -> int:
    """Return how many events the team's chain has."""
    end = await _end(session, team_id)
    return end[0] if end else 0


async def verify(session: AsyncSession, team_id: UUID, *, page: int = PAGE) -> ChainReport:
    """Walk along the team's chain, page by page, and report what does not fit.

    In a session that is `steady`, or what is appended meanwhile looks added.
    """
    key = (await keys.data_key(session, team_id)).chain()
    walk = chain.Walk(key, await _end(session, team_id))
    async for link in _links(session, team_id, page):
        walk.step(link)
    unchained, late = await _unchained(session, team_id)
    broken = walk.findings()
    if late:
        broken += ((0, f"added: {late} without a number after the chain began"),)
    return ChainReport(team_id, walk.events, unchained, broken, walk.last)


async def entries(
    session: AsyncSession, team_id: UUID, *, page: int = PAGE, until: int | None = None
) -> AsyncIterator[Entry]:
    """Give all of a team's events (or those `until` a place), oldest first, never more than a page of them in memory."""
    seq = None
    while True:
        query = _plainly().where(col(AuditRow.team_id) == team_id)
        if seq is not None:
            query = query.where(col(AuditRow.seq) > seq)
        if until is not None:
            query = query.where(col(AuditRow.seq) <= until)
        rows = (await session.execute(query.order_by(col(AuditRow.seq)).limit(page))).all()
        for row in rows:
            event = _event(row)
            if event is None:
                raise StorageError(
                    f"Row {row.seq} of the audit trail can't be read: it was changed by hand.",
                    "Run `shipbell audit verify`; restore the database from a backup.",
                )
            yield Entry(event, row.number, _bytes(row.mac))
        if len(rows) < page:
            return
        seq = rows[-1].seq


async def _links(session: AsyncSession, team_id: UUID, page: int) -> AsyncIterator[Link]:
    after: tuple[int, int] | None = None
    number, seq = col(AuditRow.number), col(AuditRow.seq)
    while True:
        query = _plainly().where(col(AuditRow.team_id) == team_id, number.is_not(None))
        if after is not None:
            query = query.where((number > after[0]) | ((number == after[0]) & (seq > after[1])))
        rows = (await session.execute(query.order_by(number, seq).limit(page))).all()
        for row in rows:
            readable = isinstance(row.number, int)
            yield Link(row.seq, row.number if readable else 0, _bytes(row.mac) or b"", _event(row))
        if len(rows) < page:
            return
        after = (rows[-1].number, rows[-1].seq)


async def _unchained(session: AsyncSession, team_id: UUID) -> tuple[int, int]:
    """Return how many rows of the team have no number, and how many of them came after the first that has one."""
    mine = col(AuditRow.team_id) == team_id
    first = (
        select(func.min(col(AuditRow.seq))).where(mine, col(AuditRow.number).is_not(None)).scalar_subquery()
    )
    bare = select(func.count()).select_from(AuditRow).where(mine, col(AuditRow.number).is_(None))
    count = await session.scalar(bare)
    late = await session.scalar(bare.where(col(AuditRow.seq) > first))
    return count or 0, late or 0


async def _locked_end(session: AsyncSession, team_id: UUID, key: ChainKey) -> tuple[int, bytes]:
    """Return number and head of the team's last event, which nobody else can move until the end of the transaction."""
    end = await _end(session, team_id, lock=True)
    if end is None:
        await insert_once(session, AuditHeadRow, team_id=team_id, number=0, mac=key.head())
        end = await _end(session, team_id, lock=True)
        assert end is not None
    return end


async def _end(session: AsyncSession, team_id: UUID, *, lock: bool = False) -> tuple[int, bytes] | None:
    query = select(col(AuditHeadRow.number), col(AuditHeadRow.mac)).where(
        col(AuditHeadRow.team_id) == team_id
    )
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return None if row is None else (row.number, row.mac)


def _plainly() -> Select[*tuple[Any, ...]]:
    """Return the query of whole rows, time and detail as text: what somebody has spoilt must not stop the reading."""
    row = AuditRow
    return select(
        col(row.seq), col(row.team_id), cast(col(row.at), Text).label("at"), col(row.actor), col(row.action),
        col(row.subject), cast(col(row.detail), Text).label("detail"), col(row.number), col(row.mac),
    )  # fmt: skip


def _event(row: Row[Any]) -> AuditEvent | None:
    """Return what a row says; None where it can't be read."""
    try:
        at = datetime.fromisoformat(row.at)
        detail = json.loads(row.detail)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite keeps no zone
    return AuditEvent(row.team_id, at.astimezone(UTC), row.actor, row.action, row.subject, detail)


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
