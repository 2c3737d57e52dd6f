"""What the status page asks: the history of a team's releases, and its projects with their evidence.

Every question reads a bounded number of rows by an index, however much there is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger import publishers
from storage.ledger.sql import as_utc
from storage.records import (
    Evidence,
    EvidenceKind,
    HistoryLine,
    KnownProject,
    Project,
    Publisher,
    Registration,
    Team,
    Verdict,
)
from storage.tables import ApprovalRow, EvidenceRow, ProjectRow, PublisherRow, ReleaseRow, TeamRow


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a team's history is wanted."""

    limit: int
    project: str = ""
    """"" for every project."""
    since: datetime | None = None
    before: tuple[datetime, UUID] | None = None
    """When the last release of the page before was asked for, and its id."""


async def lines(session: AsyncSession, team_id: UUID, part: Part) -> Sequence[HistoryLine]:
    """Return a part of the team's releases, newest first."""
    row, vote = ReleaseRow, ApprovalRow
    voted_at = (
        select(col(vote.at))
        .where(
            col(vote.release_id) == col(row.id), col(vote.round) == col(row.round), col(vote.withdrawn_at).is_(None),
            col(vote.verdict).in_((Verdict.APPROVED, Verdict.BREAK_GLASS)),
        )
        .order_by(col(vote.at).desc()).limit(1).scalar_subquery()
    )  # fmt: skip
    query = (
        select(
            col(row.id), col(row.index_name), col(row.project), col(row.version), col(row.kind), col(row.state),
            col(row.reason), col(row.requested_by), col(row.requested_at), col(row.state_at), col(row.asked_at),
            col(row.act_at), voted_at,
        )
        .where(col(row.team_id) == team_id, *_within(part))
        .order_by(col(row.requested_at).desc(), col(row.id)).limit(part.limit)
    )  # fmt: skip
    rows: Sequence[Sequence[Any]] = (await session.execute(query)).all()
    return [HistoryLine(*found) for found in rows]


def _within(part: Part) -> Iterable[ColumnElement[bool]]:
    asked_at = col(ReleaseRow.requested_at)
    if part.project:
        yield col(ReleaseRow.project) == part.project
    if part.since is not None:
        yield asked_at >= part.since
    if part.before is not None:
        last, last_id = part.before
        yield asked_at <= last
        yield or_(asked_at < last, col(ReleaseRow.id) > last_id)


async def projects(
    session: AsyncSession, team_id: UUID, limit: int, name: str = "", after: tuple[str, str] | None = None
) -> Sequence[KnownProject]:
    """Return the team's projects in order of index and name, with their newest publishers and the evidence.

    `name` narrows it to one project's, `after` is (index, name) of the last one of the page before.
    """
    row = ProjectRow
    newest = (
        select(col(PublisherRow.id))
        .where(col(PublisherRow.project_id) == col(row.id))
        .order_by(col(PublisherRow.requested_at).desc(), col(PublisherRow.id)).limit(1)
        .correlate(row).scalar_subquery()
    )  # fmt: skip
    place = tuple_(col(row.index_name), col(row.name))
    query = (
        select(row, PublisherRow)
        .outerjoin(PublisherRow, col(PublisherRow.id) == newest)
        .where(
            col(row.team_id) == team_id,
            col(row.name) == name if name else true(),
            place > tuple_(*after) if after else true(),
        )
        .order_by(col(row.index_name), col(row.name)).limit(limit)
    )  # fmt: skip
    found: list[tuple[Project, Publisher | None]] = []
    for one, of in (await session.execute(query)).all():
        newest_of: PublisherRow | None = of  # none was ever asked for: the outer join gives nothing
        found.append((_project(one), None if newest_of is None else publishers.record(newest_of)))
    known = await _evidence(session, team_id, [of for _, of in found if of])
    return [KnownProject(one, of, known.get(of.id, ()) if of else ()) for one, of in found]


async def _evidence(
    session: AsyncSession, team_id: UUID, about: Sequence[Publisher]
) -> Mapping[UUID, tuple[Evidence, ...]]:
    row = EvidenceRow
    query = select(row).where(
        col(row.publisher_id).in_([one.id for one in about]), col(row.team_id) == team_id
    )
    found: dict[UUID, list[Evidence]] = {}
    for one in await session.scalars(query):
        fact = Evidence(one.kind, one.url, one.digest, as_utc(one.seen_at))
        found.setdefault(one.publisher_id, []).append(fact)
    strength = list(EvidenceKind)
    return {
        key: tuple(sorted(facts, key=lambda fact: strength.index(fact.kind))) for key, facts in found.items()
    }


async def team_of(session: AsyncSession, slack_team_id: str, enterprise_id: str) -> Team | None:
    """Return the team that somebody is of who has proven a workspace, and an org ("": none); None where we know none.

    Slack's team ids are unique everywhere, so the workspace's own row counts; else that of its org's install.
    """
    row = TeamRow
    for name in filter(None, (slack_team_id, enterprise_id)):
        found = (await session.scalars(select(row).where(col(row.slack_team_id) == name))).all()
        best = sorted(found, key=lambda one: (one.enterprise_id != enterprise_id, one.enterprise_id))
        if best:
            return Team(best[0].id, best[0].slack_team_id, best[0].enterprise_id)
    return None


def _project(row: ProjectRow) -> Project:
    registration = Registration(
        row.index_name, row.name, row.owner, row.repository, row.workflow, row.environment
    )
    return Project(row.id, row.team_id, registration, row.channel)
