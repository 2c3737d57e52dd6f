"""Subscriptions: which channels hear of the ends of releases beside the releases' own."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, upsert
from storage.records import Hears, Subscription
from storage.tables import SubscriptionRow


async def put(session: AsyncSession, team_id: UUID, wanted: Subscription) -> None:
    """Let a channel hear this of a project (or of all), in place of what it heard before."""
    written = {"hears": wanted.hears, "set_by": wanted.set_by, "set_at": wanted.set_at}
    await upsert(
        session, SubscriptionRow, ("team_id", "project", "channel"), written, None,
        team_id=team_id, project=wanted.project, channel=wanted.channel,
    )  # fmt: skip


async def drop(session: AsyncSession, team_id: UUID, channel: str, project: str) -> None:
    """Forget what a channel wanted to hear of a project (or of all)."""
    row = SubscriptionRow
    one = (col(row.team_id) == team_id) & (col(row.channel) == channel) & (col(row.project) == project)
    await session.execute(delete(row).where(one).execution_options(synchronize_session=False))


async def of_channel(session: AsyncSession, team_id: UUID, channel: str) -> Sequence[Subscription]:
    """Return what a channel wants to hear: of all first, then by project."""
    row = SubscriptionRow
    rows = await session.scalars(
        select(row)
        .where(col(row.team_id) == team_id, col(row.channel) == channel)
        .order_by(col(row.project))
        .execution_options(populate_existing=True)
    )
    return [Subscription(one.project, one.channel, one.hears, one.set_by, as_utc(one.set_at)) for one in rows]


async def of_project(session: AsyncSession, team_id: UUID, project: str) -> Mapping[str, Hears]:
    """Return what each channel wants to hear of a project: what it said of this one, else what it said of all."""
    row = SubscriptionRow
    found = await session.execute(
        select(col(row.channel), col(row.hears))
        .where(col(row.team_id) == team_id, col(row.project).in_(("", project)))
        .order_by(col(row.project), col(row.channel))
    )
    # "" sorts first, so that what was said of the project itself comes last and stands.
    return dict(iter(found))
