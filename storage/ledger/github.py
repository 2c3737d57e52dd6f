"""Who somebody of a team is on the forge, and the sign-ins by which that is found out.

A sign-in comes back from a browser that names no team: it is found by the hash of its state alone, which nobody can
guess, and tells the team itself. Everything else takes the team.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import keys
from storage.ledger.sql import as_utc, insert_once, update_one, upsert
from storage.records import GithubLink, Secret, SignIn
from storage.tables import GithubLinkRow, OauthStateRow


@dataclass(frozen=True, slots=True)
class NewSignIn:
    """A sign-in that begins: whose, where the answer goes, until when it may come back."""

    user: str
    channel: str
    state_hash: str
    expires_at: datetime
    response_url: Secret | None = None
    who: str = ""


async def begin(session: AsyncSession, team_id: UUID, new: NewSignIn, now: datetime) -> None:
    """Write a sign-in down, in place of the person's last one; whatever has ended goes."""
    row, row_id = OauthStateRow, uuid4()
    of_person = (col(row.team_id) == team_id) & (col(row.user) == new.user)
    gone = delete(row).where(or_(of_person, col(row.expires_at) <= now))
    await session.execute(gone.execution_options(synchronize_session=False))
    sealed = None
    if new.response_url:
        sealed = await keys.seal(session, _place(team_id, row_id), {"response_url": new.response_url})
    await insert_once(
        session, row,
        id=row_id, team_id=team_id, user=new.user, state_hash=new.state_hash, browser_hash="", channel=new.channel, who=new.who[:200],
        sealed=sealed, expires_at=new.expires_at,
    )  # fmt: skip


async def whose(session: AsyncSession, state_hash: str, now: datetime) -> str | None:
    """Return how the person is called whose sign-in this is; None where there is none that still may be used."""
    row = OauthStateRow
    where = (col(row.state_hash) == state_hash) & (col(row.expires_at) > now)
    return await session.scalar(select(col(row.who)).where(where))


async def bind(session: AsyncSession, state_hash: str, browser_hash: str, now: datetime) -> bool:
    """Bind a sign-in to the first browser that brings it; False where another one has, or there is none."""
    row = OauthStateRow
    open_to_it = col(row.browser_hash).in_(("", browser_hash))
    return await update_one(
        session,
        update(row)
        .where(col(row.state_hash) == state_hash, col(row.expires_at) > now, open_to_it)
        .values(browser_hash=browser_hash),
    )


async def take(session: AsyncSession, state_hash: str, browser_hash: str, now: datetime) -> SignIn | None:
    """Use a sign-in up; None where this browser did not begin it, or it has ended or was used before."""
    row = OauthStateRow
    if not browser_hash:
        return None
    taken = (
        delete(row)
        .where(
            col(row.state_hash) == state_hash,
            col(row.browser_hash) == browser_hash,
            col(row.expires_at) > now,
        )
        .returning(row)
        .execution_options(synchronize_session=False)
    )
    found = (await session.scalars(taken)).one_or_none()
    if found is None:
        return None
    opened = await keys.unseal(session, _place(found.team_id, found.id), found.sealed)
    return SignIn(found.team_id, found.user, found.channel, opened.get("response_url"))


async def link(
    session: AsyncSession, team_id: UUID, user: str, account: tuple[int, str], now: datetime
) -> bool:
    """Say who somebody is on the forge, in place of what was known; False where that account is another person's."""
    github_id, login = account
    row = GithubLinkRow
    holder = await session.scalar(
        select(col(row.user)).where(col(row.team_id) == team_id, col(row.github_id) == github_id)
    )
    if holder not in {None, user}:
        return False
    written = {"github_id": github_id, "login": login, "linked_at": now}
    return await upsert(session, row, ("team_id", "user"), written, None, team_id=team_id, user=user)


async def linked(session: AsyncSession, team_id: UUID, user: str) -> GithubLink | None:
    """Return who somebody is on the forge; None where that is not known."""
    row = GithubLinkRow
    found = await session.scalar(
        select(row)
        .where(col(row.team_id) == team_id, col(row.user) == user)
        .execution_options(populate_existing=True)
    )
    return None if found is None else _record(found)


async def unlink(session: AsyncSession, team_id: UUID, user: str) -> GithubLink | None:
    """Forget who somebody is on the forge; returns what was known."""
    known = await linked(session, team_id, user)
    row = GithubLinkRow
    gone = delete(row).where(col(row.team_id) == team_id, col(row.user) == user)
    await session.execute(gone.execution_options(synchronize_session=False))
    return known


def _record(row: GithubLinkRow) -> GithubLink:
    return GithubLink(row.team_id, row.user, row.github_id, row.login, as_utc(row.linked_at))


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "oauth_states", "sealed", row_id)
