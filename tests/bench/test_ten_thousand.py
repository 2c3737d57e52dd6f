"""Messages lost and doubled over 10,000 releases, while Slack repeats, delays and re-orders, and loses answers.

The real inlet, intents, releases, outbox and Slack notifier on a real database; forge, index, people and Slack are in
memory, and the clock is moved by hand. SHIPBELL_BENCH_RELEASES takes another number.
"""

import asyncio
import heapq
import itertools
import logging
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psutil
import pytest
import structlog
from sqlalchemy import Engine, event, select
from sqlmodel import col

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.release_notices import Step
from bot.slack import clicks
from bot.slack.blocks.releases import APPROVE
from bot.slack.notifier import SlackNotifier
from bot.workflow.hands import packed
from bot.workflow.inlet import Wish
from storage.database import Database
from storage.ledger import policies, publishers, releases, teams
from storage.records import OutboxState, Registration, ReleaseState, StartBy
from storage.tables import OutboxRow
from tests.bench.slack_memory import MemorySlack
from tests.releases.kit import ALICE, BOB, CAROL, World

RELEASES, ON_POSTGRESQL = 1_000, 100
"""Without SHIPBELL_BENCH_RELEASES: ten thousand take hours."""
SEED = 20_261_121
TEAMS, PROJECTS = 10, 10
"""Ten projects a team; all hundred release at once, again and again."""
BATCH = TEAMS * PROJECTS
TICK = timedelta(seconds=20)
"""How long a step of forge and index takes."""
STEP = timedelta(seconds=3)
"""The clock moves at least so far, so that much is due at once, as on a busy day."""
ONCE = (
    Step.ASKED, Step.SHOWN, Step.QUORUM, Step.TAG_MADE, Step.RUN_FOUND, Step.RUN_ENDED, Step.DEPLOYMENT_APPROVED,
    Step.ACCEPTED, Step.INSTALLABLE, Step.ATTESTED, Step.PUBLISHED,
)  # fmt: skip
"""What every timeline says, once."""
AT_ONCE = 16
Asked = Callable[[], Awaitable[datetime | None]]
Claim = Callable[[int], Awaitable[Sequence[Any]]]
Taken = Callable[[Any], Awaitable[None]]
Lane = tuple[Asked, Claim, Taken]


@dataclass(order=True)
class Coming:
    """A delivery on its way."""

    at: datetime
    number: int
    wish: Wish = field(compare=False)


@dataclass
class Count:
    """What was found wrong, and how much was looked at."""

    releases: int = 0
    unpublished: int = 0
    messages: int = 0
    lines: int = 0
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    lines_lost: int = 0
    lines_doubled: int = 0
    acts_doubled: int = 0
    deliveries: int = 0
    repeats: int = 0
    restarts: int = 0
    statements: int = 0

    def wrong(self) -> str:
        """Return what went wrong, in words."""
        return (
            f"messages lost {self.lost}, doubled {self.doubled}, out of order {self.disordered};"
            f" lines lost {self.lines_lost}, doubled {self.lines_doubled}; acts doubled {self.acts_doubled};"
            f" releases not published {self.unpublished}"
        )


