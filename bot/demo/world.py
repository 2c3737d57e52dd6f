"""The demo's world: stand-ins of Slack, forge and indexes on loopback, and the real bot as a process of its own.

Knows: how they are wired. Must not know: what is played on them. Tests use it too.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import aiohttp

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from bot.demo.index_consumers import Consumer
from bot.demo.sigstore_signer import Signer
from bot.demo.slack_gate import SlackGate
from bot.demo.slack_workspace import SlackWorkspace
from bot.errors import ShipbellError

WEBHOOK_SECRET = "stand-in-webhook-secret"
START_SECONDS = 60.0
STOP_SECONDS = 25.0


class BotFailed(ShipbellError):
    """The bot's process did not start, or ended by itself."""


PORTS = range(20_000, 32_000)
"""Where ports are looked for: below those that systems give to outgoing connections."""
_kept: list[int] = []
"""Locks on the ports that this process was given, held until it ends."""


def free_port() -> int:
    """Return a port that is free, and that no other process of ours is given meanwhile; OSError where there is none."""
    start = os.getpid() * 97
    for number in range(len(PORTS)):
        port = PORTS[(start + number) % len(PORTS)]
        lock = f"{tempfile.gettempdir()}/shipbell-port-{port}-{os.getuid()}"
        handle = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(handle)
            continue
        _kept.append(handle)
        return port
    raise OSError("no port is free")


class Process(Protocol):
    """What is asked of a process that was started; `asyncio.subprocess.Process` is one."""

    @property
    def pid(self) -> int: ...  # noqa: D102 - as in asyncio
    @property
    def returncode(self) -> int | None: ...  # noqa: D102
    async def wait(self) -> int: ...  # noqa: D102
    def send_signal(self, signal: int, /) -> None: ...  # noqa: D102
    def kill(self) -> None: ...  # noqa: D102


async def program(environment: Mapping[str, str], log: Path, command: str = "serve") -> Process:
    """Start `shipbell serve`, or another command, as its own program, which writes to this log."""
    with log.open("ab") as into:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", command, env=environment, stdout=into, stderr=into,
            stdin=asyncio.subprocess.DEVNULL, cwd=Path(__file__).parents[2],
        )  # fmt: skip


@dataclass(slots=True)
class BotProcess:
    """`shipbell serve`, or a worker, as a process, with nothing in its environment but what it is given."""

    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: Process | None = None
    launch: Callable[[Mapping[str, str], Path], Awaitable[Process]] = program
    """How it is started. Tests have a quicker way (`tests/stories/forked.py`)."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> Self:
        """Start it and wait until it says that it is ready; BotFailed with the log's end where it isn't."""
        environment = {
            "PATH": os.defpath,
            "PYTHONUNBUFFERED": "1",
            **self.environment,
            "SHIPBELL_PORT": str(self.port),
            "SHIPBELL_WORKER_PORT": str(self.port),
        }
        self.process = await self.launch(environment, self.log)
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_ready(self.process)
        except TimeoutError:
            await self.kill()
            raise BotFailed(f"The bot was not ready within {START_SECONDS:g} s.", self.words()) from None
        return self

    async def _until_ready(self, process: Process) -> None:
        async with aiohttp.ClientSession() as session:
            while process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                # There is no event to wait for in another process: ask again a little later.
                await asyncio.sleep(0.02)
        raise BotFailed(f"The bot ended with exit code {process.returncode}.", self.words())

    async def stop(self) -> int:
        """Ask it to stop, as a supervisor does; returns its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """End it at once, as a power cut does."""
        return await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                return await process.wait()
        except TimeoutError:
            process.kill()
            return await process.wait()

    def words(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2_000:] if self.log.exists() else ""


