"""The inbox: intents from Slack, written before the ack, done exactly once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import fairness, keys
from storage.ledger.sql import as_utc, insert_once, update_one
from storage.questions import Question
from storage.records import InboxItem, InboxState, Secret, StorageError, TeamGone
from storage.tables import InboxRow


@dataclass(frozen=True, slots=True)
class NewIntent:
    """What a listener writes down: public facts in `payload`, whatever must not lie in plain text in `secrets`."""

    kind: str
    actor: str
    channel: str
    payload: Mapping[str, Any]
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    origin: str = ""
    in_turn: bool = True
    """Whether it waits until all is done that the same person wanted before."""
    id: UUID = field(default_factory=uuid4)


async def put(
    session: AsyncSession,
    team_id: UUID,
    dedupe_key: str,
    intent: NewIntent,
    now: datetime,
    came: datetime | None = None,
) -> bool:
    """Write an intent down that `came` when no other did (None: now); False where the same delivery was written before.

    TeamGone where the team has left, or was erased, meanwhile.
    """
    place = _place(team_id, intent.id)
    sealed = await keys.seal(session, place, intent.secrets) if intent.secrets else None
    try:
        return await insert_once(
            session, InboxRow,
            id=intent.id, team_id=team_id, dedupe_key=dedupe_key, kind=intent.kind, actor=intent.actor, channel=intent.channel,
            payload=dict(intent.payload), sealed=sealed, state=InboxState.WAITING, attempts=0, error="", received_at=now,
            next_at=now, origin=intent.origin[:64], turn=intent.actor if intent.in_turn else "", turn_at=came or now,
        )  # fmt: skip
    except IntegrityError as error:
        raise TeamGone("The team was erased.") from error


@cache
def _due() -> Select[Any]:
    now = fairness.moment(InboxRow)
    queue = fairness.Queue(
        InboxRow,
        col(InboxRow.id),
        (col(InboxRow.next_at) <= now) & _in_turn(),
        (col(InboxRow.next_at) > now) & col(InboxRow.lease_owner).is_not(None),
        col(InboxRow.received_at),
    )
    return fairness.first(queue)


async def claim(
    session: AsyncSession, now: datetime, lease: timedelta, limit: int, owner: UUID | None = None
) -> Sequence[InboxItem]:
    """Take due intents for `owner`, each team's oldest first, until `now + lease`; each take counts as an attempt.

    One is not taken while an earlier one of the same person is still to be done, whoever has that in hand.
    """
    taken = (
        update(InboxRow)
        .where(col(InboxRow.id).in_(_due().scalar_subquery()))
        .values(next_at=now + lease, attempts=col(InboxRow.attempts) + 1, lease_owner=owner)
        .returning(InboxRow)
        .execution_options(synchronize_session=False)
    )
    rows = (await fairness.take(session, taken, fairness.bound(now, limit))).scalars()
    return [await _record(session, row) for row in sorted(rows, key=lambda row: as_utc(row.received_at))]


async def done(session: AsyncSession, item: InboxItem, now: datetime) -> bool:
    """Close an intent in the transaction that carries out what it asked; False where somebody else has."""
    return await update_one(session, _close(item, InboxState.DONE, now))


async def bury(session: AsyncSession, item: InboxItem, error: str, now: datetime) -> bool:
    """Set an intent aside that can't be carried out; its secrets are destroyed."""
    return await update_one(session, _close(item, InboxState.DEAD, now).values(error=error[:500]))


async def postpone(session: AsyncSession, item: InboxItem, error: str, until: datetime) -> None:
    """Try an intent again later; whoever has taken it since goes on undisturbed."""
    mine = _waiting(item) & (col(InboxRow.attempts) == item.attempts)
    values = {"next_at": until, "error": error[:500], "lease_owner": None}
    await update_one(session, update(InboxRow).where(mine).values(**values))


async def give_back(session: AsyncSession, owner: UUID, now: datetime) -> None:
    """Let what a process has taken be due at once: it is dead, or leaves."""
    mine = col(InboxRow.next_at).is_not(None) & (col(InboxRow.lease_owner) == owner)
    await session.execute(
        update(InboxRow)
        .where(mine)
        .values(next_at=now, lease_owner=None)
        .execution_options(synchronize_session=False)
    )


async def retake(session: AsyncSession, now: datetime) -> None:
    """At the start of the only process: what a dead one had taken is due at once."""
    taken = (col(InboxRow.error) == "") | col(InboxRow.lease_owner).is_not(None)
    await session.execute(
        update(InboxRow).where(col(InboxRow.next_at) > now, taken).values(next_at=now, lease_owner=None)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next intent is due that no earlier one of the same person holds back."""
    return select(func.min(col(InboxRow.next_at))).where(col(InboxRow.next_at).is_not(None), _in_turn())


async def counts(session: AsyncSession) -> dict[str, int]:
    """Return how many intents are in each state, over all teams, for the metrics."""
    rows = await session.execute(select(col(InboxRow.state), func.count()).group_by(col(InboxRow.state)))
    return {str(state): count for state, count in rows}


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget intents that ended long ago; Slack repeats a delivery for minutes, not days."""
    await session.execute(
        delete(InboxRow).where(col(InboxRow.received_at) < before, col(InboxRow.state) == InboxState.DONE)
        .execution_options(synchronize_session=False)
    )  # fmt: skip


@cache  # building it takes longer than asking it
def _in_turn() -> ColumnElement[bool]:
    """Return the clause: it needs no turn, or nothing of the same person is to be done that came before.

    Two that came at the same moment have an order too, or each would wait for the other.
    """
    earlier, row = aliased(InboxRow), InboxRow
    before = (col(earlier.turn_at) < col(row.turn_at)) | (
        (col(earlier.turn_at) == col(row.turn_at)) & (col(earlier.id) < col(row.id))
    )
    theirs = (col(earlier.team_id) == col(row.team_id)) & (col(earlier.turn) == col(row.turn))
    waits = col(earlier.next_at).is_not(None) & (col(earlier.turn) != "")
    return (col(row.turn) == "") | ~select(col(earlier.id)).where(theirs, waits, before).exists()


def _waiting(item: InboxItem) -> Any:
    one = (col(InboxRow.id) == item.id) & (col(InboxRow.team_id) == item.team_id)
    return one & (col(InboxRow.state) == InboxState.WAITING)


def _close(item: InboxItem, state: InboxState, now: datetime) -> Any:
    return (
        update(InboxRow)
        .where(_waiting(item))
        .values(state=state, done_at=now, next_at=None, sealed=None, lease_owner=None)
    )


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "inbox", "sealed", row_id)


async def _record(session: AsyncSession, row: InboxRow) -> InboxItem:
    sealed: dict[str, Secret] = {}
    unopened = ""
    try:
        sealed = await keys.unseal(session, _place(row.team_id, row.id), row.sealed)
    except StorageError as error:
        unopened = error.cause
    return InboxItem(
        id=row.id, team_id=row.team_id, kind=row.kind, actor=row.actor, channel=row.channel, payload=row.payload,
        sealed=sealed, received_at=as_utc(row.received_at), attempts=row.attempts, origin=row.origin, unopened=unopened,
    )  # fmt: skip
