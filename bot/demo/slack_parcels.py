"""One delivery from Slack to the bot, and the bot's answer to it: read, mended, written again, signed.

Knows: the shapes of commands, interactions and events over HTTP. Must not know: sockets, clocks.
"""

import copy
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, urlencode

from bot.demo.slack_limits import (
    Problem,
    error_problems,
    message_problems,
    text_problems,
    view_problems,
)
from bot.demo.slack_mirror import Json
from bot.demo.slack_views import Seen, ViewBook

Kind = Literal["slash_commands", "interactive", "events_api"]
FORM = "application/x-www-form-urlencoded"


class Handouts(Protocol):
    """What happens to the triggers and response URLs in a delivery."""

    def trigger(self, trigger_id: str, channel: str) -> None:
        """Start the trigger's life."""

    def hook(self, url: str) -> str:
        """Return the response URL that the bot is given instead."""

    def escaped(self, text: str) -> str:
        """Return a command's text with people, groups and channels as Slack writes them."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is delivered: a kind and its payload, however it travels."""

    kind: Kind
    payload: Json = field(repr=False)

    @property
    def what(self) -> str:
        """A word for it: the command, the callback or action id, the event's type."""
        if self.kind == "slash_commands":
            return str(self.payload.get("command", ""))
        if self.kind == "events_api":
            return str(self.payload.get("event", {}).get("type", ""))
        actions = self.payload.get("actions") or [{}]
        view = self.payload.get("view") or {}
        return str(actions[0].get("action_id") or view.get("callback_id") or self.payload.get("type", ""))


@dataclass(frozen=True, slots=True)
class Reply:
    """The bot's answer; `status` None means that none came."""

    status: int | None
    body: Any = field(default=None, repr=False)
    """JSON, or text where it isn't, or None where it is empty."""
    late: bool = False
    """Whether it took more than three seconds, so that Slack has stopped listening."""

    @property
    def ok(self) -> bool:
        """Whether Slack takes it as the ack."""
        return self.status is not None and 200 <= self.status < 300 and not self.late


def read_parcel(content_type: str, body: bytes) -> Parcel:
    """Read an HTTP delivery. ValueError if it is none."""
    text = body.decode("utf-8")
    if not content_type.startswith(FORM):
        return Parcel("events_api", json.loads(text))
    form = dict(parse_qsl(text, keep_blank_values=True))
    if "payload" in form:
        return Parcel("interactive", json.loads(form["payload"]))
    return Parcel("slash_commands", dict(form))


def write_parcel(parcel: Parcel) -> tuple[str, bytes]:
    """Return (content type, body) as Slack sends it over HTTP."""
    if parcel.kind == "events_api":
        return "application/json", json.dumps(parcel.payload).encode()
    form = {"payload": json.dumps(parcel.payload)} if parcel.kind == "interactive" else parcel.payload
    return FORM, urlencode(form).encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return Slack's `v0` signature of a body."""
    base = b"v0:%s:%s" % (timestamp.encode(), body)
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Mender:
    """Makes deliveries what Slack would send, and answers what local-slack shows as Slack would."""

    def __init__(self, views: ViewBook, handouts: Handouts) -> None:
        self._views = views
        self._handouts = handouts

    def to_bot(self, parcel: Parcel) -> Parcel:
        """Mend a delivery; one that needs nothing comes back itself."""
        if parcel.kind == "events_api":
            return parcel
        payload = copy.deepcopy(parcel.payload)
        if parcel.kind == "slash_commands":
            payload["text"] = self._handouts.escaped(str(payload.get("text", "")))
        channel = payload.get("channel_id") or (payload.get("channel") or {}).get("id") or ""
        if payload.get("trigger_id"):
            self._handouts.trigger(payload["trigger_id"], channel)
        if payload.get("response_url"):
            payload["response_url"] = self._handouts.hook(payload["response_url"])
        if isinstance(payload.get("view"), dict):
            payload["view"] = self._views.for_bot(payload["view"])
        return Parcel(parcel.kind, payload)

    def to_local(self, parcel: Parcel, reply: Reply) -> tuple[Any, list[Problem]]:
        """Return (what local-slack is told, what Slack would have refused of it).

        `parcel` is the mended one. None: an empty ack.
        """
        if parcel.kind == "slash_commands":
            return _command_answer(parcel, reply)
        if parcel.payload.get("type") == "view_submission":
            return self._submission_answer(parcel, reply)
        return None, []

    def _submission_answer(self, parcel: Parcel, reply: Reply) -> tuple[Any, list[Problem]]:
        view = parcel.payload["view"]
        told = reply.body if isinstance(reply.body, dict) else {}
        action = told.get("response_action")
        if not reply.ok:
            return _trouble(view), []
        if action == "errors":
            return told, error_problems(told.get("errors"), view)
        if action not in {"update", "push"}:
            return told or None, []
        problems = view_problems(told.get("view"))
        if problems:
            return _trouble(view), problems
        return {"response_action": action, "view": self._next_view(action, view, told["view"])}, []

    def _next_view(self, action: str, view: Json, wanted: Json) -> Json:
        seen: Seen | None = self._views.find(view_id=view["id"])
        if seen is None or action == "push":
            return self._views.for_local(self._views.open(wanted, above=seen))
        return self._views.for_local(self._views.change(seen, wanted))


def _command_answer(parcel: Parcel, reply: Reply) -> tuple[Any, list[Problem]]:
    if not reply.ok:
        why = "operation_timeout" if reply.late else "dispatch_failed"
        text = f"{parcel.what} failed with the error “{why}”"
        return {"response_type": "ephemeral", "text": text}, []
    if not reply.body:
        return None, []
    told = {"text": reply.body} if isinstance(reply.body, str) else dict(reply.body)
    problems = message_problems(told)
    if problems:
        return None, problems
    # Slack shows an ack to its caller alone unless told otherwise; local-slack does the opposite.
    told.setdefault("response_type", "ephemeral")
    return told, text_problems(told)


def _trouble(view: Json) -> Json:
    """Keep the modal open with Slack's own words; local-slack would close it."""
    blocks = [block["block_id"] for block in view.get("blocks", []) if block.get("block_id")]
    name = blocks[0] if blocks else "modal"
    return {"response_action": "errors", "errors": {name: "We had some trouble connecting. Try again?"}}
