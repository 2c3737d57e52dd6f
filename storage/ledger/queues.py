"""How the queues stand: what is due, since when, and whose lease has run out. For the metrics, over all teams."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    func,
    literal,
    literal_column,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.leases import Leased, free
from storage.records import InboxState, OutboxState
from storage.tables import (
    AuditExportRow,
    ConfirmationRow,
    FeedRow,
    HealthRow,
    ImportRow,
    InboxRow,
    InstallationRow,
    OutboxRow,
    PublisherRow,
    ReleaseRow,
    ThanksRow,
    WatchRow,
)

LEASED: Mapping[str, Leased] = MappingProxyType(
    {
        "releases": ReleaseRow, "publishers": PublisherRow, "feeds": FeedRow, "watches": WatchRow, "thanks": ThanksRow,
        "confirmations": ConfirmationRow, "health": HealthRow, "imports": ImportRow,
        "installations": InstallationRow, "exports": AuditExportRow,
    }
)  # fmt: skip
"""Queue -> the rows that are taken for a time."""
TAKEN: Mapping[str, type[InboxRow] | type[OutboxRow]] = MappingProxyType(
    {"inbox": InboxRow, "outbox": OutboxRow}
)
"""Queue -> the rows whose next look is put off while they are taken."""


@dataclass(frozen=True, slots=True)
class Queue:
    """How one queue stands."""

    due: int
    """Rows that could be taken now."""
    oldest: datetime | None
    """Since when the one that waits longest is due."""
    run_out: int
    """Of them, those whose last taker let its lease run out: it died, or took too long."""


async def standing(session: AsyncSession, now: datetime) -> Mapping[str, Queue]:
    """Return how each queue stands."""
    leased = [_asked(name, row, now, free(row, now), col(row.lease_until)) for name, row in LEASED.items()]
    others = [_asked(name, row, now, true(), null()) for name, row in TAKEN.items()]
    found = await session.execute(union_all(*leased, *others))
    return {name: Queue(due, oldest, run_out) for name, due, oldest, run_out in found}


async def messages(session: AsyncSession) -> Mapping[str, int]:
    """Return how many intents and messages wait (`inbox`, `outbox`) and were given up (`inbox dead`, `outbox dead`)."""
    asked = []
    for name, row, dead in (("inbox", InboxRow, InboxState.DEAD), ("outbox", OutboxRow, OutboxState.DEAD)):
        counted = select(literal(name), func.count()).where(col(row.next_at).is_not(None))
        # Written out, so that the database sees that its index of these is meant.
        given_up = col(row.state) == literal_column(f"'{dead}'")
        asked += [counted, select(literal(f"{name} dead"), func.count()).select_from(row).where(given_up)]
    return {str(name): count for name, count in await session.execute(union_all(*asked))}


def _asked(
    name: str,
    row: Leased | type[InboxRow] | type[OutboxRow],
    now: datetime,
    available: ColumnElement[bool],
    lease: SQLColumnExpression[Any],
) -> Select[str, int, datetime | None, int]:
    """Return the question about one queue, which its index of what is due answers."""
    due = col(row.next_at)
    return select(literal(name), func.count(), func.min(due), func.count(lease)).where(due <= now, available)
