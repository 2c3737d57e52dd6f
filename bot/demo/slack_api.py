"""The way from the bot to Slack: every Web API call checked as Slack would, then handed to local-slack.

Knows: Slack's refusals. Must not know: the server, injected faults.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.demo import slack_people, slack_workflows
from bot.demo.slack_limits import (
    TEXT_HARD,
    Problem,
    message_problems,
    metadata_problems,
    text_problems,
    view_problems,
)
from bot.demo.slack_memory import BadCursor, Clock, Metadata, Pace, Triggers, page, truthy
from bot.demo.slack_methods import APP_TOKEN_METHODS, BOT_SCOPES, missing_arguments, scope_refusal
from bot.demo.slack_mirror import Json
from bot.demo.slack_views import HANDS, Seen, ViewBook
from bot.demo.slack_workspace import SlackWorkspace

MESSAGE_METHODS = frozenset(["chat.postMessage", "chat.postEphemeral", "chat.update"])
Forward = Callable[[str, Json], Awaitable[Json]]
"""Calls a method of local-slack with arguments and returns its answer."""


@dataclass(frozen=True, slots=True)
class GateOptions:
    """How strict the gate is."""

    scopes: frozenset[str] = BOT_SCOPES
    """What the bot token may do."""
    rate_limit: bool = False
    """Whether more than one message a second in a channel is answered 429."""
    events: frozenset[str] | None = None
    """The event types that the app has subscribed to; None: all, as local-slack has it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One Web API call as it arrived, without its token."""

    method: str
    token: str = field(repr=False)
    args: Json = field(repr=False)


class RateLimited(Exception):
    """One message a second; `seconds` until the next."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:g} s")
        self.seconds = seconds


