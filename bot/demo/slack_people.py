"""What Slack answers about people and user groups, and how it writes those that are named in a command.

Knows: the shapes of `users.info` and `usergroups.*`, Slack's escapes. Must not know: HTTP, what the bot is for.
"""

import json
import re
from collections.abc import Sequence

from bot.demo.slack_config import BOT_NAME, BOT_USER_ID, STRANGERS_TEAM_ID, TEAM_ID, Channel, User, UserGroup
from bot.demo.slack_mirror import Json

METHODS = frozenset(["users.info", "usergroups.list", "usergroups.users.list"])
SLACKBOT = User("USLACKBOT", "slackbot", "Slackbot")
_MENTIONED = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>")
_NAMED = re.compile(r"(?<![\w<|@#!^])([@#])([a-z0-9][a-z0-9._-]*)")


def escaped(
    text: str, users: Sequence[User], groups: Sequence[UserGroup], channels: Sequence[Channel]
) -> str:
    """Return a command's text with `@bob`, `@maintainers` and `#releases` as Slack writes them (`should_escape`).

    What is written so already stays, and so do `&`, `<` and `>`, which Slack would escape too.
    """
    known = {f"@{user.name}": f"<@{user.id}|{user.name}>" for user in users}
    known |= {f"@{group.handle}": f"<!subteam^{group.id}|@{group.handle}>" for group in groups}
    known |= {f"#{at.name}": f"<#{at.id}|{at.name}>" for at in channels}
    return _NAMED.sub(lambda found: known.get(found[0], found[0]), text)


def with_handles(args: Json, groups: Sequence[UserGroup]) -> Json:
    """Return a call with each mention of a user group as its handle, since local-slack shows them raw."""
    handles = {group.id: f"@{group.handle}" for group in groups}
    told: Json = json.loads(_MENTIONED.sub(lambda found: handles.get(found[1], found[0]), json.dumps(args)))
    return told


def answer(method: str, args: Json, users: Sequence[User], groups: Sequence[UserGroup]) -> Json:
    """Answer one of METHODS."""
    if method == "users.info":
        return _user_info(str(args["user"]), users)
    if method == "usergroups.list":
        return {"ok": True, "usergroups": [_group(group) for group in groups]}
    found = next((group for group in groups if group.id == args["usergroup"]), None)
    return {"ok": True, "users": list(found.members)} if found else {"ok": False, "error": "no_such_subteam"}


def _user_info(wanted: str, users: Sequence[User]) -> Json:
    bot = User(BOT_USER_ID, BOT_NAME, "Shipbell", kind="bot")
    found = next((user for user in (*users, bot, SLACKBOT) if user.id == wanted), None)
    return {"ok": True, "user": user_object(found)} if found else {"ok": False, "error": "user_not_found"}


def user_object(user: User) -> Json:
    """Return Slack's user object; of somebody deactivated, and of a stranger, Slack says less."""
    stranger = user.kind == "stranger"
    told: Json = {
        "id": user.id,
        "team_id": STRANGERS_TEAM_ID if stranger else TEAM_ID,
        "name": user.name,
        "deleted": user.kind == "deactivated",
        "real_name": user.real_name,
        "is_bot": user.kind == "bot",
        "is_app_user": False,
        "updated": 1_700_000_000,
        "profile": {"real_name": user.real_name, "display_name": user.name},
    }
    if stranger:
        return told | {"is_stranger": True}
    if user.kind == "deactivated":
        return told
    rights = dict.fromkeys(("is_admin", "is_owner"), user.kind == "member" and user.admin)
    guest = {"is_restricted": user.kind == "guest", "is_ultra_restricted": False}
    return told | rights | guest | {"is_primary_owner": False, "tz": "Etc/UTC", "tz_offset": 0}


def _group(group: UserGroup) -> Json:
    return {
        "id": group.id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "date_delete": 0,
        "user_count": len(group.members),
    }
