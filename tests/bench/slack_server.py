"""A Slack of many workspaces that notes when it was asked what, and people who type and click, signed.

The page of a real local workspace is left out: with thousands of messages it would be measured, not the bot.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from bot.demo.slack_methods import read_arguments
from bot.demo.standin import StandIn
from bot.slack.blocks.releases import APPROVE

Json = dict[str, Any]
SECRET = "bench-signing-secret"


@dataclass(frozen=True, slots=True)
class Asked:
    """One call."""

    method: str
    at: float
    channel: str
    ts: str
    thread: str
    broadcast: bool
    text: str
    approve: str
    """What the button Approve carries; "" where there is none."""


@dataclass(frozen=True, slots=True)
class Ack:
    """What a delivery was answered at once."""

    number: str
    said: str
    """"" where it was taken; else what the person reads."""


class SlackServer(StandIn):
    """The workspaces. A channel's id begins with its workspace's id."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.bot_url = ""
        self.hooks_url = ""
        """Where `response_url`s lead, if not here."""
        self.answers: dict[str, list[str]] = {}
        """What was answered to each delivery by its `response_url`, by the delivery's number."""
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self._http: aiohttp.ClientSession | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        await super().start(port)
        self._http = aiohttp.ClientSession()

    async def stop(self) -> None:
        """Stop listening."""
        if self._http is not None:
            await self._http.close()
        await super().stop()

    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/hooks/{hook}", self._hook)

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        args = read_arguments(request.query, request.content_type, await request.read())
        if method == "users.info":
            user = str(args["user"])
            self._heard(Asked(method, time.time(), "", "", "", False, "", ""))  # noqa: TID251 - real time
            return web.json_response({"ok": True, "user": {"id": user, "team_id": user.partition("U")[0]}})
        ts = str(args.get("ts") or f"{int(time.time())}.{next(self._numbers):06d}")  # noqa: TID251
        thread, broadcast = str(args.get("thread_ts", "")), str(args.get("reply_broadcast")).lower() == "true"
        found = Asked(
            method, time.time(), str(args["channel"]), ts, thread, broadcast, str(args.get("text", "")),  # noqa: TID251
            _button(args.get("blocks")),
        )  # fmt: skip
        self._heard(found)
        return web.json_response({"ok": True, "channel": found.channel, "ts": ts})

    async def _hook(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.answers.setdefault(request.match_info["hook"], []).append(str(said.get("text", "")))
        self._heard(Asked("response_url", time.time(), "", "", "", False, "", ""))  # noqa: TID251
        return web.Response(text="ok")

    def _heard(self, asked: Asked) -> None:
        self.asked.append(asked)
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], object], seconds: float) -> None:
        """Wait until something is so; looked at whenever the bot has asked something."""
        async with asyncio.timeout(seconds):
            while not condition():
                await self._changed.wait()

    def _back(self, number: int) -> dict[str, str]:
        """Return by what a delivery is known, and answered."""
        return {"trigger_id": f"{number}.1", "response_url": f"{self.hooks_url or self.url}/hooks/{number}"}

    async def command(self, user: str, channel: str, text: str) -> Ack:
        """Type `/release`, and wait for the ack."""
        number = next(self._numbers)
        fields = {
            "command": "/release", "text": text, "team_id": _team(channel), "user_id": user, "channel_id": channel,
            **self._back(number),
        }  # fmt: skip
        return Ack(str(number), await self._send(fields))

    async def click(self, user: str, root: Asked) -> Ack:
        """Press Approve on a message, and wait for the ack."""
        number = next(self._numbers)
        action = {
            "type": "button",
            "action_id": APPROVE,
            "block_id": "b",
            "value": root.approve,
            "action_ts": f"{number}.2",
        }
        payload = {
            "type": "block_actions", "team": {"id": _team(root.channel)}, "api_app_id": "A1",
            "user": {"id": user, "team_id": _team(root.channel)}, "channel": {"id": root.channel},
            "container": {"type": "message", "message_ts": root.ts, "channel_id": root.channel},
            "actions": [action], **self._back(number),
        }  # fmt: skip
        return Ack(str(number), await self._send({"payload": json.dumps(payload)}))

    async def _send(self, fields: dict[str, str]) -> str:
        """Deliver a form, signed; returns what the ack says."""
        return await self.deliver(urlencode(fields), "application/x-www-form-urlencoded")

    async def deliver(self, body: str, kind: str) -> str:
        """Deliver what is of this content type, signed; returns what the ack says."""
        at = str(int(time.time()))  # noqa: TID251 - the signature's own clock
        digest = hmac.new(SECRET.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}"}
        headers["Content-Type"] = kind
        assert self._http is not None
        async with self._http.post(f"{self.bot_url}/slack/events", data=body, headers=headers) as answer:
            assert answer.status == 200
            return await answer.text()


def _team(channel: str) -> str:
    return channel.partition("C")[0]


def _button(blocks: Any) -> str:
    found = json.loads(blocks) if isinstance(blocks, str) else blocks or []
    elements = [one for block in found if block["type"] == "actions" for one in block["elements"]]
    return next((str(one["value"]) for one in elements if one.get("action_id") == APPROVE), "")