class WebApi:
    """Slack's Web API in front of one workspace."""

    def __init__(
        self,
        workspace: SlackWorkspace,
        options: GateOptions,
        clock: Clock,
        views: ViewBook,
        triggers: Triggers,
    ) -> None:
        self._workspace = workspace
        self._options = options
        self._views = views
        self._triggers = triggers
        self._metadata = Metadata()
        self._pace = Pace(clock)
        self.workflows = slack_workflows.Workflows()
        """Runs of the app's steps."""
        self.unfurled: dict[str, Json] = {}
        """What links unfold into, by link."""
        self.broadcasts: set[tuple[str, str]] = set()
        """(channel, ts) of the answers in threads that the channel sees too; local-slack shows them in the thread alone."""
        self.revoked = False
        """Whether the bot's token is dead: the app was taken away."""
        self.violated: Callable[[str, Sequence[str]], None] = lambda _method, _causes: None
        """Is told (method, what Slack would refuse or cut)."""

    async def answer(self, call: Call, forward: Forward) -> Json:
        """Answer a call. RateLimited where it came too soon."""
        refusal = self._refusal(call)
        if refusal:
            return refusal
        if call.method == "chat.postMessage" and self._options.rate_limit:
            seconds = self._pace.wait(str(call.args["channel"]))
            if seconds:
                raise RateLimited(seconds)
        if call.method.startswith("views."):
            return await self._view(call, forward)
        if found := self._beside(call):
            return found
        if call.method in {"conversations.history", "conversations.replies"}:
            return await self._history(call, forward)
        answer = await forward(call.method, call.args)
        if call.method in MESSAGE_METHODS and answer.get("ok"):
            self._keep(call, answer)
        return answer

    def _beside(self, call: Call) -> Json:
        """Answer what local-slack knows nothing of; {} for what it knows."""
        if call.method in slack_workflows.METHODS:
            return self.workflows.answer(call.method, call.args)
        if call.method in slack_people.METHODS:
            return slack_people.answer(call.method, call.args, self._workspace.users, self._workspace.groups)
        return self._unfurl(call) if call.method == "chat.unfurl" else {}

    def _unfurl(self, call: Call) -> Json:
        unfurls = call.args["unfurls"]
        problems = [
            problem
            for url, one in unfurls.items()
            for problem in message_problems({"channel": "C", "text": url, "blocks": one.get("blocks", [])})
        ]
        if refusal := self._refused(call.method, "cannot_unfurl_message", problems):
            return refusal
        self.unfurled |= unfurls
        return {"ok": True}

    def hook_refusal(self, message: Json) -> Json:
        """Return Slack's answer to a refused message for a response URL, {} where it is fine."""
        if truthy(message.get("delete_original")):
            return {}
        return self._message_refusal("response_url", message)

    def _refusal(self, call: Call) -> Json:
        wanted = self._workspace.app_token if call.method in APP_TOKEN_METHODS else self._workspace.bot_token
        if call.token != wanted:
            return {"ok": False, "error": self._token_error(call.token)}
        if self.revoked and wanted == self._workspace.bot_token:
            return {"ok": False, "error": "token_revoked"}
        return (
            self._violating(call.method, scope_refusal(call.method, self._options.scopes))
            or self._missing(call)
            or self._channel_refusal(call)
            or self._contents_refusal(call)
        )

    def _token_error(self, token: str) -> str:
        if not token:
            return "not_authed"
        known = {self._workspace.app_token, self._workspace.bot_token}
        return "not_allowed_token_type" if token in known else "invalid_auth"

    def _missing(self, call: Call) -> Json:
        problems = [
            Problem(f"/{name}", f"missing required field: {name}")
            for name in missing_arguments(call.method, call.args)
        ]
        return self._refused(call.method, "invalid_arguments", problems)

    def _channel_refusal(self, call: Call) -> Json:
        if call.method.split(".")[0] not in {"chat", "conversations"} or not call.args.get("channel"):
            return {}
        name = str(call.args["channel"])
        known = next((at for at in self._workspace.channels if name in {at.id, at.name, f"#{at.name}"}), None)
        if known is None:
            # A direct conversation, or one that local-slack has opened since; it tells if it knows none such.
            there = bool(self._workspace.has_channel(name)) or name.startswith("U")
            return {} if there else {"ok": False, "error": "channel_not_found"}
        if self._workspace.bot_user_id not in known.members and call.method != "conversations.info":
            return {"ok": False, "error": "not_in_channel"}
        if call.method == "chat.postEphemeral" and call.args["user"] not in known.members:
            return {"ok": False, "error": "user_not_in_channel"}
        return {}

    def _contents_refusal(self, call: Call) -> Json:
        if call.method.startswith("views."):
            return self._refused(call.method, "invalid_arguments", view_problems(call.args["view"]))
        if call.method not in MESSAGE_METHODS:
            return {}
        problems = metadata_problems(call.args.get("metadata"))
        return (
            self._message_refusal(call.method, call.args)
            or self._refused(call.method, "invalid_metadata_format", problems)
            or self._update_refusal(call)
        )

    def _message_refusal(self, method: str, message: Json) -> Json:
        if not any(message.get(part) for part in ("text", "blocks", "attachments")):
            problem = Problem("/text", "neither text nor blocks nor attachments")
            return self._refused(method, "no_text", [problem])
        if len(str(message.get("text") or "")) > TEXT_HARD:
            return self._refused(method, "msg_too_long", [Problem("/text", "message too long")])
        refusal = self._refused(method, "invalid_blocks", message_problems(message))
        if not refusal:
            self.violated(method, [str(problem) for problem in text_problems(message)])
        return refusal

    def _update_refusal(self, call: Call) -> Json:
        if call.method != "chat.update":
            return {}
        found = [
            one for one in self._workspace.messages(call.args["channel"]) if one["ts"] == call.args["ts"]
        ]
        if found and found[0].get("subtype") == "ephemeral":
            return {"ok": False, "error": "message_not_found"}
        if found and not found[0].get("bot_id"):
            return {"ok": False, "error": "cant_update_message"}
        return {}

    def _refused(self, method: str, error: str, problems: Sequence[Problem]) -> Json:
        if not problems:
            return {}
        messages = [str(problem) for problem in problems]
        self.violated(method, messages)
        return {"ok": False, "error": error, "response_metadata": {"messages": messages}}

    def _violating(self, method: str, refusal: Json) -> Json:
        if refusal:
            self.violated(method, [f"{refusal['error']}: {refusal['needed']}"])
        return refusal

    def _keep(self, call: Call, answer: Json) -> None:
        channel, ts = str(answer.get("channel", "")), str(answer.get("ts", ""))
        self._metadata.keep(channel, ts, call.args.get("metadata"))
        kept = self._metadata.of(channel, ts)
        if kept and isinstance(answer.get("message"), dict):
            answer["message"]["metadata"] = kept
        if call.args.get("thread_ts") and truthy(call.args.get("reply_broadcast")):
            self.broadcasts.add((channel, ts))

    async def _history(self, call: Call, forward: Forward) -> Json:
        asked = {"channel": call.args["channel"], **({"ts": call.args["ts"]} if "ts" in call.args else {})}
        answer = await forward(call.method, asked)
        # Nothing ephemeral is kept by Slack.
        messages = [one for one in answer.get("messages", []) if one.get("subtype") != "ephemeral"]
        if call.method == "conversations.replies" and not messages:
            return {"ok": False, "error": "thread_not_found"}
        messages = self._with_broadcasts(call, messages)
        try:
            shown, cursor = page(messages, call.args)
        except BadCursor:
            return {"ok": False, "error": "invalid_cursor"}
        if truthy(call.args.get("include_all_metadata")):
            shown = [self._with_metadata(message) for message in shown]
        more = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
        return {"ok": True, "messages": shown, "has_more": bool(cursor), **more}

    def _with_broadcasts(self, call: Call, messages: list[Json]) -> list[Json]:
        """Mark the answers that the channel sees too; the channel's own history shows them among its messages."""
        channel = str(call.args["channel"])
        sent = [one for one in self._workspace.messages(channel) if (channel, one["ts"]) in self.broadcasts]
        marked = {one["ts"]: one | {"subtype": "thread_broadcast"} for one in sent}
        shown = {one["ts"]: one for one in messages}
        missing = marked if call.method == "conversations.history" else marked.keys() & shown.keys()
        shown |= {ts: marked[ts] for ts in missing}
        # A channel's history comes newest first, a thread oldest first.
        return sorted(
            shown.values(), key=lambda one: str(one["ts"]), reverse=call.method == "conversations.history"
        )

    def _with_metadata(self, message: Json) -> Json:
        kept = self._metadata.of(message["channel"], message["ts"])
        return message | {"metadata": kept} if kept else message

    async def _view(self, call: Call, forward: Forward) -> Json:
        await self._workspace.settled()
        seen = self._admitted(call)
        if isinstance(seen, str):
            return {"ok": False, "error": seen}
        told = {name: value for name, value in call.args.items() if name not in {"hash", "external_id"}}
        told["view"] = self._views.for_local(seen)
        if call.method == "views.update":
            told["view_id"] = seen.id  # local-slack looks for it among external ids too
        method = call.method
        if method == "views.push" and str(call.args.get("trigger_id")).startswith(HANDS) and seen.previous:
            # local-slack puts nothing above without a trigger of its own: here it takes the place of what lies below.
            method, told["view_id"] = "views.update", seen.previous
        answer = await forward(method, told)
        if answer.get("ok"):
            answer["view"] = self._views.for_bot(answer["view"])
        return answer

    def _admitted(self, call: Call) -> Seen | str:
        """Take the view in, or return Slack's error."""
        if call.method in {"views.open", "views.push"}:
            return self._opened(call)
        if call.method == "views.publish":
            user = str(call.args["user_id"])
            return self._changed(call, self._views.home_of(user)) or self._views.home(user, call.args["view"])
        seen = self._views.find(
            view_id=str(call.args.get("view_id") or ""), external_id=str(call.args.get("external_id") or "")
        )
        if seen is None or not any(view.get("external_id") == seen.id for view in self._workspace.views()):
            return "not_found"  # never opened, or closed meanwhile
        return self._changed(call, seen) or self._views.change(seen, call.args["view"])

    def _opened(self, call: Call) -> Seen | str:
        trigger = str(call.args["trigger_id"])
        refusal = self._triggers.refusal(trigger)
        if refusal:
            return refusal
        stack = self._workspace.views() if call.method == "views.push" else []
        if len(stack) >= 3:
            return "push_limit_reached"
        channel = self._triggers.use(trigger)
        above = self._views.find(view_id=str(stack[-1].get("external_id", ""))) if stack else None
        return self._views.open(call.args["view"], channel=channel, above=above)

    @staticmethod
    def _changed(call: Call, seen: Seen | None) -> str:
        """Return `hash_conflict` if the view is no longer the one that the bot looked at."""
        wanted = call.args.get("hash")
        return "hash_conflict" if seen and wanted and wanted != seen.hash else ""
