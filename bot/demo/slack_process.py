"""The local-slack program as a child process that never outlives us.

Knows: where the binary lies, how it says that it is up, how it is ended. Must not know: what Slack is.

The child must end even if this process is killed outright, so nothing of ours can be relied on to
run then. Linux has a signal for it (PR_SET_PDEATHSIG), but it follows the *thread* that forked, macOS has
none, and setting it needs code between fork and exec. Instead a shell of a few lines stands between: it
holds the reading end of a pipe whose only writing end is ours. However we end, the kernel closes
that end, the shell reads end-of-file, ends the program (outright: it keeps nothing but that folder) and removes its folder. POSIX alone, so
the same on Linux and macOS. (Killing that shell outright would orphan the program; nobody has a reason to.)
"""

import asyncio
import contextlib
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
from collections import deque
from pathlib import Path

from bot.errors import ShipbellError

START_SECONDS = 20.0
STOP_SECONDS = 5.0
GUARD = """
folder=$1; shift
"$@" </dev/null & child=$!
exec >/dev/null 2>&1
read -r _
kill -KILL $child
wait $child
rm -rf -- "$folder"
"""
SOURCE_LINE = re.compile(r"\d+ \|")
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def binary() -> Path:
    """Return local-slack's program for this platform. ShipbellError where it isn't installed."""
    machine = MACHINES.get(platform.machine().lower(), "unknown")
    package = f"local-slack-{sys.platform}-{machine}"
    path = Path(sys.prefix) / "stand-ins" / "node_modules" / package / "bin" / "local-slack"
    if not path.is_file():
        raise ShipbellError(
            f"The local Slack workspace ({package}) is not installed.",
            "Run `make setup`; it is published for Linux and macOS on x64 and arm64.",
        )
    return path


class LocalSlack:
    """One running local-slack.

    It binds all interfaces and can't be told otherwise; what it prints and hands out names 127.0.0.1.
    On a shared network others can reach a running demo, which holds nothing but made-up people.
    """

    def __init__(self) -> None:
        self.url = ""
        """Where it listens, without a slash at the end; "" before `start`."""
        self._process: asyncio.subprocess.Process | None = None
        self._folder = Path()
        self._said: deque[str] = deque(maxlen=20)
        self._listening: asyncio.Task[None] | None = None

    @property
    def guard_pid(self) -> int:
        """The process id of the guarding shell, 0 where nothing runs."""
        return self._process.pid if self._process else 0

    async def start(self, config: str, port: int = 0) -> None:
        """Start it and wait until it listens; port 0 lets it take a free one. ShipbellError if it won't."""
        program = binary()
        self._said.clear()
        self._folder = Path(tempfile.mkdtemp(prefix="shipbell-slack-"))
        path = self._folder / "config.json"
        path.write_text(config, encoding="utf-8")  # the folder is for this user alone
        arguments = ["--config", str(path), "--port", str(port), "--base-host", "127.0.0.1"]
        arguments += ["--files-dir", str(self._folder / "files")]
        self._process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", GUARD, "local-slack-guard", str(self._folder), str(program), *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to handle; it ends with us, in our order
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_SECONDS):
                self.url = await self._address()
        except TimeoutError:
            await self.stop()
            raise ShipbellError("The local Slack workspace did not start in time.", self._words()) from None
        if not self.url:
            await self.stop()
            raise ShipbellError(f"The local Slack workspace did not start (port {port}).", self._words())
        self._listening = asyncio.create_task(self._drain())

    async def stop(self) -> None:
        """End it and remove its files; harmless where nothing runs."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # the guard's signal to end its child
        if self._listening is None:
            self._listening = asyncio.create_task(self._drain_of(process))
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await self._listening
        self._listening = None
        self.url = ""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _address(self) -> str:
        """Read what it prints up to the line with its address; "" if it ends before."""
        assert self._process
        assert self._process.stdout
        async for line in self._process.stdout:
            text = line.decode("utf-8", "replace").strip()
            self._said.append(text)
            if "Web UI:" in text:
                return text.rpartition(" ")[2]
        return ""

    async def _drain(self) -> None:
        if self._process is not None:
            await self._drain_of(self._process)

    async def _drain_of(self, process: asyncio.subprocess.Process) -> None:
        # An unread pipe would fill up and stop it.
        assert process.stdout
        async for line in process.stdout:
            self._said.append(line.decode("utf-8", "replace").strip())

    def _words(self) -> str:
        # A crash prints pages of its own source, as `12 | ...`; the reason stands outside of them.
        told = [line[:200] for line in self._said if line and not SOURCE_LINE.match(line)]
        return "It said: " + " ".join(told)
