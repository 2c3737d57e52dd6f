"""Web and worker processes behind wires, each followed by another when it ends, as a supervisor sees to it."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import cast
from urllib.parse import urlsplit

import psycopg

from bot.demo.world import WEBHOOK_SECRET, BotFailed, BotProcess, Process
from tests.bench.releases_world import Bench, Place
from tests.chaos import clocks
from tests.chaos.postgres import DATABASE, Server
from tests.chaos.slack import ChaosSlack
from tests.chaos.wires import Wire, tcp, unix

LEASE = 2
AGAIN = 0.3
"""Seconds after which a supervisor starts what has ended."""
Launch = Callable[[Mapping[str, str], Path], Awaitable[Process]]


@dataclass
class Kept:
    """One place in the fleet: a process, and after it the next."""

    process: BotProcess
    starts: int = 0
    ends: list[int] = field(default_factory=list)
    """The exit code of each that has ended."""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def keep(self) -> None:
        """Start it, and again whenever it has ended."""
        while True:
            self.starts += 1
            try:
                await self.process.start()
            except BotFailed:
                await asyncio.sleep(AGAIN)
                continue
            self.up.set()
            running = self.process.process
            assert running is not None
            code = await running.wait()
            self.up.clear()
            self.ends.append(code)
            self.ended.set()
            await asyncio.sleep(AGAIN)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to what runs now."""
        if self.process.process is not None and self.process.process.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and nobody has asked how yet
                os.kill(self.process.process.pid, number)

    async def rolled(self) -> int:
        """Ask it to stop, wait until another runs in its place, and return its exit code."""
        before = len(self.ends)
        self.ended.clear()
        self.send(signal.SIGTERM)
        await self.ended.wait()
        await self.up.wait()
        return self.ends[before]

    async def end(self) -> None:
        """End it for good."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.process.stop()


class Fleet(Bench):
    """The world of the bench, with many processes on a PostgreSQL of its own, and wires between all of them."""

    slack: ChaosSlack

    def __init__(self, folder: Path, server: Server, seed: int, size: tuple[int, int]) -> None:
        super().__init__(folder, webhooks=True, poll_seconds=1.0)
        self.server = server
        self.chance = Random(seed)
        self.slack = ChaosSlack(Random(seed))
        self.launch: Callable[[str], Launch] = lambda command: cast(
            "Launch", partial(clocks.forked, command=command)
        )
        self.webs: list[Kept] = []
        self.workers: list[Kept] = []
        self.size = size
        self.lease = LEASE
        self.wires: dict[str, Wire] = {}
        self.doing: dict[str, str] = {}
        """What people wait for, by project."""

    @property
    def members(self) -> list[Kept]:
        """All processes."""
        return [*self.webs, *self.workers]

    async def start(self, stack: AsyncExitStack, found: list[Place]) -> None:
        """Start everything, the processes last."""
        with psycopg.connect(self.server.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        await self._stand_ins(stack)
        ends = {
            "postgres": lambda: [unix(self.server.socket)],
            "forge": lambda: [tcp(urlsplit(self.forge.url).port or 0)],
            "index": lambda: [tcp(urlsplit(self.index.url).port or 0)],
            "slack": lambda: [tcp(urlsplit(self.slack.url).port or 0)],
            "web": lambda: [tcp(one.process.port) for one in self.webs],
        }
        for name, reaches in ends.items():
            self.wires[name] = await stack.enter_async_context(Wire(Random(self.chance.random()), reaches))
        self.database_url = self.server.url(self.wires["postgres"].port)
        await self.fill(found)
        for kind, count, into in zip(("serve", "worker"), self.size, (self.webs, self.workers), strict=True):
            for number in range(count):
                log = self.folder / f"{kind}{number}.log"
                process = BotProcess(self.environment(), log, launch=self.launch(kind))
                into.append(Kept(process))
        self.slack.bot_url, self.slack.hooks_url = self.wires["web"].url, self.wires["slack"].url
        self.forge.hook_url = f"{self.wires['web'].url}/github/webhooks"
        self.forge.hook_secret = WEBHOOK_SECRET
        for one in self.members:
            one.task = asyncio.create_task(one.keep())
            stack.push_async_callback(one.end)
        async with asyncio.timeout(120):
            await asyncio.gather(*(one.up.wait() for one in self.members))

    def environment(self) -> dict[str, str]:
        """Return the settings of all processes."""
        wires = self.wires
        index = {"url": f"{wires['index'].url}{urlsplit(self.index.url).path}"}
        index["upload_url"] = f"{wires['index'].url}{urlsplit(self.index.upload_url).path}"
        return super().environment() | {
            "SHIPBELL_DATABASE_URL": self.database_url,
            "SHIPBELL_ENGINE": "postgres",
            "SHIPBELL_LEASE_SECONDS": str(self.lease),
            "SHIPBELL_SLACK_API_URL": f"{wires['slack'].url}/api/",
            "SHIPBELL_GITHUB_API_URL": wires["forge"].url,
            "SHIPBELL_INDEXES": json.dumps({"company": index}),
        }

    async def ask_and_approve(self, found: list[Place], seconds: float) -> None:
        """Let people ask for a release of each project within so many seconds, and approve as soon as they are asked."""
        async with asyncio.TaskGroup() as group:
            for place in found:
                group.create_task(self._released(place, seconds * self.chance.random() / 2))

    async def _released(self, place: Place, after: float) -> None:
        self.doing[place.project] = "is to be asked for"
        await asyncio.sleep(after)
        self.doing[place.project] = "is asked for"
        # Nobody asks again who was not answered: what was acknowledged is done, whatever befalls the bot.
        slack, root = self.slack, None
        while root is None:
            ack = await slack.command(f"{place.user}1", place.channel, f"{place.project} v1.0.0")
            root = await slack.root(place.project, ack)
            await asyncio.sleep(AGAIN)
        self.doing[place.project] = "is shown"
        over = False
        while not over:
            over = await slack.decided(root, await slack.click(f"{place.user}2", root))
            await asyncio.sleep(AGAIN)
        del self.doing[place.project]

    def faults(self) -> list[str]:
        """Return what went wrong with the bot itself, as its logs tell; not what it was told of the world."""
        found = []
        for log in sorted(self.folder.glob("*.log")):
            found += [
                line for line in log.read_text(errors="replace").splitlines() if '"level": "error"' in line
            ]
        return found
