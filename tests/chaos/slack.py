"""A Slack of many workspaces that keeps what it was told, limits, and delivers as Slack does: again, twice, out of order."""

import asyncio
import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
from aiohttp import web

from bot.demo.slack_methods import read_arguments
from tests.bench.slack_server import Ack, Asked, SlackServer

Json = dict[str, Any]
GIVES_UP = 3.0
"""Seconds that Slack waits for an ack."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in a channel; `row` is the outbox row that it carries."""

    channel: str
    ts: str
    thread: str
    row: str
    text: str


class ChaosSlack(SlackServer):
    """It."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self.chance = chance
        self.kept: list[Kept] = []
        self.limited = 0.0
        """How probable a 429 is."""
        self.twice = 0.0
        """How probable it is that a delivery comes twice at the same moment."""
        self.late = 0.0
        """Seconds that a delivery takes at most; what was sent later may be there first."""
        self.deliveries: Counter[str] = Counter()
        self.acks: list[float] = []
        """Seconds until each ack that came."""
        self.taken: list[str] = []
        """The deliveries that were acknowledged without a word: the bot has promised to carry them out."""
        self.refused: list[str] = []
        """Those whose ack told the person that nothing was done."""
        self._roots: dict[str, Asked] = {}
        self._decided: set[str] = set()

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        args = read_arguments(request.query, request.content_type, await request.read())
        if self.chance.random() < self.limited:
            self.deliveries["429"] += 1
            return web.json_response(
                {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"}
            )
        if method in {"conversations.history", "conversations.replies"}:
            return web.json_response({"ok": True, "messages": self._history(args)})
        answer = await super()._api(request)
        if method == "chat.postMessage":
            last = self.asked[-1]
            metadata = args.get("metadata") or {}
            metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
            row = str((metadata.get("event_payload") or {}).get("id", ""))
            self.kept.append(Kept(last.channel, last.ts, last.thread, row, last.text))
        return answer

    def _history(self, args: Json) -> list[Json]:
        thread, oldest = str(args.get("ts", "")), float(args.get("oldest") or 0)
        found = [
            {"ts": one.ts, "metadata": {"event_payload": {"id": one.row}}}
            for one in self.kept
            if one.channel == args["channel"]
            and float(one.ts) >= oldest
            and (thread in {one.thread, one.ts} if thread else not one.thread)
        ]
        return found[::-1][:100]

    async def root(self, project: str, ack: Ack) -> Asked | None:
        """Wait until a release asks for approvals, and return its message as it is then; None where it was answered otherwise."""
        while project not in self._roots:
            if ack.said or ack.number in self.answers:
                return None
            await self._changed.wait()
        return self._roots[project]

    def _heard(self, asked: Asked) -> None:
        if asked.approve and not asked.thread:
            self._roots.setdefault(asked.text.split()[2], asked)
        if asked.method == "chat.update" and not asked.approve:
            self._decided.add(asked.ts)
        super()._heard(asked)

    async def decided(self, root: Asked, ack: Ack) -> bool:
        """Wait until a release does not ask for approvals any more; False where the click was answered otherwise."""
        while root.ts not in self._decided:
            if ack.said or ack.number in self.answers:
                return False
            await self._changed.wait()
        return True

    async def _send(self, fields: dict[str, str]) -> str:
        """Deliver until it is acknowledged; returns "" where one of the twins was taken."""
        await asyncio.sleep(self.late * self.chance.random())
        twins = 2 if self.chance.random() < self.twice else 1
        self.deliveries["twice"] += twins - 1
        said = min(await asyncio.gather(*(self._until_acked(fields) for _ in range(twins))))
        payload = json.loads(fields["payload"]) if "payload" in fields else fields
        (self.refused if said else self.taken).append(payload["trigger_id"])
        return said

    async def _until_acked(self, fields: dict[str, str]) -> str:
        for attempt in itertools.count():
            self.deliveries["repeats"] += attempt > 0
            sent = time.perf_counter()
            try:
                async with asyncio.timeout(GIVES_UP):
                    said = await super()._send(fields)
            except (aiohttp.ClientError, TimeoutError, AssertionError, OSError):
                await asyncio.sleep(0.2 + 0.3 * self.chance.random())
                continue
            self.deliveries["acked"] += 1
            self.acks.append(time.perf_counter() - sent)
            return said
        raise AssertionError("it counts for ever")
