"""One delivery of Slack's: who, where, what was typed, and what it can still open.

Knows: Slack's payloads and ids. Must not know: rules, SQL, wording (that is `blocks`).
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core import intents
from bot.core.cleaning import one_line
from bot.slack.blocks import answers, base
from bot.slack.blocks.forms import View
from bot.slack.notifier import error_code
from bot.workflow.inlet import Wish
from storage.records import Secret

Body = Mapping[str, Any]
Reply = dict[str, Any]
ORIGINS: Mapping[str, str] = MappingProxyType(
    {
        "view_submission": "dialog",
        "shortcut": "shortcut",
        "message_action": "shortcut",
        "function_executed": "workflow step",
        "app_home_opened": "home",
    }
)
"""What Slack calls a delivery -> by what somebody asked, in words for the audit trail."""
DIALOG_SECONDS = 2.0
"""How long opening a dialog may take: Slack waits three seconds for the ack, and the trigger lives as long."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One delivery: who, where, and what it can still open."""

    body: Body
    context: AsyncBoltContext
    client: AsyncWebClient
    repeated: bool = False

    @property
    def channel(self) -> str:
        """Where it happened; "" in a dialog or on the Home tab."""
        return str(self.body.get("channel_id") or (self.body.get("channel") or {}).get("id") or "")

    @property
    def caller(self) -> str:
        """How whoever typed a command or pressed a button is called, as Slack says it."""
        user, team = self.body.get("user") or {}, self.body.get("team") or {}
        name = str(self.body.get("user_name") or user.get("username") or self.context.user_id or "")
        domain = str(self.body.get("team_domain") or team.get("domain") or "")
        return one_line(f"@{name} ({domain})" if domain else f"@{name}", limit=150)

    @property
    def in_dialog(self) -> bool:
        """Whether it happened in a dialog, above which another one goes."""
        return (self.body.get("view") or {}).get("type") == "modal"

    @property
    def view_hash(self) -> str:
        """What Slack calls the dialog or the tab that it happened in, as it stands; "" where it does not say."""
        return _hash(self.body.get("view") or (self.body.get("event") or {}).get("view"))

    @property
    def delivery(self) -> str:
        """What Slack repeats when it repeats a delivery: `event_id`, else `trigger_id` or `action_ts`."""
        action = next(iter(self.body.get("actions") or [{}]))
        found = self.body.get("event_id") or self.body.get("trigger_id") or action.get("action_ts")
        # Without any of them the whole delivery is its own name.
        return str(
            found or hashlib.sha256(json.dumps(self.body, sort_keys=True, default=str).encode()).hexdigest()
        )

    @property
    def origin(self) -> str:
        """By what somebody asks, in words for the audit trail."""
        if command := str(self.body.get("command") or ""):
            return f"command {command}"
        kind, view = str(self.body.get("type") or ""), (self.body.get("view") or {}).get("type")
        if kind == "block_actions":
            return {"home": "home", "modal": "dialog"}.get(str(view), "button")
        event = str((self.body.get("event") or {}).get("type") or "")
        return ORIGINS.get(kind) or ORIGINS.get(event, "event")

    def wish(
        self,
        intent: intents.Intent,
        secrets: Mapping[str, Secret] | None = None,
        channel: str = "",
        after: str = "",
    ) -> Wish:
        """Return what is written down; `channel` is where the dialog was opened, which Slack does not say again.

        `after` tells what is wanted besides of one delivery apart.
        """
        url = self.body.get("response_url")
        team, enterprise = whose(self.context)
        return Wish(
            slack_team_id=team,
            enterprise_id=enterprise,
            delivery=f"{self.delivery}:{after}" if after else self.delivery,
            actor=self.context.user_id or "",
            channel=self.channel or channel,
            intent=intent,
            secrets={**(secrets or {}), **({"response_url": Secret(str(url))} if url else {})},
            origin=self.origin,
        )

    async def open(self, view: View, *, above: bool = False) -> Reply | str:
        """Open a dialog, `above` the one that is open; returns what to say where Slack does not open it, "" otherwise."""
        failed, _ = await self.opened(view, above=above)
        return failed

    async def opened(self, view: View, *, above: bool = False) -> tuple[Reply | str, str]:
        """Open a dialog; returns what to say where Slack does not open it, "" otherwise, and what Slack calls its state."""
        show = self.client.views_push if above else self.client.views_open
        try:
            async with asyncio.timeout(DIALOG_SECONDS):
                answer = await show(trigger_id=str(self.body.get("trigger_id", "")), view=dict(view))
        except SlackApiError as error:
            if self.repeated or error_code(error) == "exchanged_trigger_id":
                return "", ""  # the first delivery opened it
            return ephemeral(answers.not_opened(error_code(error))), ""
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return ephemeral(answers.not_opened(type(error).__name__)), ""
        return "", _hash(answer.get("view"))

    async def change(self, view: View) -> str:
        """Let the dialog that this came from show something else; returns what Slack calls its state from now on.

        Where Slack does not answer in time it is what it was: nothing depends on it that is not done again.
        """
        before = self.body["view"]
        try:
            async with asyncio.timeout(DIALOG_SECONDS):
                answer = await self.client.views_update(view_id=str(before.get("id", "")), view=dict(view))
        except (SlackApiError, aiohttp.ClientError, OSError, TimeoutError):
            return _hash(before)
        return _hash(answer.get("view"))


def whose(context: AsyncBoltContext) -> tuple[str, str]:
    """Return the team whose a delivery is, and its org: that of the installation which serves it, not what Slack's payload names."""
    known = context.authorize_result
    if known is None:
        return context.team_id or "", context.enterprise_id or ""
    return known.team_id or "", known.enterprise_id or ""


def _hash(view: object) -> str:
    return str(view.get("hash") or "") if isinstance(view, Mapping) else ""


def field_values(body: Body) -> dict[str, str]:
    """Return a dialog's fields by name, whatever their kind."""
    values = (body["view"].get("state") or {}).get("values") or {}
    found: dict[str, str] = {}
    for name, elements in values.items():
        for element in elements.values():
            option = element.get("selected_option") or {}
            value = element.get("value") or option.get("value") or element.get("selected_conversation")
            value = value or element.get("selected_date_time")
            found[str(name)] = str(value or "")
    return found


def ticked(body: Body) -> tuple[str, ...]:
    """Return the values of all boxes of a dialog that are ticked, in their order."""
    values = (body["view"].get("state") or {}).get("values") or {}
    return tuple(
        str(option.get("value") or "")
        for elements in values.values()
        for element in elements.values()
        for option in element.get("selected_options") or ()
    )


def metadata(body: Body) -> dict[str, str]:
    """Return what a dialog carried along."""
    try:
        found = json.loads(body["view"].get("private_metadata") or "{}")
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def ephemeral(message: base.Message) -> Reply:
    """Return a message as the ack's own body, seen by the caller alone."""
    return {
        "response_type": "ephemeral",
        "text": message.text,
        "blocks": [dict(block) for block in message.blocks],
    }


def ephemeral_text(text: str) -> Reply:
    """Return a short answer as the ack's own body."""
    return {"response_type": "ephemeral", "text": text}
