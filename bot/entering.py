"""The pages on which a person of Slack enters a secret, so that Slack never sees it.

Knows: routes, cookies. Must not know: rules, wording.

`GET /credentials/enter` changes nothing: link previews may fetch it. What it sets is a cookie, without which, and without
the check that goes with it, `POST` takes nothing: no other site can enter a secret in somebody's browser. No secret is
ever in an address, nor on a page that is sent back.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot import pages
from bot.core import notices
from bot.core.credential_notices import CredentialOvertaken, EntryEnded
from bot.core.names import Problem, normalize_project, project_problem
from bot.core.permission_notices import NotAllowed
from bot.core.sites import take_codes
from bot.index import intake
from bot.index.intake import Intake
from bot.workflow.entering import Entering

AGE = 600
"""Seconds that a browser keeps its secret, as long as a link lives."""
LONGEST = 200
"""Characters of what comes back of ours; longer is not ours."""
MOST = 16_384
"""Characters of a form."""


@dataclass(frozen=True, slots=True)
class EntryPages:
    """The pages on their concrete parts."""

    entering: Entering
    secure: bool
    """Whether browsers reach us by https."""

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/credentials/enter", self.ask, methods=["GET"]),
            Route("/credentials/enter", self.enter, methods=["POST"]),
            Route("/credentials/keep", self.keep, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show whose link this is, and the fields."""
        state = request.query_params.get("state", "")[:LONGEST]
        found = await self.entering.whose(state)
        if found is None:
            return _ended()
        browser = secrets.token_urlsafe(32)
        shown = {"index": found.index, "state": state, "check": _check(browser, state)}
        answer = HTMLResponse(self._fields(found.who, shown, {}))
        answer.set_cookie(
            self.cookie, browser, max_age=AGE, path="/", secure=self.secure, httponly=True, samesite="strict"
        )
        return answer

    async def enter(self, request: Request) -> Response:
        """Take what was entered, and show what it is before it is kept."""
        form, browser = await self._form(request)
        if not browser:
            return _ended()
        state = form["state"]
        found = await self.entering.enter(state, browser, form)
        if found is None:
            return _ended()
        if isinstance(found, Intake):
            return HTMLResponse(pages.secret_entered(*_words(found), _ours(form)))
        return await self._again(state, form, found)

    async def _again(self, state: str, form: Mapping[str, str], problems: tuple[Problem, ...]) -> Response:
        link = await self.entering.whose(state)
        if link is None:
            return _ended()
        shown = {name: form.get(name, "") for name in ("index", "project", "state", "check")}
        told = {one.field: one.message for one in problems}
        return HTMLResponse(self._fields(link.who, shown, told), status_code=422)

    def _fields(self, who: str, shown: Mapping[str, str], problems: Mapping[str, str]) -> str:
        index = self.entering.index
        return pages.enter_secret(who, index.names(), shown, problems, codes=take_codes(index))

    async def keep(self, request: Request) -> Response:
        """Keep what was shown."""
        form, browser = await self._form(request)
        if not browser:
            return _ended()
        project = form.get("project", "").strip() if form.get("scope") == "narrow" else ""
        if form.get("scope") == "narrow" and (problem := project_problem(project)):
            return HTMLResponse(pages.narrow_again(problem, _ours(form)), status_code=422)
        found = await self.entering.keep(form["state"], browser, normalize_project(project))
        answer = _said(found)
        answer.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="strict")
        return answer

    async def _form(self, request: Request) -> tuple[dict[str, str], str]:
        """Return the form, and the browser's secret; "" where the two don't belong together."""
        text = (await request.body())[:MOST].decode("ascii", "replace")
        form = dict(parse_qsl(text, keep_blank_values=True))
        state, check = (form.get(name, "")[:LONGEST] for name in ("state", "check"))
        browser = request.cookies.get(self.cookie, "")[:LONGEST]
        fits = hmac.compare_digest(check.encode(), _check(browser, state).encode())
        return form | {"state": state, "check": check}, browser if fits else ""

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers take one called so from this very host alone, by https."""
        return "__Host-shipbell-entry" if self.secure else "shipbell-entry"


def _words(found: Intake) -> tuple[str, tuple[str, ...], str | None]:
    """Return what it is for, what limits it, and the project of the copy to offer; None: no copy is offered."""
    whose = (
        f"{found.project} on {found.index}"
        if found.project
        else f"{found.index}, all projects of your workspace"
    )
    wide = found.facts is not None and found.facts.account_wide
    return whose, intake.limits(found), found.project if wide else None


def _said(notice: notices.Notice) -> Response:
    match notice:
        case notices.CredentialSaved():
            return HTMLResponse(pages.secret_kept(notice.index, notice.project))
        case CredentialOvertaken():
            return HTMLResponse(pages.secret_overtaken(), status_code=409)
        case NotAllowed():
            return HTMLResponse(pages.secret_refused(), status_code=403)
        case _:
            assert isinstance(notice, EntryEnded)
            return _ended()


def _ours(form: Mapping[str, str]) -> dict[str, str]:
    return {name: form[name] for name in ("state", "check")}


def _check(browser: str, state: str) -> str:
    return hmac.new(browser.encode(), f"entry:{state}".encode(), hashlib.sha256).hexdigest()


def _ended() -> Response:
    return HTMLResponse(pages.entry_ended(), status_code=400)
