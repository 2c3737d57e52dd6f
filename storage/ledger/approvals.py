"""Approvals: one live vote a person in each round of a release."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, update_one, upsert
from storage.records import Approval, Release, Verdict
from storage.tables import ApprovalRow


async def vote(
    session: AsyncSession, release: Release, user: str, verdict: Verdict, reason: str, now: datetime
) -> bool:
    """Cast a vote in the release's round; a withdrawn one is cast anew. False where this person's vote is there."""
    written = {"verdict": verdict, "reason": reason[:500], "at": now, "withdrawn_at": None}
    return await upsert(
        session, ApprovalRow, ("release_id", "round", "user"), written, col(ApprovalRow.withdrawn_at).is_not(None),
        id=uuid4(), team_id=release.team_id, release_id=release.id, round=release.round, user=user,
    )  # fmt: skip


async def withdraw(session: AsyncSession, release: Release, user: str, now: datetime) -> bool:
    """Take a vote of the release's round back; False where there is none."""
    where = _of(release) & _live(release) & (col(ApprovalRow.user) == user)
    return await update_one(session, update(ApprovalRow).where(where).values(withdrawn_at=now))


async def votes(session: AsyncSession, release: Release) -> Sequence[Approval]:
    """Return what counts: the votes of the release's round that stand, oldest first."""
    return await _listed(session, _of(release) & _live(release))


async def all_votes(session: AsyncSession, release: Release) -> Sequence[Approval]:
    """Return every vote of every round, withdrawn ones too, oldest first."""
    return await _listed(session, _of(release))


async def _listed(session: AsyncSession, which: ColumnElement[bool]) -> Sequence[Approval]:
    order = (col(ApprovalRow.round), col(ApprovalRow.at), col(ApprovalRow.user))
    rows = await session.scalars(
        select(ApprovalRow).where(which).order_by(*order).execution_options(populate_existing=True)
    )
    return [
        Approval(row.release_id, row.round, row.user, row.verdict, row.reason, as_utc(row.at), row.withdrawn_at)
        for row in rows
    ]  # fmt: skip


def _of(release: Release) -> ColumnElement[bool]:
    return (col(ApprovalRow.release_id) == release.id) & (col(ApprovalRow.team_id) == release.team_id)


def _live(release: Release) -> ColumnElement[bool]:
    return (col(ApprovalRow.round) == release.round) & col(ApprovalRow.withdrawn_at).is_(None)
