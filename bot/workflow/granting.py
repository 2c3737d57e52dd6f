"""Getting a grant of an index's OAuth 1.0a facility: asked for in Slack, said yes to in the browser, told in Slack.

Knows: what is kept of it, the order of its steps, what is written together. Must not know: cookies, pages, wording.

Of the state and of the browser's own secret only hashes are kept, and the request token lies sealed. A state is used once,
by the browser that has bound it, within ten minutes. OAuth 1.0 has no verifier: what comes back is known by the state in its
path, the browser's secret, and the request token that this very grant was given.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices, oauth1
from bot.core.connect_notices import IndexConnected
from bot.core.credentials import next_reminder
from bot.core.oauth1 import Allowed, Denied, TokenPair
from bot.core.outcomes import TryLater
from bot.workflow.connecting import hashed
from bot.workflow.entering import PAGE
from bot.workflow.gate import Gate
from bot.workflow.ports import Clock, IndexGrants
from bot.workflow.telling import write_down
from storage.database import Database
from storage.ledger import credentials, grants, outbox, teams
from storage.ledger.credentials import NewCredential
from storage.ledger.grants import Ticket
from storage.ledger.outbox import Destination
from storage.records import CredentialKind, GrantTaken, InboxItem

CONNECT = "index.connect"


class Why(StrEnum):
    """Why no access was granted."""

    ENDED = "ended"
    """It was never begun, has ended, was used before, or is another browser's: nobody is told which."""
    DECLINED = "declined"
    DENIED = "denied"
    NOT_ALLOWED = "not_allowed"
    """The workspace's policy does not let this person keep credentials, or no longer."""
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class NotGranted:
    """Nothing was kept."""

    why: Why
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Granting:
    """Getting grants, on its concrete parts."""

    database: Database
    index: IndexGrants
    indexes: tuple[str, ...]
    """Those that have the facility."""
    clock: Clock
    gate: Gate
    callback: str
    """Where browsers reach us, without a slash at the end."""
    told: Callable[[], None]
    """Called after something was put into the outbox."""

    async def whose(self, index: str, state: str) -> str | NotGranted:
        """Return whose grant this is, for the page that asks before anything is done."""
        async with self.database.reading() as session:
            found = await grants.whose(session, Ticket(index, hashed(state)), self.clock())
        return NotGranted(Why.ENDED) if found is None or index not in self.indexes else found

    async def begin(self, index: str, state: str, browser: str) -> str | NotGranted:
        """Bind a grant to the browser that brings it, and get a request token; returns where the browser goes on."""
        if index not in self.indexes:
            return NotGranted(Why.ENDED)
        ticket = _ticket(index, state, browser)
        async with self.database.transaction() as session:
            bound = await grants.bind(session, ticket, self.clock())
            known = await grants.token(session, ticket, self.clock())
        if not bound:
            return NotGranted(Why.ENDED)
        # Pressed twice, or once more after a crash: the request token that is kept leads to the same page.
        pair = oauth1.unpacked(known) if known else await self._request_token(index, ticket)
        if isinstance(pair, NotGranted):
            return pair
        return self.index.page(index, pair, f"{self.callback}/indexes/{index}/callback/{state}")

    async def _request_token(self, index: str, ticket: Ticket) -> TokenPair | NotGranted:
        pair = await self.index.request_token(index)
        if not isinstance(pair, TokenPair):
            return _no(pair)
        async with self.database.transaction() as session:
            kept = await grants.keep(session, ticket, oauth1.packed(pair), self.clock())
        return NotGranted(Why.ENDED) if kept is None else oauth1.unpacked(kept)

    async def finish(self, index: str, state: str, browser: str, token: str) -> IndexConnected | NotGranted:
        """Use a grant up, and keep what it gives; without a token the person has said no.

        Whatever fails from here on leaves nothing behind: the index gives the same access token again.
        """
        async with self.database.transaction() as session:
            found = await grants.take(session, _ticket(index, state, browser), self.clock())
        if found is None or found.pair is None or index not in self.indexes:
            return NotGranted(Why.ENDED)
        pair = oauth1.unpacked(found.pair)
        if not token:
            return NotGranted(Why.DECLINED)
        if not hmac.compare_digest(token.encode(), pair.token.reveal().encode()):
            return NotGranted(Why.ENDED)
        return await self._accessed(index, found, pair)

    async def _accessed(self, index: str, found: GrantTaken, pair: TokenPair) -> IndexConnected | NotGranted:
        """Get the access token, try it, and only then keep it."""
        access = await self.index.access_token(index, pair)
        if not isinstance(access, TokenPair):
            return _no(access)
        allowed = await self.index.whose(index, access)
        if not isinstance(allowed, Allowed):
            return _no(allowed)
        done = await self._allowed(found, index, (allowed.user, access))
        self.told()
        return done

    async def _allowed(
        self, found: GrantTaken, index: str, got: tuple[str, TokenPair]
    ) -> IndexConnected | NotGranted:
        """Keep what was given, if its owner still may: minutes have passed since the link was given out."""
        now, wish = self.clock(), intents.ConnectIndex(index, "", "")
        item = InboxItem(uuid4(), found.team_id, CONNECT, found.user, found.channel, {}, {}, now, 1, PAGE)
        async with self.database.reading() as session:
            team = await teams.get(session, found.team_id)
        asker = await self.gate.before(item, team.slack_team_id, wish)
        async with self.database.transaction() as session:
            no = asker.refused or await self.gate.refuses(session, item, wish, asker)
            if no is None:
                return await self._keep(session, found, index, got)
            to = Destination(found.channel, found.user, found.response_url)
            await outbox.add(
                session, found.team_id, f"grant:{item.id}", to, codec.pack(no, notices.KINDS), now
            )
        return NotGranted(Why.NOT_ALLOWED)

    async def _keep(
        self, session: AsyncSession, found: GrantTaken, index: str, got: tuple[str, TokenPair]
    ) -> IndexConnected:
        now, team, (user, access) = self.clock(), found.team_id, got
        hint = f"OAuth grant of {user}"[:100]
        new = NewCredential(
            CredentialKind.OAUTH1, index, hint, oauth1.packed(access), account_wide=True,
            remind_at=next_reminder(now, None, now),  # no grant ends by itself, so its age alone is told
        )  # fmt: skip
        credential, replaced = await credentials.store(session, team, new, found.user, now)
        notice = IndexConnected(index, user, replaced)
        to = Destination(found.channel, found.user, found.response_url)
        await outbox.add(session, team, f"grant:{credential.id}", to, codec.pack(notice, notices.KINDS), now)
        await write_down(session, team, (found.user, "credential.added", index), now, granted_by=user)
        return notice


def _ticket(index: str, state: str, browser: str) -> Ticket:
    return Ticket(index, hashed(state), hashed(browser) if browser else "")


def _no(outcome: Denied | TryLater) -> NotGranted:
    if isinstance(outcome, Denied):
        return NotGranted(Why.DENIED, *oauth1.cause_and_remedy(outcome))
    return NotGranted(Why.UNSURE, outcome.detail)
