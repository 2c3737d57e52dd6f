"""Slack's clients, Bolt and the install's pages, as the settings want them: one workspace, or many that install the app.

Knows: settings, which parts fit together. Must not know: rules, wording.
"""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.routing import Route

from bot import lanes
from bot.engine.lane import Work
from bot.installing import install_routes, landing_of_one
from bot.settings import Settings
from bot.slack.clients import Clients, OneWorkspace, Workspaces
from bot.slack.endings import Endings
from bot.slack.install import INSTALL, App, Installations, States
from bot.slack.listeners import Listeners
from bot.slack.measured import MeasuredApp
from bot.slack.notifier import SlackNotifier
from bot.slack.tokens import SlackTokens
from bot.workflow.inlet import Inlet
from bot.workflow.installing import Installing
from bot.workflow.rotating import Rotating
from bot.workflow.welcoming import Welcoming
from storage.database import Database
from storage.records import Secret

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Slacking:
    """What Slack's parts are made of."""

    settings: Settings
    database: Database
    session: aiohttp.ClientSession
    clock: Callable[[], datetime]
    owner: UUID
    """This process, as it signs its claims."""

    def client(self, token: Secret | None = None) -> AsyncWebClient:
        """Return the Web API's client of a token; they share one session."""
        return AsyncWebClient(
            token=token.reveal() if token else None,
            base_url=self.settings.slack_api_url,
            session=self.session,
            retry_handlers=[],
        )

    def clients(self) -> OneWorkspace | Workspaces:
        """Return whose token Slack is called with."""
        if self.settings.slack_bot_token is not None:
            return OneWorkspace(self.client(self.settings.slack_bot_token))
        return Workspaces(self.database, self.clock, self.client, self._install_url, self._rotating().usable)

    def notifier(self, clients: OneWorkspace | Workspaces, inlet: Inlet) -> SlackNotifier:
        """Return what sends the outbox; of one workspace only its operator can say whether it has left."""
        doubt = Endings(clients, inlet).doubt if isinstance(clients, Workspaces) else None
        return SlackNotifier(clients.client_for, self.session, clients.keeper, doubt)

    def lanes(self, clients: OneWorkspace | Workspaces) -> list[Work]:
        """Return the lane in which tokens are exchanged; none where there is one workspace."""
        if not isinstance(clients, Workspaces):
            return []
        steps = Welcoming(self.database, self.clock, self.settings.github_client_secret is not None)
        return [lanes.installations(self._rotating(), clients.forget), lanes.welcomes(steps)]

    def _rotating(self) -> Rotating:
        settings = self.settings
        assert settings.slack_client_secret is not None, "the two belong together"
        slack = SlackTokens(self.client(), settings.slack_client_id, settings.slack_client_secret, self.clock)
        return Rotating(self.database, slack, self.clock, self.owner, self._install_url)

    def added_at(self, clients: OneWorkspace | Workspaces) -> str:
        """Return where the app is added to a workspace; "" where it serves one, whose operator does that."""
        return self._install_url if isinstance(clients, Workspaces) else ""

    @property
    def _install_url(self) -> str:
        return f"{self.settings.public_url}{INSTALL}"

    def install_pages(self, clients: OneWorkspace | Workspaces, nudge: Callable[[str], None]) -> list[Route]:
        """Return the pages on which the app is installed; where there is one workspace, the one that says so. `nudge` wakes a lane."""
        secret = self.settings.slack_client_secret
        if not isinstance(clients, Workspaces) or secret is None:
            return [landing_of_one(status=secret is not None)]
        app = App(
            self.settings.slack_client_id, secret, self.settings.public_url, self.settings.slack_api_url
        )

        def changed() -> None:
            clients.forget()
            nudge("welcomes")
            nudge("outbox")

        kept = Installations(Installing(self.database, self.clock), changed)
        return install_routes(app, self.client(), (kept, States(self.database, self.clock)))


def bolt(slacking: Slacking, clients: Clients, listeners: Listeners) -> AsyncApp:
    """Return Bolt with its listeners."""
    secret = slacking.settings.slack_signing_secret

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return await clients.authorize(enterprise_id, team_id)

    app = MeasuredApp(
        name="shipbell",  # else it looks through the sources of all that called it, which takes a quarter of a second
        # Bolt's loggers take this one's level; at INFO it would print the body of a delivery that it refuses.
        logger=logging.getLogger("slack_bolt"),
        signing_secret=secret.reveal() if secret else "",
        client=slacking.client(),
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        # Each of Bolt's middlewares that we have no use for costs every delivery a little.
        ssl_check_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    listeners.attach(app)
    return app


async def connect(settings: Settings, app: AsyncApp, stack: AsyncExitStack) -> None:
    """Open Socket Mode's connection, where the settings have its token; `stack` closes it."""
    if settings.slack_app_token is None:
        return
    token = settings.slack_app_token.reveal()
    client = AsyncWebClient(token=token, base_url=settings.slack_api_url)
    handler = AsyncSocketModeHandler(app, token, web_client=client)
    stack.push_async_callback(handler.close_async)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    log.info("connected", mode="socket")
