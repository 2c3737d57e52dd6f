"""Steps of workflows: taken on once, waiting for what they are about, ended once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.sql import as_utc, insert_once, table, update_one
from storage.questions import Question
from storage.records import Step, StepState
from storage.tables import StepRow, TeamRow

_OPEN = (StepState.WAITING, StepState.ENDING)
Ending = tuple[str, Mapping[str, Any]]
"""What Slack is told: its kind and facts."""


async def known(session: AsyncSession, team_id: UUID, execution_id: str) -> bool:
    """Return whether a run was taken on before, however it stands."""
    one = (col(StepRow.team_id) == team_id) & (col(StepRow.execution_id) == execution_id)
    return await session.scalar(select(col(StepRow.id)).where(one)) is not None


async def wait(
    session: AsyncSession,
    team_id: UUID,
    run: tuple[str, str],
    of: tuple[UUID | None, UUID | None],
    now: datetime,
) -> bool:
    """Take a run on that waits; `run` is (execution, user), `of` (release, publisher). False where it is there already."""
    execution_id, user = run
    release_id, publisher_id = of
    return await insert_once(
        session, StepRow,
        id=uuid4(), team_id=team_id, execution_id=execution_id, user=user, state=StepState.WAITING, release_id=release_id,
        publisher_id=publisher_id, ending="", facts={}, attempts=0, created_at=now, next_at=now,
    )  # fmt: skip


async def end(
    session: AsyncSession, team_id: UUID, run: tuple[str, str], ending: Ending, now: datetime
) -> bool:
    """Take a run on that has ended already; False where it is there."""
    execution_id, user = run
    kind, facts = ending
    return await insert_once(
        session, StepRow,
        id=uuid4(), team_id=team_id, execution_id=execution_id, user=user, state=StepState.ENDING, ending=kind,
        facts=dict(facts), attempts=0, created_at=now, next_at=now,
    )  # fmt: skip


async def touch(
    session: AsyncSession,
    team_id: UUID,
    now: datetime,
    release_id: UUID | None = None,
    publisher_id: UUID | None = None,
) -> None:
    """Let what waits for a release, or for a publisher, look now."""
    row = StepRow
    what = col(row.release_id) == release_id if release_id else col(row.publisher_id) == publisher_id
    await session.execute(
        update(row)
        .where(col(row.team_id) == team_id, what, col(row.state) == StepState.WAITING)
        .values(next_at=now)
        .execution_options(synchronize_session=False)
    )


@cache
def _taking() -> ReturningUpdate[Any]:
    return fairness.taken(fairness.leased(StepRow, "id"), attempts=col(StepRow.attempts) + 1).returning(
        col(StepRow.id)
    )


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int
) -> Sequence[Step]:
    """Take due runs, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    taken = await fairness.take(session, _taking(), fairness.bound(now, limit, (owner, until)))
    ids = taken.scalars().all()
    if not ids:
        return []
    found = await session.execute(
        select(StepRow, col(TeamRow.slack_team_id))
        .join(table(TeamRow), col(TeamRow.id) == col(StepRow.team_id))
        .where(col(StepRow.id).in_(ids))
        .execution_options(populate_existing=True)
    )
    return [_record(row, slack_team_id) for row, slack_team_id in found]


async def decided(session: AsyncSession, step: Step, owner: UUID, ending: Ending) -> bool:
    """Write how a run ends before Slack is told, and keep the lease; False where that was lost."""
    kind, facts = ending
    values = {"state": StepState.ENDING, "ending": kind, "facts": dict(facts), "attempts": 1}
    return await update_one(session, update(StepRow).where(_held(step, owner)).values(**values))


async def ended(session: AsyncSession, step: Step, owner: UUID, state: StepState) -> bool:
    """Record that Slack knows, or never will; False where the lease was lost."""
    values = {"state": state, "next_at": None, "lease_owner": None, "lease_until": None}
    return await update_one(session, update(StepRow).where(_held(step, owner)).values(**values))


async def rest(session: AsyncSession, step: Step, owner: UUID, until: datetime) -> bool:
    """Look again later, and end the lease; False where that was lost."""
    values = {"next_at": until, "lease_owner": None, "lease_until": None}
    return await update_one(session, update(StepRow).where(_held(step, owner)).values(**values))


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next run that nobody works on is due."""
    return leases.next_due(StepRow)


async def prune(session: AsyncSession, before: datetime) -> None:
    """Forget runs that ended long ago; Slack repeats a delivery for minutes, not weeks."""
    old = (col(StepRow.created_at) < before) & col(StepRow.state).not_in(_OPEN)
    await session.execute(delete(StepRow).where(old).execution_options(synchronize_session=False))


def _held(step: Step, owner: UUID) -> ColumnElement[bool]:
    one = (col(StepRow.id) == step.id) & (col(StepRow.team_id) == step.team_id)
    return one & (col(StepRow.lease_owner) == owner)


def _record(row: StepRow, slack_team_id: str) -> Step:
    return Step(
        row.id, row.team_id, slack_team_id, row.execution_id, row.user, row.state, row.release_id, row.publisher_id,
        row.ending, dict(row.facts), row.attempts, as_utc(row.created_at),
    )  # fmt: skip
