"""The first steps of a team after its install: which are due to be looked at, and what shows that they are done."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.installations import records
from storage.ledger.sql import update_one
from storage.questions import Question
from storage.records import FirstSteps, Installation, OutboxState
from storage.tables import GithubLinkRow, InstallationRow, OutboxRow, ProjectRow


async def due(session: AsyncSession, now: datetime, limit: int) -> Sequence[Installation]:
    """Return installations whose first steps are to be looked at, locked until the transaction ends."""
    row = InstallationRow
    asked = (
        select(row)
        .where(col(row.welcome_at) <= now)
        .order_by(col(row.welcome_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return await records(session, (await session.scalars(asked)).all(), "welcome_at")


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next one is to be looked at."""
    welcome_at = col(InstallationRow.welcome_at)
    return select(func.min(welcome_at)).where(welcome_at.is_not(None))


async def again(session: AsyncSession, installation: Installation, then: datetime | None) -> bool:
    """Say when an installation's first steps are looked at next; None: never again."""
    row = InstallationRow
    one = (col(row.id) == installation.id) & (col(row.team_id) == installation.team_id)
    return await update_one(session, update(row).where(one).values(welcome_at=then))


async def steps(session: AsyncSession, team_id: UUID) -> FirstSteps:
    """Return what a team has done, as its rows show it."""
    link, said, project = GithubLinkRow, OutboxRow, ProjectRow
    login = select(col(link.login)).where(col(link.team_id) == team_id).order_by(col(link.linked_at)).limit(1)
    spoken = (
        select(col(said.channel))
        .where(
            col(said.team_id) == team_id,
            col(said.state) == OutboxState.SENT,
            col(said.ts) != "",
            or_(col(said.channel).startswith("C"), col(said.channel).startswith("G")),
        )
        .order_by(col(said.seq))
        .limit(1)
    )
    name = (
        select(col(project.name))
        .where(col(project.team_id) == team_id)
        .order_by(col(project.created_at))
        .limit(1)
    )
    found = [await session.scalar(asked) or "" for asked in (login, spoken, name)]
    return FirstSteps(*found)
