"""What people do in a dialog that local-slack's page can't: search in a menu, choose, press Enter in a field.

Knows: Slack's payloads `block_suggestion` and `block_actions` of dialogs. Must not know: HTTP, what a dialog is for.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.demo.slack_config import User
from bot.demo.slack_deliveries import Carrier, Deliveries
from bot.demo.slack_limits import option_problems
from bot.demo.slack_mirror import VALUE_KEYS, Json
from bot.demo.slack_parcels import Parcel, Reply
from bot.demo.slack_views import HANDS, Seen, ViewBook
from bot.demo.slack_workspace import SlackWorkspace


@dataclass(slots=True)
class Hands:
    """Somebody's hands in the dialog that is open. `typed` is what stands in its fields beside, by block id."""

    workspace: SlackWorkspace
    views: ViewBook
    deliveries: Deliveries
    carrier: Callable[[], Carrier]
    triggers: Callable[[str, str], None]
    _count: Any = field(default_factory=lambda: itertools.count(1))

    async def search(self, user: User, block: str, text: str) -> list[Json]:
        """Type in a menu; returns what it offers. ValueError where Slack would refuse the answer."""
        seen = self._open()
        about = self._about(user, seen, {}) | {"type": "block_suggestion", "value": text}
        about |= {"block_id": block, "action_id": _element(seen, block)["action_id"]}
        reply = await self._send(about)
        problems = option_problems(reply.body)
        if problems or not reply.ok:
            raise ValueError(f"{reply.status}: {problems}")
        assert isinstance(reply.body, dict)
        return list(reply.body["options"])

    async def choose(
        self, user: User, block: str, value: str, typed: Mapping[str, str] | None = None
    ) -> None:
        """Choose an option by its value, or type a text and press Enter, in a field that tells of it."""
        seen = self._open()
        states = {
            name: _state(_element(seen, name), text) for name, text in {**(typed or {}), block: value}.items()
        }
        element = _element(seen, block)
        action = states[block] | {"block_id": block, "action_id": element["action_id"], "action_ts": "1.0"}
        number = f"{HANDS}{next(self._count)}"
        self.triggers(number, seen.channel)
        about = self._about(user, seen, states) | {
            "type": "block_actions",
            "actions": [action],
            "trigger_id": number,
        }
        await self._send(about)

    async def press(self, user: User, action: str) -> None:
        """Press a button in the dialog that is open, by its action id."""
        seen = self._open()
        found = next(
            (block, one)
            for block in seen.view["blocks"]
            for one in (*block.get("elements", []), block.get("accessory") or {})
            if one.get("action_id") == action
        )
        block, button = found
        pressed = {name: button[name] for name in ("type", "action_id", "value") if name in button}
        number = f"{HANDS}{next(self._count)}"
        self.triggers(number, seen.channel)
        told = {
            "actions": [pressed | {"block_id": block["block_id"], "action_ts": "1.0"}],
            "trigger_id": number,
        }
        await self._send(self._about(user, seen, {}) | {"type": "block_actions"} | told)

    def _open(self) -> Seen:
        seen = self.views.find(view_id=str(self.workspace.views()[-1].get("external_id", "")))
        assert seen is not None, "no dialog is open"
        return seen

    def _about(self, user: User, seen: Seen, states: Mapping[str, Json]) -> Json:
        at = self.workspace
        return {
            "team": {"id": at.team_id, "domain": "acme"},
            "user": {"id": user.id, "username": user.name, "team_id": at.team_id},
            "api_app_id": at.app_id,
            "token": "verification-token",
            "container": {"type": "view", "view_id": seen.id},
            "view": self.views.standing(seen, states),
        }

    async def _send(self, payload: Json) -> Reply:
        return await self.deliveries.ask(Parcel("interactive", payload), self.carrier())


def _element(seen: Seen, block: str) -> Json:
    """Return what is in a field. LookupError where there is none of that name."""
    for one in seen.view["blocks"]:
        if one["block_id"] == block and one["type"] == "input":
            found: Json = one["element"]
            return found
    raise LookupError(f"no field {block!r} in this dialog")


def _state(element: Json, value: str) -> Json:
    key = VALUE_KEYS[element["type"]]
    if key != "selected_option":
        return {"type": element["type"], key: value}
    known = (one for one in element.get("options", []) if one["value"] == value)
    made = {"text": {"type": "plain_text", "text": value}, "value": value}
    return {"type": element["type"], key: next(known, made)}
