"""Other programs that upload, and a server that keeps what each of them sends."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import BodyPartReader, web

BIN = Path(sys.executable).parent
Field = tuple[str, str]


@dataclass
class Taker:
    """Takes every upload, and keeps its fields; of the file its name and digest alone."""

    url: str = ""
    uploads: list[list[Field]] = field(default_factory=list)
    authorizations: set[str] = field(default_factory=set)

    async def take(self, request: web.Request) -> web.Response:
        """Take one form."""
        self.authorizations.add(request.headers.get("Authorization", ""))
        found: list[Field] = []
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            if part.filename is None:
                found.append((str(part.name), await part.text()))
                continue
            digest = hashlib.sha256()
            while chunk := await part.read_chunk(262_144):
                digest.update(chunk)
            found.append((str(part.name), f"{part.filename} {digest.hexdigest()}"))
        self.uploads.append(found)
        return web.Response()


@asynccontextmanager
async def taking() -> AsyncIterator[Taker]:
    """Run a server that takes everything."""
    taker = Taker()
    app = web.Application()
    app.router.add_post("/legacy/", taker.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taker.url = f"http://127.0.0.1:{runner.addresses[0][1]}/legacy/"
    try:
        yield taker
    finally:
        await runner.cleanup()


def commands(url: str, files: list[Path]) -> dict[str, list[str]]:
    """Return how twine and uv upload these files with a token."""
    names = [str(file) for file in files]
    return {
        "twine": [
            str(BIN / "twine"), "upload", "--non-interactive", "--disable-progress-bar", "--repository-url", url,
            "-u", "__token__", "-p", "pypi-x", *names,
        ],
        "uv": [
            str(BIN / "uv"), "publish", "--no-config", "--trusted-publishing", "never", "--publish-url", url, "--token",
            "pypi-x", *names,
        ],
    }  # fmt: skip


async def run(folder: Path, command: list[str]) -> tuple[int, str]:
    """Run a program to its end; returns its exit code and what it said."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await running.communicate()
    return running.returncode or 0, said.decode(errors="replace")
