"""Releases: asked for, claimed, moved along, listed; and the evidence about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, CursorResult, Select, case, func, select, text, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from storage.ledger import fairness, leases
from storage.ledger.leases import free
from storage.ledger.sql import as_utc, insert_once, update_one
from storage.questions import Question
from storage.records import (
    Evidence,
    EvidenceKind,
    Project,
    Registration,
    Release,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
)
from storage.tables import ApprovalRow, ReleaseEvidenceRow, ReleaseRow, TeamRow
from storage.tables.releases import RELEASE_UNDER_WAY

_State = ReleaseState
_NUDGED = (
    _State.APPROVED, _State.VOIDED, _State.TAGGING, _State.BUILDING, _State.PUBLISHING, _State.VERIFYING,
)  # fmt: skip
"""States in which the engine waits for something outside that a forge's webhook may tell of."""
_UNDER_WAY = (_State.REQUESTED, _State.AWAITING_APPROVAL, *_NUDGED)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the releases, so that each part has places of its own."""

    index: str = ""
    """"" for every index."""
    orders: bool | None = None
    """Those that give the forge orders now, which takes a second each, or those that don't; None for both."""


MOST_AT_ONCE = 32
"""Releases of one share that all processes together work on at once."""
ALL = Share()


@dataclass(frozen=True, slots=True)
class NewRelease:
    """What somebody asked for."""

    version: str
    tag: str
    notes: str
    channel: str
    requested_by: str
    policy: dict[str, Any]
    rehearsal: str
    act_at: datetime | None
    kind: ReleaseKind = ReleaseKind.RELEASE
    id: UUID = field(default_factory=uuid4)


async def ask(
    session: AsyncSession, team_id: UUID, project: Project, new: NewRelease, now: datetime
) -> tuple[Release, bool]:
    """Ask for a release. Returns it and True, or the one that is under way already and False."""
    target = project.registration
    made = await insert_once(
        session, ReleaseRow,
        id=new.id, team_id=team_id, project_id=project.id, index_name=target.index, project=target.project, owner=target.owner,
        repository=target.repository, workflow=target.workflow, environment=target.environment, slug=target.slug.lower(),
        version=new.version, kind=new.kind, tag=new.tag, commit="", make_tag=False, start=None, notes=new.notes, channel=new.channel,
        requested_by=new.requested_by, state=_State.REQUESTED, reason=ReleaseReason.ASKED, detail="", round=0, digest="",
        report={}, policy=new.policy, progress={}, begun="", faults=0, rehearsal=new.rehearsal, act_at=new.act_at,
        requested_at=now, state_at=now, reminders=0, next_at=now,
    )  # fmt: skip
    found = await _first(
        session,
        _found(team_id).where(
            col(ReleaseRow.project_id) == project.id,
            col(ReleaseRow.version) == new.version,
            col(ReleaseRow.kind) == new.kind,
            is_under_way(),
        ),
    )
    assert found is not None
    return found, made


async def get(session: AsyncSession, team_id: UUID, release_id: UUID) -> Release | None:
    """Return one release of the team."""
    return await _first(session, _found(team_id).where(col(ReleaseRow.id) == release_id))


async def lock(session: AsyncSession, team_id: UUID, release_id: UUID) -> Release | None:
    """Return one release of the team, which nobody else can change until the end of the transaction."""
    # SQLite has one writer at a time and leaves the clause out.
    query = _found(team_id).where(col(ReleaseRow.id) == release_id).with_for_update(of=ReleaseRow)
    return await _first(session, query)


async def newest(
    session: AsyncSession,
    team_id: UUID,
    project: str,
    version: str = "",
    index: str = "",
    kind: ReleaseKind | None = None,
) -> Release | None:
    """Return the team's newest release of a project, those under way first; `version`, `index` and `kind` narrow it."""
    query = _found(team_id).where(col(ReleaseRow.project) == project)
    if version:
        query = query.where(col(ReleaseRow.version) == version)
    if index:
        query = query.where(col(ReleaseRow.index_name) == index)
    if kind:
        query = query.where(col(ReleaseRow.kind) == kind)
    return await _first(session, query.order_by(is_under_way().desc(), *_newest_first()))


