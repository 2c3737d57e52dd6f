"""Whoever leaves while the bot is killed: each word of Slack's is carried out once, whole, at whichever statement the process dies.

The bot is a real process, killed by SIGKILL in the midst of what it does about the word, and started again, until it lives through it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from sqlalchemy import text

from bot.demo.slack_config import ALICE, BOB, RELEASES, TEAM_ID
from bot.demo.world import BotFailed, World
from bot.slack.blocks.releases import APPROVE
from bot.slack.scopes import BOT_SCOPES
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import audit, inbox, installations, keys, outbox, teams
from storage.ledger.installations import NewInstallation
from storage.records import AuditEvent, Secret, Tokens
from tests.conftest import THOROUGH
from tests.stories import mortal
from tests.stories.kit import (
    PATIENCE,
    ask,
    become,
    click,
    commit_version,
    confirmed,
    faults,
    policy,
    root_of,
    root_saying,
    world_on,
)  # fmt: skip
from tests.stories.test_kill import settled

KILLS = 25 if THOROUGH else 2
UNTIL_OVER = 1_000_000
MOST = 130
"""Statements from a start to the end of what is done about any word here."""
EXPECTED = ("never retrieved", '"error": "token_revoked", "event": "Slack refuses this bot"')
"""What may be logged: of a process that dies, and of what was just being said while the app was taken away."""
SEALED = ("inbox", "outbox", "credentials", "installations")


@dataclass
class Story:
    """A world where a release waits, one of two approvals given, and what looks into its database."""

    world: World
    database: Database

    async def trail(self, *actions: str) -> list[AuditEvent]:
        """Return what the audit trail has of these, which is whole."""
        async with self.database.reading() as session:
            team = await teams.find(session, TEAM_ID, "")
            assert team is not None
            assert not (await audit.verify(session, team.id)).broken
            events = await audit.trail(session, team.id, limit=1_000)
        return [one for one in events if one.action in actions]

    async def over(self, action: str) -> None:
        """Wait until the trail has this, and nothing is left to be done or said."""
        left: set[str] = {"unknown"}
        while left:
            await asyncio.sleep(0.05)  # another process's state: there is nothing to wait on but asking
            # In this order: what is to be said is written down together with what the trail has.
            left = set() if await self.trail(action) else {action}
            async with self.database.reading() as session:
                left |= {*await outbox.counts(session), *await inbox.counts(session)}
            left -= {"sent", "dead", "done"}


@asynccontextmanager
async def waiting(database_url: str, folder: Path) -> AsyncIterator[Story]:
    """Give a team that has installed the app, with a token, a publisher, and a release that Bob has approved and that waits for another."""
    key = generate_master_key()
    world = world_on(database_url, folder, settings={"SHIPBELL_MASTER_KEYS": key}, launch=mortal.mortal)
    database = Database(database_url, Vault(KeyRing([Secret(key)])))
    async with world:
        await confirmed(world)
        await policy(world, "quorum=2")
        commit_version(world, "1.4.0")
        root = await ask(world, ALICE, "widgets v1.4.0")
        await click(world, BOB, root, APPROVE)
        await root_saying(world, "waiting for 1 approval")
        await settled(world)
        await world.bot.stop()
        await database.open()
        new = NewInstallation(
            TEAM_ID, "", False, "Shipbell", "A01SHIPBELL", world.slack.bot_user_id, tuple(BOT_SCOPES), str(ALICE),
            Tokens(Secret(world.slack.bot_token)),
        )  # fmt: skip
        async with database.transaction() as session:
            await installations.put(session, new, None, datetime.now(UTC))  # noqa: TID251 - the bot's own clock
        world.settings |= {"SHIPBELL_SLACK_BOT_TOKEN": "", "SHIPBELL_GITHUB_TOKEN": ""}
        world.bot.environment = world.environment()
        await world.bot.start()
        await settled(world)
        try:
            yield Story(world, database)
        finally:
            await database.close()
        assert not world.gate.violations
        assert not [line for line in faults(world) if not any(one in line for one in EXPECTED)]


async def dying(story: Story, word: dict[str, Any], action: str, chance: Random) -> int:
    """Deliver Slack's word, and kill the bot at one of its statements again and again; returns how often it died before all was over."""
    world, log, taken, deaths = story.world, story.world.bot.log, False, 0
    place = len(world.gate.deliveries)
    for limit in [chance.randrange(0, 9), *sorted(chance.sample(range(2, MOST), KILLS)), UNTIL_OVER]:
        mortal.arm(log, limit)
        with contextlib.suppress(BotFailed, aiohttp.ClientError):
            if world.bot.process is None:
                await world.bot.start()
            if not taken:
                # Slack repeats what nobody has acknowledged.
                again = len(world.gate.deliveries) > place
                told = await (world.gate.redeliver(place) if again else world.gate.event(word))
                taken = (told if isinstance(told, int | None) else told.status) == 200
            if await _lived(story, action):
                return deaths
        deaths += 1
        await world.bot.kill()
        # One that processes die of again and again would be given up; these die of the test.
        async with story.database.transaction() as session:
            await session.execute(text("UPDATE inbox SET attempts = 0 WHERE state = 'waiting'"))
    raise AssertionError(f"{action} is not over after {deaths} deaths")


