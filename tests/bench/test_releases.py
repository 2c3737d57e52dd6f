"""Releases in flight: how soon a click and a run's end are seen in Slack, and what a release costs.

The real bot against stand-ins of forge and index that run in this process, on the same cores. The base period is the
default of 30 seconds, and so is the gap of a second that GitHub asks for between two orders: a release gives two of
them, so releases are approved one every APART seconds. SHIPBELL_BENCH_IN_FLIGHT names another largest number.
"""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.bench.releases_world import Bench, Place, places, running
from tests.bench.slack_server import Asked

APART = 2.5
CLICKED = 40
"""How many of those in flight are approved and published."""
POLL = 2.0
PATIENCE = 900.0
ENDS = "run's end to the channel's word"
POSTS, EDITS = "chat.postMessage", "chat.update"


async def asked(bench: Bench, found: Sequence[Place]) -> dict[str, Asked]:
    """Ask for a release of each project; return its message once each asks for approvals."""
    for at in found:
        await bench.slack.command(f"{at.user}1", at.channel, f"{at.project} v1.0.0")
    roots: dict[str, Asked] = {}
    taken = 0

    def all_there() -> bool:
        nonlocal taken
        for one in bench.slack.asked[taken:]:
            if one.approve and not one.thread:
                roots[one.text.split()[2]] = one
        taken = len(bench.slack.asked)
        return len(roots) == len(found)

    await bench.slack.until(all_there, PATIENCE)
    return roots


def told(bench: Bench, root: Asked) -> float:
    """Return when the channel was told that a release has arrived; 0 before that."""
    said = (one for one in bench.slack.asked if one.broadcast and one.thread == root.ts)
    return next((one.at for one in said), 0.0)


def edited(bench: Bench, root: Asked, since: float) -> float:
    """Return when the message was changed first since then."""
    edits = (one for one in bench.slack.asked if one.method == EDITS and one.ts == root.ts and one.at > since)
    return next(one.at for one in edits)


async def released(
    bench: Bench, found: Sequence[Place], roots: dict[str, Asked], apart: float
) -> dict[str, list[float]]:
    """Approve one release after the other; return the seconds that each thing took."""
    clicks: dict[str, float] = {}
    for at in found:
        clicks[at.project] = time.time()  # noqa: TID251 - as the stand-ins, the real time
        await bench.slack.click(f"{at.user}2", roots[at.project])
        await asyncio.sleep(apart)
    await bench.slack.until(lambda: all(told(bench, roots[at.project]) for at in found), PATIENCE)
    return {
        "click to the message's edit": [edited(bench, roots[name], at) - at for name, at in clicks.items()],
        ENDS: [told(bench, roots[name]) - bench.finished(name) for name in clicks],
        "click to the channel's word": [told(bench, roots[name]) - at for name, at in clicks.items()],
    }


def line(name: str, seconds: Sequence[float]) -> str:
    """Return the two figures of a list of seconds."""
    if len(seconds) < 2:
        return f"  {name}: {seconds[0] * 1000:.0f} ms"
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"  {name}: p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"


def costs(bench: Bench, asked_for: int, before: Counter[str], clicked: int) -> str:
    """Return what was asked of forge, index and Slack for each release, to the question and from it to the end."""
    kinds, unchanged = bench.asked_of_forge()
    total = sum(kinds.values())
    common = ", ".join(f"{kind} {count / asked_for:.1f}" for kind, count in kinds.most_common(12))
    index = bench.asked_of_index()
    slack = Counter(one.method for one in bench.slack.asked)
    return (
        f"  forge: {before['forge'] / asked_for:.1f} requests until it is asked about, then"
        f" {(total - before['forge']) / clicked:.1f}; {unchanged} of {total} answered 304\n    {common}\n"
        f"  index: {before['index'] / asked_for:.1f}, then {(sum(index.values()) - before['index']) / clicked:.1f}; {dict(index)}\n"
        f"  Slack: {before['slack'] / asked_for:.1f}, then {(sum(slack.values()) - before['slack']) / clicked:.1f}; {dict(slack)}"
    )


