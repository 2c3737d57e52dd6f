"""What the stories share: people, a started world, and the moves that each story begins with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.demo.slack_config import ALICE, RELEASES, Channel
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World
from storage.crypto import generate_master_key

Json = dict[str, Any]
PATIENCE = 30.0
POLL = 0.2
PENDING = "The trusted publisher for widgets is pending on company."
CONFIRMED = "The trusted publisher for widgets on company is confirmed."
KEPT = "The token for company is kept."
ADD = "add widgets acme/widgets index=company"


def world_on(database_url: str, folder: Path, **more: Any) -> World:
    """Return a world whose bot uses this database."""
    settings = {"SHIPBELL_DATABASE_URL": database_url, "SHIPBELL_MASTER_KEYS": generate_master_key()}
    return World(folder, poll_seconds=POLL, settings=settings | more.pop("settings", {}), **more)


def texts(world: World, channel: Channel = RELEASES) -> list[str]:
    """Return what a channel shows, oldest first."""
    return [str(message.get("text", "")) for message in world.slack.messages(channel)]


def saying(start: str, channel: Channel = RELEASES) -> Callable[[SlackWorkspace], Json | None]:
    """Return a predicate that finds the first message of a channel beginning so."""

    def find(slack: SlackWorkspace) -> Json | None:
        return next(
            (one for one in slack.messages(channel) if str(one.get("text", "")).startswith(start)), None
        )

    return find


async def seen(world: World, start: str, channel: Channel = RELEASES) -> Json:
    """Wait until the channel shows a message that begins so, and return it."""
    found = await world.slack.wait_for(saying(start, channel), PATIENCE)
    assert found is not None
    return found


async def open_credentials(world: World) -> None:
    """Open the credentials dialog and wait until it is filled."""
    await world.slack.command(ALICE, RELEASES, "/shipbell", "credentials")
    await world.slack.wait_for(
        lambda slack: any(view.get("callback_id") == "credential.add" for view in slack.views()), PATIENCE
    )


async def give_token(world: World, token: str) -> None:
    """Enter a token for the company's index in the dialog, and wait until the bot says that it is kept."""
    before = world.slack.describe().count(KEPT)
    await open_credentials(world)
    await world.slack.submit(ALICE, {"index_choice": "company", "token": token})
    await world.slack.wait_for(lambda slack: slack.describe().count(KEPT) > before, PATIENCE)
