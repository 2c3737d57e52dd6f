"""Signing in on the status page, and the sessions that come of it.

A sign-in comes back from a browser of which nobody knows yet who sits there: it is found by the hashes of its state and of
that browser's secret alone, and a session by the hash of its own, which tells the team. Nobody can guess them.
"""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.ledger.sql import as_utc, insert_once, make_room, update_one
from storage.records import StatusSession
from storage.tables import StatusSessionRow, StatusSignInRow, TeamRow

MOST_SIGN_INS = 10_000
"""Sign-ins on their way at a time."""


async def begin(
    session: AsyncSession,
    hashes: tuple[str, str],
    goes_to: str,
    times: tuple[datetime, datetime],
    *,
    most: int = MOST_SIGN_INS,
) -> None:
    """Write a sign-in down; `hashes` are of (state, browser), `times` (now, its end). Of more than `most` the oldest goes."""
    row, (now, ends) = StatusSignInRow, times
    await make_room(session, row, now, most)
    values = {"state_hash": hashes[0], "browser_hash": hashes[1], "goes_to": goes_to, "expires_at": ends}
    await insert_once(session, row, id=uuid4(), **values)


async def take(session: AsyncSession, hashes: tuple[str, str], now: datetime) -> str | None:
    """Use a sign-in up and return the page that was wanted; None where this browser has none that may be used."""
    row = StatusSignInRow
    taken = (
        delete(row)
        .where(
            col(row.state_hash) == hashes[0], col(row.browser_hash) == hashes[1], col(row.expires_at) > now
        )
        .returning(col(row.goes_to))
        .execution_options(synchronize_session=False)
    )
    return (await session.execute(taken)).scalar_one_or_none()


async def start(
    session: AsyncSession, person: tuple[UUID, str], secret_hash: str, times: tuple[datetime, datetime]
) -> None:
    """Start a session of (team, user); `times` is (now, its end). Those of everybody that have ended go."""
    row, (now, ends), (team_id, user) = StatusSessionRow, times, person
    gone = delete(row).where(col(row.expires_at) <= now)
    await session.execute(gone.execution_options(synchronize_session=False))
    values = {"secret_hash": secret_hash, "began_at": now, "seen_at": now, "expires_at": ends}
    await insert_once(session, row, id=uuid4(), team_id=team_id, user=user, **values)


async def find(
    session: AsyncSession, secret_hash: str, now: datetime, unused_since: datetime
) -> StatusSession | None:
    """Return the session with this secret; None where it has ended, or was not used since that time."""
    row = StatusSessionRow
    query = (
        select(col(row.team_id), col(TeamRow.slack_team_id), col(row.user), col(row.seen_at))
        .join(TeamRow, col(TeamRow.id) == col(row.team_id))
        .where(
            col(row.secret_hash) == secret_hash, col(row.expires_at) > now, col(row.seen_at) > unused_since
        )
    )
    found = (await session.execute(query)).one_or_none()
    return None if found is None else StatusSession(found[0], found[1], found[2], as_utc(found[3]))


async def touch(session: AsyncSession, secret_hash: str, now: datetime) -> None:
    """Say that a session was used."""
    row = StatusSessionRow
    await update_one(session, update(row).where(col(row.secret_hash) == secret_hash).values(seen_at=now))


async def end(session: AsyncSession, secret_hash: str) -> None:
    """End one session."""
    row = StatusSessionRow
    gone = delete(row).where(col(row.secret_hash) == secret_hash)
    await session.execute(gone.execution_options(synchronize_session=False))


async def end_all(session: AsyncSession, team_id: UUID, user: str = "") -> None:
    """End every session of a person, or of the whole team ("")."""
    row = StatusSessionRow
    gone = delete(row).where(col(row.team_id) == team_id)
    if user:
        gone = gone.where(col(row.user) == user)
    await session.execute(gone.execution_options(synchronize_session=False))
