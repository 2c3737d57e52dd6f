"""What the stories share: people, a started world, and the moves that each story begins with."""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from bot.demo.forge_runs import Run
from bot.demo.forge_seed import pyproject
from bot.demo.slack_config import ALICE, RELEASES, Channel, Kind, User
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.world import World
from storage.crypto import generate_master_key
from storage.migrations import upgrade
from tests.conftest import in_memory
from tests.demo.openapi import check_seen
from tests.stories.forked import forked

Json = dict[str, Any]
PATIENCE = 30.0
POLL = 0.2
PENDING = "The trusted publisher for widgets is pending on company."
CONFIRMED = "The trusted publisher for widgets on company is confirmed."
KEPT = "The token for company is kept."
ADD = "add widgets acme/widgets index=company"
REPOSITORY = "acme/widgets"


_SCHEMA = tempfile.TemporaryDirectory(prefix="shipbell-schema-", dir=in_memory())


@cache
def _template() -> Path:
    """Return a file with the newest schema, which this test process makes once."""
    path = Path(_SCHEMA.name) / "shipbell.db"
    with ThreadPoolExecutor(1) as beside:  # Alembic's work would hold up whatever runs here
        beside.submit(upgrade, f"sqlite:///{path}").result()
    return path


def with_schema(folder: Path) -> str:
    """Return the URL of a new SQLite database there that has its schema: most stories are not about a first start."""
    copy = folder / "shipbell.db"
    shutil.copyfile(_template(), copy)
    copy.chmod(0o600)
    return f"sqlite:///{copy}"


def world_on(database_url: str, folder: Path, **more: Any) -> World:
    """Return a world whose bot uses this database. It is forked; `launch=program` starts the real program."""
    settings = {"SHIPBELL_DATABASE_URL": database_url, "SHIPBELL_MASTER_KEYS": generate_master_key()}
    launch = more.pop("launch", forked)
    world = World(folder, poll_seconds=POLL, settings=settings | more.pop("settings", {}), **more)
    world.bot.launch = launch
    return world


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


async def look_at_token(world: World, typed: dict[str, Any]) -> str:
    """Enter a token in the dialog, and return the dialog that shows what it is."""
    await open_credentials(world)
    await world.slack.submit(ALICE, typed)
    await world.slack.wait_for(
        lambda slack: any(view.get("callback_id") == "credential.keep" for view in slack.views()), PATIENCE
    )
    return json.dumps(world.slack.views(), ensure_ascii=False)


async def give_token(world: World, token: str) -> None:
    """Enter a token for the company's index in the dialog, and wait until the bot says that it is kept."""
    before = world.slack.describe().count(KEPT)
    await look_at_token(world, {"index_choice": "company", "token": token})
    await world.slack.submit(ALICE)
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
    start = "Release policy of"
    before = sum(text.startswith(start) for text in texts(world))
    await world.slack.command(ALICE, RELEASES, "/shipbell", f"settings policy {changes}")
    await world.slack.wait_for(
        lambda _: sum(text.startswith(start) for text in texts(world)) > before, PATIENCE
    )


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


@asynccontextmanager
async def ready(folder: Path, **more: Any) -> AsyncIterator[World]:
    """Give a world on SQLite in which widgets' publisher is confirmed, and look at its end that all was in order."""
    async with world_on(with_schema(folder), folder, **more) as world:
        await confirmed(world)
        yield world
        in_order(world)


def in_order(world: World) -> None:
    """Assert that nothing was sent that Slack or GitHub would refuse, nobody was answered late, no step had a fault."""
    for found in (
        world.gate.violations,
        world.gate.late_acks,
        check_seen(world.forge.requests),
        faults(world),
    ):
        assert not found, found


def faults(world: World) -> list[str]:
    """Return what the bot logged as its own faults."""
    lines = world.bot.log.read_text(errors="replace").splitlines()
    return [line for line in lines if '"level": "error"' in line or "Traceback" in line or "[error" in line]


def commit_version(world: World, version: str, **files: bytes | None) -> str:
    """Push a commit that makes this the version of widgets; returns its sha."""
    told = {"pyproject.toml": pyproject("widgets", version), **files}
    return world.forge.commit(REPOSITORY, told, f"Release {version}")


def runs(world: World) -> list[Run]:
    """Return the runs of widgets' workflow, oldest first."""
    return world.forge.state.repositories[REPOSITORY].runs


def files_of(world: World, version: str) -> set[str]:
    """Return the files that the company's index has of a version of widgets."""
    return {
        file.filename for file in world.company.state.projects["widgets"].files if version in file.filename
    }


async def click_old(world: World, who: Any, root: Json, action: str) -> None:
    """Press a button of a release's message as it was when `root` was read."""
    await world.slack.click(who, RELEASES, root["ts"], action, shown=root["blocks"])


async def give_reason(world: World, who: Any, root: Json, action: str, reason: str) -> None:
    """Press a button that asks for a reason, and send the dialog with one."""
    await click(world, who, root, action)
    await world.slack.wait_for(lambda slack: slack.views(), PATIENCE)
    await world.slack.submit(who, {"reason": reason})


def whispers(slack: SlackWorkspace) -> list[str]:
    """Return what was told to one person alone in the channel, all that each message shows, oldest first."""
    return [
        json.dumps([message.get("text"), message.get("blocks")], ensure_ascii=False)
        for message in slack.messages(RELEASES)
        if message.get("subtype") == "ephemeral"
    ]


async def heard(world: World, what: str, times: int = 1) -> None:
    """Wait until so many messages to one person alone say so."""
    await world.slack.wait_for(lambda slack: sum(what in one for one in whispers(slack)) >= times, PATIENCE)


async def ended(world: World, root: Json, what: str) -> None:
    """Wait until a line of a release's timeline says so, and see that it is shown in the channel too."""

    def find(slack: SlackWorkspace) -> str:
        told = slack.messages(RELEASES, thread=root["ts"])[1:]
        return next((str(message["ts"]) for message in told if what in repr(message.get("blocks"))), "")

    ts = await world.slack.wait_for(find, PATIENCE)
    # The workspace shows a message a moment before its sender has the answer.
    await world.gate.wait_for(lambda gate: (str(RELEASES), ts) in gate.broadcasts)


def become(world: World, kinds: Mapping[User, Kind]) -> None:
    """Let people be something else from now on: a guest, a bot, deactivated. The bot remembers for a minute what it knew."""
    world.slack.users = tuple(replace(one, kind=kinds.get(one, one.kind)) for one in world.slack.users)
