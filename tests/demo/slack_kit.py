"""A workspace, its gate, a tiny bot and the SDK's client against them, wired for a test; and block shapes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack_api import GateOptions
from bot.demo.slack_gate import SlackGate
from bot.demo.slack_workspace import ALICE, RELEASES, SlackWorkspace
from tests.demo.slack_bot import TinyBot


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


@dataclass
class Kit:
    """Everything that a test needs."""

    workspace: SlackWorkspace
    gate: SlackGate
    bot: TinyBot
    client: AsyncWebClient
    clock: Hand

    async def client_for(self, _slack_team_id: str) -> AsyncWebClient:
        """Return the SDK's client, whichever team it is for."""
        return self.client

    async def refused(self, method: str, **args: Any) -> SlackApiError:
        """Call a method that must be refused; returns the SDK's error."""
        try:
            answer = await self.client.api_call(method, json=args)
        except SlackApiError as refusal:
            return refusal
        raise AssertionError(f"{method} was not refused: {answer.data!r}")

    async def trigger(self) -> str:
        """Let Alice type a command; returns its trigger."""
        await self.workspace.command(ALICE, RELEASES, "/publisher", "add")
        return str(self.bot.heard[-1].payload["trigger_id"])


@asynccontextmanager
async def open_kit(options: GateOptions | None = None) -> AsyncIterator[Kit]:
    """Give a running kit with HTTP deliveries."""
    clock = Hand()
    workspace = SlackWorkspace()
    async with TinyBot(workspace.signing_secret) as bot:
        gate = SlackGate(workspace, bot.url, options=options, clock=clock)
        async with gate, workspace:
            # Without the SDK's own retries, which hide what the gate does (and send twice what was taken once).
            client = AsyncWebClient(token=workspace.bot_token, base_url=gate.api_url, retry_handlers=[])
            yield Kit(workspace, gate, bot, client, clock)


def plain(text: str) -> dict[str, Any]:
    """Return a plain text object."""
    return {"type": "plain_text", "text": text}


def section(text: str = "Hello", **more: Any) -> dict[str, Any]:
    """Return a section block."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def buttons(*names: str) -> dict[str, Any]:
    """Return an actions block with a button for each action id."""
    elements = [
        {"type": "button", "action_id": name, "text": plain(name.title()), "value": f"value of {name}"}
        for name in names
    ]
    return {"type": "actions", "block_id": "buttons", "elements": elements}


def field(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an input block."""
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


def text_input(action_id: str = "value", **more: Any) -> dict[str, Any]:
    """Return a text input element."""
    return {"type": "plain_text_input", "action_id": action_id, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a modal."""
    return {
        "type": "modal",
        "callback_id": "add",
        "title": plain("Add a publisher"),
        "submit": plain("Add"),
        "close": plain("Cancel"),
        "blocks": list(blocks) or [field("owner", text_input())],
        **more,
    }