async def listed(
    session: AsyncSession, team_id: UUID, limit: int, project: str = ""
) -> tuple[Sequence[Release], int]:
    """Return the team's newest releases, newest first, and how many there are."""
    which = col(ReleaseRow.team_id) == team_id
    if project:
        which &= col(ReleaseRow.project) == project
    total = await session.scalar(select(func.count()).select_from(ReleaseRow).where(which))
    found = _found(team_id).where(which).order_by(*_newest_first()).limit(limit)
    return await _all(session, found), total or 0


async def under_way(session: AsyncSession, project_id: UUID, team_id: UUID) -> Sequence[Release]:
    """Return the releases of a project that are under way, oldest first; no yanks."""
    query = _found(team_id).where(col(ReleaseRow.project_id) == project_id, is_under_way(), _is_release())
    return await _all(session, query.order_by(col(ReleaseRow.requested_at), col(ReleaseRow.id)))


async def open_of_team(session: AsyncSession, team_id: UUID) -> Sequence[Release]:
    """Return every release and yank of a team that is under way, locked until the end of the transaction."""
    query = _found(team_id).where(is_under_way()).order_by(col(ReleaseRow.id))
    return await _all(session, query.with_for_update(of=ReleaseRow))


async def voted_on(session: AsyncSession, team_id: UUID, user: str) -> Sequence[Release]:
    """Return what is not begun yet and somebody's vote stands for, locked until the end of the transaction."""
    row, vote = ReleaseRow, ApprovalRow
    theirs = select(col(vote.release_id)).where(
        col(vote.team_id) == team_id, col(vote.user) == user, col(vote.withdrawn_at).is_(None)
    )
    open_ = col(row.state).in_((_State.AWAITING_APPROVAL, _State.APPROVED))
    query = _found(team_id).where(open_, col(row.id).in_(theirs)).order_by(col(row.id))
    return await _all(session, query.with_for_update(of=ReleaseRow))


async def last_published(session: AsyncSession, team_id: UUID, project_id: UUID) -> Release | None:
    """Return the release of a project that was published last."""
    return await _first(session, _published(team_id, project_id))


async def published(session: AsyncSession, team_id: UUID, project_id: UUID, version: str) -> Release | None:
    """Return the release with which a version was published."""
    return await _first(session, _published(team_id, project_id).where(col(ReleaseRow.version) == version))


async def of_version(
    session: AsyncSession, team_id: UUID, project_id: UUID, version: str
) -> Sequence[Release]:
    """Return every release of a version of a project, newest first; no yanks."""
    which = (col(ReleaseRow.project_id) == project_id) & (col(ReleaseRow.version) == version)
    return await _all(session, _found(team_id).where(which, _is_release()).order_by(*_newest_first()))


@cache
def _queue(share: Share) -> fairness.Queue:
    return fairness.leased(ReleaseRow, "id", _in(share))


@cache
def _taking(share: Share) -> ReturningUpdate[Any]:
    return fairness.taken(_queue(share)).returning(col(ReleaseRow.id))


async def claim(
    session: AsyncSession, owner: UUID, times: tuple[datetime, datetime], limit: int, share: Share = ALL
) -> Sequence[Release]:
    """Take due releases of a share, each team's longest due first, for `owner`; `times` is (now, end of the lease)."""
    now, until = times
    room = await fairness.room(session, _queue(share), f"releases {share}", MOST_AT_ONCE, limit, now)
    taken = await fairness.take(session, _taking(share), fairness.bound(now, room, (owner, until)))
    ids = taken.scalars().all()
    query = _joined().where(col(ReleaseRow.id).in_(ids)).order_by(col(ReleaseRow.next_at), col(ReleaseRow.id))
    return await _all(session, query) if ids else []


async def claim_one(
    session: AsyncSession, release: Release, owner: UUID, times: tuple[datetime, datetime]
) -> bool:
    """Take one release that is still looked at; False where it has changed or somebody works on it already."""
    now, until = times
    where = _as_seen(release) & col(ReleaseRow.next_at).is_not(None) & free(ReleaseRow, now)
    return await update_one(
        session, update(ReleaseRow).where(where).values(lease_owner=owner, lease_until=until)
    )


