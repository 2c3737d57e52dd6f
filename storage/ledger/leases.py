"""Leases: who works on a row, and until when; the same for everything that a lane of the engine takes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.questions import NOW, Question
from storage.tables import (
    AuditExportRow,
    ConfirmationRow,
    FeedRow,
    HealthRow,
    HomeRow,
    ImportRow,
    InstallationRow,
    PublisherRow,
    ReleaseRow,
    StepRow,
    ThanksRow,
    WatchRow,
)

Leased = (
    type[PublisherRow]
    | type[ReleaseRow]
    | type[FeedRow]
    | type[ThanksRow]
    | type[WatchRow]
    | type[ConfirmationRow]
    | type[HealthRow]
    | type[ImportRow]
    | type[InstallationRow]
    | type[HomeRow]
    | type[AuditExportRow]
    | type[StepRow]
)
"""The tables whose rows are taken for a time."""


def free(row: Leased, now: datetime) -> ColumnElement[bool]:
    """Return the clause: nobody works on it, or whoever did has let the lease run out."""
    return col(row.lease_until).is_(None) | (col(row.lease_until) < now)


def next_due(row: Leased, *where: ColumnElement[bool]) -> Question[datetime | None]:
    """Return the question when the next row, of those of which this holds, is due that nobody works on."""
    taken = col(row.lease_until)
    return select(func.min(col(row.next_at))).where(
        col(row.next_at).is_not(None), taken.is_(None) | (taken < NOW), *where
    )


NOBODY = UUID(int=0)
"""Whom a lease belongs to that was given back and still has a moment to run."""
LEASED: tuple[Leased, ...] = (
    PublisherRow,
    FeedRow,
    ReleaseRow,
    WatchRow,
    ThanksRow,
    ConfirmationRow,
    HealthRow,
    ImportRow,
    InstallationRow,
    HomeRow,
    AuditExportRow,
    StepRow,
)


async def give_back(session: AsyncSession, owner: UUID, until: datetime) -> None:
    """End the leases of a process that is dead, or leaves; they are free at `until`."""
    for row in LEASED:
        await session.execute(
            update(row)
            # What is taken is still to be done: the indexes of what is due hold it.
            .where(col(row.next_at).is_not(None), col(row.lease_owner) == owner)
            .values(lease_owner=NOBODY, lease_until=until)
            .execution_options(synchronize_session=False)
        )


async def retake(session: AsyncSession) -> None:
    """At the start of the only process: end every lease of a dead one."""
    for row in LEASED:
        await session.execute(
            update(row)
            # What rests is taken by nobody, and of what rests there is much.
            .where(col(row.next_at).is_not(None), col(row.lease_until).is_not(None))
            .values(lease_owner=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )
