"""Publishers: asked for, claimed, moved along, listed."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.leases import free
from storage.ledger.sql import as_utc, insert_once, update_one
from storage.questions import Question
from storage.records import Evidence, EvidenceKind, Publisher, PublisherState, Reason, Registration
from storage.tables import EvidenceRow, ProjectRow, PublisherRow

MOST_AT_ONCE = 16
"""Publishers of one index that all processes together look at at once: it is asked once or twice for each."""
_MOST_OPEN = 1_000
"""Open publishers of one team on one index that are looked through."""
_OPEN = (PublisherState.REQUESTED, PublisherState.PENDING, PublisherState.CONFIRMED)


async def request(
    session: AsyncSession, team_id: UUID, registration: Registration, asked: tuple[str, str], now: datetime
) -> tuple[Publisher, bool]:
    """Ask for a publisher; `asked` is (Slack user, channel). Returns it and True, or the open one that is there and False."""
    actor, channel = asked
    wanted = {
        "owner": registration.owner, "repository": registration.repository, "workflow": registration.workflow,
        "environment": registration.environment, "channel": channel,
    }  # fmt: skip
    project_id = await _project(session, team_id, registration, wanted, (actor, now))
    made = await insert_once(
        session, PublisherRow,
        id=uuid4(), team_id=team_id, project_id=project_id, index_name=registration.index, project=registration.project,
        **wanted, requested_by=actor, state=PublisherState.REQUESTED, reason=Reason.ASKED, detail="", attempts=0, unanswered=False, polls=0,
        etag="", requested_at=now, state_at=now, next_at=now,
    )  # fmt: skip
    row = await session.scalar(
        select(PublisherRow).where(
            col(PublisherRow.team_id) == team_id,
            col(PublisherRow.project_id) == project_id,
            col(PublisherRow.state).in_(_OPEN),
        )
    )
    assert row is not None
    if made:
        # The project is what its newest publisher says; one that was refused for being open changes nothing.
        await session.execute(
            update(ProjectRow)
            .where(col(ProjectRow.id) == project_id, col(ProjectRow.team_id) == team_id)
            .values(**wanted)
            .execution_options(synchronize_session=False)
        )
    return record(row), made


async def know(
    session: AsyncSession, team_id: UUID, registration: Registration, asked: tuple[str, str], now: datetime
) -> None:
    """Let a project be known without a publisher, as what is given here; `asked` is (Slack user, channel)."""
    actor, channel = asked
    wanted = {
        "owner": registration.owner, "repository": registration.repository, "workflow": registration.workflow,
        "environment": registration.environment, "channel": channel,
    }  # fmt: skip
    project_id = await _project(session, team_id, registration, wanted, (actor, now))
    own = (col(ProjectRow.id) == project_id) & (col(ProjectRow.team_id) == team_id)
    change = update(ProjectRow).where(own).values(**wanted)
    await session.execute(change.execution_options(synchronize_session=False))


async def get(session: AsyncSession, team_id: UUID, publisher_id: UUID) -> Publisher | None:
    """Return one publisher of the team."""
    row = await session.scalar(select(PublisherRow).where(_is(team_id, publisher_id)))
    return None if row is None else record(row)


async def newest(
    session: AsyncSession, team_id: UUID, project: str, index: str | None = None
) -> Publisher | None:
    """Return the team's newest publisher of a project, open ones first; `index` narrows it."""
    query = select(PublisherRow).where(
        col(PublisherRow.team_id) == team_id, col(PublisherRow.project) == project
    )
    if index is not None:
        query = query.where(col(PublisherRow.index_name) == index)
    is_open = col(PublisherRow.state).in_(_OPEN)
    row = await session.scalar(query.order_by(is_open.desc(), col(PublisherRow.requested_at).desc()).limit(1))
    return None if row is None else record(row)


async def listed(session: AsyncSession, team_id: UUID, limit: int = 50) -> tuple[Sequence[Publisher], int]:
    """Return the newest publisher of each of the team's projects, and how many projects there are."""
    last = (
        select(col(PublisherRow.id), func.row_number().over(
            partition_by=col(PublisherRow.project_id),
            order_by=(col(PublisherRow.state).in_(_OPEN).desc(), col(PublisherRow.requested_at).desc()),
        ).label("place"))
        .where(col(PublisherRow.team_id) == team_id)
        .subquery()
    )  # fmt: skip
    query = select(PublisherRow).join(last, last.c.id == col(PublisherRow.id)).where(last.c.place == 1)
    rows = await session.scalars(
        query.order_by(col(PublisherRow.project), col(PublisherRow.index_name)).limit(limit)
    )
    total = await session.scalar(select(func.count()).where(col(ProjectRow.team_id) == team_id))
    return [record(row) for row in rows], total or 0


async def open_on(session: AsyncSession, team_id: UUID, index: str) -> Sequence[Publisher]:
    """Return the team's open publishers on one index, the oldest first."""
    rows = await session.scalars(
        select(PublisherRow)
        .where(
            col(PublisherRow.team_id) == team_id,
            col(PublisherRow.index_name) == index,
            col(PublisherRow.state).in_(_OPEN),
        )
        .order_by(col(PublisherRow.requested_at))
        .limit(_MOST_OPEN)
    )
    return [record(row) for row in rows]


@cache
def _queue(index: str) -> fairness.Queue:
    here = col(PublisherRow.index_name) == index
    return fairness.leased(PublisherRow, "id", here, here)


@cache
def _taking(index: str) -> ReturningUpdate[Any]:
    return fairness.taken(_queue(index)).returning(PublisherRow)


async def claim(
    session: AsyncSession, index: str, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Publisher]:
    """Take due publishers of one index, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    room = await fairness.room(session, _queue(index), f"publishers {index}", MOST_AT_ONCE, limit, now)
    taken = await fairness.take(session, _taking(index), fairness.bound(now, room, (owner, until)))
    return [record(row) for row in taken.scalars()]


async def claim_one(
    session: AsyncSession, publisher: Publisher, owner: UUID, times: tuple[datetime, datetime]
) -> bool:
    """Take one publisher that is still looked at; False where somebody works on it already."""
    now, until = times
    open_still = (col(PublisherRow.state) == publisher.state) & col(PublisherRow.next_at).is_not(None)
    where = _is(publisher.team_id, publisher.id) & open_still & free(PublisherRow, now)
    return await update_one(
        session, update(PublisherRow).where(where).values(lease_owner=owner, lease_until=until)
    )


async def places(session: AsyncSession, publisher: Publisher) -> Sequence[Publisher]:
    """Lock, and return, whatever a person has or wants on an index that is new there, in order of asking.

    Locked, so that of two that are looked at in the same moment the second sees what became of the first.
    """
    rows = await session.scalars(
        select(PublisherRow)
        .where(_placed(publisher), col(PublisherRow.existed_before).is_not(True))
        .order_by(col(PublisherRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return sorted(map(record, rows), key=lambda one: (one.requested_at, one.registration.project))


async def wake_next(session: AsyncSession, publisher: Publisher, now: datetime) -> None:
    """Let the first of those that wait for a place of the person's be looked at now."""
    first = (
        select(col(PublisherRow.id))
        .where(_placed(publisher), col(PublisherRow.queued_at).is_not(None))
        .order_by(col(PublisherRow.requested_at), col(PublisherRow.project))
        .limit(1)
        .scalar_subquery()
    )
    woken = update(PublisherRow).where(col(PublisherRow.id) == first, col(PublisherRow.next_at) > now)
    await update_one(session, woken.values(next_at=now))


async def look_soon(session: AsyncSession, publisher: Publisher, now: datetime) -> None:
    """Let a publisher that is looked at be looked at now."""
    open_still = (col(PublisherRow.state) == publisher.state) & (col(PublisherRow.next_at) > now)
    where = _is(publisher.team_id, publisher.id) & open_still
    await update_one(session, update(PublisherRow).where(where).values(next_at=now))


async def begin_attempt(
    session: AsyncSession, publisher: Publisher, owner: UUID, *, existed: bool | None
) -> bool:
    """Record, before the index is asked, that registering begins; False where the claim was lost."""
    values = {"attempts": col(PublisherRow.attempts) + 1, "existed_before": existed, "unanswered": True}
    return await update_one(session, update(PublisherRow).where(_held(publisher, owner)).values(**values))


async def move(session: AsyncSession, publisher: Publisher, owner: UUID | None, **values: Any) -> bool:
    """Write what a step has decided and end the claim; False where the state or the claim has changed meanwhile.

    `owner` None is a person's act (remove, "I've submitted it"), which needs no claim.
    """
    where = (
        _held(publisher, owner)
        if owner
        else _is(publisher.team_id, publisher.id) & (col(PublisherRow.state) == publisher.state)
    )
    return await update_one(
        session, update(PublisherRow).where(where).values(lease_owner=None, lease_until=None, **values)
    )


