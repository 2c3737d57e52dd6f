"""Imports: begun, claimed, listed, chosen from; which publishers they asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, case, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases, publishers
from storage.ledger.sql import table, update_one
from storage.questions import Question
from storage.records import Import, ImportItem, ImportItemState, ImportState, Publisher
from storage.tables import ImportItemRow, ImportRow, PublisherRow


@dataclass(frozen=True, slots=True)
class NewImport:
    """What is asked for."""

    owner: str
    index: str
    channel: str
    asked_by: str
    dry_run: bool


async def begin(session: AsyncSession, team_id: UUID, new: NewImport, now: datetime) -> Import:
    """Begin an import; it is due at once."""
    row = ImportRow(
        id=uuid4(), team_id=team_id, owner=new.owner, index_name=new.index, channel=new.channel, asked_by=new.asked_by,
        asked_at=now, dry_run=new.dry_run, state=ImportState.LOOKING, progress={}, next_at=now,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    return _record(row)


async def get(session: AsyncSession, team_id: UUID, import_id: UUID) -> Import | None:
    """Return one import of the team."""
    row = await session.scalar(select(ImportRow).where(_is(team_id, import_id)))
    return None if row is None else _record(row)


@cache
def _taking() -> ReturningUpdate[Any]:
    return fairness.taken(fairness.leased(ImportRow, "id")).returning(ImportRow)


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Import]:
    """Take what is due, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    taken = await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    return [_record(row) for row in taken.scalars()]


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one that nobody works on is due."""
    return leases.next_due(ImportRow)


async def hold(session: AsyncSession, one: Import, owner: UUID) -> bool:
    """Lock a claimed import until the transaction ends; False where the claim was lost."""
    held = select(col(ImportRow.id)).where(_held(one, owner)).with_for_update()
    return await session.scalar(held) is not None


async def move(
    session: AsyncSession, one: Import, owner: UUID, next_at: datetime | None, now: datetime, **values: Any
) -> bool:
    """Write what a step has come to, and end the claim; False where it was lost.

    One of whose publishers has moved since the claim is due again at once, whatever `next_at` says.
    """
    moved = col(ImportRow.nudges) != one.nudges
    ended = {"lease_owner": None, "lease_until": None, "next_at": case((moved, now), else_=next_at)}
    return await update_one(session, update(ImportRow).where(_held(one, owner)).values(**ended, **values))


async def put_list(session: AsyncSession, one: Import, found: Sequence[dict[str, Any]]) -> None:
    """Keep what was found, in its order; once, with the state that says so."""
    rows = [
        {
            "import_id": one.id, "number": number, "team_id": one.team_id, "facts": facts,
            "state": ImportItemState.LISTED, "publisher_id": None, "told": False,
        }
        for number, facts in enumerate(found, 1)
    ]  # fmt: skip
    if rows:
        await session.execute(insert(table(ImportItemRow)), rows)


async def items(session: AsyncSession, one: Import) -> Sequence[ImportItem]:
    """Return an import's packages in their order, each with its publisher as it stands."""
    asked = col(ImportItemRow.publisher_id) == col(PublisherRow.id)
    rows = await session.execute(
        select(ImportItemRow, PublisherRow)
        .outerjoin(PublisherRow, asked)
        .where(col(ImportItemRow.import_id) == one.id, col(ImportItemRow.team_id) == one.team_id)
        .order_by(col(ImportItemRow.number))
        .execution_options(populate_existing=True)
    )
    return [
        ImportItem(
            row.number, row.facts, row.state, None if found is None else publishers.record(found), row.told
        )
        for row, found in cast("Sequence[tuple[ImportItemRow, PublisherRow | None]]", rows.all())
    ]


async def choose(
    session: AsyncSession, one: Import, numbers: Sequence[int], actor: str, now: datetime
) -> bool:
    """Let these be set up, in the name of `actor`; False where it was chosen before, or may not be."""
    open_still = (col(ImportRow.state) == ImportState.LISTED) & col(ImportRow.dry_run).is_(False)
    values = {"state": ImportState.SETTING_UP, "chosen_by": actor, "chosen_at": now, "next_at": now}
    if not await update_one(
        session, update(ImportRow).where(_is(one.team_id, one.id), open_still).values(**values)
    ):
        return False
    await session.execute(
        update(ImportItemRow)
        .where(_of(one), col(ImportItemRow.number).in_(list(numbers)))
        .values(state=ImportItemState.WAITING)
        .execution_options(synchronize_session=False)
    )
    return True


async def asked(
    session: AsyncSession, one: Import, number: int, publisher_id: UUID | None, *, known: bool = False
) -> bool:
    """Record that a chosen package was asked for; False where it was before.

    `publisher_id` None: one was open already, or the project is only `known`, since it needs none.
    """
    waits = _item(one, number) & (col(ImportItemRow.state) == ImportItemState.WAITING)
    state = ImportItemState.KNOWN if known else ImportItemState.ASKED
    values = {"state": state, "publisher_id": publisher_id}
    return await update_one(session, update(ImportItemRow).where(waits).values(**values))


async def told(session: AsyncSession, one: Import, numbers: Sequence[int]) -> None:
    """Record that the forms of these packages were given."""
    await session.execute(
        update(ImportItemRow)
        .where(_of(one), col(ImportItemRow.number).in_(list(numbers)))
        .values(told=True)
        .execution_options(synchronize_session=False)
    )


async def of_publisher(session: AsyncSession, publisher: Publisher) -> Import | None:
    """Return the import that asked for a publisher; None where a person did."""
    row = await session.scalar(
        select(ImportRow)
        .join(ImportItemRow, col(ImportItemRow.import_id) == col(ImportRow.id))
        .where(
            col(ImportItemRow.publisher_id) == publisher.id, col(ImportItemRow.team_id) == publisher.team_id
        )
    )
    return None if row is None else _record(row)


async def nudge(session: AsyncSession, publisher: Publisher, now: datetime) -> None:
    """Let the import be looked at that asked for a publisher, where one did."""
    mine = select(col(ImportItemRow.import_id)).where(
        col(ImportItemRow.publisher_id) == publisher.id, col(ImportItemRow.team_id) == publisher.team_id
    )
    await session.execute(
        update(ImportRow)
        .where(col(ImportRow.id).in_(mine.scalar_subquery()))
        .values(next_at=now, nudges=col(ImportRow.nudges) + 1)
        .execution_options(synchronize_session=False)
    )


def _is(team_id: UUID, import_id: UUID) -> ColumnElement[bool]:
    return (col(ImportRow.id) == import_id) & (col(ImportRow.team_id) == team_id)


def _of(one: Import) -> ColumnElement[bool]:
    return (col(ImportItemRow.import_id) == one.id) & (col(ImportItemRow.team_id) == one.team_id)


def _item(one: Import, number: int) -> ColumnElement[bool]:
    return _of(one) & (col(ImportItemRow.number) == number)


def _held(one: Import, owner: UUID) -> ColumnElement[bool]:
    same = col(ImportRow.state) == one.state
    return _is(one.team_id, one.id) & same & (col(ImportRow.lease_owner) == owner)


def _record(row: ImportRow) -> Import:
    return Import(
        id=row.id, team_id=row.team_id, owner=row.owner, index=row.index_name, channel=row.channel,
        asked_by=row.asked_by, dry_run=row.dry_run, state=row.state, progress=row.progress, chosen_by=row.chosen_by,
        nudges=row.nudges,
    )  # fmt: skip
