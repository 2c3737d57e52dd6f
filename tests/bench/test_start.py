"""Start, help and idle memory, beside bare Bolt."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bot.demo.world import BotProcess, free_port
from tests.bench.test_ack import server

TIMES = 5


def settings(folder: Path) -> dict[str, str]:
    """Return the least that `shipbell serve` needs."""
    return {
        "SHIPBELL_DATA_DIR": str(folder / "data"), "SHIPBELL_SLACK_SIGNING_SECRET": "bench-signing-secret",
        "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-bench", "SHIPBELL_SLACK_API_URL": "http://127.0.0.1:9/api/",
    }  # fmt: skip


async def test_start(tmp_path: Path) -> None:
    """The bot starts and its help is printed; the figures are printed, not judged."""
    taken, memory = [], []
    for _ in range(TIMES + 1):
        bot = BotProcess(settings(tmp_path), tmp_path / "bot.log", port=free_port())
        begun = time.perf_counter()
        await bot.start()
        taken.append(time.perf_counter() - begun)
        assert bot.process is not None
        memory.append(psutil.Process(bot.process.pid).memory_info().rss / 1e6)
        await bot.stop()
    helped = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        command = [str(Path(sys.executable).with_name("shipbell")), "--help"]
        subprocess.run(command, check=True, capture_output=True, env={"PATH": os.defpath})  # noqa: ASYNC221 - measured alone
        helped.append(time.perf_counter() - begun)
    async with server("bolt", tmp_path):
        found = [one for one in psutil.Process().children() if "tests.bench.servers" in one.cmdline()]
        bare = found[0].memory_info().rss / 1e6
    print(f"\nstart to ready, {TIMES} times")
    print(f"  first start, which makes the database: {taken[0]:.2f} s, {memory[0]:.0f} MB afterwards")
    print(
        f"  later starts: median {statistics.median(taken[1:]):.2f} s; idle memory {statistics.median(memory[1:]):.0f} MB"
    )
    print(f"  a bare Bolt app: {bare:.0f} MB; `shipbell --help`: median {statistics.median(helped):.2f} s")
    await asyncio.sleep(0)
