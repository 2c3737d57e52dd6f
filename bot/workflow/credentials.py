"""A credential's life: entered, shown, kept, reminded of, refused, revoked.

Knows: the order of steps, what is written together, what its owner hears. Must not know: Slack, HTTP, wording.

What was entered waits sealed, for minutes, until its owner has seen what it is and agreed; each step is one transaction,
so that nothing is kept or told twice, whenever the process dies.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices
from bot.core.credential_notices import (
    CredentialOvertaken,
    CredentialRefused,
    CredentialReminder,
    EntryEnded,
    TokenUnneeded,
)
from bot.core.credentials import TERM, next_reminder, reminder
from bot.core.sites import token_page
from bot.index import intake, tokens
from bot.index.tokens import Sendable, TokenFacts
from bot.workflow import showing
from bot.workflow.ports import Clock, Index
from bot.workflow.telling import answer, write_down
from storage.database import Database
from storage.ledger import credentials as ledger
from storage.ledger import entries, outbox
from storage.ledger.credentials import NewCredential
from storage.ledger.entries import NewEntry
from storage.ledger.outbox import Destination
from storage.records import Credential, CredentialKind, Entry, InboxItem, Secret

log = structlog.get_logger(__name__)

NARROW = timedelta(minutes=15)
"""How long a copy that is sent is good for."""
SKEW = timedelta(minutes=1)
"""How far the index's clock may be behind ours."""
HINTS = {CredentialKind.API_TOKEN: "API token", CredentialKind.PASSWORD: "user name and password"}

