"""Data keys: made with a team, unwrapped once a process, wrapped anew, and the sealing of every secret column."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import DataKey, Place, Vault, WrappedKey
from storage.ledger.sql import insert_once
from storage.records import DoesNotOpen, KeyMissing, Secret, StorageError
from storage.tables import DataKeyRow


def vault_of(session: AsyncSession) -> Vault:
    """Return the vault that the database was opened with; StorageError if it was opened without keys."""
    vault = session.info.get("vault")
    if not isinstance(vault, Vault):
        raise StorageError("The database was opened without master keys, so nothing can be sealed or opened.")
    return vault


async def make(session: AsyncSession, team_id: UUID, now: datetime) -> None:
    """Give a new team its data key; the one that is there already stays."""
    wrapped = vault_of(session).make(team_id)
    await insert_once(
        session, DataKeyRow, id=wrapped.id, team_id=team_id, wrapped=wrapped.blob, master_key_id=wrapped.master_key_id, created_at=now
    )  # fmt: skip


async def data_key(session: AsyncSession, team_id: UUID) -> DataKey:
    """Return the team's data key; KeyMissing or DoesNotOpen where the master key is lost or wrong."""
    vault = vault_of(session)
    if known := vault.known(team_id):
        return known
    row = await session.scalar(select(DataKeyRow).where(col(DataKeyRow.team_id) == team_id))
    if row is None:
        raise StorageError(
            "The team's data key is gone: its secrets can't be opened any more.", "Enter them anew."
        )
    return vault.learn(team_id, WrappedKey(row.id, row.wrapped, row.master_key_id))


async def check(session: AsyncSession) -> str:
    """Return a line saying that the master keys fit this database; KeyMissing or DoesNotOpen where they don't.

    One data key of each master key is unwrapped, so that a wrong key is found before anything is written.
    """
    wrapping = vault_of(session).wrapping
    ids = (await session.scalars(select(col(DataKeyRow.master_key_id)).distinct())).all()
    for master_key_id in ids:
        row = await session.scalar(
            select(DataKeyRow).where(col(DataKeyRow.master_key_id) == master_key_id).limit(1)
        )
        if row is not None:
            wrapping.unwrap(row.team_id, WrappedKey(row.id, row.wrapped, row.master_key_id))
    return f"{len(ids)} master key(s) in use, all here" if ids else "no data key yet"


async def any_wrapped(session: AsyncSession) -> bool:
    """Return whether any data key exists, so that a lost master key is never replaced by a new one in silence."""
    return await session.scalar(select(col(DataKeyRow.id)).limit(1)) is not None


async def needed(session: AsyncSession) -> Mapping[str, int]:
    """Return how many data keys each master key wraps, by the master key's id."""
    counted = select(col(DataKeyRow.master_key_id), func.count()).group_by(col(DataKeyRow.master_key_id))
    return {str(name): int(count) for name, count in (await session.execute(counted)).all()}


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What one batch came to."""

    last: str
    """The id of the last data key that was looked at; "" where none is left."""
    done: int
    stuck: tuple[tuple[UUID, str], ...]
    """(team, cause) of those that do not open; they stay as they are."""


async def rewrap(session: AsyncSession, after: str, limit: int) -> Rewrapped:
    """Wrap the next data keys with the current master key, in the order of their ids.

    The data keys themselves stay, and with them all that they seal, so that nobody else need know. Whatever was wrapped
    is wrapped: killed, begun again or run twice at once, it goes on where it is.
    """
    wrapping = vault_of(session).wrapping
    others = (
        select(DataKeyRow)
        .where(col(DataKeyRow.master_key_id) != wrapping.current, col(DataKeyRow.id) > after)
        .order_by(col(DataKeyRow.id))
        .limit(limit)
    )
    rows = (await session.scalars(others)).all()
    anew: list[dict[str, object]] = []
    stuck: list[tuple[UUID, str]] = []
    for row in rows:
        try:
            plain = wrapping.unwrap(row.team_id, WrappedKey(row.id, row.wrapped, row.master_key_id))
        except (KeyMissing, DoesNotOpen) as error:
            stuck.append((row.team_id, error.cause))
            continue
        fresh = wrapping.wrap(row.team_id, row.id, plain)
        anew.append({"key": row.id, "old": row.master_key_id, "blob": fresh.blob, "new": fresh.master_key_id})
    if anew:
        # Not over what somebody else has wrapped or destroyed meanwhile.
        same = (col(DataKeyRow.id) == bindparam("key"), col(DataKeyRow.master_key_id) == bindparam("old"))
        change = update(DataKeyRow).where(*same)
        connection = await session.connection()
        await connection.execute(
            change.values(wrapped=bindparam("blob"), master_key_id=bindparam("new")), anew
        )
    return Rewrapped(rows[-1].id if rows else "", len(anew), tuple(stuck))


async def seal(session: AsyncSession, place: Place, secrets: Mapping[str, Secret]) -> bytes:
    """Return the named secrets sealed together for one column of one row."""
    key = await data_key(session, place.team_id)
    return key.seal(place, Secret(json.dumps({name: secret.reveal() for name, secret in secrets.items()})))


async def unseal(session: AsyncSession, place: Place, sealed: bytes | None) -> dict[str, Secret]:
    """Return the named secrets of a column; DoesNotOpen where they were changed or moved."""
    if sealed is None:
        return {}
    key = await data_key(session, place.team_id)
    return {name: Secret(text) for name, text in json.loads(key.open(place, sealed).reveal()).items()}
