"""The pages on which a person of Slack signs in with the forge, or lets an index grant access.

Knows: routes, cookies. Must not know: rules, wording.

`GET .../connect` changes nothing: link previews may fetch it. What it sets is a cookie, without which, and without the
check that goes with it, `POST` binds nothing: no other site can begin it in somebody's browser.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot import pages
from bot.cookies import LONGEST, Cookie
from bot.workflow.connecting import Connecting, Refused
from bot.workflow.granting import Granting, NotGranted
from bot.workflow.granting import Why as NoGrant


@dataclass(frozen=True, slots=True)
class ConnectPages:
    """The pages on their concrete parts."""

    connecting: Connecting
    secure: bool
    """Whether browsers reach us by https."""

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/github/connect", self.ask, methods=["GET"]),
            Route("/github/connect", self.begin, methods=["POST"]),
            Route("/github/callback", self.finish, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show whom this would link, and ask."""
        state = request.query_params.get("state", "")[:LONGEST]
        who = await self.connecting.whose(state)
        if isinstance(who, Refused):
            return _refused(who)
        browser = secrets.token_urlsafe(32)
        fields = {"state": state, "check": _check(browser, state)}
        answer = HTMLResponse(pages.ask_to_connect(who, fields))
        self.cookie.give(answer, browser)
        return answer

    async def begin(self, request: Request) -> Response:
        """Send the browser to the forge, if it is the one that was asked."""
        state, browser = await _asked(request, self.cookie.of(request))
        if not browser:
            return HTMLResponse(pages.not_connected("ended"), status_code=400)
        found = await self.connecting.begin(state, browser)
        return _refused(found) if isinstance(found, Refused) else RedirectResponse(found, status_code=303)

    async def finish(self, request: Request) -> Response:
        """Take what the forge sends back with the browser."""
        query = request.query_params
        state, code = (query.get(name, "")[:LONGEST] for name in ("state", "code"))
        found = await self.connecting.finish(state, self.cookie.of(request), code)
        answer = _refused(found) if isinstance(found, Refused) else HTMLResponse(pages.connected(found.login))
        self.cookie.take(answer)
        return answer

    @property
    def cookie(self) -> Cookie:
        """What the browser keeps."""
        return Cookie("shipbell", self.secure)


@dataclass(frozen=True, slots=True)
class GrantPages:
    """The pages on which a person lets the bot upload to an index in their name, on their concrete parts."""

    granting: Granting
    secure: bool
    """Whether browsers reach us by https."""

    def routes(self) -> list[Route]:
        """Return them."""
        back = "/indexes/{name}/callback"
        return [
            Route("/indexes/{name}/connect", self.ask, methods=["GET"]),
            Route("/indexes/{name}/connect", self.begin, methods=["POST"]),
            Route(back, self.finish, methods=["GET"]),
            Route(back + "/{state}", self.finish, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show whose grant this would be, and ask."""
        index, state = request.path_params["name"], request.query_params.get("state", "")[:LONGEST]
        who = await self.granting.whose(index, state)
        if isinstance(who, NotGranted):
            return _not_granted(index, who)
        browser = secrets.token_urlsafe(32)
        fields = {"state": state, "check": _check(browser, state)}
        answer = HTMLResponse(pages.ask_to_grant(who, index, fields))
        self.cookie.give(answer, browser)
        return answer

    async def begin(self, request: Request) -> Response:
        """Send the browser to the index, if it is the one that was asked."""
        index = request.path_params["name"]
        state, browser = await _asked(request, self.cookie.of(request))
        found = await self.granting.begin(index, state, browser) if browser else NotGranted(NoGrant.ENDED)
        if isinstance(found, NotGranted):
            return _not_granted(index, found)
        return RedirectResponse(found, status_code=303)

    async def finish(self, request: Request) -> Response:
        """Take what the index sends back with the browser: the request token, or nothing."""
        index, state = request.path_params["name"], request.path_params.get("state", "")[:LONGEST]
        token = request.query_params.get("oauth_token", "")[:LONGEST]
        found = await self.granting.finish(index, state, self.cookie.of(request), token)
        answer = (
            _not_granted(index, found)
            if isinstance(found, NotGranted)
            else HTMLResponse(pages.granted(index, found.user))
        )
        self.cookie.take(answer)
        return answer

    @property
    def cookie(self) -> Cookie:
        """What the browser keeps."""
        return Cookie("shipbell-index", self.secure)


async def _asked(request: Request, browser: str) -> tuple[str, str]:
    """Return the state of a form and the browser's secret; "" for that where this browser was not shown the form."""
    form = dict(parse_qsl((await request.body()).decode("ascii", "replace")))
    state, check = (form.get(name, "")[:LONGEST] for name in ("state", "check"))
    genuine = browser and hmac.compare_digest(check.encode(), _check(browser, state).encode())
    return state, browser if genuine else ""


def _check(browser: str, state: str) -> str:
    return hmac.new(browser.encode(), state.encode(), hashlib.sha256).hexdigest()


def _refused(refused: Refused) -> Response:
    return HTMLResponse(pages.not_connected(refused.why, refused.detail), status_code=400)


def _not_granted(index: str, no: NotGranted) -> Response:
    return HTMLResponse(pages.not_granted(index, no.why, no.cause, no.remedy), status_code=400)
