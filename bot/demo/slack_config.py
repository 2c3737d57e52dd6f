"""Who and what is in the local Slack workspace, and its config as local-slack reads it.

Knows: names, ids, the config file's fields. Must not know: processes, HTTP.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["events", "socket"]
"""How deliveries reach the bot: signed HTTP requests, or Socket Mode."""

TEAM_ID = "T01SHIPBELL"
STRANGERS_TEAM_ID = "T02ELSEWHERE"
"""The workspace of people who are met in shared channels."""
APP_ID = "A01SHIPBELL"
BOT_USER_ID = "U0SHIPBELL"
BOT_NAME = "shipbell"


Kind = Literal["member", "guest", "bot", "deactivated", "stranger"]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody in the workspace. local-slack can't express kinds and admins: the gate does, and lets each of them act."""

    id: str
    name: str
    real_name: str
    kind: Kind = "member"
    admin: bool = False

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group and the ids of who is in it. local-slack has none: the gate answers for them."""

    id: str
    handle: str
    name: str
    members: tuple[str, ...]

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel and the ids of who is in it, bots too."""

    id: str
    name: str
    members: tuple[str, ...]

    def __str__(self) -> str:
        return self.id


ALICE = User("U01ALICE", "alice", "Alice Anderson", admin=True)
BOB = User("U02BOB", "bob", "Bob Brown")
CAROL = User("U03CAROL", "carol", "Carol Clark")
DAVE = User("U04DAVE", "dave", "Dave Davis")
ERIN = User("U05ERIN", "erin", "Erin Evans", kind="guest")
USERS = (ALICE, BOB, CAROL, DAVE, ERIN)
MAINTAINERS = UserGroup("S01MAINTAINERS", "maintainers", "Maintainers", (ALICE.id, BOB.id))
SECURITY = UserGroup("S02SECURITY", "security", "Security", (CAROL.id,))
GROUPS = (MAINTAINERS, SECURITY)
EVERYBODY = (*(user.id for user in USERS), BOT_USER_ID)
GENERAL = Channel("C01GENERAL", "general", EVERYBODY)
RELEASES = Channel("C02RELEASES", "releases", EVERYBODY)
CHANNELS = (GENERAL, RELEASES)


@dataclass(frozen=True, slots=True)
class Keys:
    """What the bot is told to talk to this workspace; good for nothing anywhere else, and new each time."""

    bot_token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(16)}", repr=False)
    app_token: str = field(default_factory=lambda: f"xapp-1-{secrets.token_hex(16)}", repr=False)
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


def config_text(
    keys: Keys, *, mode: Mode, request_url: str, users: Sequence[User], channels: Sequence[Channel]
) -> str:
    """Return local-slack's config as JSON (it takes YAML or JSON by the file's ending)."""
    app: dict[str, Any] = {
        "appId": APP_ID,
        "botUserId": BOT_USER_ID,
        "botName": BOT_NAME,
        "botToken": keys.bot_token,
        "appToken": keys.app_token,
        "signingSecret": keys.signing_secret,
        "mode": mode,
    }
    if mode == "events":
        app["requestUrl"] = request_url
    config = {
        "workspace": {"name": "Shipbell Demo", "domain": "shipbell-demo", "teamId": TEAM_ID},
        "apps": [app],
        "users": [
            {
                "id": user.id,
                "name": user.name,
                "real_name": user.real_name,
                "email": f"{user.name}@shipbell.example",
                "tz": "UTC",
            }
            for user in users
        ],
        "channels": [{"id": at.id, "name": at.name, "members": list(at.members)} for at in channels],
    }
    return json.dumps(config, indent=1)
