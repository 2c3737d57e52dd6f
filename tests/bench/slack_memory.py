"""A Slack in memory that is asked as the real one, loses requests and answers by chance, and keeps every message.

A message that comes twice is kept twice: whoever counts finds it.
"""

import json as read
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

Json = dict[str, Any]
LOST_ANSWERS, LOST_REQUESTS, LIMITED = 0.03, 0.01, 0.01
"""Shares of calls whose answer is lost though they were done, that never arrive, and that are told to wait."""


@dataclass
class Said:
    """One message in a channel."""

    ts: str
    row: str
    """The outbox row that it carries in its metadata."""
    thread: str
    blocks: list[Json]


@dataclass
class MemorySlack:
    """What Slack holds; `client` is how the bot asks it."""

    clock: Callable[[], datetime]
    chance: Random
    channels: dict[str, list[Said]] = field(default_factory=dict)
    whispers: Counter[str] = field(default_factory=Counter)
    """What was said to one person alone, by what it says; and how often."""
    repeated: int = 0
    """Answers to one person of which Slack lost its own answer: nobody can tell whether these were heard."""
    calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def client(self, _team: str) -> AsyncWebClient:
        """Return the Web API's client of a team."""
        return MemoryClient(self)

    def said(self) -> Iterator[tuple[str, Said]]:
        """Return all that is in the channels, each with its channel."""
        for channel, found in self.channels.items():
            for message in found:
                yield channel, message

    def forget(self) -> None:
        """Forget all messages, when they have been counted."""
        self.channels.clear()

    def do(self, method: str, told: Json) -> Json:
        """Do what is asked."""
        match method:
            case "chat.postMessage":
                return self._post(told)
            case "chat.update":
                return self._update(told)
            case "chat.postEphemeral":
                self.whispers[f"{told['user']} {told['channel']} {told['text']}"] += 1
                return {}
            case "conversations.history" | "conversations.replies":
                return self._history(told)
        raise AssertionError(f"nobody should ask for {method}")

    def _post(self, told: Json) -> Json:
        self.number += 1
        ts = f"{int(self.clock().timestamp())}.{self.number % 1_000_000:06d}"
        row = _decoded(told["metadata"])["event_payload"]["id"]
        message = Said(ts, row, told.get("thread_ts", ""), _decoded(told["blocks"]))
        self.channels.setdefault(told["channel"], []).append(message)
        return {"ts": ts}

    def _update(self, told: Json) -> Json:
        found = next(one for one in self.channels[told["channel"]] if one.ts == told["ts"])
        found.blocks = _decoded(told["blocks"])
        return {"ts": found.ts}

    def _history(self, told: Json) -> Json:
        oldest, thread = float(told["oldest"]), told.get("ts", "")
        found = [
            {"ts": one.ts, "metadata": {"event_payload": {"id": one.row}}}
            for one in self.channels.get(told["channel"], [])
            if float(one.ts) >= oldest and thread in {one.thread, one.ts if thread else ""}
        ]
        # The bench's channels are never fuller than one page of 100 within the minutes that are looked back.
        return {"messages": found[::-1][:100]}


class MemoryClient(AsyncWebClient):
    """Slack's own client, of which the one method that sends is replaced."""

    def __init__(self, slack: MemorySlack) -> None:
        super().__init__()
        self._slack = slack

    async def api_call(self, api_method: str, **told: Any) -> AsyncSlackResponse:
        """Do what is asked, or lose it, or lose the answer."""
        slack = self._slack
        slack.calls[api_method] += 1
        dice = slack.chance.random()
        if dice < LIMITED:
            slack.faults["told to wait"] += 1
            told_off = self._answer({"ok": False, "error": "ratelimited"}, 429)
            raise SlackApiError("ratelimited", told_off)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        if dice < LIMITED + LOST_REQUESTS:
            slack.faults["requests lost"] += 1
            raise aiohttp.ServerDisconnectedError
        answer = slack.do(api_method, {**(told.get("params") or {}), **(told.get("json") or {})})
        if dice < LIMITED + LOST_REQUESTS + LOST_ANSWERS:
            slack.faults["answers lost"] += 1
            slack.repeated += api_method == "chat.postEphemeral"
            raise aiohttp.ServerDisconnectedError
        return self._answer({"ok": True, **answer}, 200)

    def _answer(self, data: Json, status: int) -> AsyncSlackResponse:
        headers = {"Retry-After": "2"}
        return AsyncSlackResponse(
            client=self,
            http_verb="POST",
            api_url="",
            req_args={},
            data=data,
            headers=headers,
            status_code=status,
        )


def _decoded(value: Any) -> Any:
    return read.loads(value) if isinstance(value, str) else value
