"""Finding out who a person of Slack is on the forge: asked for in Slack, proven in the browser, answered in Slack.

Knows: what is kept of a sign-in, the order of its steps, what is written together. Must not know: cookies, pages, wording.

Of the state and of the browser's own secret only hashes are kept. A state is used once, by the browser that has bound it,
within ten minutes; PKCE's verifier follows from the browser's secret, so that it lies nowhere.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices
from bot.core.connect_notices import GithubLinked, GithubUnlinked
from bot.core.forge import AccountFacts, Unsure
from bot.workflow.ports import Accounts, Clock
from bot.workflow.telling import write_down
from storage.database import Database
from storage.ledger import github, grants, outbox
from storage.ledger.github import NewSignIn
from storage.ledger.grants import NewGrant
from storage.ledger.outbox import Destination
from storage.records import InboxItem, SignIn

TERM = timedelta(minutes=10)
Wish = intents.ConnectGithub | intents.DisconnectGithub | intents.ConnectIndex


class Why(StrEnum):
    """Why a sign-in came to nothing."""

    ENDED = "ended"
    """It was never begun, has ended, was used before, or is another browser's: nobody is told which."""
    DECLINED = "declined"
    UNSURE = "unsure"
    TAKEN = "taken"
    """The account is linked with another person of the team."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was linked."""

    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Connecting:
    """Signing in, on its concrete parts."""

    database: Database
    accounts: Accounts
    clock: Clock
    web_url: str
    told: Callable[[], None]
    """Called after something was put into the outbox."""

    async def whose(self, state: str) -> str | Refused:
        """Return whose sign-in this is, for the page that asks before anything is done."""
        async with self.database.reading() as session:
            found = await github.whose(session, hashed(state), self.clock())
        return Refused(Why.ENDED) if found is None else found

    async def begin(self, state: str, browser: str) -> str | Refused:
        """Bind a sign-in to the browser that brings it; returns where it goes on."""
        async with self.database.transaction() as session:
            bound = await github.bind(session, hashed(state), hashed(browser), self.clock())
        return self.accounts.page(state, _verifier(browser)) if bound else Refused(Why.ENDED)

    async def finish(self, state: str, browser: str, code: str) -> GithubLinked | Refused:
        """Use a sign-in up, and link who it was; without a code the person has declined."""
        async with self.database.transaction() as session:
            found = await github.take(
                session, hashed(state), hashed(browser) if browser else "", self.clock()
            )
        if found is None:
            return Refused(Why.ENDED)
        if not code:
            return Refused(Why.DECLINED)
        account = await self.accounts.account(code, _verifier(browser))
        if not isinstance(account, AccountFacts):
            return Refused(Why.UNSURE, account.detail if isinstance(account, Unsure) else "")
        async with self.database.transaction() as session:
            done = await self._link(session, found, account)
        self.told()
        return done

    async def _link(
        self, session: AsyncSession, sign_in: SignIn, account: AccountFacts
    ) -> GithubLinked | Refused:
        now, team = self.clock(), sign_in.team_id
        if not await github.link(session, team, sign_in.user, (account.id, account.login), now):
            return Refused(Why.TAKEN)
        notice = GithubLinked(account.login, f"{self.web_url}/{account.login}")
        to = Destination(sign_in.channel, sign_in.user, sign_in.response_url)
        key = f"github:{sign_in.user}:{account.id}:{int(now.timestamp() * 1000)}"
        await outbox.add(session, team, key, to, codec.pack(notice, notices.KINDS), now)
        who_did = (sign_in.user, "github.linked", account.login)
        await write_down(session, team, who_did, now, github_id=account.id)
        return notice


async def carry_out(
    session: AsyncSession,
    item: InboxItem,
    intent: Wish,
    clock: Clock,
) -> notices.Notice | None:
    """Write a sign-in or a grant down whose link somebody was shown, or forget who somebody is."""
    if isinstance(intent, intents.DisconnectGithub):
        return await _forget(session, item, clock)
    # Slack's `response_url` lives longer than this.
    url, ends = item.sealed.get("response_url"), item.received_at + TERM
    if isinstance(intent, intents.ConnectIndex):
        asked = NewGrant(item.actor, item.channel, intent.index, intent.state_hash, ends, url, intent.who)
        await grants.begin(session, item.team_id, asked, clock())
        return None
    new = NewSignIn(item.actor, item.channel, intent.state_hash, ends, url, intent.who)
    await github.begin(session, item.team_id, new, clock())
    return None


async def _forget(session: AsyncSession, item: InboxItem, clock: Clock) -> notices.Notice:
    """Forget who somebody is on the forge."""
    gone = await github.unlink(session, item.team_id, item.actor)
    if gone is not None:
        who_did = (item.actor, "github.unlinked", gone.login)
        await write_down(session, item.team_id, who_did, clock(), github_id=gone.github_id)
    return GithubUnlinked(gone.login if gone else "")


def hashed(secret: str) -> str:
    """Return what is kept of a secret that comes back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _verifier(browser: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(f"pkce:{browser}".encode()).digest()).rstrip(b"=").decode()
