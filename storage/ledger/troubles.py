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

from storage.ledger.leases import NOBODY
from storage.ledger.sql import as_utc, table, update_one
from storage.records import ASIDE, InboxState, OutboxState, Trouble
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
DEATHS = 10
"""Processes that died in a row while they worked on a row, after which it is set aside."""
SPARED = 3
"""So many deaths delay nothing: a process may die of anything."""
SPREAD = timedelta(seconds=15)
"""Over what time the next tries of rows that were in hand together lie, for each further death."""
DIED = "the process that worked on it died"
_MESSAGE = "message"
_KINDS: Mapping[str, tuple[Any, str]] = {
    "release": (ReleaseRow, "id"),
    "publisher": (PublisherRow, "id"),
    "import": (ImportRow, "id"),
    "watch": (WatchRow, "project_id"),
    "thanks": (ThanksRow, "release_id"),
    "confirmation": (ConfirmationRow, "id"),
    "health": (HealthRow, "publisher_id"),
    _MESSAGE: (OutboxRow, "id"),
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
    known = table(TroubleRow).c
    recent = known.last_at > now - FORGET
    counted = {
        "tries": case((recent, known.tries + 1), else_=1),
        "first_at": case((recent, known.first_at), else_=now),
        "last_at": now,
        "error": error[:200],
    }
    return await _counted(
        session, what, {"error": error[:200], "first_at": now, "last_at": now}, counted, known.tries
    )


async def set_aside(session: AsyncSession, what: Faulty, now: datetime) -> None:
    """Say that a row is not tried by itself any more."""
    await update_one(
        session,
        update(TroubleRow)
        .where(_is(what.kind, what.id), col(TroubleRow.team_id) == what.team_id)
        .values(aside_at=now),
    )


async def died(session: AsyncSession, owner: UUID | None, now: datetime, settle: timedelta) -> None:
    """Count a process's death against all that it had in hand; `owner` None: that of the only one, whose name nobody knows.

    For so long as it takes to `settle` a request of its may still be on its way.

    The row it died of is not told from those beside it, so after some deaths their next tries lie apart: one that is done strikes its
    deaths off (`survived`), and the one that kills is alone in the end. To be called before the leases are given back.
    """
    held = [what for kind in _KINDS for what in await _in_hand(session, kind, owner)]
    for what in held:
        deaths = await _death(session, what, now)
        if deaths >= DEATHS:
            await set_aside(session, what, now)
            await _no_more(session, what)
        elif deaths > SPARED and len(held) > 1:
            await _next_at(
                session, what, now + settle + SPREAD * (deaths - SPARED) * (what.id.int % 100 / 100)
            )


async def suspected(session: AsyncSession) -> Sequence[tuple[str, UUID]]:
    """Return (kind, key) of the rows whose last step a process did not live through."""
    row = TroubleRow
    died = select(col(row.kind), col(row.row_id)).where(col(row.deaths) > 0, col(row.aside_at).is_(None))
    return [(str(kind), row_id) for kind, row_id in await session.execute(died)]


async def survived(session: AsyncSession, kind: str, row_id: UUID) -> None:
    """Strike a row's deaths off: a step of it has ended, and the process lives."""
    row = TroubleRow
    here = _is(kind, row_id) & col(row.aside_at).is_(None)
    await update_one(session, update(row).where(here).values(deaths=0, died_at=None))


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget what broke long ago, was not set aside, and no process has died of since."""
    row = TroubleRow
    last = func.coalesce(col(row.died_at), col(row.last_at))
    old = (col(row.last_at) < before) & (last < before) & col(row.aside_at).is_(None)
    await session.execute(delete(row).where(old).execution_options(synchronize_session=False))


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
    unsaid, killed = col(OutboxRow.state) == OutboxState.DEAD, col(OutboxRow.error) == DIED
    lost = (col(OutboxRow.id) == row_id) & (unsaid | killed)
    # Slack may have what a process died of saying: it is looked for first.
    maybe = case((unsaid & killed, OutboxState.SENDING), else_=OutboxState.WAITING)
    anew = {"state": maybe, "next_at": now, "attempts": 0, "created_at": now, "error": ""}
    message = await update_one(session, update(OutboxRow).where(lost).values(**anew))
    back = [*kinds, *(["intent"] if intent else []), *([_MESSAGE] if message else [])]
    return list(dict.fromkeys(back))


async def _in_hand(session: AsyncSession, kind: str, owner: UUID | None) -> Sequence[Faulty]:
    rows, key = _KINDS[kind]
    holder = col(rows.lease_owner)
    held = (holder == owner) if owner else holder.is_not(None) & (holder != NOBODY)
    found = select(col(getattr(rows, key)), col(rows.team_id)).where(col(rows.next_at).is_not(None), held)
    return [Faulty(kind, row_id, team_id) for row_id, team_id in await session.execute(found)]


async def _no_more(session: AsyncSession, what: Faulty) -> None:
    """Let nobody take a row any more; what comes after a message in its channel, or its thread, is not to wait for it."""
    if what.kind != _MESSAGE:
        await _next_at(session, what, ASIDE)
        return
    # One that was said, and is only not edited any more, is still what others answer.
    state = case((col(OutboxRow.ts) != "", OutboxState.SENT), else_=OutboxState.DEAD)
    gone = {"state": state, "next_at": None, "sealed": None, "error": DIED, "lease_owner": None}
    await update_one(session, update(OutboxRow).where(_row(what)).values(**gone))


async def _next_at(session: AsyncSession, what: Faulty, next_at: datetime) -> None:
    # A message's lease is its time: whoever gives back what a process held would make it due at once.
    free = {"lease_owner": None} if what.kind == _MESSAGE else {}
    rows, _ = _KINDS[what.kind]
    await update_one(session, update(rows).where(_row(what)).values(next_at=next_at, **free))


def _row(what: Faulty) -> Any:
    rows, key = _KINDS[what.kind]
    return (col(getattr(rows, key)) == what.id) & (col(rows.team_id) == what.team_id)


async def _death(session: AsyncSession, what: Faulty, now: datetime) -> int:
    """Count a death; returns how many there were in a row."""
    known = table(TroubleRow).c
    recent = known.died_at > now - FORGET
    counted = {"deaths": case((recent, known.deaths + 1), else_=1), "died_at": now, "error": DIED}
    begun = {"error": DIED, "first_at": now, "last_at": now, "deaths": 1, "died_at": now}
    return await _counted(session, what, begun, counted, known.deaths)


async def _counted(
    session: AsyncSession, what: Faulty, begun: Mapping[str, Any], counted: Mapping[str, Any], figure: Any
) -> int:
    """Begin a row's count, or go on with it; returns the figure."""
    assert what.kind in _KINDS
    statement: Any = _into(session).values(
        kind=what.kind, row_id=what.id, team_id=what.team_id, tries=1, **begun
    )
    statement = statement.on_conflict_do_update(index_elements=["kind", "row_id"], set_=counted)
    return int((await session.execute(statement.returning(figure))).scalar_one())


def _into(session: AsyncSession) -> Any:
    into = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return into(table(TroubleRow))


def _is(kind: str, row_id: UUID) -> Any:
    return (col(TroubleRow.kind) == kind) & (col(TroubleRow.row_id) == row_id)
