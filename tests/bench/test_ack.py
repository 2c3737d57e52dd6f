"""The ack of a slash command beside what it is made of, all in one run."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.demo.world import BotProcess, free_port
from tests.bench.servers import KINDS, SECRET

ROUNDS, EACH = 8, 50
OURS = "shipbell"
BUSY = "back to back"
"""Ours again, each command sent while the bot still works on those before."""


@asynccontextmanager
async def server(kind: str, folder: Path) -> AsyncIterator[str]:
    """Run one of the servers, wait until it is ready, end it."""
    port = free_port()
    arguments = (sys.executable, "-m", "tests.bench.servers", kind, str(port), str(folder))
    process = await asyncio.create_subprocess_exec(*arguments)
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/readyz"):
                    break
            await asyncio.sleep(0.05)
    try:
        yield url
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def shipbell(folder: Path, slack: str) -> AsyncIterator[str]:
    """Run the real bot; its Slack is the bare server, which takes everything."""
    settings = {
        "SHIPBELL_DATA_DIR": str(folder / "data"),
        "SHIPBELL_SLACK_SIGNING_SECRET": SECRET,
        "SHIPBELL_SLACK_BOT_TOKEN": "xoxb-bench",
        "SHIPBELL_SLACK_API_URL": f"{slack}/api/",
        "SHIPBELL_LOG_LEVEL": "ERROR",
    }
    bot = BotProcess(settings, folder / "bot.log")
    await bot.start()
    try:
        yield bot.url
    finally:
        await bot.stop()


async def settled(session: aiohttp.ClientSession, url: str) -> None:
    """Wait until the bot has nothing left to do, so that it does not take time from the others' rounds."""
    quiet = ("shipbell_outbox_waiting 0.0", "shipbell_inbox_waiting 0.0")
    while True:
        async with session.get(f"{url}/metrics") as answer:
            text = await answer.text()
        if all(line in text for line in quiet):
            return
        await asyncio.sleep(0.02)


def request(number: int, slack: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of a signed `/publisher check`, each with a trigger of its own."""
    fields = {
        "command": "/publisher", "text": "check acme-widgets", "team_id": "T1", "user_id": "U1", "channel_id": "C1",
        "trigger_id": f"{number}.{time.monotonic_ns()}", "response_url": f"{slack}/hooks/1",
    }  # fmt: skip
    body = urlencode(fields)
    at = str(int(time.time()))  # noqa: TID251 - the signature's own clock
    digest = hmac.new(SECRET.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}"}
    return body.encode(), headers | {"Content-Type": "application/x-www-form-urlencoded"}


async def measure(
    session: aiohttp.ClientSession, url: str, numbers: Iterator[int], slack: str, pause: bool
) -> list[float]:
    """Return the milliseconds of one round of commands; with `pause` each waits until the bot has done the last one."""
    taken = []
    for _ in range(EACH):
        body, headers = request(next(numbers), slack)
        begun = time.perf_counter()
        async with session.post(f"{url}/slack/events", data=body, headers=headers) as answer:
            await answer.read()
            taken.append((time.perf_counter() - begun) * 1000)
            assert answer.status == 200
        if pause:
            await settled(session, url)
    return taken


@pytest.mark.timeout(900)
async def test_ack(tmp_path: Path) -> None:
    """Every command is answered 200; the figures are printed, not judged."""
    numbers = itertools.count()
    taken: dict[str, list[float]] = {kind: [] for kind in (*KINDS, OURS, BUSY)}
    async with AsyncExitStack() as stack:
        urls = {kind: await stack.enter_async_context(server(kind, tmp_path)) for kind in KINDS}
        urls[OURS] = await stack.enter_async_context(shipbell(tmp_path, urls["starlette"]))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        for round_number in range(ROUNDS + 1):
            for kind, url in urls.items():
                found = await measure(session, url, numbers, urls["starlette"], pause=kind == OURS)
                taken[kind] += found if round_number else []  # the first round warms up
            found = await measure(session, urls[OURS], numbers, urls["starlette"], pause=False)
            taken[BUSY] += found if round_number else []
            await settled(session, urls[OURS])
    print(f"\nack of a slash command over HTTP, {ROUNDS * EACH} each, one after the other, ms")
    base = statistics.median(taken["bolt-insert"])
    for kind, found in taken.items():
        cuts = statistics.quantiles(found, n=100)
        print(
            f"  {kind:12} p50 {cuts[49]:7.2f}  p99 {cuts[98]:7.2f}  p50 / bolt-insert {cuts[49] / base:5.2f}"
        )
