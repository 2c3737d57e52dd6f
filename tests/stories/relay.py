"""Where uploads pass through on their way to an index: what authorizes each is noted, and it can fail as a stand-in can."""

from typing import Self

import aiohttp
from aiohttp import web

from bot.demo.standin import StandIn

OWN = frozenset({"host", "transfer-encoding", "content-length"})
"""Headers that belong to one leg of the way."""


class Relay(StandIn):
    """Sends everything on to an index, path and all; `sent` has the `Authorization` of each request, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.index = ""
        """Where it leads: scheme, host and port."""
        self.sent: list[str] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/{path:.*}", self._onward)

    def _note(self, request: web.Request, body: object) -> None:
        self.sent.append(request.headers.get("Authorization", ""))
        super()._note(request, body)

    async def _onward(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in OWN}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method, self.index + request.path, headers=headers, data=await request.read()
            ) as answer,
        ):
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in OWN}
            return web.Response(
                status=answer.status, reason=answer.reason, headers=kept, body=await answer.read()
            )
