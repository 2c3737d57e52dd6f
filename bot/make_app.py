"""The pages on which an operator makes the GitHub App, once.

Knows: routes, cookies, the one-time secret. Must not know: what an App may do, where its secrets are kept.

They are there only while no App is set up, for whoever has the secret that this process has logged: for an hour, and until
an App was made. Everything lies in memory: after a restart there is another secret.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot import pages, wire
from bot.errors import TransportError
from bot.forge import app_auth, manifest
from bot.forge.manifest import NewApp
from bot.forge.sending import Send

log = structlog.get_logger(__name__)

TERM = timedelta(hours=1)
STATE_TERM = timedelta(minutes=10)
MOST_STATES = 20
COOKIE = "shipbell-setup"
LONGEST = 200
_GONE = ("This page can't be used.", "Start the bot anew, and open the address that it logs then.")


class Drawer(Protocol):
    """Where an App's settings are kept."""

    def reserve(self) -> None:
        """Make room, before anything is asked for that is told once; OSError where there is none."""

    def fill(self, text: str) -> str:
        """Keep the settings; returns where they are."""

    def empty(self) -> None:
        """Give the room up."""


@dataclass(frozen=True, slots=True)
class _Begun:
    browser: str
    ends_at: datetime


@dataclass(slots=True)
class AppPages:
    """The pages on their concrete parts."""

    send: Send
    addresses: tuple[str, str, str]
    """Of the forge's API, the forge's pages, and ours."""
    drawer: Drawer
    clock: Callable[[], datetime]
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    ends_at: datetime = field(init=False)
    made: bool = False
    _begun: dict[str, _Begun] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.ends_at = self.clock() + TERM

    @property
    def address(self) -> str:
        """Where the operator begins."""
        return f"{self.addresses[2]}/github/setup?once={self.secret}"

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/github/setup", self.ask, methods=["GET"]),
            Route("/github/setup/callback", self.finish, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show what the App is to be."""
        given = request.query_params.get("once", "")
        if not self._open() or not hmac.compare_digest(given.encode(), self.secret.encode()):
            return _refused(*_GONE, status=404)
        _, web_url, here = self.addresses
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        owner = request.query_params.get("organization", "").strip()
        target = manifest.new_page(web_url, owner, state)
        if target is None:
            return _refused(
                "No organization on GitHub can have that name.",
                "Go back and correct it: its name as in its address on GitHub.",
            )
        if len(self._begun) >= MOST_STATES:
            self._begun.clear()
        self._begun[state] = _Begun(browser, self.clock() + STATE_TERM)
        whole = json.dumps(manifest.manifest(here))
        answer = HTMLResponse(pages.make_app(target, whole, app_auth.PERMISSIONS, owner, self.secret))
        secure = here.startswith("https://")
        answer.set_cookie(
            COOKIE, browser, max_age=600, path="/github/setup", secure=secure, httponly=True, samesite="lax"
        )
        return answer

    async def finish(self, request: Request) -> Response:
        """Take the code that the forge sends back, and keep what it is worth."""
        query, browser = request.query_params, request.cookies.get(COOKIE, "")
        begun = self._begun.pop(query.get("state", "")[:LONGEST], None)
        mine = begun is not None and hmac.compare_digest(browser.encode(), begun.browser.encode())
        if begun is None or not mine or self.clock() >= begun.ends_at or not self._open():
            return _refused(*_GONE, status=404)
        wanted = manifest.conversion(self.addresses[0], query.get("code", ""))
        if wanted is None:
            return _refused("GitHub sent no code.", "Begin anew.")
        self.made = True  # nobody else begins while this goes on
        answer = await self._convert(wanted)
        self.made = answer.status_code == 200
        return answer

    async def _convert(self, wanted: wire.Request) -> Response:
        try:
            await asyncio.to_thread(self.drawer.reserve)
        except OSError as error:
            return _refused(f"The App's settings can't be kept: {error.strerror}.", _ROOM)
        try:
            found = manifest.read(await self.send(wanted))
            if isinstance(found, NewApp):
                path = await asyncio.to_thread(self.drawer.fill, manifest.toml(found))
                install = app_auth.install_page(self.addresses[1], found.slug)
                return HTMLResponse(pages.app_made(found.slug, path, install))
        except (TransportError, OSError) as error:
            log.warning("no App was made", error=type(error).__name__)
        await asyncio.to_thread(self.drawer.empty)
        return _refused("GitHub did not tell what the App is, or it can't be kept.", _ANEW)

    def _open(self) -> bool:
        return not self.made and self.clock() < self.ends_at


_ANEW = "Delete the App on GitHub if it is there, and begin anew."
_ROOM = "Make room in the data folder: a file github-app.toml that is there already is not written over. Then begin anew."


def _refused(cause: str, remedy: str, status: int = 400) -> Response:
    return HTMLResponse(pages.no_app(cause, remedy), status_code=status)
