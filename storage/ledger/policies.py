"""Policies: how a team decides on releases, for all projects and for one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import upsert
from storage.tables import PolicyRow, TeamRow


async def lock(session: AsyncSession, team_id: UUID) -> None:
    """Let nobody else change a policy of the team until the end of the transaction: a change is made of what was read."""
    await session.execute(
        select(col(TeamRow.id)).where(col(TeamRow.id) == team_id).with_for_update(key_share=True)
    )


async def put(
    session: AsyncSession, team_id: UUID, project: str, value: dict[str, Any], by: str, now: datetime
) -> None:
    """Set the policy of a project, or the team's own (`project` ""), in place of the one before."""
    written = {"value": value, "set_by": by, "set_at": now}
    await upsert(session, PolicyRow, ("team_id", "project"), written, None, team_id=team_id, project=project)


async def projects(session: AsyncSession, team_id: UUID) -> Sequence[str]:
    """Return the names of the projects that have a policy of their own."""
    query = select(col(PolicyRow.project)).where(
        col(PolicyRow.team_id) == team_id, col(PolicyRow.project) != ""
    )
    return (await session.scalars(query)).all()


async def read(
    session: AsyncSession, team_id: UUID, project: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the team's own policy and the project's; None where none is set."""
    found = await session.execute(
        select(col(PolicyRow.project), col(PolicyRow.value)).where(
            col(PolicyRow.team_id) == team_id, col(PolicyRow.project).in_(("", project))
        )
    )
    by_project: dict[str, dict[str, Any]] = dict(iter(found))
    return by_project.get(""), by_project.get(project) if project else None
