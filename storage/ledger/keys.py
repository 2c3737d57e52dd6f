"""Data keys: made with a team, unwrapped once a process, wrapped anew, destroyed, and the sealing of every secret column."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import cast
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import ChainKey, DataKey, Place, Vault, WrappedKey
from storage.ledger.sql import insert_once
from storage.records import DoesNotOpen, KeyMissing, Secret, StorageError, TeamGone
from storage.tables import ChainKeyRow, DataKeyRow

WRAPPED = (DataKeyRow, cast("type[DataKeyRow]", ChainKeyRow))
"""Whatever master keys wrap; the two have the same columns."""


def vault_of(session: AsyncSession) -> Vault:
    """Return the vault that the database was opened with; StorageError if it was opened without keys."""
    vault = session.info.get("vault")
    if not isinstance(vault, Vault):
        raise StorageError("The database was opened without master keys, so nothing can be sealed or opened.")
    return vault


def vault_forgets(session: AsyncSession, team_id: UUID) -> None:
    """Drop a team's data key from memory, where the database was opened with keys."""
    vault = session.info.get("vault")
    if isinstance(vault, Vault):
        vault.forget(team_id)


async def make(session: AsyncSession, team_id: UUID, now: datetime) -> None:
    """Give a new team its data key; the one that is there already stays."""
    wrapped = vault_of(session).make(team_id)
    await insert_once(
        session, DataKeyRow, id=wrapped.id, team_id=team_id, wrapped=wrapped.blob, master_key_id=wrapped.master_key_id, created_at=now
    )  # fmt: skip


async def data_key(session: AsyncSession, team_id: UUID) -> DataKey:
    """Return the team's data key; KeyMissing or DoesNotOpen where the master key is lost or wrong."""
    if known := vault_of(session).known(team_id):
        return known
    return _learned(session, await _row(session, team_id))


async def made_at(session: AsyncSession, team_id: UUID) -> datetime | None:
    """Return when the team got its data key; None where it has none any more."""
    return await session.scalar(select(col(DataKeyRow.created_at)).where(col(DataKeyRow.team_id) == team_id))


async def destroy(session: AsyncSession, team_id: UUID, now: datetime) -> bool:
    """Destroy the team's data key: what it sealed opens for nobody any more. False where there is none.

    The key of the audit chain is kept by itself, so that the trail can be checked and goes on. Whoever seals something
    meanwhile is waited for: what is sealed under the key is there to be taken away once this returns.
    """
    key = await session.scalar(_of(team_id).with_for_update())
    if key is None:
        return False
    kept = vault_of(session).keep_chain(_learned(session, key))
    await insert_once(
        session, ChainKeyRow, id=kept.id, team_id=team_id, wrapped=kept.blob, master_key_id=kept.master_key_id, created_at=now
    )  # fmt: skip
    gone = delete(DataKeyRow).where(col(DataKeyRow.team_id) == team_id)
    await session.execute(gone.execution_options(synchronize_session=False))
    vault_of(session).forget(team_id)
    return True


async def chain_key(session: AsyncSession, team_id: UUID) -> ChainKey:
    """Return the key of the team's audit chain: that of its first data key, kept when that is destroyed."""
    vault = vault_of(session)
    if known := vault.known_chain(team_id):
        return known
    kept = await session.scalar(select(ChainKeyRow).where(col(ChainKeyRow.team_id) == team_id))
    if kept is not None:
        return vault.learn_chain(team_id, WrappedKey(kept.id, kept.wrapped, kept.master_key_id))
    return vault.learn_chain(team_id, await data_key(session, team_id))


def _of(team_id: UUID) -> Select[DataKeyRow]:
    return (
        select(DataKeyRow).where(col(DataKeyRow.team_id) == team_id).execution_options(populate_existing=True)
    )


async def _row(session: AsyncSession, team_id: UUID, *, held: bool = False) -> DataKeyRow:
    query = _of(team_id)
    # Until the transaction ends nobody destroys it, and others seal too.
    row = await session.scalar(query.with_for_update(read=True, key_share=True) if held else query)
    if row is None:
        raise TeamGone(
            "The team's data key is gone: its secrets can't be opened any more.", "Enter them anew."
        )
    return row


