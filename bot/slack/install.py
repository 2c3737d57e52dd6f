"""Bolt's own OAuth flow, by which the app is installed, on stores of ours.

Knows: Bolt's flow, cookies, what Slack says of an install. Must not know: ciphers, routes, wording (that is `bot.install_pages`).

A state is good once, for ten minutes, and only in the browser that was given it, by cookie; of it a hash alone is kept. A
process that dies between Slack's answer and the commit loses that install's tokens: whoever installs begins again,
and Slack gives new ones.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import aiohttp
import structlog
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store import Installation as SlackInstallation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.scopes import BOT_SCOPES, INSTALL_REDIRECT
from bot.workflow.connecting import hashed
from bot.workflow.installing import Installing
from bot.workflow.ports import Clock
from storage.database import Database
from storage.ledger import installations
from storage.ledger.installations import NewInstallation
from storage.records import Secret, Tokens

log = structlog.get_logger(__name__)

INSTALL = "/slack/install"
BACK = INSTALL_REDIRECT
TERM = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Installations(AsyncInstallationStore):
    """Where Bolt's flow leaves an install. Who serves a delivery is asked elsewhere (`bot.slack.clients`)."""

    installing: Installing
    changed: Callable[[], None]
    """Called after the commit."""

    async def async_save(self, installation: SlackInstallation) -> None:
        """Keep what Slack gave; BoltError where that is no bot's token."""
        await self.installing.keep(read(installation))
        self.changed()


@dataclass(frozen=True, slots=True)
class States(AsyncOAuthStateStore):
    """The states of installs that have begun."""

    database: Database
    clock: Clock

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:  # noqa: ARG002 - the SDK's signature
        """Return a new state."""
        state, now = secrets.token_urlsafe(32), self.clock()
        async with self.database.transaction() as session:
            await installations.begin(session, hashed(state), now + TERM, now)
        return state

    async def async_consume(self, state: str) -> bool:
        """Use a state up; False where it has ended, was used before, or is not ours."""
        async with self.database.transaction() as session:
            return await installations.consume(session, hashed(state), self.clock())


def read(installation: SlackInstallation) -> NewInstallation:
    """Return what is kept of Slack's answer; BoltError where it has no bot's token."""
    org_wide = bool(installation.is_enterprise_install)
    # Without that name two orgs, or two workspaces, would be one team.
    if not installation.bot_token or not (installation.enterprise_id if org_wide else installation.team_id):
        raise BoltError("Slack's answer to the install has no bot token, or does not name whose it is.")
    ends = installation.bot_token_expires_at
    expires_at = datetime.fromtimestamp(ends, UTC) if ends else None
    refresh = installation.bot_refresh_token
    return NewInstallation(
        slack_team_id="" if org_wide else installation.team_id or "",
        enterprise_id=installation.enterprise_id or "",
        org_wide=org_wide,
        name=(installation.enterprise_name if org_wide else installation.team_name) or "",
        app_id=installation.app_id or "",
        bot_user_id=installation.bot_user_id or "",
        scopes=tuple(installation.bot_scopes or ()),
        installed_by=installation.user_id or "",
        tokens=Tokens(Secret(installation.bot_token), Secret(refresh) if refresh else None, expires_at),
    )


class Flow(AsyncOAuthFlow):
    """Bolt's flow, for which a Slack that does not answer is an install that did not happen."""

    async def run_installation(self, code: str) -> SlackInstallation | None:
        """Exchange the code; None where Slack refuses it or does not answer."""
        try:
            return await super().run_installation(code)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("Slack did not answer an install", error=type(error).__name__)
            return None


@dataclass(frozen=True, slots=True)
class Told:
    """What a browser is shown at the end."""

    success: Callable[[SlackInstallation], str]
    failure: Callable[[str], str]
    """Takes Bolt's word for what went wrong, or Slack's."""


@dataclass(frozen=True, slots=True)
class App:
    """The Slack app, as the settings know it."""

    client_id: str
    client_secret: Secret
    public_url: str
    api_url: str


def flow(app: App, client: AsyncWebClient, stores: tuple[Installations, States], told: Told) -> Flow:
    """Return the flow on its concrete parts."""
    kept, states = stores
    # Bolt warns with the one-time code in the line.
    logger = logging.getLogger("shipbell.install")
    logger.setLevel(logging.ERROR)
    settings = AsyncOAuthSettings(
        logger=logger,
        client_id=app.client_id,
        client_secret=app.client_secret.reveal(),
        scopes=list(BOT_SCOPES),
        redirect_uri=f"{app.public_url}{BACK}",
        install_path=INSTALL,
        redirect_uri_path=BACK,
        install_page_rendering_enabled=False,
        authorization_url=urljoin(app.api_url, "../oauth/v2/authorize"),
        installation_store=kept,
        state_store=states,
        state_cookie_name=_cookie(app.public_url),
        state_expiration_seconds=int(TERM.total_seconds()),
    )
    settings.callback_options = _ends(settings, told)
    return Flow(client=client, logger=logger, settings=settings)


def _cookie(public_url: str) -> str:
    """Return the cookie's name; browsers take one called `__Host-` from this very host alone, by https."""
    return "__Host-shipbell-install" if public_url.startswith("https://") else "shipbell-install"


def _ends(settings: AsyncOAuthSettings, told: Told) -> AsyncCallbackOptions:
    headers: dict[str, str | Sequence[str]] = {
        "Content-Type": "text/html; charset=utf-8",
        "Set-Cookie": settings.state_utils.build_set_cookie_for_deletion(),
    }

    async def success(args: AsyncSuccessArgs) -> BoltResponse:
        return BoltResponse(status=200, headers=headers, body=told.success(args.installation))

    async def failure(args: AsyncFailureArgs) -> BoltResponse:
        status = 200 if args.reason == "access_denied" else 400
        log.warning("not installed", reason=args.reason[:60])
        return BoltResponse(status=status, headers=headers, body=told.failure(args.reason))

    return AsyncCallbackOptions(success=success, failure=failure)
