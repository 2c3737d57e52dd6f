"""Teams: made at first contact."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger import keys
from storage.ledger.sql import insert_once, update_one
from storage.records import Team
from storage.tables import TeamRow


async def ensure(session: AsyncSession, slack_team_id: str, enterprise_id: str, now: datetime) -> Team:
    """Return the team, made with its data key if this is the first word from it, or the first after it had left."""
    found = await find(session, slack_team_id, enterprise_id)
    if found is None:
        await insert_once(
            session,
            TeamRow,
            id=uuid4(),
            slack_team_id=slack_team_id,
            enterprise_id=enterprise_id,
            created_at=now,
        )
        found = await find(session, slack_team_id, enterprise_id)
        assert found is not None
        await keys.make(session, found.id, now)
    elif await keys.made_at(session, found.id) is None:
        # It had left, with its key, and is back: it begins with a new one.
        await keys.make(session, found.id, now)
    if enterprise_id and found.enterprise_id != enterprise_id:
        # A workspace that has joined an org stays the same team.
        moved = update(TeamRow).where(col(TeamRow.id) == found.id).values(enterprise_id=enterprise_id)
        await update_one(session, moved)
        found = replace(found, enterprise_id=enterprise_id)
    return found


async def enterprise_of(session: AsyncSession, slack_team_id: str) -> str:
    """Return the org that a workspace is in, as far as it has said so; "" where none is known."""
    asked = select(col(TeamRow.enterprise_id)).where(
        col(TeamRow.slack_team_id) == slack_team_id, col(TeamRow.enterprise_id) != ""
    )
    return await session.scalar(asked.order_by(col(TeamRow.created_at).desc()).limit(1)) or ""


async def get(session: AsyncSession, team_id: UUID) -> Team:
    """Return a team by our own id."""
    row = await session.get_one(TeamRow, team_id)
    return Team(row.id, row.slack_team_id, row.enterprise_id)


async def everyone(session: AsyncSession) -> Sequence[Team]:
    """Return all teams, oldest first: for the operator's commands alone."""
    rows = await session.scalars(select(TeamRow).order_by(col(TeamRow.created_at), col(TeamRow.id)))
    return [Team(row.id, row.slack_team_id, row.enterprise_id) for row in rows]


async def find(session: AsyncSession, slack_team_id: str, enterprise_id: str) -> Team | None:
    """Find a team by Slack's ids; a workspace's is unique in all of Slack, and not every delivery names its org."""
    exactly = col(TeamRow.enterprise_id) == enterprise_id
    asked = (
        select(TeamRow)
        .where(col(TeamRow.slack_team_id) == slack_team_id, *(() if slack_team_id else (exactly,)))
        .order_by(exactly.desc(), col(TeamRow.created_at))
        .limit(1)
    )
    row = await session.scalar(asked.execution_options(populate_existing=True))
    return None if row is None else Team(row.id, row.slack_team_id, row.enterprise_id)
