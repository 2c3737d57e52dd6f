"""What the scenes of the demo's story share: waiting for what the channel shows, and saying what happened.

Knows: the world, the console. Must not know: any story.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from rich.console import Console

from bot.demo.slack_config import RELEASES, Channel
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World

Json = dict[str, Any]
PATIENCE = 30.0


class DidNotHappen(Exception):
    """A step of the story had another end than it should."""


class Scenes:
    """Scenes on a started world; each raises DidNotHappen or TimeoutError where it goes wrong."""

    def __init__(self, world: World, console: Console) -> None:
        self.world = world
        self.console = console

    async def all(self, *scenes: Callable[[], Awaitable[None]]) -> None:
        """Play scenes in order, each under its own words."""
        for scene in scenes:
            self.console.print(f"\n[bold]{scene.__doc__}[/bold]")
            await scene()

    async def seen(self, channel: Channel, start: str) -> Json:
        """Wait until a channel shows a message that begins so, say it, and return it."""

        def find(slack: SlackWorkspace) -> Json | None:
            return next(
                (one for one in slack.messages(channel) if str(one.get("text", "")).startswith(start)), None
            )

        found = await self.world.slack.wait_for(find, PATIENCE)
        assert found is not None
        self.told(channel, found)
        return found

    async def saying(self, start: str, what: str) -> Json:
        """Wait until the newest message that begins so says this as well, say it, and return it."""

        def find(slack: SlackWorkspace) -> Json | None:
            texts = [one for one in slack.messages(RELEASES) if str(one.get("text", "")).startswith(start)]
            return texts[-1] if texts and what in str(texts[-1]["text"]) else None

        found = await self.world.slack.wait_for(find, PATIENCE)
        assert found is not None
        self.told(RELEASES, found)
        return dict(found)

    def told(self, channel: Channel, message: Json) -> None:
        """Say what a channel shows."""
        whom = " (only to the caller)" if message.get("subtype") == "ephemeral" else ""
        self.console.print(f"  #{channel.name}{whom}: {message['text']}", highlight=False, markup=False)

    def must(self, condition: object, what: str) -> None:
        """Say that something was checked; DidNotHappen where it is not so."""
        if not condition:
            raise DidNotHappen(what)
        self.console.print(f"  checked: {what}", highlight=False, markup=False)