class World:
    """All stand-ins, started together on free ports. `company` has the publisher API, `public` has not."""

    def __init__(
        self,
        folder: Path,
        *,
        mode: str = "events",
        poll_seconds: float = 1.0,
        page_port: int = 0,
        settings: Mapping[str, str] | None = None,
        webhooks: bool = True,
    ) -> None:
        """Describe a world; `settings` are further ones for the bot, `webhooks` whether the forge tells it of events."""
        self.settings = dict(settings or {})
        self.folder = folder
        self.poll_seconds = poll_seconds
        self.forge = ForgeStandIn()
        self.forge_token = self.forge.make_token()
        self.company = IndexStandIn(name="company", oauth1=True)
        self.consumer: Consumer | None = None
        """By which the bot may use the company index's OAuth facility; None: it is not told of it."""
        self.public = IndexStandIn(name="public", publisher_api=False)
        self.slack = SlackWorkspace(mode="socket" if mode == "socket" else "events", port=page_port)
        self.gate = SlackGate(self.slack)
        self.signer = Signer()
        self.webhooks = webhooks
        self.bot = BotProcess({}, folder / "bot.log")
        self._stack = AsyncExitStack()

    async def start(self, *, bot: bool = True) -> Self:
        """Start everything; the bot last."""
        try:
            await self.forge.start()
            self._stack.push_async_callback(self.forge.stop)
            for index in (self.company, self.public):
                await index.start()
                self._stack.push_async_callback(index.stop)
                index.trust_issuer(self.forge.issuer, self.forge.jwks)
            self._let_runs_publish()
            self.company.add_project("widgets", ["widgets-1.0.tar.gz"])
            self.company.add_project("gears", ["gears-0.3.tar.gz"])
            await self.gate.start()
            self._stack.push_async_callback(self.gate.stop)
            await self.slack.start()
            self._stack.push_async_callback(self.slack.stop)
            self.bot.environment = self.environment()
            self.gate.bot_url = self.bot.url
            if self.webhooks:
                self.forge.hook_url = f"{self.bot.url}/github/webhooks"
                self.forge.hook_secret = WEBHOOK_SECRET
            if bot:
                await self.bot.start()
        except BaseException:
            await self.stop()
            raise
        return self

    def _let_runs_publish(self) -> None:
        """Tell the forge's runs where they publish, who attests their files, and that publishing needs a review."""
        self.forge.runner.indexes[""] = (self.company.url, self.company.upload_url)
        self.forge.runner.indexes["acme/gizmos"] = (self.public.url, self.public.upload_url)
        self.forge.runner.attest = self.signer.attest_file
        self.forge.require_review("acme/widgets", "pypi", token_may_approve=True)
        self.signer.write_trusted_root(self.folder / "trusted_root.json")

    async def stop(self) -> None:
        """End the bot, then everything else."""
        await self.bot.stop()
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    def environment(self) -> dict[str, str]:
        """Return the bot's settings for this world."""
        company: dict[str, object] = {"url": self.company.url, "upload_url": self.company.upload_url}
        if self.consumer is not None:
            company["oauth1"] = {"consumer_key": self.consumer.key, "consumer_secret": self.consumer.secret}
        indexes = {
            "company": company,
            "pypi": {"url": self.public.url, "upload_url": self.public.upload_url, "publisher_api": False},
            "testpypi": {
                "url": self.public.url,
                "upload_url": self.public.upload_url,
                "publisher_api": False,
            },
        }
        slack = {"SHIPBELL_SLACK_SIGNING_SECRET": self.slack.signing_secret}
        if self.slack.mode == "socket":
            slack = {"SHIPBELL_SLACK_APP_TOKEN": self.slack.app_token}
        return {
            "SHIPBELL_DATA_DIR": str(self.folder / "data"),
            "SHIPBELL_PUBLIC_URL": self.bot.url,
            "SHIPBELL_SLACK_BOT_TOKEN": self.slack.bot_token,
            "SHIPBELL_SLACK_CLIENT_ID": self.gate.desk.client[0],
            "SHIPBELL_SLACK_CLIENT_SECRET": self.gate.desk.client[1],
            "SHIPBELL_SLACK_API_URL": self.gate.api_url,
            "SHIPBELL_GITHUB_API_URL": self.forge.url,
            "SHIPBELL_GITHUB_WEB_URL": self.forge.web_url,
            "SHIPBELL_GITHUB_TOKEN": self.forge_token,
            "SHIPBELL_GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "SHIPBELL_SIGSTORE_TRUST_ROOT": str(self.folder / "trusted_root.json"),
            "SHIPBELL_INDEXES": json.dumps(indexes),
            "SHIPBELL_POLL_SECONDS": str(self.poll_seconds),
            "SHIPBELL_ALLOW_PRIVATE_ADDRESSES": "true",
            **slack,
            **self.settings,
        }
