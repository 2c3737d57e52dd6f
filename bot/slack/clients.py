"""Whose token Slack is called with: one workspace's from the settings, or that of each installation.

Knows: Slack's teams, installations. Must not know: ciphers, rules, wording (that is `blocks`).

An installation is kept for a minute, so that a delivery costs no look into the database. What is taken away meanwhile Slack
refuses by itself; what is installed here counts at once (`forget`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import NotInstalled
from bot.workflow.ports import Clock
from bot.workflow.rotating import NEEDED
from storage.database import Database
from storage.ledger import installations
from storage.records import Installation, Secret

KEPT = timedelta(seconds=60)
MOST = 5_000
"""Installations that are kept at most; then those that are over go."""


class Clients(Protocol):
    """The Web API's client of each Slack team, and who a delivery is from."""

    async def client_for(self, slack_team_id: str) -> AsyncWebClient:
        """Return the client that acts in a workspace or an org; NotInstalled where none does."""

    async def keeper(self, slack_team_id: str) -> str:
        """Return who has installed the app there; "" where nobody knows."""

    async def authorize(self, enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        """Say whose a delivery is that names these, and what it is answered with; NotInstalled where it is nobody's.

        Bolt's own would call auth.test for every delivery. The signature has proven that Slack sent it.
        """

    async def serves(self, slack_team_id: str, enterprise_id: str) -> tuple[str, str] | None:
        """Return (team, org) of the installation that serves a workspace, without its token; None where none does."""

    def forget(self) -> None:
        """Look every installation up anew."""


@dataclass(frozen=True, slots=True)
class OneWorkspace:
    """One workspace, whose token the settings hold."""

    client: AsyncWebClient

    async def client_for(self, slack_team_id: str) -> AsyncWebClient:  # noqa: ARG002 - there is one
        """Return the one client."""
        return self.client

    async def keeper(self, slack_team_id: str) -> str:  # noqa: ARG002 - the settings don't tell
        """Return that nobody knows."""
        return ""

    async def authorize(self, enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        """Take a delivery as of the team that it names."""
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=self.client.token)

    async def serves(self, slack_team_id: str, enterprise_id: str) -> tuple[str, str] | None:
        """Take everybody as of the workspace that they name: of whom another has proven that, no team is known."""
        return slack_team_id, enterprise_id

    def forget(self) -> None:
        """Do nothing: a setting stays as it is."""


@dataclass(frozen=True, slots=True)
class Workspaces:
    """Many workspaces and orgs, each by its installation. What an org-wide install serves is one team, the org's."""

    database: Database
    clock: Clock
    making: Callable[[Secret], AsyncWebClient]
    install_url: str
    """Where the app is installed."""
    usable: Callable[[Installation], Awaitable[Installation]]
    """Exchanges a token that ends just now."""
    patience: float = 1.5
    """Seconds that a caller waits for a token's exchange: Slack waits three for an ack, and the token at hand may live on."""
    _kept: dict[tuple[str, str], tuple[datetime, Installation, AsyncWebClient]] = field(default_factory=dict)
    _exchanging: set[asyncio.Task[Installation]] = field(default_factory=set)

    async def client_for(self, slack_team_id: str) -> AsyncWebClient:
        """Return the client of the installation that serves a workspace or an org."""
        return (await self._of(slack_team_id, ""))[1]

    async def keeper(self, slack_team_id: str) -> str:
        """Return who has installed the app there."""
        return (await self._of(slack_team_id, ""))[0].installed_by

    async def authorize(self, enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        """Take a delivery as of the team whose installation serves it: an org's, where the workspace has none of its own."""
        found, client = await self._of(team_id or "", enterprise_id or "")
        return AuthorizeResult(
            enterprise_id=found.enterprise_id,
            team_id=found.slack_team_id,
            bot_user_id=found.bot_user_id,
            bot_token=client.token,
        )

    async def serves(self, slack_team_id: str, enterprise_id: str) -> tuple[str, str] | None:
        """Return whose installation serves a workspace, asked each time: a look at a page ends with the installation."""
        async with self.database.reading() as session:
            found = await installations.find(session, slack_team_id, enterprise_id)
        return (found.slack_team_id, found.enterprise_id) if found else None

    def forget(self) -> None:
        """Look every installation up anew: one has changed."""
        self._kept.clear()

    async def of(self, slack_team_id: str) -> tuple[Installation, AsyncWebClient]:
        """Return the installation that serves a workspace or an org, and its client; NotInstalled where none does."""
        return await self._of(slack_team_id, "")

    async def _of(self, slack_team_id: str, enterprise_id: str) -> tuple[Installation, AsyncWebClient]:
        names, now = (slack_team_id, enterprise_id), self.clock()
        if (known := self._kept.get(names)) and known[0] > now:
            return known[1], known[2]
        async with self.database.reading() as session:
            found = await installations.find(session, *names)
        if found is None:
            raise NotInstalled(self.install_url)
        found = await self._patiently(found)
        client = self.making(found.tokens.token)
        self._keep(names, found, client, now)
        return found, client

    async def _patiently(self, found: Installation) -> Installation:
        """Return the installation with a token that lives on, if that can be had in time.

        An exchange that has begun goes on, whoever stops waiting: Slack gives the new token once.
        """
        if _useful(found, self.clock()) > self.clock():
            return found
        task = asyncio.ensure_future(self.usable(found))
        self._exchanging.add(task)
        task.add_done_callback(self._exchanging.discard)
        done, _ = await asyncio.wait({task}, timeout=self.patience)
        return task.result() if done else found

    def _keep(
        self, names: tuple[str, str], found: Installation, client: AsyncWebClient, now: datetime
    ) -> None:
        if len(self._kept) >= MOST:
            for key in [key for key, (until, _, _) in self._kept.items() if until <= now]:
                del self._kept[key]
        if len(self._kept) < MOST:
            self._kept[names] = (min(now + KEPT, _useful(found, now)), found, client)


def _useful(found: Installation, now: datetime) -> datetime:
    """Return until when a token need not be looked at."""
    ends = found.tokens.expires_at
    return now + KEPT if ends is None else ends - NEEDED
