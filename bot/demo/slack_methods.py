"""What each Web API method wants: scopes, arguments, which token; and how a request is read.

Knows: Slack's method reference. Must not know: local-slack, faults.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from bot.demo.slack_mirror import Json

BOT_SCOPES = frozenset(
    [
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "links:read",
        "links:write",
        "mpim:history",
        "reactions:write",
        "team:read",
        "usergroups:read",
        "users:read",
        "users:read.email",
    ]
)
"""What the bot token may do unless a test says otherwise."""

SCOPES: dict[str, str] = {
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "chat.meMessage": "chat:write",
    "chat.unfurl": "links:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "conversations.members": "channels:read",
    "conversations.open": "im:write",
    "conversations.create": "channels:manage",
    "users.conversations": "channels:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "users.lookupByEmail": "users:read.email",
    "bots.info": "users:read",
    "team.info": "team:read",
    "reactions.add": "reactions:write",
    "reactions.remove": "reactions:write",
    "emoji.list": "emoji:read",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.info": "files:read",
}
"""The scope of each method that needs one; views, permalinks and auth.test need none."""

REQUIRED: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("channel",),
    "chat.postEphemeral": ("channel", "user"),
    "chat.update": ("channel", "ts"),
    "chat.delete": ("channel", "ts"),
    "chat.getPermalink": ("channel", "message_ts"),
    "conversations.history": ("channel",),
    "conversations.replies": ("channel", "ts"),
    "conversations.info": ("channel",),
    "conversations.members": ("channel",),
    "users.info": ("user",),
    "usergroups.users.list": ("usergroup",),
    "users.lookupByEmail": ("email",),
    "reactions.add": ("channel", "name", "timestamp"),
    "reactions.remove": ("name",),
    "views.open": ("trigger_id", "view"),
    "views.push": ("trigger_id", "view"),
    "views.update": ("view",),
    "views.publish": ("user_id", "view"),
    "chat.unfurl": ("unfurls",),
    "functions.completeSuccess": ("function_execution_id",),
    "functions.completeError": ("function_execution_id", "error"),
}
APP_TOKEN_METHODS = frozenset(["apps.connections.open"])
JSON_ARGUMENTS = ("blocks", "attachments", "view", "metadata", "files")


def read_arguments(query: Mapping[str, str], content_type: str, body: bytes) -> Json:
    """Return the arguments of a call, from the query, a form or JSON; JSON inside of a form is read too."""
    args: Json = dict(query)
    if content_type.startswith("application/json"):
        said = _json(body.decode("utf-8", "replace"))
        args |= said if isinstance(said, dict) else {}
    else:
        args |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    for name in JSON_ARGUMENTS:
        if isinstance(args.get(name), str):
            args[name] = _json(args[name])
    return args


def scope_refusal(method: str, granted: frozenset[str]) -> Json:
    """Return Slack's `missing_scope` answer for a method, {} where the scope is there."""
    needed = SCOPES.get(method, "")
    if not needed or needed in granted:
        return {}
    return {"ok": False, "error": "missing_scope", "needed": needed, "provided": ",".join(sorted(granted))}


def missing_arguments(method: str, args: Json) -> list[str]:
    """Return the names of the arguments that this method can't do without and that are absent or empty."""
    missing = [name for name in REQUIRED.get(method, ()) if args.get(name) in (None, "")]
    if method == "views.update" and not args.get("view_id") and not args.get("external_id"):
        missing.append("view_id")
    return missing


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
