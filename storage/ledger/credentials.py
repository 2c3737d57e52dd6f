"""Credentials: sealed, listed without the secret, destroyed when revoked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import MappingProxyType
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.crypto import Place
from storage.ledger import keys
from storage.ledger.sql import as_utc, insert_once, update_one
from storage.questions import Question
from storage.records import Credential, CredentialKind, OpenCredential, Secret
from storage.tables import CredentialRow

_ORDER: Mapping[CredentialKind, int] = MappingProxyType(
    {CredentialKind.API_TOKEN: 0, CredentialKind.OAUTH1: 1, CredentialKind.PASSWORD: 2}
)
"""By what a project's files are uploaded, the better first."""


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a person entered, and what could be read of it."""

    kind: CredentialKind
    index: str
    hint: str
    secret: Secret = field(repr=False)
    project: str = ""
    """"" for all of the team's projects."""
    username: Secret | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    account_wide: bool | None = None
    remind_at: datetime | None = None
    one_time: Secret | None = field(default=None, repr=False)
    """What makes the one-time codes that go with a password."""


async def store(
    session: AsyncSession, team_id: UUID, new: NewCredential, actor: str, now: datetime
) -> tuple[Credential, bool]:
    """Seal a credential; one that the team has for the same use already is revoked. Returns it, and whether it replaced one."""
    old = await live(session, team_id, new)
    await _put(session, team_id, new, old, (actor, now))
    # None only if another transaction stored one in between: that one stands, and this one says so.
    kept = await live(session, team_id, new)
    assert kept is not None
    return kept, old is not None


async def store_seen(
    session: AsyncSession, team_id: UUID, new: NewCredential, by: tuple[str, datetime], seen: Collection[str]
) -> Credential | None:
    """Seal a credential in place of one whose id is among those that its owner saw; `by` is (actor, now).

    None where another has been put there since, by whomever: that one stands, and nothing was changed.
    """
    old = await live(session, team_id, new)
    if (old is not None and str(old.id) not in seen) or not await _put(session, team_id, new, old, by):
        return None
    return await live(session, team_id, new)


async def _put(
    session: AsyncSession, team_id: UUID, new: NewCredential, old: Credential | None, by: tuple[str, datetime]
) -> bool:
    """Destroy the old one and write the new one; False where somebody else has done so in between."""
    actor, now = by
    if old is not None and not await revoke(session, team_id, old.id, actor, now):
        return False
    row_id = uuid4()
    named = {"secret": new.secret, "username": new.username, "one_time": new.one_time}
    secrets = {name: secret for name, secret in named.items() if secret}
    sealed = await keys.seal(session, _place(team_id, row_id), secrets)
    return await insert_once(
        session, CredentialRow,
        id=row_id, team_id=team_id, kind=new.kind, index_name=new.index, hint=new.hint, sealed=sealed, added_by=actor,
        added_at=now, uses=0, project=new.project, expires_at=new.expires_at, account_wide=new.account_wide,
        remind_at=new.remind_at,
    )  # fmt: skip


async def live(session: AsyncSession, team_id: UUID, new: NewCredential) -> Credential | None:
    """Return the credential whose place this one would take; None where there is none."""
    row = await _live(session, team_id, new.kind, new.index, new.project)
    return None if row is None else _record(row)


async def opened(
    session: AsyncSession, team_id: UUID, kind: CredentialKind, index: str
) -> tuple[Credential, Secret] | None:
    """Open the team's own credential for an index; None where there is none."""
    row = await _live(session, team_id, kind, index, "")
    if row is None:
        return None
    secrets = await keys.unseal(session, _place(team_id, row.id), row.sealed)
    return _record(row), secrets["secret"]


async def find(session: AsyncSession, team_id: UUID, index: str, project: str) -> OpenCredential | None:
    """Open what the team sends to an index for a project: the project's own before the team's, a token before a password.

    None where there is none, and where the index has refused it: a person must replace it.
    """
    rows = await session.scalars(
        select(CredentialRow)
        .where(
            col(CredentialRow.team_id) == team_id,
            col(CredentialRow.kind).in_(tuple(_ORDER)),
            col(CredentialRow.index_name) == index,
            col(CredentialRow.project).in_((project, "")),
            col(CredentialRow.revoked_at).is_(None),
        )
        .execution_options(populate_existing=True)
    )
    row = min(rows, key=lambda row: (row.project == "", _ORDER[row.kind]), default=None)
    if row is None or row.refused_at is not None:
        return None
    secrets = await keys.unseal(session, _place(team_id, row.id), row.sealed)
    return OpenCredential(_record(row), secrets["secret"], secrets.get("username"), secrets.get("one_time"))


