"""What Slack answers about people and user groups, which local-slack can't express.

Knows: the shapes of `users.info` and `usergroups.*`. Must not know: HTTP, what the bot is for.
"""

from collections.abc import Sequence

from bot.demo.slack_config import BOT_NAME, BOT_USER_ID, STRANGERS_TEAM_ID, TEAM_ID, User, UserGroup
from bot.demo.slack_mirror import Json

METHODS = frozenset(["users.info", "usergroups.list", "usergroups.users.list"])
SLACKBOT = User("USLACKBOT", "slackbot", "Slackbot")


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
