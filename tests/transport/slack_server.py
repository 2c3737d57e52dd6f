"""A Slack that answers each Web API method as a test has written it down, and notes what it was asked."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack_methods import read_arguments

Json = dict[str, Any]
HANG_UP: Json = {"hang up": True}
"""An answer that never comes: the connection is cut."""


@dataclass
class ScriptedSlack:
    """What it answers, and what it was asked."""

    answers: dict[str, list[Json]] = field(default_factory=dict)
    """By method, in turn; the last one stays. `status` and `headers` are not part of the body."""
    calls: list[tuple[str, Json]] = field(default_factory=list)
    url: str = ""
    session: aiohttp.ClientSession | None = None

    async def client_for(self, _slack_team_id: str) -> AsyncWebClient:
        """Return the client of a team: the one there is."""
        return self.client()

    def client(self, token: str = "xoxb-test") -> AsyncWebClient:
        """Return the SDK's client, without its own retries."""
        return AsyncWebClient(
            token=token, base_url=self.url, session=self.session, timeout=5, retry_handlers=[]
        )

    def asked(self, method: str) -> list[Json]:
        """Return the arguments of each call of a method."""
        return [args for name, args in self.calls if name == method]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        method = request.match_info["method"]
        args = read_arguments(request.query, request.content_type, await request.read())
        self.calls.append((method, args))
        left = self.answers[method]
        told = dict(left.pop(0) if len(left) > 1 else left[0])
        if told == HANG_UP:
            assert request.transport
            request.transport.abort()
        status, headers = told.pop("status", 200), told.pop("headers", {})
        body = told.pop("raw", json.dumps(told))
        return web.Response(status=status, headers=headers, text=body, content_type="application/json")


@asynccontextmanager
async def scripted(**answers: list[Json]) -> AsyncIterator[ScriptedSlack]:
    """Run one; methods with `_` in place of the dot (`chat_update`)."""
    slack = ScriptedSlack({name.replace("_", "."): told for name, told in answers.items()})
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    try:
        async with aiohttp.ClientSession() as session:
            slack.session = session
            yield slack
    finally:
        await runner.cleanup()