class Bench:
    """The world, its people, and what they have been sent."""

    def __init__(self, database: Database) -> None:
        self.chance = Random(SEED)
        self.world = World(database)
        self.slack = MemorySlack(self.world.clock, Random(SEED))
        notifier = SlackNotifier(self.slack.client, None)  # type: ignore[arg-type]  # its session is for response URLs
        self.world.parts = replace(self.world.parts, notifier=notifier)
        self.world.life = self.world.born(self.world.parts)
        self.count = Count()
        self.coming: list[Coming] = []
        self.numbers = itertools.count()
        self.ids: dict[UUID, str] = {}
        """Team -> Slack's id of it."""
        self.clicked: set[str] = set()
        self.seen = 0
        """The newest outbox row that was counted."""

    @property
    def now(self) -> datetime:
        """The time now."""
        return self.world.clock()

    async def fill(self) -> None:
        """Make teams, their policy of two approvals, and their projects."""
        async with self.world.database.transaction() as session:
            for team_number in range(TEAMS):
                team = await teams.ensure(session, f"T{team_number}", "", self.now)
                self.ids[team.id] = team.slack_team_id
                await policies.put(session, team.id, "", packed(Policy(quorum=2)), ALICE, self.now)
                for number in range(PROJECTS):
                    name = f"p{team_number}x{number}"
                    wanted = Registration("pypi", name, "acme", name, "release.yml", "pypi")
                    asked = (ALICE, f"C{team_number}x{number // 2}")
                    await publishers.request(session, team.id, wanted, asked, self.now)
                    self.world.forge.add(f"acme/{name}", StartBy.PUSH)

    def send(self, team: str, actor: str, intent: intents.Intent) -> None:
        """Let Slack deliver something: late, maybe more than once, maybe after what was sent later."""
        number = next(self.numbers)
        wish = Wish(team, "", f"{team}.{number}", actor, f"C-{actor}", intent)
        times = self.chance.choices((1, 2, 3), (70, 20, 10))[0]
        self.count.deliveries += 1
        self.count.repeats += times - 1
        for _ in range(times):
            late = self.chance.choice((0, self.chance.uniform(0, 5), self.chance.uniform(0, 3_600)))
            at = self.now + timedelta(seconds=late)
            heapq.heappush(self.coming, Coming(at, next(self.numbers), wish))

    async def deliver(self) -> None:
        """Let arrive what has come by now, some of it at the same moment."""
        due = []
        while self.coming and self.coming[0].at <= self.now:
            due.append(heapq.heappop(self.coming).wish)
        for few in (due[start : start + 4] for start in range(0, len(due), 4)):
            await asyncio.gather(*(self.world.inlet.put(wish) for wish in few))

    def look(self) -> None:
        """Let Bob and Carol press Approve where a message offers it."""
        for channel, message in self.slack.said():
            value = "" if message.thread else _button(message.blocks)
            if value and value not in self.clicked:
                self.clicked.add(value)
                intent = clicks.clicked(APPROVE, value)
                assert intent is not None
                for actor in self.chance.sample((BOB, CAROL), 2):
                    self.send(_team(channel), actor, intent)

    async def work(self) -> None:
        """Do all that is due now, as many things at once as the engine does, until nothing more is."""
        while any([await self._lane(*lane) for lane in self._lanes()]):
            pass

    def _lanes(self) -> tuple[Lane, ...]:
        life = self.world.life
        assert life.outbox is not None
        return (
            (life.intents.next_due, life.intents.claim, life.intents.carry_out),
            (life.releases.next_due, life.releases.claim, life.releases.advance),
            (life.outbox.next_due, life.outbox.claim, life.outbox.work),
        )

    async def _lane(self, next_due: Asked, claim: Claim, step: Taken) -> bool:
        due = await next_due()
        if due is None or due > self.now:
            return False
        items = await claim(AT_ONCE)
        await asyncio.gather(*(step(item) for item in items))
        return bool(items)

    async def play(self, batch: int) -> None:
        """Let every project release once, and let time pass until all is over and said."""
        for team, number in itertools.product(range(TEAMS), range(PROJECTS)):
            self.send(f"T{team}", ALICE, intents.AskRelease(f"p{team}x{number}", f"{batch}.0.0", ""))
        ticked = restart_at = self.now
        restart_at += timedelta(seconds=self.chance.uniform(60, 1_800))
        while True:
            await self.deliver()
            await self.work()
            self.look()
            if self.now >= restart_at:
                await self.world.restart()
                self.count.restarts += 1
                restart_at = self.now + timedelta(hours=1)
            if self.now >= ticked + TICK:
                ticked = self.now
                self.world.forge.advance()
                self.world.index.advance()
            found = [await next_due() for next_due, _, _ in self._lanes()]
            due = [one for one in found if one is not None]
            due += [self.coming[0].at] if self.coming else []
            if not due:
                return
            self.world.clock.now = max(self.now + STEP, min(due))

    async def check(self) -> None:
        """Count what the batch has left behind, and forget it."""
        async with self.world.database.reading() as session:
            rows = (
                await session.scalars(
                    select(OutboxRow).where(col(OutboxRow.seq) > self.seen).order_by(col(OutboxRow.seq))
                )
            ).all()
            for team_id in self.ids:
                found, _ = await releases.listed(session, team_id, PROJECTS)
                self.count.unpublished += sum(one.state is not ReleaseState.PUBLISHED for one in found)
        self.seen = rows[-1].seq or 0
        told = [row for row in rows if not row.user]
        said = Counter(message.row for _, message in self.slack.said())
        self.count.releases += BATCH
        self.count.messages += len(told)
        self.count.lost += sum(str(row.id) not in said for row in told)
        self.count.lost += sum(row.state is not OutboxState.SENT for row in rows)
        self.count.doubled += sum(times - 1 for times in said.values())
        self._order({str(row.id): row.seq or 0 for row in told})
        self._timelines(told)
        acts = Counter((act.kind, act.slug, act.tag) for act in self.world.forge.acts)
        self.count.acts_doubled += sum(times - 1 for times in acts.values())
        self._forget()

    def _order(self, places: dict[str, int]) -> None:
        for found in self.slack.channels.values():
            by_thread: dict[str, list[int]] = {}
            for message in found:
                by_thread.setdefault(message.thread, []).append(places[message.row])
            for order in by_thread.values():
                self.count.disordered += sum(after < before for before, after in itertools.pairwise(order))

    def _timelines(self, told: Sequence[OutboxRow]) -> None:
        lines: dict[str, Counter[str]] = {}
        for row in told:
            if row.parent_key:
                steps = [(one["step"], one["values"]) for one in row.facts.get("steps", [row.facts])]
                self.count.lines += len(steps)
                lines.setdefault(row.parent_key, Counter()).update(
                    _named(step, values) for step, values in steps
                )
        self.count.lines_doubled += sum(times - 1 for found in lines.values() for times in found.values())
        for found in lines.values():
            self.count.lines_lost += len(set(ONCE) - {name.partition(" ")[0] for name in found})
        self.count.lines_lost += len(ONCE) * (BATCH - len(lines))

    def _forget(self) -> None:
        self.slack.forget()
        self.clicked.clear()
        self.world.forge.acts.clear()
        self.world.index.uploads.clear()
        for code in self.world.forge.codes.values():
            code.runs.clear()