def _learned(session: AsyncSession, row: DataKeyRow) -> DataKey:
    vault = vault_of(session)
    known = vault.known(row.team_id)
    if known is not None and known.id == row.id:
        return known
    return vault.learn(row.team_id, WrappedKey(row.id, row.wrapped, row.master_key_id))


async def check(session: AsyncSession) -> str:
    """Return a line saying that the master keys fit this database; KeyMissing or DoesNotOpen where they don't.

    One data key of each master key is unwrapped, so that a wrong key is found before anything is written.
    """
    wrapping = vault_of(session).wrapping
    ids: set[str] = set()
    for table in WRAPPED:
        for name in (await session.scalars(select(col(table.master_key_id)).distinct())).all():
            row = await session.scalar(select(table).where(col(table.master_key_id) == name).limit(1))
            if row is not None:
                wrapping.unwrap(row.team_id, WrappedKey(row.id, row.wrapped, row.master_key_id))
                ids.add(name)
    return f"{len(ids)} master key(s) in use, all here" if ids else "no data key yet"


async def any_wrapped(session: AsyncSession) -> bool:
    """Return whether any data key exists, so that a lost master key is never replaced by a new one in silence."""
    for table in WRAPPED:
        if await session.scalar(select(col(table.id)).limit(1)) is not None:
            return True
    return False


async def needed(session: AsyncSession) -> Mapping[str, int]:
    """Return how many teams' keys each master key wraps, by the master key's id."""
    found: Counter[str] = Counter()
    for table in WRAPPED:
        counted = select(col(table.master_key_id), func.count()).group_by(col(table.master_key_id))
        found.update({str(name): int(count) for name, count in (await session.execute(counted)).all()})
    return found


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
    rows: list[DataKeyRow] = []
    for table in WRAPPED:
        others = select(table).where(col(table.master_key_id) != wrapping.current, col(table.id) > after)
        rows += (await session.scalars(others.order_by(col(table.id)).limit(limit))).all()
    rows = sorted(rows, key=attrgetter("id"))[:limit]
    anew: dict[type[DataKeyRow], list[dict[str, object]]] = {one: [] for one in WRAPPED}
    stuck: list[tuple[UUID, str]] = []
    for row in rows:
        try:
            plain = wrapping.unwrap(row.team_id, WrappedKey(row.id, row.wrapped, row.master_key_id))
        except (KeyMissing, DoesNotOpen) as error:
            stuck.append((row.team_id, error.cause))
            continue
        fresh = wrapping.wrap(row.team_id, row.id, plain)
        anew[type(row)].append(
            {"key": row.id, "old": row.master_key_id, "blob": fresh.blob, "new": fresh.master_key_id}
        )
    for table, changes in anew.items():
        if changes:
            # Not over what somebody else has wrapped or destroyed meanwhile.
            same = (col(table.id) == bindparam("key"), col(table.master_key_id) == bindparam("old"))
            change = update(table).where(*same)
            connection = await session.connection()
            await connection.execute(
                change.values(wrapped=bindparam("blob"), master_key_id=bindparam("new")), changes
            )
    return Rewrapped(rows[-1].id if rows else "", sum(map(len, anew.values())), tuple(stuck))


async def seal(session: AsyncSession, place: Place, secrets: Mapping[str, Secret]) -> bytes:
    """Return the named secrets sealed together for one column of one row; StorageError where the team has no key any more.

    The key is looked up each time: another process may have destroyed the one that this one knows.
    """
    key = _learned(session, await _row(session, place.team_id, held=True))
    return key.seal(place, Secret(json.dumps({name: secret.reveal() for name, secret in secrets.items()})))


async def unseal(session: AsyncSession, place: Place, sealed: bytes | None) -> dict[str, Secret]:
    """Return the named secrets of a column; DoesNotOpen where they were changed or moved."""
    if sealed is None:
        return {}
    key = await data_key(session, place.team_id)
    if not key.sealed(sealed):  # the team was here before, and has another key now
        key = _learned(session, await _row(session, place.team_id))
    return {name: Secret(text) for name, text in json.loads(key.open(place, sealed).reveal()).items()}
