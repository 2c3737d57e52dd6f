"""Secrets on their way in: entered in a dialog or on a page, shown as what they are, then kept or forgotten.

An entry that a browser brings names no team: it is found by the hash of its link's state alone, which nobody can guess,
and tells the team itself. Everything else takes the team.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import keys
from storage.ledger.sql import insert_once, update_one
from storage.questions import Question
from storage.records import CredentialKind, Entry, Secret
from storage.tables import EntryRow

_OWN = frozenset({"secret", "username", "one_time", "response_url"})


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry that begins. With `secrets` "secret" it is entered already, else by the link whose state's hash this is."""

    id: UUID
    user: str
    channel: str
    index: str
    project: str
    kind: CredentialKind
    expires_at: datetime
    secrets: dict[str, Secret] = field(repr=False)
    """Any of `secret`, `username`, `one_time`, `response_url`."""
    seen: Sequence[str] = ()
    state_hash: str | None = None
    who: str = ""


async def begin(session: AsyncSession, team_id: UUID, new: NewEntry, now: datetime) -> bool:
    """Write an entry down; whatever has ended goes. False where it was written before."""
    row = EntryRow
    assert set(new.secrets) <= _OWN
    gone = delete(row).where(col(row.expires_at) <= now)
    await session.execute(gone.execution_options(synchronize_session=False))
    sealed = await keys.seal(session, _place(team_id, new.id), new.secrets) if new.secrets else None
    return await insert_once(
        session, row,
        id=new.id, team_id=team_id, user=new.user, channel=new.channel, who=new.who[:200], index_name=new.index,
        project=new.project, kind=new.kind, seen=list(new.seen), state_hash=new.state_hash, browser_hash="", sealed=sealed,
        entered="secret" in new.secrets, expires_at=new.expires_at,
    )  # fmt: skip


async def whose(session: AsyncSession, state_hash: str, now: datetime) -> tuple[str, str, UUID] | None:
    """Return how the person is called, the index and the team of a link on which nothing is entered yet."""
    row = EntryRow
    where = (col(row.state_hash) == state_hash) & (col(row.expires_at) > now) & (col(row.entered).is_(False))
    found = (
        await session.execute(select(col(row.who), col(row.index_name), col(row.team_id)).where(where))
    ).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


async def enter(
    session: AsyncSession, state_hash: str, browser_hash: str, typed: Entry, now: datetime
) -> Entry | None:
    """Seal what was entered on a link's page, once; from then on it is this browser's alone.

    `typed` has the values that were entered; None where the link has ended or was used before.
    """
    row = EntryRow
    found = await session.scalar(select(row).where(_open(state_hash, now), col(row.entered).is_(False)))
    if found is None or typed.secret is None:
        return None
    kept = await keys.unseal(session, _place(found.team_id, found.id), found.sealed)
    named = {"secret": typed.secret, "username": typed.username, "one_time": typed.one_time}
    secrets = {name: secret for name, secret in named.items() if secret}
    sealed = await keys.seal(session, _place(found.team_id, found.id), kept | secrets)
    written = {
        "index_name": typed.index, "project": typed.project, "kind": typed.kind, "seen": list(typed.seen),
        "browser_hash": browser_hash, "sealed": sealed, "entered": True,
    }  # fmt: skip
    same = (col(row.id) == found.id) & (col(row.team_id) == found.team_id) & col(row.entered).is_(False)
    won = await update_one(session, update(row).where(same).values(**written))
    return await get(session, found.team_id, found.id, now) if won else None


async def of_browser(
    session: AsyncSession, state_hash: str, browser_hash: str, now: datetime
) -> Entry | None:
    """Return what this browser has entered on a link's page; None where that has ended or is another's."""
    row = EntryRow
    found = await session.scalar(
        select(row).where(_open(state_hash, now), col(row.browser_hash) == browser_hash, col(row.entered))
    )
    return None if found is None or not browser_hash else await _record(session, found)


async def get(session: AsyncSession, team_id: UUID, entry_id: UUID, now: datetime) -> Entry | None:
    """Return an entry of the team; None where it has ended or was used."""
    row = EntryRow
    found = await session.scalar(
        select(row)
        .where(col(row.id) == entry_id, col(row.team_id) == team_id, col(row.expires_at) > now)
        .execution_options(populate_existing=True)
    )
    return None if found is None else await _record(session, found)


async def close(session: AsyncSession, team_id: UUID, entry_id: UUID) -> bool:
    """Use an entry up: its secret is gone from here; False where somebody else has."""
    row = EntryRow
    gone = delete(row).where(col(row.id) == entry_id, col(row.team_id) == team_id).returning(col(row.id))
    return (await session.execute(gone.execution_options(synchronize_session=False))).first() is not None


@cache
def next_end() -> Question[datetime | None]:
    """Return the question when the next entry ends."""
    return select(func.min(col(EntryRow.expires_at)))


async def prune(session: AsyncSession, now: datetime) -> None:
    """Forget what was never agreed to."""
    gone = delete(EntryRow).where(col(EntryRow.expires_at) <= now)
    await session.execute(gone.execution_options(synchronize_session=False))


def _open(state_hash: str, now: datetime) -> ColumnElement[bool]:
    return (col(EntryRow.state_hash) == state_hash) & (col(EntryRow.expires_at) > now)


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "credential_entries", "sealed", row_id)


async def _record(session: AsyncSession, row: EntryRow) -> Entry:
    secrets = await keys.unseal(session, _place(row.team_id, row.id), row.sealed)
    return Entry(
        id=row.id, team_id=row.team_id, user=row.user, channel=row.channel, index=row.index_name, project=row.project,
        kind=row.kind, seen=tuple(row.seen), secret=secrets.get("secret"), username=secrets.get("username"),
        response_url=secrets.get("response_url"), one_time=secrets.get("one_time"),
    )  # fmt: skip
