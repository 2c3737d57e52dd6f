"""The tokens of installations, exchanged for new ones before they end: by one process at a time, whatever dies.

Knows: when to exchange, what a refusal means for people. Must not know: Slack's API, wording.

Claimed and committed before Slack is asked; the new tokens are written only in place of the very ones that they were given for.
Slack takes a refresh token once (https://docs.slack.dev/authentication/using-token-rotation). A process that dies between
Slack's answer and the commit leaves the old one: it is tried again, and where Slack has used it up, the token at hand still lives for the
hours that exchanging begins early, and whoever installed the app is told in them how it goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import notices
from bot.core.install_notices import InstallEnds, ScopesMissing
from bot.workflow.installing import refresh_at
from bot.workflow.ports import Clock
from storage.database import Database
from storage.ledger import installations as ledger
from storage.ledger import outbox
from storage.ledger.outbox import Destination
from storage.records import Installation, Secret, Tokens

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=1)
"""Longer than Slack may take to answer."""
NEEDED = timedelta(minutes=10)
"""A token that ends within this time is exchanged before it is used, whoever's turn it is."""
AFTER_SILENCE = timedelta(seconds=30)
AFTER_A_REFUSAL = timedelta(hours=1)
AFTER_A_FAULT = timedelta(minutes=1)
AFTER_OUR_FAULT = timedelta(minutes=10)
"""Where Slack refuses the app itself: the operator's to mend, the token's none."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Slack gave new tokens; the old refresh token is used up."""

    tokens: Tokens
    scopes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Scopes that the bot needs and was not granted."""


@dataclass(frozen=True, slots=True)
class NotExchanged:
    """Slack refuses this refresh token."""

    detail: str


@dataclass(frozen=True, slots=True)
class Later:
    """Nobody can tell: Slack did not answer, is too busy, or refuses the app itself."""

    wait: timedelta = AFTER_SILENCE


Exchange = Exchanged | NotExchanged | Later


class Exchanging(Protocol):
    """Asks Slack for new tokens. Raises for nothing that Slack answers or fails to answer."""

    async def exchange(self, refresh_token: Secret) -> Exchange:
        """Give a refresh token for new tokens."""


@dataclass(frozen=True, slots=True)
class Rotating:
    """The workflow on its concrete parts."""

    database: Database
    slack: Exchanging
    clock: Clock
    owner: UUID
    """This process, as it signs its claims."""
    install_url: str

    async def claim(self, limit: int) -> Sequence[Installation]:
        """Take what is due."""
        async with self.database.transaction() as session:
            return await ledger.claim(session, self.owner, self._lease(), limit)

    async def next_due(self) -> datetime | None:
        """Return when the next one is due."""
        return await self.database.ask(ledger.next_due(), self.clock())

    async def advance(self, one: Installation) -> None:
        """Exchange the tokens of a claimed installation. A fault costs this one a minute, never the others anything."""
        try:
            await self._advance(one)
        except Exception:
            log.exception("tokens not exchanged", team=str(one.team_id))
            async with self.database.transaction() as session:
                measuring.held(
                    "installations", await ledger.rest(session, one, self.owner, self.clock() + AFTER_A_FAULT)
                )

    async def usable(self, one: Installation) -> Installation:
        """Return an installation whose token does not end just now: exchanged here, or meanwhile by somebody else."""
        if not self._ends(one) or one.tokens.refresh_token is None:
            return one
        async with self.database.transaction() as session:
            taken = await ledger.take(session, one, self.owner, self._lease())
        if taken is not None:
            await self.advance(taken)
        async with self.database.reading() as session:
            return await ledger.of_team(session, one.team_id) or one

    async def _advance(self, one: Installation) -> None:
        assert one.tokens.refresh_token is not None, "only what can be exchanged is due"
        found = await self.slack.exchange(one.tokens.refresh_token)
        match found:
            case Exchanged():
                await self._keep(one, found)
            case NotExchanged():
                await self._refused(one, found)
            case Later():
                log.warning("Slack gave no new tokens", team=str(one.team_id))
                async with self.database.transaction() as session:
                    measuring.held(
                        "installations",
                        await ledger.rest(session, one, self.owner, self.clock() + found.wait),
                    )

    async def _keep(self, one: Installation, found: Exchanged) -> None:
        now = self.clock()
        due = refresh_at(found.tokens)
        async with self.database.transaction() as session:
            if not measuring.held(
                "installations",
                await ledger.exchanged(session, one, self.owner, found.tokens, found.scopes, due),
            ):
                log.warning("new tokens came too late", team=str(one.team_id))
                return
            if found.missing:
                key = f"install:{one.id}:scopes:{','.join(found.missing)}"
                await self._tell(session, one, key, ScopesMissing(found.missing, self.install_url), now)

    async def _refused(self, one: Installation, found: NotExchanged) -> None:
        now = self.clock()
        log.error("Slack refuses a refresh token", team=str(one.team_id), error=found.detail)
        async with self.database.transaction() as session:
            held = measuring.held(
                "installations",
                await ledger.rest(session, one, self.owner, now + AFTER_A_REFUSAL, refused=True),
            )
            if held and one.tokens.expires_at is not None:
                said = InstallEnds(one.tokens.expires_at, self.install_url, found.detail)
                await self._tell(session, one, f"install:{one.id}:{one.revision}:ends", said, now)

    async def _tell(
        self, session: AsyncSession, one: Installation, key: str, notice: notices.Notice, now: datetime
    ) -> None:
        """Tell whoever installed the app, in a direct message, once."""
        to = Destination("", one.installed_by)
        await outbox.add(session, one.team_id, key[:255], to, codec.pack(notice, notices.KINDS), now)

    def _ends(self, one: Installation) -> bool:
        ends = one.tokens.expires_at
        return ends is not None and ends - NEEDED <= self.clock()

    def _lease(self) -> tuple[datetime, datetime]:
        now = self.clock()
        return now, now + LEASE