Wish = (
    intents.AddCredential
    | intents.EnterCredential
    | intents.KeepCredential
    | intents.OpenEntryPage
    | intents.RevokeCredential
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What comes due in credentials' lives, on its concrete parts."""

    database: Database
    index: Index
    clock: Clock

    async def claim(self, limit: int) -> Sequence[Credential]:
        """Forget what was never agreed to, and remind owners; returns whose owners have heard."""
        now = self.clock()
        async with self.database.transaction() as session:
            await entries.prune(session, now)
            due = await ledger.due(session, now, limit)
            return [one for one in due if await self._remind(session, one, now)]

    async def next_due(self) -> datetime | None:
        """Return when the next entry ends or the next owner is reminded."""
        now = self.clock()
        moments = await asyncio.gather(
            self.database.ask(ledger.next_due(), now), self.database.ask(entries.next_end(), now)
        )
        return min((moment for moment in moments if moment is not None), default=None)

    async def told(self, credential: Credential) -> None:
        """Say in the log that an owner was reminded."""
        log.info("owner reminded", credential=str(credential.id), team=str(credential.team_id))

    async def _remind(self, session: AsyncSession, credential: Credential, now: datetime) -> bool:
        then = next_reminder(credential.added_at, credential.expires_at, now)
        if not await ledger.reminded(session, credential, then):
            return False
        what, at = reminder(credential, now), credential.remind_at
        if what is None or at is None:
            return False
        notice = CredentialReminder(
            credential.index, credential.project, what, credential.added_at, credential.expires_at,
            credential.last_used_at, _renewed_at(self.index, credential), (now - credential.added_at).days,
            _is_grant(credential),
        )  # fmt: skip
        await tell_owner(session, credential, notice, f"{what}:{int(at.timestamp())}", now)
        return True


async def carry_out(
    session: AsyncSession, item: InboxItem, intent: Wish, index: Index, now: datetime
) -> notices.Notice | None:
    """Do what somebody wants of the team's credentials."""
    match intent:
        case intents.EnterCredential():
            await entries.begin(session, item.team_id, _entered(item, intent), now)
            return None
        case intents.OpenEntryPage():
            await entries.begin(session, item.team_id, _page(item, intent), now)
            return None
        case intents.KeepCredential():
            entry = await entries.get(session, item.team_id, UUID(intent.entry_id), now)
            if entry is None or entry.user != item.actor:
                return EntryEnded()
            return await keep(session, entry, intent.narrow_to, now)
        case intents.AddCredential():
            new = NewCredential(CredentialKind.API_TOKEN, intent.index, "API token", item.sealed["token"])
            credential, replaced = await ledger.store(session, item.team_id, new, item.actor, now)
            await write_down(
                session, item.team_id, (item.actor, "credential.added", _subject(credential)), now
            )
            return notices.CredentialSaved(credential.index, replaced)
        case intents.RevokeCredential():
            return await _revoke(session, item, intent, index, now)


def _entered(item: InboxItem, intent: intents.EnterCredential) -> NewEntry:
    secrets = {name: kept for name, kept in item.sealed.items() if name in {"secret", "username", "one_time"}}
    return NewEntry(
        UUID(intent.entry_id), item.actor, item.channel, intent.index, intent.project, intent.kind,
        item.received_at + TERM, secrets, intent.seen,
    )  # fmt: skip


def _page(item: InboxItem, intent: intents.OpenEntryPage) -> NewEntry:
    return NewEntry(
        item.id, item.actor, item.channel, intent.index, "", CredentialKind.API_TOKEN, item.received_at + TERM, {},
        state_hash=intent.state_hash, who=intent.who,
    )  # fmt: skip


async def keep(session: AsyncSession, entry: Entry, narrow_to: str, now: datetime) -> notices.Notice:
    """Keep what was entered, bound to a project first if that is wanted; the entry is gone with it, whatever comes out."""
    if not await entries.close(session, entry.team_id, entry.id) or entry.secret is None:
        return EntryEnded()
    new = _new(entry, entry.secret, narrow_to, now)
    before = await ledger.live(session, entry.team_id, new)
    kept = await ledger.store_seen(session, entry.team_id, new, (entry.user, now), entry.seen)
    if kept is None:
        other = await ledger.live(session, entry.team_id, new)
        by, at = (other.added_by, other.added_at) if other else (entry.user, now)
        return CredentialOvertaken(new.index, new.project, by, at)
    who_did = (entry.user, "credential.added", _subject(kept))
    await write_down(session, entry.team_id, who_did, now, kind=str(kept.kind), narrowed=bool(narrow_to))
    return notices.CredentialSaved(kept.index, before is not None, kept.project, kept.kind, bool(narrow_to))


def _new(entry: Entry, secret: Secret, narrow_to: str, now: datetime) -> NewCredential:
    token = entry.kind is CredentialKind.API_TOKEN
    if token and narrow_to:
        secret, facts = intake.bound(secret, narrow_to)
    else:
        read = tokens.read(secret) if token else None
        facts = read if isinstance(read, TokenFacts) else None
    ends = facts.expires_at if facts else None
    return NewCredential(
        entry.kind, entry.index, HINTS[entry.kind], secret, narrow_to or entry.project, entry.username, ends,
        facts.account_wide if facts else None, next_reminder(now, ends, now), entry.one_time,
    )  # fmt: skip


async def _revoke(
    session: AsyncSession, item: InboxItem, intent: intents.RevokeCredential, index: Index, now: datetime
) -> notices.Notice:
    credential_id = UUID(intent.credential_id)
    credential = await ledger.get(session, item.team_id, credential_id)
    live = await ledger.revoke(session, item.team_id, credential_id, item.actor, now)
    name = credential.index if credential else ""
    if live and credential:
        await write_down(session, item.team_id, (item.actor, "credential.revoked", _subject(credential)), now)
        if intent.view_id:
            shown = intents.ShowCredentials(intent.view_id, name)
            await answer(session, item, await showing.show(session, item.team_id, shown, index), now)
    page = _renewed_at(index, credential) if credential else ""
    granted = credential is not None and _is_grant(credential)
    return notices.CredentialRevoked(name, page, live, credential.project if credential else "", granted)


async def refused(
    session: AsyncSession, credential: Credential, index: Index, detail: str, now: datetime
) -> None:
    """Mark a credential that the index refused, so that it is not sent again, and tell who added it, once."""
    if not await ledger.refused(session, credential.team_id, credential.id, now):
        return
    page, granted = _renewed_at(index, credential), _is_grant(credential)
    notice = CredentialRefused(
        credential.index, credential.project, credential.added_at, page, detail, granted=granted
    )
    await tell_owner(session, credential, notice, "refused", now)


async def tell_owner(
    session: AsyncSession, credential: Credential, notice: notices.Notice, key: str, now: datetime
) -> None:
    """Tell who added a credential, by direct message, once for each key."""
    to = Destination("", credential.added_by)
    message = codec.pack(notice, notices.KINDS)
    await outbox.add(session, credential.team_id, f"credential:{credential.id}:{key}", to, message, now)


async def unneeded(
    session: AsyncSession, team_id: UUID, target: tuple[str, str], index: Index
) -> tuple[Credential, TokenUnneeded] | None:
    """Return the long-lived token that a project ("index", "project") has no need of any more, since it publishes without."""
    name, project = target
    found = await ledger.find(session, team_id, name, project)
    if found is None or found.credential.kind is not CredentialKind.API_TOKEN:
        return None
    one = found.credential
    return one, TokenUnneeded(str(one.id), name, project, not one.project, page_of(index, name))


def sendable(secret: Secret, now: datetime, project: str = "") -> Sendable:
    """Return what is sent of a token: a copy for one project ("": for whichever the token is) and a quarter of an hour."""
    return tokens.narrowed(secret, project, until=now + NARROW, not_before=now - SKEW)


def _is_grant(credential: Credential) -> bool:
    return credential.kind is CredentialKind.OAUTH1


def _renewed_at(index: Index, credential: Credential) -> str:
    """Return where a person revokes a credential and makes another; a grant is among the account's own pages."""
    name = credential.index
    return index.site(name).url if _is_grant(credential) and name in index.names() else page_of(index, name)


def page_of(index: Index, name: str) -> str:
    """Return where an index's tokens are made and revoked; "" for an index that is not served any more."""
    return token_page(index.site(name)) if name in index.names() else ""


def _subject(credential: Credential) -> str:
    return f"{credential.project} on {credential.index}" if credential.project else credential.index
