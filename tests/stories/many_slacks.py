"""Many workspaces behind one address, each known by its token: what each was told, and what its people can press.

Ids of people and channels begin with their workspace's (`T1U2`, `T1Creleases`), so that a call with one workspace's token and another's id is seen.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.demo.slack_methods import read_arguments
from tests.bench.slack_server import Json, SlackServer

TOKEN = "xoxb-marked-of-"
"""How each workspace's token begins; its id follows."""
WHOSE = re.compile(r"\A(T\d+)[UCD]")


@dataclass(frozen=True)
class Button:
    """Something to press, as a workspace was shown it."""

    action: Mapping[str, Any]
    view: bool
    """Whether it is in a dialog or a Home tab, not in a message."""


class ManySlacks(SlackServer):
    """It."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, list[str]] = defaultdict(list)
        """Everything that a workspace was sent: arguments of calls, answers, files."""
        self.buttons: dict[str, list[Button]] = defaultdict(list)
        self.dialogs: dict[str, list[Json]] = defaultdict(list)
        self.crossed: list[str] = []
        """Calls with one workspace's token and another's id; what came without a token."""

    def _routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/hooks/{team}/{number}", self._hooked)
        app.router.add_post("/upload/{team}", self._uploaded)

    async def _api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        args = read_arguments(request.query, request.content_type, await request.read())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        team = token.removeprefix(TOKEN)
        if not token.startswith(TOKEN):
            self.crossed.append(f"{method} with {token!r}")
        for value in args.values():
            found = WHOSE.match(str(value))
            if found and found[1] != team:
                self.crossed.append(f"{method} of {team}: {args}")
        self._take(team, {"method": method, **args})
        return web.json_response({"ok": True, **self._answer(method, team, args)})

    def _answer(self, method: str, team: str, args: Json) -> Json:
        number, user = next(self._numbers), str(args.get("user", ""))
        empty: Json = {"messages": [], "users": [], "members": [], "usergroups": []}
        said: dict[str, Json] = {
            "users.info": {
                "user": {"id": user, "team_id": team, "is_admin": user.endswith("U1"), "name": user}
            },
            "auth.test": {"team_id": team, "user_id": f"{team}UBOT", "team": team},
            "conversations.open": {"channel": {"id": f"{team}D{args.get('users', '')}"}},
            "files.getUploadURLExternal": {
                "upload_url": f"{self.url}/upload/{team}",
                "file_id": f"F{number}",
            },
            "files.completeUploadExternal": {"files": [{"id": f"F{number}"}]},
        }
        if method.startswith("views."):
            return {"view": {"id": f"V{number}", "hash": f"{number}.h"}}
        return said.get(method, {"channel": str(args.get("channel", "")), "ts": f"{number}.000001", **empty})

    async def _hooked(self, request: web.Request) -> web.Response:
        self._take(request.match_info["team"], await request.json())
        return web.Response(text="ok")

    async def _uploaded(self, request: web.Request) -> web.Response:
        self.told[request.match_info["team"]].append((await request.read()).decode(errors="replace"))
        return web.Response(text="ok")

    def _take(self, team: str, said: Json) -> None:
        self.told[team].append(json.dumps(said, ensure_ascii=False))
        for key in ("blocks", "view", "attachments", "unfurls"):
            value = said.get(key)
            value = json.loads(value) if isinstance(value, str) and value else value
            if isinstance(value, dict) and value.get("type") == "modal":
                self.dialogs[team].append(value)
            self.buttons[team] += [Button(one, key == "view") for one in _pressable(value)]
        self._changed.set()
        self._changed = asyncio.Event()

    def hook(self, team: str) -> dict[str, str]:
        """Return by what a delivery of a workspace is known, and answered."""
        number = next(self._numbers)
        return {"trigger_id": f"{number}.1", "response_url": f"{self.url}/hooks/{team}/{number}"}

    async def type(self, team: str, user: str, channel: str, text: str) -> str:
        """Type a command."""
        command, _, rest = text.partition(" ")
        fields = {"command": command, "text": rest, "team_id": team, "user_id": user, "channel_id": channel}
        return self._heard_at_once(team, await self._send(fields | self.hook(team)))

    async def press(self, team: str, user: str, channel: str, button: Button) -> str:
        """Press something, in a message or a dialog, whoever was shown it."""
        action = {"action_ts": f"{next(self._numbers)}.2", **button.action}
        place: Json = {
            "channel": {"id": channel},
            "container": {"type": "message", "message_ts": "1.1", "channel_id": channel},
        }
        if button.view:
            place = {
                "view": {
                    "id": "V1",
                    "type": "modal",
                    "callback_id": "x",
                    "private_metadata": "",
                    "hash": "1.h",
                }
            }
        payload = {
            "type": "block_actions",
            **self._who(team, user),
            **place,
            "actions": [action],
            **self.hook(team),
        }
        return self._heard_at_once(team, await self._send({"payload": json.dumps(payload)}))

    async def submit(self, team: str, user: str, dialog: Json, typed: str) -> str:
        """Send a dialog, whoever it was opened for, with the same words in each field."""
        values = {
            block["block_id"]: {
                block["element"].get("action_id", "a"): {"type": block["element"]["type"], "value": typed}
            }
            for block in dialog.get("blocks", [])
            if block.get("type") == "input" and block["element"]["type"] == "plain_text_input"
        }
        view = {**dialog, "id": f"V{next(self._numbers)}", "state": {"values": values}}
        payload = {"type": "view_submission", **self._who(team, user), "view": view, **self.hook(team)}
        return self._heard_at_once(team, await self._send({"payload": json.dumps(payload)}))

    async def event(self, team: str, event: Json) -> str:
        """Deliver an event."""
        number = next(self._numbers)
        body = {
            "type": "event_callback", "team_id": team, "api_app_id": "A1", "event": event, "event_id": f"Ev{number}",
            "event_time": 1_800_000_000,
        }  # fmt: skip
        return self._heard_at_once(team, await self.deliver(json.dumps(body), "application/json"))

    def _who(self, team: str, user: str) -> Json:
        return {"team": {"id": team}, "api_app_id": "A1", "user": {"id": user, "team_id": team}}

    def _heard_at_once(self, team: str, said: str) -> str:
        self.told[team].append(said)
        return said


def _pressable(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        for one in value:
            yield from _pressable(one)
    elif isinstance(value, dict):
        if value.get("type") == "button" and "action_id" in value and "url" not in value:
            yield {name: value[name] for name in ("type", "action_id", "block_id", "value") if name in value}
        for one in value.values():
            yield from _pressable(one)
