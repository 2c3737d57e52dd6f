"""Grants of an index's OAuth facility on their way: asked for in Slack, bound to a browser, used once.

Like a sign-in, a grant comes back from a browser that names no team: it is found by the hash of its state alone, which
nobody can guess, with the index's name, and tells the team itself.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import keys
from storage.ledger.sql import insert_once, update_one
from storage.records import GrantTaken, Secret
from storage.tables import GrantRow


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant that begins: whose, of which index, where the answer goes, until when it may come back."""

    user: str
    channel: str
    index: str
    state_hash: str
    expires_at: datetime
    response_url: Secret | None = field(default=None, repr=False)
    who: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What names a grant that a browser brings back; each is a hash but the index."""

    index: str
    state_hash: str
    browser_hash: str = ""


async def begin(session: AsyncSession, team_id: UUID, new: NewGrant, now: datetime) -> None:
    """Write a grant down, in place of the person's last one for this index; whatever has ended goes."""
    row, row_id = GrantRow, uuid4()
    same = (col(row.team_id) == team_id) & (col(row.user) == new.user) & (col(row.index_name) == new.index)
    gone = delete(row).where(or_(same, col(row.expires_at) <= now))
    await session.execute(gone.execution_options(synchronize_session=False))
    kept = {"response_url": new.response_url} if new.response_url else {}
    sealed = await keys.seal(session, _place(team_id, row_id), kept)
    await insert_once(
        session, row,
        id=row_id, team_id=team_id, user=new.user, index_name=new.index, state_hash=new.state_hash, browser_hash="",
        channel=new.channel, who=new.who[:200], sealed=sealed, asked=False, expires_at=new.expires_at,
    )  # fmt: skip


async def whose(session: AsyncSession, ticket: Ticket, now: datetime) -> str | None:
    """Return how the person is called whose grant this is; None where there is none that still may be used."""
    return await session.scalar(select(col(GrantRow.who)).where(_open(ticket, now)))


async def bind(session: AsyncSession, ticket: Ticket, now: datetime) -> bool:
    """Bind a grant to the first browser that brings it; False where another one has, or there is none."""
    row = GrantRow
    if not ticket.browser_hash:
        return False
    to_it = col(row.browser_hash).in_(("", ticket.browser_hash))
    bound = update(row).where(_open(ticket, now), to_it).values(browser_hash=ticket.browser_hash)
    return await update_one(session, bound)


async def token(session: AsyncSession, ticket: Ticket, now: datetime) -> Secret | None:
    """Return the request token that the index gave for a grant; None where there is none yet."""
    row = await _bound(session, ticket, now)
    return (
        None
        if row is None
        else (await keys.unseal(session, _place(row.team_id, row.id), row.sealed)).get("pair")
    )


async def keep(session: AsyncSession, ticket: Ticket, pair: Secret, now: datetime) -> Secret | None:
    """Seal the request token of a grant, once; returns the one that is kept, None where the grant has ended."""
    row = await _bound(session, ticket, now)
    if row is None:
        return None
    place = _place(row.team_id, row.id)
    kept = await keys.unseal(session, place, row.sealed)
    sealed = await keys.seal(session, place, kept | {"pair": pair})
    same = (col(GrantRow.id) == row.id) & (col(GrantRow.team_id) == row.team_id)
    first = update(GrantRow).where(same, col(GrantRow.asked).is_(False))
    if await update_one(session, first.values(sealed=sealed, asked=True)):
        return pair
    return await token(session, ticket, now)


async def take(session: AsyncSession, ticket: Ticket, now: datetime) -> GrantTaken | None:
    """Use a grant up; None where this browser did not begin it, or it has ended or was used before."""
    if not ticket.browser_hash:
        return None
    mine = and_(_open(ticket, now), col(GrantRow.browser_hash) == ticket.browser_hash)
    taken = delete(GrantRow).where(mine).returning(GrantRow).execution_options(synchronize_session=False)
    row = (await session.scalars(taken)).one_or_none()
    if row is None:
        return None
    opened = await keys.unseal(session, _place(row.team_id, row.id), row.sealed)
    return GrantTaken(row.team_id, row.user, row.channel, opened.get("response_url"), opened.get("pair"))


async def _bound(session: AsyncSession, ticket: Ticket, now: datetime) -> GrantRow | None:
    mine = and_(_open(ticket, now), col(GrantRow.browser_hash) == ticket.browser_hash)
    return await session.scalar(select(GrantRow).where(mine).execution_options(populate_existing=True))


def _open(ticket: Ticket, now: datetime) -> ColumnElement[bool]:
    row = GrantRow
    return and_(
        col(row.state_hash) == ticket.state_hash,
        col(row.index_name) == ticket.index,
        col(row.expires_at) > now,
    )


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "index_grants", "sealed", row_id)
