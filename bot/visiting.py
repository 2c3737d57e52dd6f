"""The status page: what a team's people see in the browser once they have signed in with Slack.

Knows: routes, cookies. Must not know: rules, wording.

`GET` changes nothing but `GET` of Slack's answer, which is a sign-in's last step and is bound to the browser that began it. All
addresses to which a browser is sent are ours without a host, or Slack's: the `Host` of a request is never believed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.cookies import LONGEST, Cookie
from bot.core.status_links import CALLBACK, STATUS, own_path, read_cursor
from bot.status import render
from bot.status.render import Frame
from bot.workflow.looking import Looking
from bot.workflow.visiting import LONGEST as SESSION
from bot.workflow.visiting import Refused, Viewer, Visiting, Why

MOST = 4_096
"""Characters of a form."""
_STATUSES = {Why.UNSURE: 503, Why.NOT_MEMBER: 403, Why.NO_TEAM: 403}
Show = Callable[[Request, Viewer], Awaitable[Callable[[Frame], str] | None]]
"""Finds what a page shows; None where there is nothing to be seen."""


def absent() -> list[Route]:
    """Return the pages of a bot by which nobody can sign in."""

    async def tell(_request: Request) -> Response:
        return HTMLResponse(render.not_set_up(), status_code=404)

    return [
        Route(path, tell, methods=["GET", "POST"])
        for path in (STATUS, STATUS + "/{rest:path}", CALLBACK)
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatusPages:
    """The pages on their concrete parts."""

    visiting: Visiting
    looking: Looking
    secure: bool
    """Whether browsers reach us by https."""

    def routes(self) -> list[Route]:
        """Return them."""
        shown = {
            "": self._overview,
            "/projects/{name}": self._overview,
            "/releases/{id}": self._release,
            "/publishers": self._publishers,
        }
        return [
            *(Route(STATUS + path, self._page(show), methods=["GET"]) for path, show in shown.items()),
            Route(STATUS + "/sign-in", self.begin, methods=["POST"]),
            Route(STATUS + "/sign-out", self.leave, methods=["POST"]),
            Route(CALLBACK, self.finish, methods=["GET"]),
        ]

    def _page(self, show: Show) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            secret = self._session.of(request)
            viewer = await self.visiting.viewer(secret)
            if viewer is None:
                return HTMLResponse(render.sign_in(own_path(request.url.path)), status_code=403)
            if isinstance(viewer, Refused):
                return _refused(viewer)
            frame = Frame(viewer, _check(secret))
            found = await show(request, viewer)
            if found is None:
                return HTMLResponse(render.missing(frame), status_code=404)
            return HTMLResponse(found(frame))

        return page

    async def _overview(self, request: Request, viewer: Viewer) -> Callable[[Frame], str] | None:
        name = _text(request.path_params.get("name", ""))
        before = read_cursor(request.query_params.get("before", "")[:LONGEST])
        found = await self.looking.overview(viewer.team_id, name, before)
        return None if found is None else lambda frame: render.overview(frame, found, name)

    async def _release(self, request: Request, viewer: Viewer) -> Callable[[Frame], str] | None:
        try:
            wanted = UUID(request.path_params["id"])
        except ValueError:
            return None
        found = await self.looking.release(viewer, wanted)
        return None if found is None else lambda frame: render.release(frame, found)

    async def _publishers(self, request: Request, viewer: Viewer) -> Callable[[Frame], str] | None:
        index, _, name = _text(request.query_params.get("after", "")).partition("/")
        found = await self.looking.publishers(viewer.team_id, (index, name) if name else None)
        return lambda frame: render.publishers(frame, found)

    async def begin(self, request: Request) -> Response:
        """Send a browser to Slack, with a secret of its own to bring back."""
        form = await _form(request)
        browser = secrets.token_urlsafe(32)
        answer = RedirectResponse(await self.visiting.begin(browser, form.get("page", "")), status_code=303)
        self._beginning.give(answer, browser)
        return answer

    async def finish(self, request: Request) -> Response:
        """Take what Slack sends back with the browser."""
        query = request.query_params
        state, code = (query.get(name, "")[:LONGEST] for name in ("state", "code"))
        found = await self.visiting.finish(
            state, self._beginning.of(request), code, self._session.of(request)
        )
        if isinstance(found, Refused):
            return _refused(found)
        answer = RedirectResponse(found.goes_to, status_code=303)
        self._session.give(answer, found.secret)
        self._beginning.take(answer)
        return answer

    async def leave(self, request: Request) -> Response:
        """Sign out; only by our own button, since another site could press it too."""
        secret, form = self._session.of(request), await _form(request)
        if not secret or not hmac.compare_digest(form.get("check", "").encode(), _check(secret).encode()):
            return RedirectResponse(STATUS, status_code=303)
        await self.visiting.leave(secret)
        answer = HTMLResponse(render.signed_out())
        self._session.take(answer)
        return answer

    @property
    def _session(self) -> Cookie:
        return Cookie("shipbell-status", self.secure, int(SESSION.total_seconds()))

    @property
    def _beginning(self) -> Cookie:
        return Cookie("shipbell-sign-in", self.secure)


def _text(given: str) -> str:
    """Return what stands in an address as it can be asked for: no database holds a null, so one that has it is no name."""
    return "?" if "\0" in given else given[:LONGEST]


async def _form(request: Request) -> dict[str, str]:
    text = (await request.body())[:MOST].decode("ascii", "replace")
    return {name: value[:LONGEST] for name, value in parse_qsl(text)}


def _check(secret: str) -> str:
    return hmac.new(secret.encode(), b"sign-out", hashlib.sha256).hexdigest()


def _refused(no: Refused) -> Response:
    return HTMLResponse(render.refused(no), status_code=_STATUSES.get(no.why, 400))