async def used(
    session: AsyncSession,
    team_id: UUID,
    credential_id: UUID,
    use: tuple[str, datetime],
    once_since: datetime | None = None,
) -> bool:
    """Count a use, before the credential travels; `use` is (what for, now).

    With `once_since` False where it was used since then, by whomever: what goes with it is good once.
    """  # fmt: skip
    row, (purpose, now) = CredentialRow, use
    values = {"uses": col(row.uses) + 1, "last_used_at": now, "last_purpose": purpose[:100]}
    free = col(row.last_used_at).is_(None) | (col(row.last_used_at) < once_since) if once_since else true()
    return await update_one(session, update(row).where(_is(team_id, credential_id), free).values(**values))


async def refused(session: AsyncSession, team_id: UUID, credential_id: UUID, now: datetime) -> bool:
    """Mark a live credential that the index refused; True the first time only."""
    return await update_one(
        session,
        update(CredentialRow)
        .where(
            _is(team_id, credential_id),
            col(CredentialRow.refused_at).is_(None),
            col(CredentialRow.revoked_at).is_(None),
        )
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
        .values(revoked_at=now, revoked_by=actor, sealed=None, remind_at=None),
    )


async def due(session: AsyncSession, now: datetime, limit: int) -> Sequence[Credential]:
    """Return credentials of all teams whose owners are to be reminded now."""
    rows = await session.scalars(
        select(CredentialRow)
        .where(col(CredentialRow.remind_at) <= now)
        .order_by(col(CredentialRow.remind_at))
        .limit(limit)
    )
    return [_record(row) for row in rows]


@cache
def next_due() -> Question[datetime | None]:
    """Return the question when the next owner is to be reminded."""
    remind_at = col(CredentialRow.remind_at)
    return select(func.min(remind_at)).where(remind_at.is_not(None))


async def reminded(session: AsyncSession, credential: Credential, then: datetime | None) -> bool:
    """Say when its owner is reminded next; False where somebody was faster, or it is revoked."""
    return await update_one(
        session,
        update(CredentialRow)
        .where(_is(credential.team_id, credential.id), col(CredentialRow.remind_at) == credential.remind_at)
        .values(remind_at=then),
    )


async def listed(session: AsyncSession, team_id: UUID) -> Sequence[Credential]:
    """Return the team's live credentials, by index and project."""
    rows = await session.scalars(
        select(CredentialRow)
        .where(col(CredentialRow.team_id) == team_id, col(CredentialRow.revoked_at).is_(None))
        .order_by(col(CredentialRow.index_name), col(CredentialRow.project), col(CredentialRow.added_at))
    )
    return [_record(row) for row in rows]


async def aging(
    session: AsyncSession, team_id: UUID, times: tuple[datetime, datetime], limit: int
) -> tuple[Sequence[Credential], int]:
    """Return the team's live credentials that end before one time, were added before another, or were refused; and how many."""
    ends, added = times
    row = CredentialRow
    old = (col(row.expires_at) <= ends) | (col(row.added_at) <= added) | col(row.refused_at).is_not(None)
    found = await session.execute(
        select(row, func.count().over())
        .where(col(row.team_id) == team_id, col(row.revoked_at).is_(None), old)
        .order_by(col(row.expires_at).is_(None), col(row.expires_at), col(row.added_at), col(row.id))
        .limit(limit)
    )
    rows = found.all()
    return [_record(one) for one, _ in rows], rows[0][1] if rows else 0


async def get(session: AsyncSession, team_id: UUID, credential_id: UUID) -> Credential | None:
    """Return one credential of the team, live or revoked."""
    row = await session.scalar(select(CredentialRow).where(_is(team_id, credential_id)))
    return None if row is None else _record(row)


def _is(team_id: UUID, credential_id: UUID) -> ColumnElement[bool]:
    return (col(CredentialRow.id) == credential_id) & (col(CredentialRow.team_id) == team_id)


async def _live(
    session: AsyncSession, team_id: UUID, kind: CredentialKind, index: str, project: str
) -> CredentialRow | None:
    return await session.scalar(
        select(CredentialRow)
        .where(
            col(CredentialRow.team_id) == team_id,
            col(CredentialRow.kind) == kind,
            col(CredentialRow.index_name) == index,
            col(CredentialRow.project) == project,
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
        revoked_at=row.revoked_at, revoked_by=row.revoked_by, project=row.project, last_purpose=row.last_purpose,
        expires_at=row.expires_at, account_wide=row.account_wide, remind_at=row.remind_at,
    )  # fmt: skip
