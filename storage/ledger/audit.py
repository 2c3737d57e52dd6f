"""The audit trail: only ever appended to, each event chained to the one before (`storage.ledger.chain`)."""

import hmac
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, cast, func, insert, select, true, update
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
    key = await keys.chain_key(session, event.team_id)
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


async def lock(session: AsyncSession, team_id: UUID) -> None:
    """Let nobody else append until the end of the transaction, for who writes down what depends on the last event; see `append`."""
    await _locked_end(session, team_id, await keys.chain_key(session, team_id))


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


async def verify(session: AsyncSession, team_id: UUID, *, page: int = PAGE) -> ChainReport:
    """Walk along the team's chain, page by page, and report what does not fit.

    In a session that is `steady`, or what is appended meanwhile looks added.
    """
    key = await keys.chain_key(session, team_id)
    return await _walked(session, team_id, key, None, page)


async def look(
    session: AsyncSession, team_id: UUID, shown: Sequence[int], *, most: int, page: int = PAGE
) -> ChainReport:
    """Report what does not fit among what came since the last check, and among the rows (their places) that are shown.

    At most `most` of what came since are walked along; how many are left is told, and once that is remembered the next look
    goes on from there. What was changed before that, and is not shown, a whole walk finds.
    """
    key = await keys.chain_key(session, team_id)
    begun = await _begun(session, team_id, key)
    report = await _walked(session, team_id, key, begun, page, most)
    if begun is None and not report.left:
        return report
    broken = {*report.broken, *await _misfits(session, team_id, key, shown)}
    return replace(report, broken=tuple(sorted(broken)))


async def remember(session: AsyncSession, report: ChainReport) -> None:
    """Write down how far the chain was found whole; where a whole walk found it broken, that it is to be walked again."""
    row = AuditHeadRow
    where = col(row.team_id) == report.team_id
    if report.broken and report.since == 0:
        await update_one(session, update(row).where(where).values(checked=0, checked_mac=None))
    elif worth_remembering(report):
        number, mac = _head(report)
        key = await keys.chain_key(session, report.team_id)
        values = {"checked": number, "checked_mac": key.checked(number, mac)}
        # Whoever has come further meanwhile stays, and so does who has found that what this look built upon is not whole; a mark that
        # no longer fits its row is written over.
        found_there = (col(row.checked) >= report.since) & (col(row.checked) < number)
        fresh = found_there if report.since else true()
        await update_one(session, update(row).where(where, fresh).values(**values))


def worth_remembering(report: ChainReport) -> bool:
    """Say whether a check came further than those before it, or has found that they are not to be built upon."""
    return report.since == 0 if report.broken else _head(report)[0] > report.since


def _head(report: ChainReport) -> tuple[int, bytes]:
    number, _, mac = report.head.partition(":")
    return int(number or 0), bytes.fromhex(mac)


async def _walked(
    session: AsyncSession,
    team_id: UUID,
    key: ChainKey,
    begun: Link | None,
    page: int,
    most: int | None = None,
) -> ChainReport:
    end = await _end(session, team_id)
    walk = chain.Walk(key, end, begun)
    steps, left = 0, 0
    async for link in _links(session, team_id, page, begun):
        if steps == most:
            left = max(1, (end[0] if end else 0) - walk.events)
            break
        walk.step(link)
        steps += 1
    unchained, late = await _unchained(session, team_id, begun)
    broken = walk.findings(ended=not left)
    if late:
        broken += ((0, f"added: {late} without a number after the chain began"),)
    return ChainReport(team_id, walk.events, unchained, broken, walk.last, begun.number if begun else 0, left)


async def _begun(session: AsyncSession, team_id: UUID, key: ChainKey) -> Link | None:
    """Return the row up to which the chain was found whole; None where nobody has looked, or another row lies there now."""
    head, row = AuditHeadRow, AuditRow
    there = (col(row.team_id) == col(head.team_id)) & (col(row.number) == col(head.checked))
    found = (
        await session.execute(
            select(col(row.seq), col(row.number), col(row.mac), col(head.checked_mac))
            .join(table(row), there)
            .where(col(head.team_id) == team_id)
        )
    ).first()
    if found is None:
        return None
    mac, said = _bytes(found.mac) or b"", _bytes(found.checked_mac) or b""
    return (
        Link(found.seq, found.number, mac, None)
        if hmac.compare_digest(said, key.checked(found.number, mac))
        else None
    )


async def _misfits(
    session: AsyncSession, team_id: UUID, key: ChainKey, shown: Sequence[int]
) -> Sequence[tuple[int, str]]:
    """Return which of these rows are not what was written, by what each row before them left."""
    mine = col(AuditRow.team_id) == team_id
    rows = (await session.execute(_plainly().where(mine, col(AuditRow.seq).in_(shown)))).all()
    links = [Link(row.seq, row.number or 0, _bytes(row.mac) or b"", _event(row)) for row in rows]
    wanted = {1, *(link.number - 1 for link in links)}
    found = await session.execute(
        select(col(AuditRow.number), col(AuditRow.seq), col(AuditRow.mac)).where(
            mine, col(AuditRow.number).in_(wanted)
        )
    )
    before = {number or 0: (seq or 0, _bytes(mac) or b"") for number, seq, mac in found}
    first = before[1][0] if 1 in before else 0
    broken = [(0, "added: one without a number after the chain began")] * any(
        link.number == 0 and link.seq > first for link in links
    )
    for link in links:
        if link.number > 1 and link.number - 1 not in before:
            broken.append((link.number - 1, "missing"))
        elif link.number:
            seq, mac = before[link.number - 1] if link.number > 1 else (link.seq - 1, b"")
            head = key.head(mac) if link.number > 1 else key.head()
            broken += [] if chain.fits(key, head, link) else [(link.number, chain.CHANGED)]
            broken += [] if seq < link.seq else [(link.number - 1, "moved")]
    return broken


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


async def _links(session: AsyncSession, team_id: UUID, page: int, begun: Link | None) -> AsyncIterator[Link]:
    after = None if begun is None else (begun.number, begun.seq)
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


async def _unchained(session: AsyncSession, team_id: UUID, begun: Link | None) -> tuple[int, int]:
    """Return how many rows of the team have no number, and how many of them came after the first that has one.

    With `begun` only those behind it are looked for: how many lie before it is not asked.
    """
    mine = col(AuditRow.team_id) == team_id
    if begun is not None:
        bare = select(func.count()).select_from(AuditRow).where(mine, col(AuditRow.number).is_(None))
        return 0, await session.scalar(bare.where(col(AuditRow.seq) > begun.seq)) or 0
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