async def begin(session: AsyncSession, release: Release, owner: UUID, act: str, now: datetime) -> bool:
    """Record, before anybody outside is asked, that an act begins; the lease is kept. False where it was lost."""
    where = _as_seen(release) & (col(ReleaseRow.lease_owner) == owner)
    return await update_one(session, update(ReleaseRow).where(where).values(begun=act, begun_at=now))


async def move(
    session: AsyncSession, release: Release, owner: UUID | None, *, keep_lease: bool = False, **values: Any
) -> bool:
    """Write what was decided; False where state, round or lease has changed meanwhile, or another is under way now.

    `owner` None is a person's act, which needs no lease. Whoever held one loses it, unless `keep_lease`.
    """
    where = _as_seen(release)
    if owner:
        where &= col(ReleaseRow.lease_owner) == owner
        values |= _unless_nudged(release, values)
    if not keep_lease:
        values |= {"lease_owner": None, "lease_until": None}
    if "detail" in values:
        values["detail"] = values["detail"][:500]
    reopens = release.state not in _UNDER_WAY and values.get("state", release.state) in _UNDER_WAY
    if not reopens:
        return await update_one(session, update(ReleaseRow).where(where).values(**values))
    try:
        async with session.begin_nested():
            change = update(ReleaseRow).where(where, _alone(release)).values(**values)
            return await update_one(session, change)
    except IntegrityError as error:
        if "uq_releases_open" not in str(error.orig):
            raise
        return False  # another one was asked for in the same moment