async def hand_over(session: AsyncSession, publisher: Publisher, to: str) -> bool:
    """Let somebody else be who asked for it; False where it is over, or somebody was faster."""
    asked = (col(PublisherRow.requested_by) == publisher.requested_by) & col(PublisherRow.state).in_(_OPEN)
    where = _is(publisher.team_id, publisher.id) & asked
    return await update_one(session, update(PublisherRow).where(where).values(requested_by=to))


@cache
def next_due(index: str) -> Question[datetime | None]:
    """Return the question when the index's next publisher that nobody works on is due."""
    return leases.next_due(PublisherRow, col(PublisherRow.index_name) == index)


async def counts(session: AsyncSession) -> dict[str, int]:
    """Return how many publishers are in each state, over all teams, for the metrics."""
    rows = await session.execute(
        select(col(PublisherRow.state), func.count()).group_by(col(PublisherRow.state))
    )
    return {str(state): count for state, count in rows}


async def keep_evidence(session: AsyncSession, publisher: Publisher, evidence: Evidence) -> None:
    """Keep a fact from outside; the first of its kind stays."""
    await insert_once(
        session, EvidenceRow,
        id=uuid4(), team_id=publisher.team_id, publisher_id=publisher.id, kind=evidence.kind, url=evidence.url[:1000],
        digest=evidence.digest, seen_at=evidence.seen_at,
    )  # fmt: skip


async def evidence(session: AsyncSession, publisher: Publisher) -> Sequence[Evidence]:
    """Return what is known from outside about a publisher, strongest first."""
    rows = await session.scalars(
        select(EvidenceRow).where(
            col(EvidenceRow.team_id) == publisher.team_id, col(EvidenceRow.publisher_id) == publisher.id
        )
    )
    facts = [Evidence(row.kind, row.url, row.digest, as_utc(row.seen_at)) for row in rows]
    return sorted(facts, key=lambda fact: list(EvidenceKind).index(fact.kind))


async def _project(
    session: AsyncSession,
    team_id: UUID,
    registration: Registration,
    wanted: dict[str, str],
    made: tuple[str, datetime],
) -> UUID:
    actor, now = made
    await insert_once(
        session, ProjectRow,
        id=uuid4(), team_id=team_id, index_name=registration.index, name=registration.project, **wanted, created_by=actor, created_at=now,
    )  # fmt: skip
    project_id = await session.scalar(
        select(col(ProjectRow.id)).where(
            col(ProjectRow.team_id) == team_id,
            col(ProjectRow.index_name) == registration.index,
            col(ProjectRow.name) == registration.project,
        )
    )
    assert project_id is not None
    return project_id


def _is(team_id: UUID, publisher_id: UUID) -> ColumnElement[bool]:
    return (col(PublisherRow.id) == publisher_id) & (col(PublisherRow.team_id) == team_id)


def _placed(publisher: Publisher) -> ColumnElement[bool]:
    """Return the clause: of the same person, team and index, and on its way there."""
    return (
        (col(PublisherRow.team_id) == publisher.team_id)
        & (col(PublisherRow.index_name) == publisher.registration.index)
        & (col(PublisherRow.requested_by) == publisher.requested_by)
        & col(PublisherRow.state).in_((PublisherState.REQUESTED, PublisherState.PENDING))
    )


def _held(publisher: Publisher, owner: UUID) -> ColumnElement[bool]:
    same_state = col(PublisherRow.state) == publisher.state
    return _is(publisher.team_id, publisher.id) & same_state & (col(PublisherRow.lease_owner) == owner)


def record(row: PublisherRow) -> Publisher:
    """Return a row as it travels."""
    registration = Registration(
        row.index_name, row.project, row.owner, row.repository, row.workflow, row.environment
    )
    return Publisher(
        id=row.id, team_id=row.team_id, project_id=row.project_id, registration=registration, channel=row.channel,
        requested_by=row.requested_by, state=row.state, reason=row.reason, detail=row.detail, existed_before=row.existed_before,
        attempts=row.attempts, unanswered=row.unanswered, polls=row.polls, etag=row.etag, requested_at=as_utc(row.requested_at), state_at=as_utc(row.state_at),
        pending_at=row.pending_at, expires_at=row.expires_at, reminded_at=row.reminded_at, next_at=row.next_at,
        looked_at=row.looked_at, handed_at=row.handed_at, queued_at=row.queued_at, organization=row.organization,
    )  # fmt: skip
