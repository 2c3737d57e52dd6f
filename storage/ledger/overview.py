"""What a team has under way and what it has set up, at a glance: a fixed number of questions, however much there is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from storage.ledger import health, publishers, releases
from storage.ledger.sql import as_utc, table
from storage.records import (
    Approval,
    Health,
    Project,
    ProjectAtGlance,
    Publisher,
    PublisherState,
    Registration,
    Release,
    ReleaseState,
)
from storage.tables import (
    ApprovalRow,
    HealthRow,
    PolicyRow,
    ProjectRow,
    PublisherRow,
    ReleaseRow,
    TeamRow,
)
from storage.tables.releases import RELEASE_UNDER_WAY

_OPEN = (PublisherState.REQUESTED, PublisherState.PENDING, PublisherState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Laid:
    """The policies that hold for some projects, as they are kept."""

    team: dict[str, Any] | None
    own: Mapping[UUID, dict[str, Any]] = field(default_factory=dict)
    """By project."""
    others: Mapping[UUID, Sequence[dict[str, Any]]] = field(default_factory=dict)
    """Those of other projects that are published from the same repository and environment, by project."""


async def under_way(
    session: AsyncSession, team_id: UUID, limit: int, *, asked: bool
) -> tuple[Sequence[Release], int]:
    """Return a team's releases that wait for approvals (`asked`), oldest first, or go on, newest first; and how many."""
    row = ReleaseRow
    states = [ReleaseState.AWAITING_APPROVAL] if asked else _going_on()
    # In the very words of the partial index, which SQLite compares as they stand.
    which = (col(row.team_id) == team_id) & text(RELEASE_UNDER_WAY) & col(row.state).in_(states)
    at = col(row.requested_at)
    total = await session.scalar(select(func.count()).select_from(row).where(which))
    found = await session.execute(
        select(row, col(TeamRow.slack_team_id))
        .join(table(TeamRow), col(TeamRow.id) == col(row.team_id))
        .where(which)
        .order_by(at if asked else at.desc(), col(row.id))
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [releases.record(one, slack) for one, slack in found], total or 0


def _going_on() -> list[ReleaseState]:
    return [
        ReleaseState.REQUESTED, ReleaseState.APPROVED, ReleaseState.VOIDED, ReleaseState.TAGGING, ReleaseState.BUILDING,
        ReleaseState.PUBLISHING, ReleaseState.VERIFYING,
    ]  # fmt: skip


async def votes(
    session: AsyncSession, team_id: UUID, found: Collection[Release]
) -> Mapping[UUID, tuple[Approval, ...]]:
    """Return the votes that stand in the rounds of some releases, by release, oldest first."""
    row, rounds = ApprovalRow, {one.id: one.round for one in found}
    rows = await session.scalars(
        select(row)
        .where(col(row.team_id) == team_id, col(row.release_id).in_(rounds), col(row.withdrawn_at).is_(None))
        .order_by(col(row.at), col(row.user))
    )
    by_release: dict[UUID, list[Approval]] = {}
    for one in rows:
        if one.round == rounds[one.release_id]:
            vote = Approval(
                one.release_id, one.round, one.user, one.verdict, one.reason, as_utc(one.at), None
            )
            by_release.setdefault(one.release_id, []).append(vote)
    return {name: tuple(cast) for name, cast in by_release.items()}


async def policies(session: AsyncSession, team_id: UUID, project_ids: Collection[UUID]) -> Laid:
    """Return what is laid down for some of a team's projects, and the team's own."""
    mine, other = aliased(ProjectRow), aliased(ProjectRow)
    holds = (
        select(col(mine.id).label("project"), col(other.name).label("name"), col(mine.name).label("own"))
        .join(other, (col(other.team_id) == col(mine.team_id)) & _together(mine, other))
        .where(col(mine.team_id) == team_id, col(mine.id).in_(project_ids))
        .distinct()
        .subquery()
    )
    team = await session.scalar(
        select(col(PolicyRow.value)).where(col(PolicyRow.team_id) == team_id, col(PolicyRow.project) == "")
    )
    found = await session.execute(
        select(holds.c.project, holds.c.name == holds.c.own, col(PolicyRow.value))
        .join(table(PolicyRow), col(PolicyRow.project) == holds.c.name)
        .where(col(PolicyRow.team_id) == team_id)
        .order_by(col(PolicyRow.project))
    )
    own: dict[UUID, dict[str, Any]] = {}
    others: dict[UUID, list[dict[str, Any]]] = {}
    for project, is_own, value in found:
        if is_own:
            own[project] = value
        else:
            others.setdefault(project, []).append(value)
    return Laid(team, own, others)


def _together(mine: type[ProjectRow], other: type[ProjectRow]) -> ColumnElement[bool]:
    """Return the clause: published from one repository and environment, or the same project on another index."""
    same = (
        (func.lower(col(other.owner)) == func.lower(col(mine.owner)))
        & (func.lower(col(other.repository)) == func.lower(col(mine.repository)))
        & (func.lower(col(other.environment)) == func.lower(col(mine.environment)))
    )
    return same | (col(other.id) == col(mine.id))


async def projects(
    session: AsyncSession, team_id: UUID, place: tuple[int, int]
) -> tuple[Sequence[ProjectAtGlance], int]:
    """Return a part of a team's projects by name, `place` is (how many come before, how many), and how many there are."""
    before, most = place
    total = await session.scalar(select(func.count()).where(col(ProjectRow.team_id) == team_id))
    found = await session.execute(
        select(ProjectRow, _newest().label("publisher"), _published().label("release"))
        .where(col(ProjectRow.team_id) == team_id)
        .order_by(col(ProjectRow.name), col(ProjectRow.index_name))
        .offset(before)
        .limit(most)
    )
    rows = found.all()
    set_up = await _publishers(session, team_id, {one for _, one, _ in rows} - {None})
    shipped = await _releases(session, team_id, {one for _, _, one in rows} - {None})
    listed: list[ProjectAtGlance] = []
    for row, publisher, release in rows:
        registered, fares = set_up.get(publisher, (None, None))
        listed.append(ProjectAtGlance(_project(row), registered, fares, shipped.get(release)))
    return listed, total or 0


def _newest() -> ScalarSelect[UUID]:
    """Return the subquery of a project's publisher that counts: the open one, else the newest."""
    row = PublisherRow
    query = select(col(row.id)).where(
        col(row.project_id) == col(ProjectRow.id), col(row.team_id) == col(ProjectRow.team_id)
    )
    first = (col(row.state).in_(_OPEN).desc(), col(row.requested_at).desc())
    return query.order_by(*first).limit(1).correlate(ProjectRow).scalar_subquery()


def _published() -> ScalarSelect[UUID]:
    """Return the subquery of the release of a project that was published last."""
    row = ReleaseRow
    query = select(col(row.id)).where(
        col(row.project_id) == col(ProjectRow.id),
        col(row.team_id) == col(ProjectRow.team_id),
        text("state = 'published'"),  # the partial index's own words
    )
    return query.order_by(col(row.state_at).desc()).limit(1).correlate(ProjectRow).scalar_subquery()


async def _publishers(
    session: AsyncSession, team_id: UUID, ids: Collection[UUID]
) -> Mapping[UUID, tuple[Publisher, Health | None]]:
    found = await session.execute(
        select(PublisherRow, HealthRow)
        .outerjoin(HealthRow, col(HealthRow.publisher_id) == col(PublisherRow.id))
        .where(col(PublisherRow.team_id) == team_id, col(PublisherRow.id).in_(ids))
    )
    return {row.id: (publishers.record(row), _fares(fares)) for row, fares in found}


def _fares(row: HealthRow | None) -> Health | None:
    return None if row is None else health.record(row)


async def _releases(session: AsyncSession, team_id: UUID, ids: Collection[UUID]) -> Mapping[UUID, Release]:
    row = ReleaseRow
    found = await session.execute(
        select(row, col(TeamRow.slack_team_id))
        .join(table(TeamRow), col(TeamRow.id) == col(row.team_id))
        .where(col(row.team_id) == team_id, col(row.id).in_(ids))
    )
    return {one.id: releases.record(one, slack) for one, slack in found}


def _project(row: ProjectRow) -> Project:
    target = Registration(row.index_name, row.name, row.owner, row.repository, row.workflow, row.environment)
    return Project(row.id, row.team_id, target, row.channel)
