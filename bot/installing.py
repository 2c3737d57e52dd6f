"""The pages on which the app comes into a workspace: where it is offered, and where Slack sends the browser back to.

Knows: routes. Must not know: rules, wording.
"""

from dataclasses import dataclass
from urllib.parse import urljoin

from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot import install_pages
from bot.core.status_links import STATUS
from bot.slack.install import BACK, INSTALL, App, Flow, Installations, States, Told, flow
from bot.slack.scopes import BOT_SCOPES, missing_scopes

LONGEST = 4_000
"""Characters of an address that are read; longer is not ours."""


@dataclass(frozen=True, slots=True)
class InstallPages:
    """The pages on their concrete parts."""

    flow: Flow

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/", self.offer, methods=["GET"]),
            Route(INSTALL, self.begin, methods=["GET"]),
            Route(BACK, self.finish, methods=["GET"]),
        ]

    async def offer(self, _request: Request) -> Response:
        """Show what the bot is, and the way into a workspace."""
        return HTMLResponse(install_pages.landing(INSTALL, BOT_SCOPES))

    async def begin(self, request: Request) -> Response:
        """Send the browser to Slack with a state of its own."""
        return to_starlette_response(await self.flow.handle_installation(to_async_bolt_request(request, b"")))

    async def finish(self, request: Request) -> Response:
        """Take what Slack sends back with the browser."""
        if len(request.url.query) > LONGEST:
            return HTMLResponse(install_pages.not_installed("", INSTALL), status_code=400)
        return to_starlette_response(await self.flow.handle_callback(to_async_bolt_request(request, b"")))


def landing_of_one(*, status: bool) -> Route:
    """Return the page at the root of a bot that serves one workspace: nobody adds it to another; `status`: it has a status page."""

    async def tell(_request: Request) -> Response:
        return HTMLResponse(install_pages.landing_of_one(STATUS if status else ""))

    return Route("/", tell, methods=["GET"])


def install_routes(app: App, client: AsyncWebClient, stores: tuple[Installations, States]) -> list[Route]:
    """Return the pages of an app."""
    web = urljoin(app.api_url, "../")

    def success(done: Installation) -> str:
        org_wide = bool(done.is_enterprise_install)
        place = done.enterprise_id if org_wide else done.team_id
        open_at = install_pages.open_in_slack(web, done.app_id or "", place or "")
        name = (done.enterprise_name if org_wide else done.team_name) or ""
        missing = missing_scopes(",".join(done.bot_scopes or ()))
        return install_pages.installed(name, open_at, missing, INSTALL, org_wide=org_wide)

    def failure(reason: str) -> str:
        return install_pages.not_installed(reason, INSTALL)

    return InstallPages(flow(app, client, stores, Told(success, failure))).routes()