async def _lived(story: Story, action: str) -> bool:
    """Wait until all is over, or the bot has died before."""
    assert story.world.bot.process is not None
    died = asyncio.create_task(story.world.bot.process.wait())
    over = asyncio.create_task(story.over(action))
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait({died, over}, return_when=asyncio.FIRST_COMPLETED)
        return not died.done()
    finally:
        for task in (died, over):
            task.cancel()
        await asyncio.gather(died, over, return_exceptions=True)
        mortal.disarm(story.world.bot.log)


def said(world: World, what: str) -> list[str]:
    """Return the messages to one person that say so."""
    return [
        str(call.args.get("text"))
        for call in world.gate.calls
        if call.method == "chat.postMessage"
        and call.error == ""
        and what in str(call.args.get("text"))
        and str(call.args.get("channel", ""))[0] in "UD"
    ]


async def has_left(story: Story, why: str) -> None:
    """The key and every secret are gone, the release ended, and the bot says so to whoever asks it now."""
    async with story.database.reading() as session:
        team = await teams.find(session, TEAM_ID, "")
        assert team is not None
        assert await keys.made_at(session, team.id) is None
        assert await installations.of_team(session, team.id) is None
        sealed = [
            await session.scalar(text(f"SELECT count(*) FROM {table} WHERE sealed IS NOT NULL"))
            for table in SEALED
        ]
        states = (await session.execute(text("SELECT state, reason FROM releases"))).all()
    assert sealed == [0] * len(SEALED)
    assert states == [("cancelled", "team_left")]
    (left,) = await story.trail("team.left")
    assert left.subject == why


async def approval_is_void(story: Story) -> None:
    """Bob's approval counts no more, which the channel is told once."""
    root = root_of(story.world.slack)
    assert root is not None
    assert "waiting for 2 approvals" in str(root["text"])
    thread = [str(one["text"]) for one in story.world.slack.messages(RELEASES, thread=root["ts"])]
    assert sum("the account of <@U02BOB> is deactivated (0 of 2)" in one for one in thread) == 1, thread
    (left,) = await story.trail("person.left")
    assert left.detail["approvals_void"] == 1


async def asker_is_told(story: Story) -> None:
    """Alice, who waits for a release there, hears once that the bot can't speak there any more."""
    with contextlib.suppress(TimeoutError):
        await story.world.slack.wait_for(lambda _: said(story.world, "can't speak in a channel"), PATIENCE)
    async with story.database.reading() as session:
        rows = (
            await session.execute(text("SELECT kind, channel, state, attempts, error, ts FROM outbox"))
        ).all()
    calls = [
        (one.method, one.status, one.error, one.args.get("channel")) for one in story.world.gate.calls[-30:]
    ]
    assert len(said(story.world, "can't speak in a channel")) == 1, (rows, calls)


WORDS: dict[str, tuple[dict[str, Any], str, Callable[[Story], Awaitable[None]]]] = {
    "app_uninstalled": ({"type": "app_uninstalled"}, "team.left", lambda at: has_left(at, "app_uninstalled")),
    "tokens_revoked": (
        {"type": "tokens_revoked", "tokens": {"oauth": ["U01ALICE"], "bot": ["U0SHIPBELL"]}},
        "team.left",
        lambda at: has_left(at, "tokens_revoked"),
    ),
    "deactivated": (
        {"type": "user_change", "user": {"id": BOB.id, "team_id": TEAM_ID, "deleted": True}},
        "person.left",
        approval_is_void,
    ),
    "archived": (
        {"type": "channel_archive", "channel": RELEASES.id, "user": ALICE.id},
        "channel.lost",
        asker_is_told,
    ),
    "deleted": ({"type": "channel_deleted", "channel": RELEASES.id}, "channel.lost", asker_is_told),
    "removed": (
        {"type": "channel_left", "channel": RELEASES.id, "actor_id": ALICE.id},
        "channel.lost",
        asker_is_told,
    ),
}


@pytest.mark.parametrize("word", WORDS)
async def test_killed_in_the_midst_of_leaving(word: str, database_url: str, tmp_path: Path) -> None:
    """Killed at one statement after another of what it does about the word, the bot has done it once, and whole."""
    if not THOROUGH and list(WORDS).index(word) % 2 == database_url.startswith("sqlite"):
        pytest.skip("every other word on each database: `make chaos` plays all")
    event, action, check = WORDS[word]
    async with waiting(database_url, tmp_path) as story:
        if word == "deactivated":
            become(story.world, {BOB: "deactivated"})
        deaths = await dying(story, event, action, Random(f"{word} {database_url[:6]}"))
        print(f"{word}: died {deaths} times")
        assert deaths
        await check(story)
