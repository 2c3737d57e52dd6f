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


async def confirmed(world: World) -> None:
    """Give the bot a token, register widgets' publisher, and wait until it is confirmed."""
    await give_token(world, world.company.make_token())
    await world.slack.command(ALICE, RELEASES, "/publisher", ADD)
    await seen(world, PENDING)
    world.company.confirm("widgets")
    await seen(world, CONFIRMED)


async def policy(world: World, changes: str) -> None:
    """Set the team's policy, as an admin."""
    await world.slack.command(ALICE, RELEASES, "/shipbell", f"settings policy {changes}")
    await seen(world, "Release policy of")


def root_of(slack: SlackWorkspace, name: str = "widgets 1.4.0") -> Json | None:
    """Return the newest message that is a release's."""
    found = [
        message
        for message in slack.messages(RELEASES)
        if str(message.get("text", "")).startswith(f"Release of {name}") and not message.get("thread_ts")
    ]
    return found[-1] if found else None


async def root_saying(world: World, what: str, name: str = "widgets 1.4.0") -> Json:
    """Wait until the release's message says so, and return it."""

    def find(slack: SlackWorkspace) -> Json | None:
        root = root_of(slack, name)
        return root if root is not None and what in str(root["text"]) else None

    found = await world.slack.wait_for(find, PATIENCE)
    assert found is not None
    return found


async def ask(world: World, who: Any, words: str, name: str = "widgets 1.4.0") -> Json:
    """Ask for a release, and wait until the team is asked to approve it."""
    await world.slack.command(who, RELEASES, "/release", words)
    return await root_saying(world, "waiting for", name)


async def click(world: World, who: Any, root: Json, action: str) -> None:
    """Press a button of a release's message as it is now."""
    await world.slack.click(who, RELEASES, root["ts"], action)


def in_thread(slack: SlackWorkspace, root: Json) -> str:
    """Return the timeline of a release, all that its messages show."""
    return "\n".join(
        repr(message.get("blocks")) for message in slack.messages(RELEASES, thread=root["ts"])[1:]
    )


async def thread_saying(world: World, root: Json, what: str) -> str:
    """Wait until the timeline says so, and return it whole."""
    await world.slack.wait_for(lambda slack: what in in_thread(slack, root), PATIENCE)
    return in_thread(world.slack, root)
