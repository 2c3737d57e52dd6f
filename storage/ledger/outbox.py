"""The outbox: what is to be said to Slack, once each, in order within a channel."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ColumnElement, ScalarSelect, Select, case, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import fairness, keys
from storage.ledger.sql import as_utc, insert_once, table, update_one
from storage.questions import Question
from storage.records import OutboxItem, OutboxState, Secret, StorageError
from storage.tables import OutboxRow, TeamRow

_OPEN = (OutboxState.WAITING, OutboxState.SENDING)

COALESCE = timedelta(seconds=1)
"""How long after it was said a message may be edited: changes in between become one edit."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message goes: a channel, or one person in it (`user`), by Slack's `response_url` where there is one.

    With `parent_key`, into the thread of the message of that key; `broadcast` shows it in the channel too.
    """

    channel: str
    user: str = ""
    response_url: Secret | None = None
    parent_key: str = ""
    broadcast: bool = False


async def add(
    session: AsyncSession,
    team_id: UUID,
    dedupe_key: str,
    to: Destination,
    message: tuple[str, Mapping[str, Any]],
    now: datetime,
) -> bool:
    """Put a message (its kind and facts) into the outbox; False where the key says that it is there already."""
    # Told from the key alone: a database that was put back from a backup and comes to say this again finds it said already.
    row_id = uuid5(team_id, dedupe_key)
    sealed = None
    if to.response_url:
        sealed = await keys.seal(session, _place(team_id, row_id), {"response_url": to.response_url})
    kind, facts = message
    return await insert_once(
        session, OutboxRow,
        id=row_id, team_id=team_id, dedupe_key=dedupe_key, channel=to.channel, user=to.user, sealed=sealed, kind=kind,
        facts=dict(facts), state=OutboxState.WAITING, attempts=0, error="", ts="", parent_key=to.parent_key,
        broadcast=to.broadcast, revision=0, created_at=now, next_at=now,
    )  # fmt: skip


async def show(
    session: AsyncSession,
    team_id: UUID,
    dedupe_key: str,
    to: Destination,
    message: tuple[str, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Let a message of this key say this: said if it is new, else edited in place, at most once in COALESCE.

    One that Slack would not take stays given up, and one that was said without an id can't be edited.
    """
    if await add(session, team_id, dedupe_key, to, message, now):
        return
    kind, facts = message
    row = await session.scalar(
        select(OutboxRow)
        .where(col(OutboxRow.team_id) == team_id, col(OutboxRow.dedupe_key) == dedupe_key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    assert row is not None
    if row.state is OutboxState.DEAD or (row.kind, row.facts) == (kind, dict(facts)):
        return
    values: dict[str, Any] = {"kind": kind, "facts": dict(facts), "revision": row.revision + 1}
    if row.state is OutboxState.SENT and row.ts:
        # A wait that is on already stays as it is: it may be Slack's own Retry-After.
        values |= {
            "state": OutboxState.WAITING,
            "next_at": max(now, as_utc(row.sent_at) + COALESCE),
            "attempts": 0,
        }
    if row.ts:
        values["created_at"] = now  # how long an edit is tried counts from when it was wanted
    await update_one(session, update(OutboxRow).where(col(OutboxRow.id) == row.id).values(**values))


async def extend(
    session: AsyncSession, team_id: UUID, parent_key: str, message: tuple[str, str, Any], most: int
) -> bool:
    """Add to the newest answer in a thread, where nobody has begun to say it; False where there is none to add to.

    `message` is (kind, the fact that is a list, what is added); at most `most` lie together. So the answers of many
    threads stay within what Slack takes in a channel.
    """
    kind, name, added = message
    row = await session.scalar(
        select(OutboxRow)
        .where(
            col(OutboxRow.team_id) == team_id,
            col(OutboxRow.parent_key) == parent_key,
            # A lane keeps its order, so nothing newer has ended; and the few that are open have an index.
            col(OutboxRow.next_at).is_not(None),
        )
        .order_by(col(OutboxRow.seq).desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.kind != kind or row.broadcast or row.state is not OutboxState.WAITING or row.ts:
        return False
    together = list(row.facts.get(name, ()))
    if len(together) >= most:
        return False
    facts = {**row.facts, name: [*together, added]}
    return await update_one(
        session,
        update(OutboxRow)
        .where(col(OutboxRow.id) == row.id, col(OutboxRow.state) == OutboxState.WAITING)
        .values(facts=facts, revision=row.revision + 1),
    )


@cache
def _due() -> Select[OutboxRow, str, str]:
    now = fairness.moment(OutboxRow)
    queue = fairness.Queue(
        OutboxRow,
        col(OutboxRow.seq),
        (col(OutboxRow.next_at) <= now) & _may_go(),
        (col(OutboxRow.next_at) > now) & col(OutboxRow.lease_owner).is_not(None),
        col(OutboxRow.next_at),
    )
    return (
        select(OutboxRow, col(TeamRow.slack_team_id), _thread())
        .join(table(TeamRow), col(TeamRow.id) == col(OutboxRow.team_id))
        .where(col(OutboxRow.seq).in_(fairness.first(queue).scalar_subquery()))
        .order_by(col(OutboxRow.next_at), col(OutboxRow.seq))
    )


async def claim(
    session: AsyncSession, now: datetime, doubt: timedelta, limit: int, owner: UUID | None = None
) -> Sequence[OutboxItem]:
    """Take due messages for `owner`: the first unsaid one of each channel (or person), and every edit of one that was said.

    A record without `ts` whose `state` is SENDING was taken before and may have arrived: look before sending it
    again. While taken, it comes up again after `doubt`.
    """
    found = (await fairness.take(session, _due(), fairness.bound(now, limit))).all()
    items = [
        await _record(session, row, slack_team_id, thread_ts or "") for row, slack_team_id, thread_ts in found
    ]
    if items:
        await session.execute(
            update(OutboxRow)
            .where(col(OutboxRow.id).in_([item.id for item in items]))
            .values(
                state=OutboxState.SENDING,
                # While in doubt it is looked for from when it may have been said, however often that fails.
                claimed_at=case(
                    (col(OutboxRow.state) == OutboxState.SENDING, col(OutboxRow.claimed_at)), else_=now
                ),
                next_at=now + doubt,
                turn_at=None,
                lease_owner=owner,
                attempts=col(OutboxRow.attempts) + 1,
            )
            .execution_options(synchronize_session=False)
        )
    return items


async def sent(session: AsyncSession, item: OutboxItem, ts: str, now: datetime, channel: str = "") -> None:
    """Record that Slack has the message; where it is to say something newer by now, that is due as an edit.

    `channel` is where it lies, where that has another name than the one that it was sent to: a person's, by now a conversation's.
    """
    values = {"ts": ts or item.ts, "sent_at": now, "error": "", "channel": channel or item.channel}
    if not await _end(session, item, state=OutboxState.SENT, **values):
        changed = {
            "state": OutboxState.WAITING,
            "next_at": now,
            "attempts": 0,
            "sealed": None,
            "lease_owner": None,
        }
        await update_one(session, update(OutboxRow).where(_open(item)).values(**changed, **values))


async def bury(session: AsyncSession, item: OutboxItem, error: str) -> None:
    """Give a message up that Slack will never take; what it is to say by now is given up with it."""
    dead = {
        "state": OutboxState.DEAD,
        "next_at": None,
        "sealed": None,
        "error": error[:500],
        "lease_owner": None,
    }
    await update_one(session, update(OutboxRow).where(_mine(item)).values(**dead))


async def wait_for_turn(session: AsyncSession, item: OutboxItem, turn: datetime) -> None:
    """Let a message wait for the moment that is kept free for it; whether it is in doubt stays as it was."""
    values = {"state": item.state, "next_at": turn, "turn_at": turn, "lease_owner": None}
    await update_one(session, update(OutboxRow).where(_mine(item)).values(**values))


async def again(
    session: AsyncSession,
    item: OutboxItem,
    error: str,
    until: datetime,
    *,
    arrived_maybe: bool,
    asker_told: bool = False,
) -> None:
    """Try later; `arrived_maybe` keeps it doubtful, so that the next try looks first."""
    state = OutboxState.SENDING if arrived_maybe else OutboxState.WAITING
    values = {"state": state, "next_at": until, "error": error[:500], "lease_owner": None}
    values |= {"asker_told": True} if asker_told else {}
    await update_one(session, update(OutboxRow).where(_mine(item)).values(**values))


async def give_back(session: AsyncSession, owner: UUID, now: datetime, settle: timedelta) -> None:
    """Let what a process was saying be looked at after `settle`: it is dead, or leaves.

    Not at once: a request that a dying process had already written may still be on its way to Slack.
    """
    mine = col(OutboxRow.next_at).is_not(None) & (col(OutboxRow.lease_owner) == owner)
    await session.execute(
        update(OutboxRow)
        .where(mine)
        .values(next_at=now + settle, lease_owner=None)
        .execution_options(synchronize_session=False)
    )


async def hasten(
    session: AsyncSession, team_id: UUID, errors: Sequence[str], now: datetime, *, channel: str = ""
) -> None:
    """Let a team's messages (`channel`: those for it) be tried at once that wait because of one of these errors: it is mended.

    One that somebody is just saying is left to them.
    """
    row = OutboxRow
    waits = (col(row.team_id) == team_id) & (col(row.next_at) > now) & col(row.error).in_(errors)
    waits &= col(row.lease_owner).is_(None)
    if channel:
        waits &= col(row.channel) == channel
    await session.execute(
        update(row).where(waits).values(next_at=now).execution_options(synchronize_session=False)
    )


async def retake(session: AsyncSession, now: datetime, settle: timedelta) -> None:
    """At the start of the only process: what a dead one was sending is looked at after `settle`.

    Not at once: a request that a dying process had already written may still be on its way to Slack.
    """
    held = (col(OutboxRow.state) == OutboxState.SENDING) & col(OutboxRow.lease_owner).is_not(None)
    await session.execute(
        update(OutboxRow).where(held, col(OutboxRow.next_at) > now + settle)
        .values(next_at=now + settle, lease_owner=None).execution_options(synchronize_session=False)
    )  # fmt: skip


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next message is due that no earlier one of its channel, and no unsaid parent, holds back."""
    return select(func.min(col(OutboxRow.next_at))).where(col(OutboxRow.next_at).is_not(None), _may_go())


async def counts(session: AsyncSession) -> dict[str, int]:
    """Return how many messages are in each state, over all teams, for the metrics."""
    rows = await session.execute(select(col(OutboxRow.state), func.count()).group_by(col(OutboxRow.state)))
    return {str(state): count for state, count in rows}


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget personal answers sent long ago; channel messages stay, their keys keep them from being said again."""
    await session.execute(
        delete(OutboxRow).where(
            # Written out, so that the database sees that its index of answers is meant.
            col(OutboxRow.sent_at) < before,
            col(OutboxRow.user) != literal("", literal_execute=True),
            col(OutboxRow.next_at).is_(None),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


@cache  # building it takes longer than asking it, and it is asked after each step
def _may_go() -> ColumnElement[bool]:
    """Return the clause: an edit, or the first unsaid message of its lane whose parent has been said."""
    return (col(OutboxRow.ts) != "") | (_first_in_lane() & ~_parent_unsaid())


def _first_in_lane() -> ColumnElement[bool]:
    """Return the clause: no earlier message of the same channel (or person) is still to be said; edits don't count."""
    earlier = aliased(OutboxRow)
    return ~(
        select(col(earlier.seq))
        .where(
            col(earlier.team_id) == col(OutboxRow.team_id),
            col(earlier.channel) == col(OutboxRow.channel),
            col(earlier.user) == col(OutboxRow.user),
            col(earlier.next_at).is_not(None),
            col(earlier.ts) == "",
            col(earlier.seq) < col(OutboxRow.seq),
        )
        .exists()
    )


def _parent_unsaid() -> ColumnElement[bool]:
    """Return the clause: the message that this one answers is still to be said.

    A later one holds nothing back: the two would wait for each other for ever.
    """
    parent = aliased(OutboxRow)
    return (
        select(col(parent.seq))
        .where(
            _is_parent(parent),
            col(parent.next_at).is_not(None),
            col(parent.ts) == "",
            col(parent.seq) < col(OutboxRow.seq),
        )
        .exists()
    )


@cache
def _thread() -> ScalarSelect[str]:
    """Return the subquery of Slack's id of the message that a row answers; none where that was given up."""
    parent = aliased(OutboxRow)
    said = col(parent.state) != OutboxState.DEAD
    return select(col(parent.ts)).where(_is_parent(parent), said).scalar_subquery()


def _is_parent(parent: type[OutboxRow]) -> ColumnElement[bool]:
    same_team = col(parent.team_id) == col(OutboxRow.team_id)
    return (
        same_team & (col(parent.dedupe_key) == col(OutboxRow.parent_key)) & (col(OutboxRow.parent_key) != "")
    )


def _open(item: OutboxItem) -> Any:
    one = (col(OutboxRow.id) == item.id) & (col(OutboxRow.team_id) == item.team_id)
    return one & col(OutboxRow.state).in_(_OPEN)


def _mine(item: OutboxItem) -> Any:
    """Return the clause: nobody else has taken it since."""
    return _open(item) & (col(OutboxRow.attempts) == item.attempts + 1)


async def _end(session: AsyncSession, item: OutboxItem, **values: Any) -> bool:
    """End a message that is still to say what the item says; False where it is to say something newer."""
    where = _open(item) & (col(OutboxRow.revision) == item.revision)
    return await update_one(
        session, update(OutboxRow).where(where).values(next_at=None, sealed=None, lease_owner=None, **values)
    )


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "outbox", "sealed", row_id)


async def _record(session: AsyncSession, row: OutboxRow, slack_team_id: str, thread_ts: str) -> OutboxItem:
    # What a doubtful message said, if it arrived, may be older than what it is to say: so it is edited once after.
    doubtful = row.state is OutboxState.SENDING and not row.ts and row.revision > 0
    secrets: Mapping[str, Secret] = {}
    # Without the address of its own that Slack gave it goes the other way; and one row must hold no other one up.
    with suppress(StorageError):
        secrets = await keys.unseal(session, _place(row.team_id, row.id), row.sealed)
    return OutboxItem(
        id=row.id, team_id=row.team_id, slack_team_id=slack_team_id, dedupe_key=row.dedupe_key, channel=row.channel,
        user=row.user, response_url=secrets.get("response_url"), kind=row.kind, facts=row.facts, state=row.state,
        attempts=row.attempts, created_at=as_utc(row.created_at), claimed_at=row.claimed_at,
        ts=row.ts, thread_ts=thread_ts, broadcast=row.broadcast, turn_at=row.turn_at, asker_told=row.asker_told, revision=row.revision - doubtful,
    )  # fmt: skip