def _unless_nudged(release: Release, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return when the next look is, at once where a nudge came in during this one: it may have been too early."""
    if values.get("next_at") is None or release.next_at is None:
        return {}
    column = col(ReleaseRow.next_at)
    return {"next_at": case((column != release.next_at, column), else_=values["next_at"])}


@cache
def next_due(share: Share = ALL) -> Question[datetime | None]:
    """Return the question when the next release of a share that nobody works on is due."""
    return leases.next_due(ReleaseRow, _in(share))


def _in(share: Share) -> ColumnElement[bool]:
    clause = col(ReleaseRow.index_name) == share.index if share.index else true()
    if share.orders is None:
        return clause
    ordering = col(ReleaseRow.state) == _State.TAGGING
    return clause & (ordering if share.orders else ~ordering)


async def counts(session: AsyncSession) -> dict[str, int]:
    """Return how many releases are in each state, over all teams, for the metrics."""
    rows = await session.execute(select(col(ReleaseRow.state), func.count()).group_by(col(ReleaseRow.state)))
    return {str(state): count for state, count in rows}


async def moving(session: AsyncSession) -> dict[str, int]:
    """Return how many releases are in each state that is not an end, over all teams, for the metrics."""
    # In the words of the index, so that the many that have ended are not looked at.
    query = select(col(ReleaseRow.state), func.count()).where(text(RELEASE_UNDER_WAY))
    rows = await session.execute(query.group_by(col(ReleaseRow.state)))
    return {str(state): count for state, count in rows}


async def nudge(session: AsyncSession, owner: str, repository: str, now: datetime, *, tag: str = "") -> int:
    """Make due what waits for this repository, in whichever team, and look again at what is being looked at.

    `tag` is one that has moved: those who are asked to approve it hear of that. Whatever waits because somebody outside
    was out of order, or asked for that wait, goes on waiting: else many events would use up all its tries at once.
    """
    not_due = col(ReleaseRow.next_at).is_(None) | (col(ReleaseRow.next_at) > now)
    asked = (col(ReleaseRow.state) == _State.AWAITING_APPROVAL) & (col(ReleaseRow.tag) == tag)
    waiting = col(ReleaseRow.state).in_(_NUDGED)
    nudged = await session.execute(
        update(ReleaseRow)
        .where(
            col(ReleaseRow.slug) == f"{owner}/{repository}".lower(),
            waiting | asked if tag else waiting,
            not_due | ~free(ReleaseRow, now),
            col(ReleaseRow.faults) == 0,
        )
        .values(next_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", nudged).rowcount


async def keep_evidence(session: AsyncSession, release: Release, evidence: Evidence) -> None:
    """Keep a fact from outside; the first of its kind and address stays."""
    await insert_once(
        session, ReleaseEvidenceRow,
        id=uuid4(), team_id=release.team_id, release_id=release.id, kind=evidence.kind, url=evidence.url[:1000],
        digest=evidence.digest, seen_at=evidence.seen_at,
    )  # fmt: skip


async def evidence(session: AsyncSession, release: Release) -> Sequence[Evidence]:
    """Return what is known from outside about a release, by kind, in the order of seeing."""
    row = ReleaseEvidenceRow
    rows = await session.scalars(
        select(row)
        .where(col(row.team_id) == release.team_id, col(row.release_id) == release.id)
        .order_by(col(row.seen_at), col(row.url))
    )
    facts = [Evidence(one.kind, one.url, one.digest, as_utc(one.seen_at)) for one in rows]
    return sorted(facts, key=lambda fact: list(EvidenceKind).index(fact.kind))


def _joined() -> Select[ReleaseRow, str]:
    return select(ReleaseRow, col(TeamRow.slack_team_id)).join(
        TeamRow, col(TeamRow.id) == col(ReleaseRow.team_id)
    )


def _found(team_id: UUID) -> Select[ReleaseRow, str]:
    return _joined().where(col(ReleaseRow.team_id) == team_id)


def _published(team_id: UUID, project_id: UUID) -> Select[ReleaseRow, str]:
    done = col(ReleaseRow.state) == _State.PUBLISHED
    query = _found(team_id).where(col(ReleaseRow.project_id) == project_id, done)
    return query.order_by(col(ReleaseRow.state_at).desc(), col(ReleaseRow.id))


async def _all(session: AsyncSession, query: Select[ReleaseRow, str]) -> Sequence[Release]:
    # A row that this transaction has changed is read anew, not taken from what it had read before.
    rows = await session.execute(query.execution_options(populate_existing=True))
    return [record(row, slack_team_id) for row, slack_team_id in rows]


async def _first(session: AsyncSession, query: Select[ReleaseRow, str]) -> Release | None:
    found = await _all(session, query.limit(1))
    return found[0] if found else None


def _newest_first() -> tuple[Any, Any]:
    return col(ReleaseRow.requested_at).desc(), col(ReleaseRow.id)


def _is_release() -> ColumnElement[bool]:
    return col(ReleaseRow.kind) == ReleaseKind.RELEASE


def is_under_way() -> ColumnElement[bool]:
    """Return the clause: it has not ended."""
    return col(ReleaseRow.state).in_(_UNDER_WAY)


def _as_seen(release: Release) -> ColumnElement[bool]:
    """Return the clause: it is this one, and it stands where it stood when it was read."""
    one = (col(ReleaseRow.id) == release.id) & (col(ReleaseRow.team_id) == release.team_id)
    return one & (col(ReleaseRow.state) == release.state) & (col(ReleaseRow.round) == release.round)


def _alone(release: Release) -> ColumnElement[bool]:
    """Return the clause: no other release (or yank) of this version is under way."""
    other = aliased(ReleaseRow)
    return ~(
        select(col(other.id))
        .where(
            col(other.team_id) == release.team_id,
            col(other.project_id) == release.project_id,
            col(other.version) == release.version,
            col(other.kind) == release.kind,
            col(other.state).in_(_UNDER_WAY),
            col(other.id) != release.id,
        )
        .exists()
    )


def record(row: ReleaseRow, slack_team_id: str) -> Release:
    """Return a row as it travels."""
    target = Registration(
        row.index_name, row.project, row.owner, row.repository, row.workflow, row.environment
    )
    return Release(
        id=row.id, team_id=row.team_id, slack_team_id=slack_team_id, project_id=row.project_id, target=target,
        version=row.version, tag=row.tag, commit=row.commit, make_tag=row.make_tag, start=row.start, notes=row.notes,
        channel=row.channel, requested_by=row.requested_by, state=row.state, reason=row.reason, detail=row.detail,
        round=row.round, digest=row.digest, report=row.report, policy=row.policy, progress=row.progress, run_id=row.run_id,
        begun=row.begun, begun_at=row.begun_at, faults=row.faults, rehearsal=row.rehearsal, act_at=row.act_at,
        requested_at=as_utc(row.requested_at), state_at=as_utc(row.state_at), asked_at=row.asked_at,
        expires_at=row.expires_at, reminders=row.reminders, next_at=row.next_at,
        kind=row.kind,
    )  # fmt: skip
