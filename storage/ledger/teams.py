"""Teams: made at first contact."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger import keys
from storage.ledger.sql import insert_once
from storage.records import Team
from storage.tables import TeamRow


async def ensure(session: AsyncSession, slack_team_id: str, enterprise_id: str, now: datetime) -> Team:
    """Return the team, made with its data key if this is the first word from it."""
    found = await _find(session, slack_team_id, enterprise_id)
    if found is None:
        await insert_once(
            session,
            TeamRow,
            id=uuid4(),
            slack_team_id=slack_team_id,
            enterprise_id=enterprise_id,
            created_at=now,
        )
        found = await _find(session, slack_team_id, enterprise_id)
        assert found is not None
        await keys.make(session, found.id, now)
    return found


async def get(session: AsyncSession, team_id: UUID) -> Team:
    """Return a team by our own id."""
    row = await session.get_one(TeamRow, team_id)
    return Team(row.id, row.slack_team_id, row.enterprise_id)


async def everyone(session: AsyncSession) -> Sequence[Team]:
    """Return all teams, oldest first: for the operator's commands alone."""
    rows = await session.scalars(select(TeamRow).order_by(col(TeamRow.created_at), col(TeamRow.id)))
    return [Team(row.id, row.slack_team_id, row.enterprise_id) for row in rows]


async def _find(session: AsyncSession, slack_team_id: str, enterprise_id: str) -> Team | None:
    row = await session.scalar(
        select(TeamRow).where(
            col(TeamRow.slack_team_id) == slack_team_id, col(TeamRow.enterprise_id) == enterprise_id
        )
    )
    return None if row is None else Team(row.id, row.slack_team_id, row.enterprise_id)
