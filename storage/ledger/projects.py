"""Projects: what is known to a team, by name."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.records import Project, Registration
from storage.tables import ProjectRow

NEAR = 200
"""Names on either side of a misspelt one among which the one that was meant is looked for."""


async def named(session: AsyncSession, team_id: UUID, name: str, index: str = "") -> Sequence[Project]:
    """Return the team's projects of this name, one for each index; `index` narrows it."""
    query = select(ProjectRow).where(col(ProjectRow.team_id) == team_id, col(ProjectRow.name) == name)
    if index:
        query = query.where(col(ProjectRow.index_name) == index)
    rows = await session.scalars(
        query.order_by(col(ProjectRow.index_name)).execution_options(populate_existing=True)
    )
    return [_record(row) for row in rows]


async def near(session: AsyncSession, team_id: UUID, name: str, most: int = NEAR) -> list[str]:
    """Return the names of the team's projects among which the misspelt one is looked for: all, or its neighbours by alphabet.

    So a typo costs as much in a team with ten thousand projects as in one with `most` on either side.
    """
    row = ProjectRow
    mine = select(col(row.name)).where(col(row.team_id) == team_id)
    after = mine.where(col(row.name) >= name).order_by(col(row.name), col(row.index_name)).limit(most)
    before = (
        mine.where(col(row.name) < name)
        .order_by(col(row.name).desc(), col(row.index_name).desc())
        .limit(most)
    )
    found = union_all(select(after.subquery().c.name), select(before.subquery().c.name))
    return sorted(set(await session.scalars(found)))


async def sharing(session: AsyncSession, team_id: UUID, target: Registration) -> list[str]:
    """Return the names of the team's other projects that are published from the same repository and environment."""
    repository = func.lower(col(ProjectRow.owner) + "/" + col(ProjectRow.repository))
    query = select(col(ProjectRow.name)).where(
        col(ProjectRow.team_id) == team_id,
        repository == target.slug.lower(),
        func.lower(col(ProjectRow.environment)) == target.environment.lower(),
        col(ProjectRow.name) != target.project,
    )
    return list(await session.scalars(query.distinct().order_by(col(ProjectRow.name))))


def _record(row: ProjectRow) -> Project:
    registration = Registration(
        row.index_name, row.name, row.owner, row.repository, row.workflow, row.environment
    )
    return Project(row.id, row.team_id, registration, row.channel)