def so_far(bench: Bench) -> Counter[str]:
    """Return how much was asked of whom until now."""
    forge, _ = bench.asked_of_forge()
    index = bench.asked_of_index()
    return Counter(forge=sum(forge.values()), index=sum(index.values()), slack=len(bench.slack.asked))


def pace(bench: Bench) -> str:
    """Return how much Slack was sent in the fullest minute of a channel and of a workspace."""
    most: Counter[str] = Counter()
    for method in (POSTS, EDITS):
        moments: dict[str, list[float]] = {}
        for one in bench.slack.asked:
            if one.method == method:
                where = one.channel if method == POSTS else one.channel.partition("C")[0]
                moments.setdefault(where, []).append(one.at)
        most[method] = max((_within(found, 60.0) for found in moments.values()), default=0)
    return (
        f"  at most {most[POSTS]} messages a minute in a channel, {most[EDITS]} edits a minute in a workspace"
    )


def _within(found: Sequence[float], seconds: float) -> int:
    """Return how many moments lie within so many seconds at most."""
    return max(sum(start <= one < start + seconds for one in found) for start in found)


async def play(folder: Path, name: str, found: list[Place], clicked: int, **more: float) -> None:
    """Play releases of these projects, so many of them to their end, and print what was seen."""
    apart = more.get("apart", APART)
    webhooks = "poll_seconds" not in more
    began = time.perf_counter()
    async with running(
        folder, found, webhooks=webhooks, poll_seconds=more.get("poll_seconds", 30.0)
    ) as bench:
        roots = await asked(bench, found)
        asking, before = time.perf_counter() - began, so_far(bench)
        taken = await released(bench, found[:clicked], roots, apart)
        assert bench.bot.process is not None
        bot = psutil.Process(bench.bot.process.pid)
        print(f"\n{name}: {clicked} of {len(found)} in flight approved, one every {apart:g} s")
        for what, seconds in taken.items():
            print(line(what, seconds))
        if not webhooks:
            periods = [end / more["poll_seconds"] for end in taken[ENDS]]
            print(f"  that is {statistics.median(periods):.2f} poll periods, at most {max(periods):.2f}")
        print(costs(bench, len(found), before, clicked))
        print(pace(bench))
        cpu, memory = sum(bot.cpu_times()[:2]), bot.memory_info().rss
        print(f"  asked for within {asking:.0f} s; CPU of the bot {cpu:.1f} s; memory {memory / 1e6:.0f} MB")


def most() -> int:
    """Return how many releases are in flight at most."""
    return int(os.environ.get("SHIPBELL_BENCH_IN_FLIGHT", "500"))  # noqa: TID251 - the bench's own knob


@pytest.mark.timeout(3_600)
async def test_one(tmp_path: Path) -> None:
    """A release that acts alone is told of; ten of them, one after the other."""
    await play(tmp_path, "one at a time", places(10, 10, 1), 10, apart=8.0)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("number", [50, 500])
async def test_many(number: int, tmp_path: Path) -> None:
    """Many releases are told of."""
    number = min(number, most())
    clicked = min(number, CLICKED)
    await play(tmp_path, f"{number} in flight", places(number, 25, 4), clicked)


@pytest.mark.timeout(3_600)
async def test_polling(tmp_path: Path) -> None:
    """Without webhooks too, a poll period or two later."""
    found = places(20, 20, 1)
    await play(tmp_path, f"polling every {POLL:g} s", found, len(found), poll_seconds=POLL)


@pytest.mark.timeout(3_600)
async def test_one_channel(tmp_path: Path) -> None:
    """All in one channel of one workspace stay within what Slack takes there."""
    found = places(20, 1, 1)
    await play(tmp_path, "one channel", found, len(found))


@pytest.mark.timeout(3_600)
async def test_burst(tmp_path: Path) -> None:
    """Fifty approvals at the same moment are heard at once; the forge is given its orders one a second."""
    number = min(50, most())
    await play(tmp_path, "a burst", places(number, 25, 2), number, apart=0.0)
