"""The pages on which a person of Slack signs in with the forge.

Knows: routes, cookies. Must not know: rules, wording.

`GET /github/connect` changes nothing: link previews may fetch it. What it sets is a cookie, without which, and without
the check that goes with it, `POST` binds nothing: no other site can begin a sign-in in somebody's browser.
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
from bot.workflow.connecting import Connecting, Refused

AGE = 600
"""Seconds that a browser keeps its secret, as long as a sign-in may take."""
LONGEST = 200
"""Characters of what comes back; longer is not ours."""


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
        answer.set_cookie(
            self.cookie, browser, max_age=AGE, path="/", secure=self.secure, httponly=True, samesite="lax"
        )
        return answer

    async def begin(self, request: Request) -> Response:
        """Send the browser to the forge, if it is the one that was asked."""
        form = dict(parse_qsl((await request.body()).decode("ascii", "replace")))
        state, check = (form.get(name, "")[:LONGEST] for name in ("state", "check"))
        browser = self._browser(request)
        if not browser or not hmac.compare_digest(check.encode(), _check(browser, state).encode()):
            return HTMLResponse(pages.not_connected("ended"), status_code=400)
        found = await self.connecting.begin(state, browser)
        return _refused(found) if isinstance(found, Refused) else RedirectResponse(found, status_code=303)

    async def finish(self, request: Request) -> Response:
        """Take what the forge sends back with the browser."""
        query = request.query_params
        state, code = (query.get(name, "")[:LONGEST] for name in ("state", "code"))
        found = await self.connecting.finish(state, self._browser(request), code)
        answer = _refused(found) if isinstance(found, Refused) else HTMLResponse(pages.connected(found.login))
        answer.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")
        return answer

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers take one called so from this very host alone, by https."""
        return "__Host-shipbell" if self.secure else "shipbell"

    def _browser(self, request: Request) -> str:
        return request.cookies.get(self.cookie, "")[:LONGEST]


def _check(browser: str, state: str) -> str:
    return hmac.new(browser.encode(), state.encode(), hashlib.sha256).hexdigest()


def _refused(refused: Refused) -> Response:
    return HTMLResponse(pages.not_connected(refused.why, refused.detail), status_code=400)
