"""A bot of a few lines: it hears what Slack delivers and answers as the test says."""

from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from bot.demo.slack_parcels import Parcel, read_parcel

Answering = Callable[[Parcel], Awaitable[web.Response]]


async def ack(_parcel: Parcel) -> web.Response:
    """Answer 200 and nothing."""
    return web.Response()


class TinyBot:
    """Listens at `/slack/events`; refuses what isn't signed as Slack signs."""

    def __init__(self, signing_secret: str) -> None:
        self.heard: list[Parcel] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.answering: Answering = ack
        self._verifier = SignatureVerifier(signing_secret)
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/slack/events", self._on_delivery)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    def says(self, told: Any, status: int = 200) -> None:
        """Answer each delivery with this JSON (or text)."""

        async def answering(_parcel: Parcel) -> web.Response:
            if isinstance(told, str):
                return web.Response(status=status, text=told)
            return web.json_response(told, status=status)

        self.answering = answering

    async def _on_delivery(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self._verifier.is_valid_request(body, headers):
            return web.Response(status=401)
        parcel = read_parcel(request.content_type, body)
        self.heard.append(parcel)
        self.headers.append(headers)
        self.bodies.append(body)
        return await self.answering(parcel)