def _named(step: str, values: dict[str, str]) -> str:
    """Return what makes a line the same as another: jobs and people may have the same step."""
    return " ".join(filter(None, (step, values.get("job", ""), values.get("by", ""))))


def _team(channel: str) -> str:
    return "T" + channel[1:].partition("x")[0]


def _button(blocks: Sequence[dict[str, Any]]) -> str:
    elements = [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
    return next((str(one["value"]) for one in elements if one.get("action_id") == APPROVE), "")


def wanted(database: Database) -> int:
    """Return how many releases are played: whole batches, at least one."""
    named = os.environ.get("SHIPBELL_BENCH_RELEASES")  # noqa: TID251 - the bench's own knob
    number = int(named) if named else RELEASES
    return max(1, (number if database.is_sqlite else min(number, ON_POSTGRESQL)) // BATCH)


@pytest.mark.timeout(86_400)
async def test_ten_thousand(database: Database) -> None:
    """Nothing is lost, said twice or out of order; the figures are printed, not judged."""
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet, cache_logger_on_first_use=False)
    bench = Bench(database)
    await bench.fill()

    def counted(*_: object) -> None:
        bench.count.statements += 1

    event.listen(Engine, "before_cursor_execute", counted)
    process = psutil.Process()
    memory, began, cpu = process.memory_info().rss, time.perf_counter(), time.process_time()
    print()
    for batch in range(1, wanted(database) + 1):
        await bench.play(batch)
        await bench.check()
        if batch == 1:
            memory = process.memory_info().rss
        print(f"  {bench.count.releases:,} after {time.perf_counter() - began:.0f} s: {bench.count.wrong()}")
    event.remove(Engine, "before_cursor_execute", counted)
    report(bench, time.perf_counter() - began, time.process_time() - cpu)
    print(
        f"  memory after the first hundred {memory / 1e6:.0f} MB, after all {process.memory_info().rss / 1e6:.0f} MB"
    )


def report(bench: Bench, taken: float, cpu: float) -> None:
    """Print what was counted."""
    count, slack = bench.count, bench.slack
    each = 1_000 / count.releases
    kind = "SQLite" if bench.world.database.is_sqlite else "PostgreSQL"
    answers = sum(slack.whispers.values())
    heard = answers - slack.repeated
    print(
        f"{count.releases:,} releases on {kind}, {BATCH} at a time, seed {SEED}, {count.restarts} restarts of the bot\n"
        f"  {count.deliveries:,} deliveries, {count.repeats:,} more that repeat one, each late by up to an hour\n"
        f"  Slack was asked {dict(slack.calls)}, with {dict(slack.faults)}\n"
        f"  {count.messages:,} messages with {count.lines:,} lines: {count.wrong()}\n"
        f"  {count.deliveries:,} answers to one person: lost {count.deliveries - heard}, said again {slack.repeated}"
        " (Slack did not say whether they were heard)\n"
        f"  {taken:.0f} s: {taken * each:.0f} ms, {cpu * each:.0f} ms of CPU and {count.statements / count.releases:.0f}"
        " statements a release"
    )
