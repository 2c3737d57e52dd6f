"""A bot's process that need not import everything first: forked from one that has, once per test process.

It is a process like any other: it has its own memory, is killed by `kill -9`, and begins in `bot.__main__` with nothing in its
environment but what it is given. Only the system's list of processes shows the other's command line and environment, so what looks
there starts the real program (`bot.demo.world.program`).
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "bot.__main__",
        "bot.app",
        "alembic.command",
        "alembic.config",
        "bot.index.attestations",
        "sigstore.verify",
        "pypi_attestations",
        "pypitoken",
        "anyio._backends._asyncio",
        "psycopg",
        "tests.stories.warmed",
        __name__,
    ]
)


class Forked:
    """A forked process, as asyncio shows one."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit code, the negative signal that ended it, or None while it runs."""
        return self._process.exitcode

    async def wait(self) -> int:
        """Wait until it has ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def send_signal(self, number: int, /) -> None:
        """Send it a signal, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


async def forked(environment: Mapping[str, str], log: Path, command: str = "serve") -> Forked:
    """Start `shipbell serve` so, or another command, which writes to this log."""
    return started(serve, dict(environment), log, command)


def started(target: Callable[..., None], *given: object) -> Forked:
    """Start a process that is this function."""
    process = _CONTEXT.Process(target=target, args=given, daemon=True)
    process.start()
    return Forked(process)


def serve(environment: dict[str, str], log: Path, command: str) -> None:
    """Be that command, in the child."""
    from bot.__main__ import main

    into = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(into, stream.fileno())
    os.close(into)
    os.environ.clear()  # noqa: TID251 - what the other process was given is not this one's
    os.environ.update(environment)  # noqa: TID251
    sys.argv = ["shipbell", command]
    sys.exit(main())
