"""One wheel of 1, 50 and 500 MB uploaded by the bot, by twine and by uv to one server, side by side in one run."""

import asyncio
import json
import os
import secrets
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from tests.transport.peers import commands
from tests.unit.packed import METADATA, WHEEL_METADATA, WHEEL_NAME

MB = 1_048_576
ROOT = Path(__file__).parents[2]
ROUNDS = {1: 3, 50: 3, 500: 2}
"""How often each is sent; the fastest counts."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one upload took."""

    seconds: float
    """From the program's start to its end."""
    memory: int
    """Bytes at its peak."""
    more: str = ""


@asynccontextmanager
async def swallowing() -> AsyncIterator[str]:
    """Run a server that reads every body, and does nothing with it."""

    async def take(request: web.Request) -> web.Response:
        async for _ in request.content.iter_any():
            pass
        return web.Response()

    app = web.Application()
    app.router.add_post("/legacy/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/legacy/"
    finally:
        await runner.cleanup()


def packed(folder: Path, size: int) -> Path:
    """Return a wheel of so many megabytes that nothing packs smaller."""
    path = folder / WHEEL_NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as making:
        with making.open("gearbox/data", "w", force_zip64=True) as inside:
            for _ in range(size):
                inside.write(secrets.token_bytes(MB))
        making.writestr(WHEEL_METADATA, METADATA)
    return path


LAUNCHER = """
import json, os, sys, time
out = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
begun = time.perf_counter()
said = [(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)]
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=said)
_, status, used = os.wait4(pid, 0)
print(json.dumps([status, time.perf_counter() - begun, used.ru_maxrss * 1024]))
"""
"""Starts a program and says what it took: whoever starts one passes its own peak of memory on, and this one has little."""


async def run(folder: Path, command: list[str]) -> Cost:
    """Run a program to its end."""
    out = folder / "said"
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
    }
    launched = await asyncio.create_subprocess_exec(
        sys.executable,
        "-S",
        "-c",
        LAUNCHER,
        str(out),
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await launched.communicate()
    status, seconds, memory = json.loads(told)
    assert status == 0, out.read_text()
    return Cost(seconds, memory, out.read_text())


@pytest.mark.timeout(1_800)
async def test_uploads_side_by_side(tmp_path: Path) -> None:
    """Every program takes every size; the figures are printed, and the bot's memory does not grow with the file."""
    print()
    grown: dict[int, int] = {}
    async with swallowing() as url:
        for size, rounds in ROUNDS.items():
            path = packed(tmp_path, size)
            ours = [sys.executable, "-m", "tests.bench.upload_once", url, str(path)]
            best: dict[str, Cost] = {}
            for _ in range(rounds):
                for name, command in {"bot": ours, **commands(url, [path])}.items():
                    cost = await run(tmp_path, command)
                    best[name] = min(best.get(name, cost), cost, key=lambda one: one.seconds)
            took = json.loads(best["bot"].more)
            grown[size] = took["grown"]
            for name, cost in best.items():
                print(f"{size:4} MB {name:6} {cost.seconds:6.2f} s {cost.memory / MB:6.0f} MB at its peak")
            alone = f"looked through in {took['looked']:.2f} s, sent in {took['sent']:.2f} s"
            print(f"{size:4} MB bot, running already: {alone}, {took['grown'] / MB:.1f} MB more")
    assert grown[500] < 50 * MB
