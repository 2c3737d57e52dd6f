"""kill -9 at the requests that a release's act phase sends: one tag, one run, the same end, each line once.

What an undisturbed release sends to forge and index after its approval is noted, by method and path up to what differs
from world to world. Then another release meets a hang at the first request of each kind, dies there, and lives again,
until it is through. On SQLite each hangs before it arrives, Slack's calls too; on PostgreSQL those that change something
hang after they were done. Left out are what is asked side by side with the tag in the look before acting (commits, files,
comparison: all die of the same kill), and the calls of the run itself. That a message of which the answer was lost is
not repeated is `test_kill.py`'s, and that each await is safe, not each request alone, `tests/releases`'.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.standin import SeenRequest, StandIn
from bot.demo.world import World
from tests.stories.kit import (
    Json,
    ask,
    click,
    confirmed,
    ended,
    files_of,
    root_of,
    root_saying,
    runs,
    world_on,
)

MOST_DEATHS = 40
VARIES = re.compile(r"[0-9a-f]{40}|\d+|[^/]*\.(whl|gz)")
"""Parts of a path that are others in another world: commits, numbers, files."""
LEFT_OUT = re.compile(r"/repos/[^/]+/[^/]+(/commits/.*|/contents/.*|/compare/.*)?|/_.*|/legacy/.*")
LINK = re.compile(r"<[^|>]*\|([^>]*)>")
SHA = re.compile(r"`[0-9a-f]{7}`")
SLACK = ("chat.postMessage", "chat.update")


@dataclass(frozen=True)
class Kind:
    """Requests of one kind: the method, and the path up to what varies."""

    index: bool
    method: str
    prefix: str


def kinds(requests: Sequence[SeenRequest], *, index: bool) -> set[Kind]:
    """Return the kinds of requests that were sent."""
    sent = {(one.method, VARIES.sub("*", one.path)) for one in requests if not LEFT_OUT.fullmatch(one.path)}
    return {Kind(index, method, shape.split("*")[0]) for method, shape in sent}


async def approved(world: World) -> Json:
    """Bring a release to its approval, which the bot is about to hear."""
    await confirmed(world)
    return await ask(world, ALICE, "widgets v1.4.0")


async def published(world: World, root: Json) -> Counter[str]:
    """Wait for the end, and return what the timeline tells, but for jobs: whether one is seen to start is luck."""
    await root_saying(world, "published")
    await ended(world, root, "*Published*")
    lines = [
        SHA.sub("*", LINK.sub(r"\1", line)).replace("`", "")
        for message in world.slack.messages(RELEASES, thread=root["ts"])[1:]
        for block in message["blocks"]
        for line in block["text"]["text"].splitlines()
    ]
    return Counter(line for line in lines if "The job" not in line)


async def undisturbed(folder: Path) -> tuple[set[Kind], Counter[str]]:
    """Return the kinds of requests of a release in which nobody dies, and what it tells."""
    async with world_on(f"sqlite:///{folder}/undisturbed.db", folder) as world:
        root = await approved(world)
        before = len(world.forge.requests), len(world.company.requests)
        await click(world, BOB, root, "release.approve")
        told = await published(world, root)
        sent = kinds(world.forge.requests[before[0] :], index=False)
        return sent | kinds(world.company.requests[before[1] :], index=True), told


async def first(*waits: asyncio.Task[object]) -> None:
    """Wait for the first of these, and let the others be."""
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def die_and_live(world: World) -> int:
    """Kill the bot at each request that hangs, and start it again, until the release is published; returns how often."""
    for deaths in range(MOST_DEATHS):
        through = asyncio.create_task(root_saying(world, "published"))
        hangs: list[StandIn] = [world.forge, world.company]
        waits = [asyncio.create_task(one.until_hanging()) for one in hangs]
        await first(through, *waits, asyncio.create_task(world.gate.until_waiting()))
        if "published" in str((root_of(world.slack) or {}).get("text")):
            return deaths
        await world.bot.kill()
        world.gate.release()
        for one in hangs:
            one.release()
        for one in hangs:
            await one.until_none_hangs()
        await world.bot.start()
    raise AssertionError("the release is never through")


async def test_killed_at_every_request(database_url: str, tmp_path: Path) -> None:
    """Wherever it is killed while it acts, the bot goes on where it was: the same end, the same words, nothing twice."""
    sent, wanted = await undisturbed(tmp_path)
    done = database_url.startswith("postgresql")
    folder = tmp_path / "killed"
    folder.mkdir()
    async with world_on(database_url, folder) as world:
        root = await approved(world)
        for kind in sent:
            if not done or kind.method != "GET":
                where = world.company if kind.index else world.forge
                where.fail(kind.prefix, method=kind.method, hang=True, after=done)
        for method in () if done else SLACK:
            world.gate.fail(method, hang=True)
        await click(world, BOB, root, "release.approve")
        deaths = await die_and_live(world)
        assert deaths >= sum(kind.method != "GET" for kind in sent) >= 3
        assert await published(world, root) == wanted
        assert [(run.event, run.attempt) for run in runs(world)] == [("push", 1)]
        assert len(files_of(world, "1.4.0")) == 2
