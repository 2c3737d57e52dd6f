"""Where logs and artifacts are really fetched: signed addresses that work once, for a minute, and without a token.

Knows: a storage service's refusals. Must not know: what lies there.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from bot.demo.forge_state import ForgeState

PATH = "/_storage/"
LIFE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """Some bytes and until when their address works."""

    content: bytes
    content_type: str
    until: datetime


class Storage:
    """Serves bytes by addresses that cannot be guessed."""

    def __init__(self, state: ForgeState) -> None:
        self._state = state
        self._stored: dict[str, Stored] = {}

    def add_routes(self, app: web.Application) -> None:
        """Offer what is kept."""
        app.router.add_get(PATH + "{key}", self.fetch)

    def lead_to(self, content: bytes, content_type: str) -> web.Response:
        """Answer 302 with a new address for some bytes."""
        key = secrets.token_urlsafe(18)
        self._stored[key] = Stored(content, content_type, self._state.clock() + LIFE)
        location = f"{self._state.url}{PATH}{key}?sig={secrets.token_urlsafe(24)}"
        return web.Response(status=302, headers={"Location": location})

    async def fetch(self, request: web.Request) -> web.Response:
        """Give the bytes, once; refuse who brings a token along, as the real storage does."""
        if "Authorization" in request.headers:
            return _refused(401, "InvalidAuthenticationInfo")
        stored = self._stored.pop(request.match_info["key"], None)
        if stored is None or stored.until < self._state.clock():
            return _refused(403, "AuthenticationFailed")
        return web.Response(body=stored.content, headers={"Content-Type": stored.content_type})


def _refused(status: int, code: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")
