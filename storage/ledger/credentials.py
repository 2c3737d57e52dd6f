"""Credentials: sealed, listed without the secret, destroyed when revoked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import keys
from storage.ledger.sql import as_utc, insert_once, update_one
from storage.records import Credential, CredentialKind, Secret
from storage.tables import CredentialRow


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a person typed into the modal."""

    kind: CredentialKind
    index: str
    hint: str
    secret: Secret = field(repr=False)


async def store(
    session: AsyncSession, team_id: UUID, new: NewCredential, actor: str, now: datetime
) -> tuple[Credential, bool]:
    """Seal a credential; one that the team has for this index already is revoked. Returns it, and whether it replaced one."""
    old = await _live(session, team_id, new.kind, new.index)
    if old is not None:
        await revoke(session, team_id, old.id, actor, now)
    row_id = uuid4()
    sealed = await keys.seal(session, _place(team_id, row_id), {"secret": new.secret})
    await insert_once(
        session, CredentialRow,
        id=row_id, team_id=team_id, kind=new.kind, index_name=new.index, hint=new.hint, sealed=sealed, added_by=actor,
        added_at=now, uses=0,
    )  # fmt: skip
    # None only if another transaction stored one in between: that one stands, and this one says so.
    kept = await _live(session, team_id, new.kind, new.index)
    assert kept is not None
    return _record(kept), old is not None


async def opened(
    session: AsyncSession, team_id: UUID, kind: CredentialKind, index: str
) -> tuple[Credential, Secret] | None:
    """Open the team's credential for an index; None where there is none."""
    row = await _live(session, team_id, kind, index)
    if row is None:
        return None
    secrets = await keys.unseal(session, _place(team_id, row.id), row.sealed)
    return _record(row), secrets["secret"]


async def used(session: AsyncSession, team_id: UUID, credential_id: UUID, now: datetime) -> None:
    """Count a use, before the credential travels."""
    values = {"uses": col(CredentialRow.uses) + 1, "last_used_at": now}
    await update_one(session, update(CredentialRow).where(_is(team_id, credential_id)).values(**values))


async def refused(session: AsyncSession, team_id: UUID, credential_id: UUID, now: datetime) -> bool:
    """Mark a credential that the index refused; True the first time only."""
    return await update_one(
        session,
        update(CredentialRow)
        .where(_is(team_id, credential_id), col(CredentialRow.refused_at).is_(None))
        .values(refused_at=now),
    )


async def revoke(
    session: AsyncSession, team_id: UUID, credential_id: UUID, actor: str, now: datetime
) -> bool:
    """Destroy a credential's secret; False where it was revoked before (or is not this team's)."""
    return await update_one(
        session,
        update(CredentialRow)
        .where(_is(team_id, credential_id), col(CredentialRow.revoked_at).is_(None))
        .values(revoked_at=now, revoked_by=actor, sealed=None),
    )


async def listed(session: AsyncSession, team_id: UUID) -> Sequence[Credential]:
    """Return the team's live credentials, by index."""
    rows = await session.scalars(
        select(CredentialRow)
        .where(col(CredentialRow.team_id) == team_id, col(CredentialRow.revoked_at).is_(None))
        .order_by(col(CredentialRow.index_name), col(CredentialRow.added_at))
    )
    return [_record(row) for row in rows]


async def get(session: AsyncSession, team_id: UUID, credential_id: UUID) -> Credential | None:
    """Return one credential of the team, live or revoked."""
    row = await session.scalar(select(CredentialRow).where(_is(team_id, credential_id)))
    return None if row is None else _record(row)


def _is(team_id: UUID, credential_id: UUID) -> ColumnElement[bool]:
    return (col(CredentialRow.id) == credential_id) & (col(CredentialRow.team_id) == team_id)


async def _live(
    session: AsyncSession, team_id: UUID, kind: CredentialKind, index: str
) -> CredentialRow | None:
    return await session.scalar(
        select(CredentialRow)
        .where(
            col(CredentialRow.team_id) == team_id,
            col(CredentialRow.kind) == kind,
            col(CredentialRow.index_name) == index,
            col(CredentialRow.revoked_at).is_(None),
        )
        .execution_options(populate_existing=True)
    )


def _place(team_id: UUID, row_id: UUID) -> Place:
    return Place(team_id, "credentials", "sealed", row_id)


def _record(row: CredentialRow) -> Credential:
    return Credential(
        id=row.id, team_id=row.team_id, kind=row.kind, index=row.index_name, hint=row.hint, added_by=row.added_by,
        added_at=as_utc(row.added_at), last_used_at=row.last_used_at, uses=row.uses, refused_at=row.refused_at,
        revoked_at=row.revoked_at, revoked_by=row.revoked_by,
    )  # fmt: skip
