"""What Slack delivers, each in four moves: parse, write down, answer, ack.

Knows: Bolt, payloads, ids. Must not know: rules, SQL, wording (that is `blocks`).

Listeners are few, since Bolt looks through them one by one; routing is by table. With `process_before_response` the
ack is what a listener ends with, so nothing is acked that was not written.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core import commands, intents
from bot.core.secrets import INDEX_TOKEN, looks_like_token
from bot.core.sites import IndexSite
from bot.slack.blocks import answers, base, dialogs, publishers
from bot.slack.notifier import error_code
from bot.workflow.inlet import Inlet, Wish
from storage.records import Registration, Secret

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]
Reply = dict[str, Any]
DIALOG_SECONDS = 2.0
"""How long opening a dialog may take: Slack waits three seconds for the ack, and the trigger lives as long."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listeners on their concrete parts."""

    inlet: Inlet
    sites: Mapping[str, IndexSite]
    poll_seconds: float
    forge: str
    """The forge's web address."""

    def attach(self, app: AsyncApp) -> None:
        """Register with Bolt: one listener for each kind of delivery, and the one error handler."""
        everything = re.compile(".*")
        app.command(everything)(self.on_command)
        app.action(everything)(self.on_action)
        app.view(everything)(self.on_view)
        app.event("app_home_opened")(self.on_home)
        app.error(on_error)

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes that this bot serves."""
        return tuple(self.sites)

    async def on_command(
        self,
        ack: AsyncAck,
        body: Body,
        context: AsyncBoltContext,
        client: AsyncWebClient,
        request: AsyncBoltRequest,
    ) -> None:
        """Answer a slash command."""
        typed = commands.Context(self.indexes, str(body.get("channel_id", "")), self.forge)
        parsed = commands.parse(str(body.get("command", "")), str(body.get("text", "")), typed)
        await ack(
            await self._answer(parsed, Visit(body, context, client, "x-slack-retry-num" in request.headers))
        )

    async def _answer(self, parsed: commands.Parsed, visit: "Visit") -> Reply | str:
        match parsed:
            case commands.ShowHelp():
                return ephemeral(answers.help_text(parsed.command))
            case commands.ShowSettings():
                return ephemeral(answers.settings(list(self.sites.values()), self.poll_seconds))
            case commands.Misspelt() | commands.Wrong() | commands.HoldsToken() | commands.NotYet():
                return ephemeral(answers.refusal(parsed))
            case commands.OpenPublisherForm():
                return await visit.open(dialogs.publisher_form(parsed.typed, self.indexes, visit.channel))
            case commands.OpenCredentials():
                return await self._credentials(visit, parsed.index)
            case _:
                fresh = await self.inlet.put(visit.wish(parsed))
                return (
                    ephemeral_text(answers.WORKING)
                    if fresh and isinstance(parsed, intents.AddPublisher)
                    else ""
                )

    async def _credentials(self, visit: "Visit", index: str) -> Reply | str:
        """Open the dialog as "loading" before the trigger dies; the engine fills it."""
        external_id = uuid4().hex
        failed = await visit.open(dialogs.loading(external_id))
        if not failed:
            await self.inlet.put(visit.wish(intents.ShowCredentials(external_id, index)))
        return failed

    async def on_action(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take a click."""
        visit = Visit(body, context, client)
        action = next(iter(body.get("actions") or [{}]))
        name, value = str(action.get("action_id", "")), str(action.get("value") or "")
        if name == publishers.OPEN_CREDENTIALS:
            await self._credentials(visit, value if value in self.indexes else "")
        elif name == dialogs.OPEN_PUBLISHER:
            await visit.open(dialogs.publisher_form({}, self.indexes, visit.channel))
        elif intent := clicked(name, value):
            await self.inlet.put(visit.wish(intent))
        await ack()

    async def on_view(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take a dialog that was sent."""
        visit = Visit(body, context, client)
        handlers = {
            dialogs.ADD_PUBLISHER: self._publisher_sent,
            dialogs.ADD_CREDENTIAL: self._credential_sent,
        }
        handler = handlers.get(str(body["view"].get("callback_id", "")))
        problems = await handler(visit, field_values(body)) if handler else {}
        if problems:
            await ack(response_action="errors", errors=problems)
        else:
            await ack()

    async def _publisher_sent(self, visit: "Visit", typed: Mapping[str, str]) -> dict[str, str]:
        names = ("project", "repository", "workflow", "environment")
        fields = {name: typed.get(name, "") for name in names} | {
            "index": typed.get(dialogs.INDEX_CHOICE, "")
        }
        wanted = commands.registration(fields, self.indexes, self.forge)
        channel = typed.get("channel") or metadata(visit.body).get("channel", "")
        if not isinstance(wanted, Registration):
            return dialogs.errors(wanted)
        if not channel:
            return {"channel": "Choose the channel that is told."}
        await self.inlet.put(visit.wish(intents.AddPublisher(wanted, channel)))
        return {}

    async def _credential_sent(self, visit: "Visit", typed: Mapping[str, str]) -> dict[str, str]:
        token, index = typed.get("token", "").strip(), typed.get(dialogs.INDEX_CHOICE, "")
        if not token:
            return {}
        kind = looks_like_token(token)
        if index not in self.sites:
            return {dialogs.INDEX_CHOICE: "This index is not served here any more."}
        if kind is not None and kind is not INDEX_TOKEN:
            return {"token": f"This is {kind.name}. Give an API token of the index."}
        if not token.isascii() or not token.isprintable() or " " in token:
            return {"token": "A token has no spaces or special signs: copy it again, whole and alone."}
        wish = visit.wish(intents.AddCredential(index), {"token": Secret(token)})
        await self.inlet.put(wish)
        return {}

    async def on_home(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Show somebody's Home tab."""
        if body["event"].get("tab", "home") == "home":
            await self.inlet.put(Visit(body, context, client).wish(intents.OpenHome()))
        await ack()


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
    def delivery(self) -> str:
        """What Slack repeats when it repeats a delivery: `event_id`, else `trigger_id` or `action_ts`."""
        action = next(iter(self.body.get("actions") or [{}]))
        found = self.body.get("event_id") or self.body.get("trigger_id") or action.get("action_ts")
        # Without any of them the whole delivery is its own name.
        return str(
            found or hashlib.sha256(json.dumps(self.body, sort_keys=True, default=str).encode()).hexdigest()
        )

    def wish(self, intent: intents.Intent, secrets: Mapping[str, Secret] | None = None) -> Wish:
        """Return what is written down."""
        url = self.body.get("response_url")
        return Wish(
            slack_team_id=self.context.team_id or "",
            enterprise_id=self.context.enterprise_id or "",
            delivery=self.delivery,
            actor=self.context.user_id or "",
            channel=self.channel,
            intent=intent,
            secrets={**(secrets or {}), **({"response_url": Secret(str(url))} if url else {})},
        )

    async def open(self, view: dialogs.View) -> Reply | str:
        """Open a dialog; returns what to say where Slack does not open it, "" otherwise."""
        try:
            async with asyncio.timeout(DIALOG_SECONDS):
                await self.client.views_open(trigger_id=str(self.body.get("trigger_id", "")), view=dict(view))
        except SlackApiError as error:
            if self.repeated or error_code(error) == "exchanged_trigger_id":
                return ""  # the first delivery opened it
            return ephemeral(answers.not_opened(error_code(error)))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return ephemeral(answers.not_opened(type(error).__name__))
        return ""


def clicked(name: str, value: str) -> intents.Intent | None:
    """Return what a button means; None for one that means nothing (a link, an older version's)."""
    simple: Mapping[str, Callable[[str], intents.Intent]] = {
        publishers.SUBMITTED: intents.SubmittedByHand,
        publishers.AGAIN: intents.TryAgain,
    }
    try:
        if name in simple:
            return simple[name](str(UUID(value)))
        if name == dialogs.REVOKE:
            fields = json.loads(value)
            return intents.RevokeCredential(str(UUID(fields["credential"])), str(fields.get("view", "")))
    except (ValueError, TypeError, KeyError, AttributeError):
        log.warning("unreadable button", action=name[:50])
    return None


def field_values(body: Body) -> dict[str, str]:
    """Return a dialog's fields by name, whatever their kind."""
    values = (body["view"].get("state") or {}).get("values") or {}
    found: dict[str, str] = {}
    for name, elements in values.items():
        for element in elements.values():
            option = element.get("selected_option") or {}
            value = element.get("value") or option.get("value") or element.get("selected_conversation")
            found[str(name)] = str(value or "")
    return found


def metadata(body: Body) -> dict[str, str]:
    """Return what a dialog carried along."""
    try:
        found = json.loads(body["view"].get("private_metadata") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


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


async def on_error(error: Exception, body: Body) -> BoltResponse:
    """Answer for everything that goes wrong before the ack: nothing was written, and the person is told so."""
    if isinstance(error, BoltUnhandledRequestError):
        return BoltResponse(status=200, body="")  # an event that we did not ask for
    log.error("delivery not written", error=type(error).__name__, exc_info=error)
    if body.get("type") == "event_callback":
        return BoltResponse(status=503, body="")  # Slack delivers events again
    said = answers.out_of_order()
    if body.get("type") == "view_submission":
        blocks = [dict(block) for block in said.blocks]
        view = {"type": "modal", "title": base.plain("Nothing was done", 24), "blocks": blocks}
        return BoltResponse(status=200, body=json.dumps({"response_action": "update", "view": view}))
    return BoltResponse(status=200, body=json.dumps(ephemeral(said)))
