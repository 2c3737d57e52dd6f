"""What is left of a team that took the bot away: its secrets and all that waits are destroyed, its rows rest, and wake if it is back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from storage.ledger import sessions
from storage.records import ChangeState, InboxState, OutboxState
from storage.tables import (
    AuditExportRow,
    ConfirmationRow,
    CredentialRow,
    EntryRow,
    GithubLinkRow,
    GrantRow,
    HealthRow,
    HomeRow,
    ImportRow,
    InboxRow,
    OauthStateRow,
    OutboxRow,
    PolicyChangeRow,
    PublisherRow,
    StepRow,
    ThanksRow,
    WatchRow,
)

GONE = "the app was taken away"
RESTING = (PublisherRow, ConfirmationRow, ImportRow, WatchRow, HealthRow)
"""Tables of what is looked at from time to time."""
DROPPED = (EntryRow, OauthStateRow, GrantRow, GithubLinkRow, HomeRow, ThanksRow)
"""Tables of what is of no use without the people's click, or that only lives with the app."""


async def empty(session: AsyncSession, team_id: UUID, actor: str, now: datetime) -> None:
    """Destroy every sealed value of a team, and all that waits to be done, said, given or agreed to.

    After its data key is destroyed (`keys.destroy`), so that nobody seals anything meanwhile.
    """
    for row in DROPPED:
        await _all(session, delete(row).where(_team(row, team_id)))
    open_steps = _team(StepRow, team_id) & col(StepRow.next_at).is_not(None)
    await _all(session, delete(StepRow).where(open_steps))
    await sessions.end_all(session, team_id)
    live = _team(CredentialRow, team_id) & col(CredentialRow.revoked_at).is_(None)
    revoked = {"sealed": None, "revoked_at": now, "revoked_by": actor, "remind_at": None}
    await _all(session, update(CredentialRow).where(live).values(**revoked))
    await _unheard(session, team_id, now)
    await _unsaid(session, team_id)
    asked = _team(AuditExportRow, team_id) & col(AuditExportRow.next_at).is_not(None)
    ended = {"next_at": None, "ended_at": now, "error": GONE, "lease_owner": None, "lease_until": None}
    await _all(session, update(AuditExportRow).where(asked).values(**ended))
    waits = _team(PolicyChangeRow, team_id) & (col(PolicyChangeRow.state) == ChangeState.WAITING)
    await _all(
        session, update(PolicyChangeRow).where(waits).values(state=ChangeState.WITHDRAWN, decided_at=now)
    )


async def person(session: AsyncSession, team_id: UUID, user: str, now: datetime) -> None:
    """Drop what only somebody who has left could have used: sign-ins, dialogs, a Home tab, changes of policy that wait."""
    for row in (EntryRow, OauthStateRow, GrantRow, GithubLinkRow, HomeRow):
        await _all(session, delete(row).where(_team(row, team_id), col(row.user) == user))
    await sessions.end_all(session, team_id, user)
    asked = _team(PolicyChangeRow, team_id) & (col(PolicyChangeRow.asked_by) == user)
    waits = asked & (col(PolicyChangeRow.state) == ChangeState.WAITING)
    await _all(
        session, update(PolicyChangeRow).where(waits).values(state=ChangeState.WITHDRAWN, decided_at=now)
    )


async def _unheard(session: AsyncSession, team_id: UUID, now: datetime) -> None:
    waits = _team(InboxRow, team_id) & (col(InboxRow.state) == InboxState.WAITING)
    # Closed and not set aside as broken: nobody has to look into it.
    closed = {
        "state": InboxState.DONE,
        "done_at": now,
        "error": GONE,
        "next_at": None,
        "sealed": None,
        "lease_owner": None,
    }
    await _all(session, update(InboxRow).where(waits).values(**closed))


async def _unsaid(session: AsyncSession, team_id: UUID) -> None:
    """Give up what is still to be said; of what lies in a channel the edit alone, so that it can be edited once the team is back."""
    waits = _team(OutboxRow, team_id) & col(OutboxRow.next_at).is_not(None)
    lies = case((col(OutboxRow.ts) != "", OutboxState.SENT), else_=OutboxState.DEAD)
    ended = {"state": lies, "next_at": None, "sealed": None, "error": GONE, "lease_owner": None}
    await _all(session, update(OutboxRow).where(waits).values(**ended))


async def rest(session: AsyncSession, team_id: UUID, until: datetime) -> None:
    """Let nothing of a team be looked at before then; whoever works on it loses it."""
    free = {"next_at": until, "lease_owner": None, "lease_until": None}
    for row in RESTING:
        waits = _team(row, team_id) & col(row.next_at).is_not(None)
        await _all(session, update(row).where(waits).values(**free))


async def wake(session: AsyncSession, team_id: UUID, now: datetime) -> None:
    """Let all that rests be looked at: the team is back."""
    for row in RESTING:
        waits = _team(row, team_id) & (col(row.next_at) > now)
        await _all(session, update(row).where(waits).values(next_at=now))


def _team(row: type[SQLModel], team_id: UUID) -> ColumnElement[bool]:
    return col(row.team_id) == team_id  # type: ignore[attr-defined]


async def _all(session: AsyncSession, statement: Any) -> None:
    await session.execute(statement.execution_options(synchronize_session=False))
