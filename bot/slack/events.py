"""What Slack delivers that nobody typed or pressed in a message: the Home tab opened, a shortcut, a step of a workflow.

Knows: Bolt, payloads, ids. Must not know: rules, SQL, wording (that is `blocks`).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.core import commands, intents
from bot.core.names import Problem
from bot.core.release_commands import token_in
from bot.slack.blocks import release_dialogs
from bot.slack.visits import Body, Visit, whose
from bot.workflow.inlet import Inlet, Wish
from storage.records import Registration

OpenForm = Callable[[Visit, Mapping[str, str]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Events:
    """The listeners for events and shortcuts, on their concrete parts."""

    inlet: Inlet
    indexes: tuple[str, ...]
    forge: str
    """The forge's web address."""
    publisher: OpenForm
    """Opens the dialog that registers a publisher."""
    public_url: str = ""
    """Where browsers reach us."""

    def attach(self, app: AsyncApp) -> None:
        """Register with Bolt: one listener for each kind of delivery."""
        app.event("app_home_opened")(self.on_home)
        app.event("function_executed")(self.on_step)
        app.event("link_shared")(self.on_link)
        app.shortcut("shortcut.release")(self.on_shortcut)
        app.shortcut("shortcut.publisher")(self.on_shortcut)

    async def on_home(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Show somebody's Home tab."""
        if body["event"].get("tab", "home") == "home":
            visit = Visit(body, context, client)
            await self.inlet.put(visit.wish(intents.OpenHome(hash=visit.view_hash)))
        await ack()

    async def on_link(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take links to our own pages that somebody has posted; where people of another workspace read along, none."""
        event = body["event"]
        links = () if body.get("is_ext_shared_channel") else release_links(event, self.public_url)
        if links:
            composing = event.get("source") == "composer"
            intent = intents.UnfurlLinks(
                links,
                str(event.get("unfurl_id") or ""),
                str(event.get("source") or ""),
                "" if composing else str(event.get("message_ts") or ""),
            )
            channel = "" if composing else str(event.get("channel") or "")
            await self.inlet.put(Visit(body, context, client).wish(intent, channel=channel))
        await ack()

    async def on_shortcut(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Open the dialog that a shortcut is for."""
        visit = Visit(body, context, client)
        if body.get("callback_id") == "shortcut.publisher":
            await self.publisher(visit, {})
        else:
            await visit.open(release_dialogs.release_form({}, self.indexes, visit.channel))
        await ack()

    async def on_step(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Take a run of a workflow's step, as whoever ran the workflow."""
        event = body["event"]
        inputs = {str(name): value for name, value in (event.get("inputs") or {}).items()}
        step = self._step(event, inputs)
        runner = inputs.get("runner")
        actor = str(runner.get("id") or "") if isinstance(runner, dict) else ""
        team, enterprise = whose(context)
        await self.inlet.put(
            Wish(
                slack_team_id=team,
                enterprise_id=enterprise,
                delivery=str(body.get("event_id") or step.execution_id),
                actor=actor[:32],
                channel="",
                intent=step,
                origin="workflow",
            )
        )
        await ack()

    def _step(self, event: Body, inputs: Mapping[str, Any]) -> intents.RunStep:
        run = str(event.get("function_execution_id") or "")[:64]
        kind = str((event.get("function") or {}).get("callback_id") or "")
        runner = inputs.get("runner")
        fields = {name: value.strip() for name, value in inputs.items() if isinstance(value, str)}
        if kind == "step_wait":  # it only looks, so a workflow that nobody ran may do it
            named = fields.get("release_id", "")
            return intents.RunStep(run, waits_for="" if token_in(named) else named[:64])
        if not isinstance(runner, dict) or not runner.get("id"):
            return intents.RunStep(run, problems=(NOBODY,))
        match kind:
            case "step_release":
                return self._release(run, fields)
            case "step_set_up":
                return self._set_up(run, fields)
            case _:
                return intents.RunStep(run, problems=(UNKNOWN,))

    def _release(self, run: str, fields: Mapping[str, str]) -> intents.RunStep:
        typed = {
            name: fields.get(name, "") for name in ("project", "version", "index", "notes", "at", "override")
        }
        # What is out of the ordinary is a person's own act, never a workflow's.
        typed |= {"at": "", "override": ""}
        wanted = commands.release_request(
            typed, commands.Context(self.indexes, "", self.forge, self.inlet.clock())
        )
        if isinstance(wanted, intents.AskRelease):
            return intents.RunStep(run, release=wanted)
        return intents.RunStep(run, problems=wanted)

    def _set_up(self, run: str, fields: Mapping[str, str]) -> intents.RunStep:
        named = {name: fields.get(name, "") for name in ("project", "repository")}
        others = {name: fields[name] for name in ("workflow", "environment", "index") if fields.get(name)}
        wanted = commands.registration({**named, **others}, self.indexes, self.forge)
        channel = fields.get("channel", "")
        if not isinstance(wanted, Registration):
            return intents.RunStep(run, problems=wanted)
        if not channel:
            return intents.RunStep(run, problems=(NO_CHANNEL,))
        return intents.RunStep(run, publisher=intents.AddPublisher(wanted, channel[:32]))


def release_links(event: Body, public_url: str) -> tuple[tuple[str, str], ...]:
    """Return the links of an event that lead to a release on our own status page, each with the release's id."""
    ours = urlsplit(public_url)
    found: dict[str, str] = {}
    for link in event.get("links") or ():
        url = str(link.get("url") or "")
        try:
            at = urlsplit(url)
            known = (at.scheme, at.netloc.lower()) == (ours.scheme, ours.netloc.lower())
            release = _RELEASE.fullmatch(at.path.removeprefix(ours.path.rstrip("/"))) if known else None
        except ValueError:
            continue
        if release and len(url) <= LONGEST_URL:
            found[url] = str(UUID(release[1]))
    return tuple(found.items())[:MOST_LINKS]


_RELEASE = re.compile(r"/status/releases/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/?", re.ASCII)
LONGEST_URL, MOST_LINKS = 500, 5
NOBODY = Problem(
    "runner",
    "Slack did not say who ran the workflow. Start it with a link, a shortcut or a button, so that somebody does.",
)
UNKNOWN = Problem(
    "step", "This version has no such step. Build the workflow anew with the steps that there are."
)
NO_CHANNEL = Problem("channel", "Choose the channel that is told.")
