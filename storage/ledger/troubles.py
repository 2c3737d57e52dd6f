"""Troubles: steps that broke are counted by row; what was set aside, and what the operator puts back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, table, update_one
from storage.records import InboxState, OutboxState, Trouble
from storage.tables import (
    ConfirmationRow,
    HealthRow,
    ImportRow,
    InboxRow,
    OutboxRow,
    PublisherRow,
    ReleaseRow,
    TeamRow,
    ThanksRow,
    TroubleRow,
    WatchRow,
)

FORGET = timedelta(days=1)
"""After this long without a fault the next one counts as the first."""
SHOWN = 50
_KINDS: Mapping[str, tuple[Any, str]] = {
    "release": (ReleaseRow, "id"),
    "publisher": (PublisherRow, "id"),
    "import": (ImportRow, "id"),
    "watch": (WatchRow, "project_id"),
    "thanks": (ThanksRow, "release_id"),
    "confirmation": (ConfirmationRow, "id"),
    "health": (HealthRow, "publisher_id"),
}
"""What can be set aside -> its rows, and the name of their key."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """Whose step broke."""

    kind: str
    id: UUID
    team_id: UUID


async def note(session: AsyncSession, what: Faulty, error: str, now: datetime) -> int:
    """Count a fault of a row; returns how many there were in a row."""
    assert what.kind in _KINDS
    into = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    columns = table(TroubleRow).c
    statement: Any = into(table(TroubleRow)).values(
        kind=what.kind, row_id=what.id, team_id=what.team_id, tries=1, error=error[:200], first_at=now, last_at=now
    )  # fmt: skip
    recent = columns.last_at > now - FORGET
    counted = {
        "tries": case((recent, columns.tries + 1), else_=1),
        "first_at": case((recent, columns.first_at), else_=now),
        "last_at": now,
        "error": error[:200],
    }
    statement = statement.on_conflict_do_update(index_elements=["kind", "row_id"], set_=counted)
    return int((await session.execute(statement.returning(columns.tries))).scalar_one())


async def set_aside(session: AsyncSession, what: Faulty, now: datetime) -> None:
    """Say that a row is not tried by itself any more."""
    await update_one(
        session,
        update(TroubleRow)
        .where(_is(what.kind, what.id), col(TroubleRow.team_id) == what.team_id)
        .values(aside_at=now),
    )


async def listed(session: AsyncSession, since: datetime) -> Sequence[Trouble]:
    """Return what was set aside, newest first: rows of any age, intents that were given up since then."""
    row = TroubleRow
    aside = await session.execute(
        select(row, col(TeamRow.slack_team_id))
        .join(TeamRow, col(TeamRow.id) == col(row.team_id))
        .where(col(row.aside_at).is_not(None))
        .order_by(col(row.aside_at).desc())
        .limit(SHOWN)
    )
    found = [
        Trouble(one.kind, one.row_id, team, one.tries, one.error, as_utc(one.aside_at)) for one, team in aside
    ]
    dead = await session.execute(
        select(InboxRow, col(TeamRow.slack_team_id))
        .join(TeamRow, col(TeamRow.id) == col(InboxRow.team_id))
        .where(col(InboxRow.state) == InboxState.DEAD, col(InboxRow.received_at) > since)
        .order_by(col(InboxRow.received_at).desc())
        .limit(SHOWN)
    )
    return [
        *found,
        *(
            Trouble("intent", one.id, team, one.attempts, one.error, as_utc(one.done_at))
            for one, team in dead
        ),
    ]


async def counts(session: AsyncSession) -> dict[str, int]:
    """Return how many rows of each kind are set aside, over all teams, for the metrics."""
    found = dict.fromkeys(_KINDS, 0)
    rows = await session.execute(
        select(col(TroubleRow.kind), func.count())
        .where(col(TroubleRow.aside_at).is_not(None))
        .group_by(col(TroubleRow.kind))
    )
    return found | {str(kind): int(count) for kind, count in rows}


async def put_back(session: AsyncSession, row_id: UUID, now: datetime) -> Sequence[str]:
    """Let everything of this id be tried again that was set aside or given up; returns the kinds of it."""
    row = TroubleRow
    aside = (col(row.row_id) == row_id) & col(row.aside_at).is_not(None)
    kinds = (
        await session.scalars(
            delete(row).where(aside).returning(col(row.kind)).execution_options(synchronize_session=False)
        )
    ).all()
    for kind in kinds:
        rows, key = _KINDS[kind]
        waits = (col(getattr(rows, key)) == row_id) & col(rows.next_at).is_not(None)
        await update_one(session, update(rows).where(waits).values(next_at=now))
    dead = (col(InboxRow.id) == row_id) & (col(InboxRow.state) == InboxState.DEAD)
    again = {"state": InboxState.WAITING, "next_at": now, "attempts": 0, "done_at": None, "error": ""}
    intent = await update_one(session, update(InboxRow).where(dead).values(**again))
    lost = (col(OutboxRow.id) == row_id) & (col(OutboxRow.state) == OutboxState.DEAD)
    unsaid = {"state": OutboxState.WAITING, "next_at": now, "attempts": 0, "created_at": now, "error": ""}
    message = await update_one(session, update(OutboxRow).where(lost).values(**unsaid))
    return [*kinds, *(["intent"] if intent else []), *(["message"] if message else [])]


def _is(kind: str, row_id: UUID) -> Any:
    return (col(TroubleRow.kind) == kind) & (col(TroubleRow.row_id) == row_id)
