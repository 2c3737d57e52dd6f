"""The engine: lanes that look, work side by side, survive faults, and stop without losing what is under way."""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.engine import embedded, ending
from bot.engine.claims import Claims, Deaths
from bot.engine.embedded import EmbeddedEngine
from bot.engine.lane import Work


def now() -> datetime:
    """Give the time: the scheduler has no other clock than the machine's."""
    return datetime.now(UTC)  # noqa: TID251 - the tests' own clock


async def nothing() -> None:
    """Do no housekeeping."""


@dataclass
class Ledger:
    """Due items in memory; `hold` keeps every step under way until it is set."""

    due: dict[str, datetime] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    faults: int = 0
    """Times that asking fails."""
    lost_answers: int = 0
    """Times that a claim is made and its answer lost."""
    spoilt: frozenset[str] = frozenset()
    """Items whose step fails."""
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    under_way: int = 0
    most: int = 0

    def work(self, name: str = "lane", at_once: int = 4, then: tuple[str, ...] = ()) -> Work:
        """Return a lane's work on this ledger."""
        return Work(name, self.claim, self.step, self.next_due, at_once, then)

    def add(self, *names: str, after: float = 0) -> None:
        """Make items due."""
        self.due |= {name: now() + timedelta(seconds=after) for name in names}

    async def claim(self, limit: int) -> Sequence[str]:
        """Take what is due."""
        await asyncio.sleep(0)
        taken = sorted(name for name, when in self.due.items() if when <= now())[:limit]
        for name in taken:
            del self.due[name]
        if taken and self.lost_answers:
            self.lost_answers -= 1
            raise OSError("the answer was lost")
        return taken

    async def next_due(self) -> datetime | None:
        """Return when the next is due; fails where it was told to."""
        if self.faults:
            self.faults -= 1
            raise OSError("the ledger is away")
        return min(self.due.values(), default=None)

    async def step(self, name: str) -> None:
        """Do one item."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self._tell(self.begun, name)
        try:
            await self.hold.wait()
            if name in self.spoilt:
                raise ValueError(name)
            await self._tell(self.done, name)
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        finally:
            self.under_way -= 1

    async def _tell(self, where: list[str], name: str) -> None:
        async with self.changed:
            where.append(name)
            self.changed.notify_all()

    async def until(self, where: list[str], count: int) -> None:
        """Wait until so many names stand there."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(where) >= count)


@asynccontextmanager
async def running(*works: Work, claims: Claims | None = None) -> AsyncIterator[EmbeddedEngine]:
    """Run an engine with these lanes."""
    engine = EmbeddedEngine(now, nothing, claims)
    await engine.start(works)
    try:
        yield engine
    finally:
        await engine.stop()


@pytest.fixture
def ledger() -> Ledger:
    """Return a ledger whose steps end at once."""
    made = Ledger()
    made.hold.set()
    return made


async def test_each_item_is_done_once(ledger: Ledger) -> None:
    """All that is due is done, each item once, at most so many side by side as the lane allows."""
    ledger.hold.clear()
    ledger.add(*(f"{number:02}" for number in range(30)))
    async with running(ledger.work(at_once=4)):
        await ledger.until(ledger.begun, 4)
        assert ledger.under_way == 4
        ledger.hold.set()
        await ledger.until(ledger.done, 30)
    assert sorted(ledger.done) == sorted({*ledger.done})
    assert ledger.most == 4


async def test_a_nudge_lets_a_lane_look_at_once(ledger: Ledger) -> None:
    """What is written after the lane looked is found as soon as somebody says so."""
    async with running(ledger.work()) as engine:
        ledger.add("a")
        engine.nudge("lane")
        await ledger.until(ledger.done, 1)


async def test_what_is_due_later_is_looked_for_then(ledger: Ledger) -> None:
    """A lane wakes by itself when its next item is due, though nobody nudges it."""
    ledger.add("later", after=0.05)
    async with running(ledger.work()):
        await ledger.until(ledger.done, 1)


async def test_a_step_wakes_the_lanes_behind_it(ledger: Ledger) -> None:
    """What one lane's step has left for another is found without a nudge."""
    second = Ledger()
    second.hold.set()

    async def pass_on(name: str) -> None:
        second.add(name)
        await ledger.step(name)

    ledger.add("a")
    first = Work("first", ledger.claim, pass_on, ledger.next_due, 1, ("second",))
    async with running(first, second.work("second")):
        await second.until(second.done, 1)


async def test_a_failing_step_costs_its_own_item_only(ledger: Ledger) -> None:
    """A step that raises ends neither its lane nor the items beside and behind it."""
    ledger.spoilt = frozenset({"a", "b"})
    ledger.add("a", "b", "c", "d")
    async with running(ledger.work(at_once=1)) as engine:
        await ledger.until(ledger.done, 2)
        assert engine.state == "ok"
    assert ledger.done == ["c", "d"]


async def test_a_failing_ledger_does_not_end_the_lane(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane that could not ask tries again by itself, as often as it takes."""
    monkeypatch.setattr(embedded, "RETRY", timedelta(seconds=0.01))
    ledger.faults = 3
    ledger.add("a")
    async with running(ledger.work()) as engine:
        await ledger.until(ledger.done, 1)
        assert engine.state == "ok"


async def test_a_slow_lane_holds_up_no_other(ledger: Ledger) -> None:
    """A lane whose steps hang keeps the others going."""
    slow = Ledger()
    slow.add("hangs")
    ledger.add("a", "b")
    async with running(slow.work("slow", at_once=1), ledger.work("quick")):
        await slow.until(slow.begun, 1)
        await ledger.until(ledger.done, 2)
        slow.hold.set()
    assert slow.done == ["hangs"]


async def test_stopping_waits_for_what_is_under_way(ledger: Ledger) -> None:
    """A step under way ends in its own time, and nothing new is taken meanwhile."""
    ledger.hold.clear()
    ledger.add("a", "b")
    async with running(ledger.work(at_once=1)) as engine:
        await ledger.until(ledger.begun, 1)
        stopping = asyncio.create_task(engine.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        ledger.hold.set()
        await stopping
        assert engine.state == "stopped"
    assert (ledger.done, list(ledger.due), ledger.cancelled) == (["a"], ["b"], [])


async def test_stopping_does_not_wait_for_ever(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that doesn't end is ended; its row's claim runs out, and another process takes it."""
    monkeypatch.setattr(embedded, "STOP_WITHIN", 0.01)
    ledger.hold.clear()
    ledger.add("a")
    async with running(ledger.work()):
        await ledger.until(ledger.begun, 1)
    assert (ledger.done, ledger.cancelled) == ([], ["a"])


async def test_an_engine_that_lost_a_lane_is_not_running(ledger: Ledger) -> None:
    """Readiness tells when a lane has ended, and an engine that never began is not ready."""
    assert EmbeddedEngine(now, nothing).state == "stopped"
    async with running(ledger.work()) as engine:
        assert engine.state == "ok"
        engine.crew.runners[0].cancel()
        await asyncio.gather(engine.crew.runners[0], return_exceptions=True)
        assert engine.state == "stopped"


async def test_a_row_that_is_worked_on_is_not_begun_again(ledger: Ledger) -> None:
    """A row whose lease ran out under its step is claimed anew, and that is all: no second step begins beside the first."""
    ledger.hold.clear()
    ledger.add("a")
    other = Ledger()
    other.hold.set()
    first = Work("one", ledger.claim, ledger.step, ledger.next_due, 4, kind="row")
    second = Work("two", other.claim, other.step, other.next_due, 4, kind="row")
    async with running(first, second) as engine:
        await ledger.until(ledger.begun, 1)
        ledger.add("a", "b")
        engine.nudge("one")
        await ledger.until(ledger.begun, 2)
        other.add("a", "c")
        engine.nudge("two")
        await other.until(other.done, 1)
        ledger.hold.set()
    assert (sorted(ledger.done), other.done) == (["a", "b"], ["c"])


async def test_a_step_ends_before_its_lease(ledger: Ledger) -> None:
    """A step that hangs is ended while its row is still its own, and its lane goes on."""
    ledger.hold.clear()
    ledger.add("hangs")
    hasty = timedelta(seconds=0.05)
    async with running(Work("lane", ledger.claim, ledger.step, ledger.next_due, 1, lease=hasty)) as engine:
        await ledger.until(ledger.begun, 1)
        ledger.add("b")
        await ledger.until(ledger.begun, 2)
        ledger.hold.set()
        await ledger.until(ledger.done, 1)
        assert engine.state == "ok"
    assert (ledger.done, ledger.cancelled) == (["b"], ["hangs"])


async def test_what_was_taken_while_the_ledger_was_away_is_given_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim whose answer was lost, and a step that could not write its end, are given back once the ledger can be asked."""
    monkeypatch.setattr(embedded, "RETRY", timedelta(seconds=0.01))
    ledger.lost_answers, ledger.spoilt = 1, frozenset({"spoilt"})
    given: list[Collection[Hashable]] = []

    async def let_go(busy: Collection[Hashable]) -> int:
        given.append(busy)
        if len(given) == 1:
            raise OSError("it is still away")
        ledger.spoilt = frozenset()
        ledger.add("lost" if len(given) == 2 else "spoilt")
        return 1

    claims = Claims(let_go, lambda error: isinstance(error, ValueError))
    ledger.add("lost")
    async with running(ledger.work(), claims=claims) as engine:
        await ledger.until(ledger.done, 1)
        ledger.spoilt = frozenset({"spoilt"})
        ledger.add("spoilt")
        engine.nudge("lane")
        await ledger.until(ledger.done, 2)
    assert ledger.done == ["lost", "spoilt"]
    assert given == [set(), set(), set()]


async def test_only_what_processes_died_of_is_struck_off_and_once(ledger: Ledger) -> None:
    """A step that ends, well or not, says of its row that the process lives, where that was in doubt; the rest costs nothing."""
    struck: list[tuple[str, Hashable]] = []
    known: list[tuple[str, Hashable]] = [("lane", "a"), ("lane", "broken"), ("other", "b")]

    async def suspected() -> Collection[tuple[str, Hashable]]:
        return known

    async def survived(kind: str, key: Hashable) -> None:
        struck.append((kind, key))
        raise OSError("the ledger is away")

    ledger.spoilt = frozenset({"broken"})
    ledger.add("a", "b", "broken")
    async with running(ledger.work(), claims=Claims(deaths=Deaths(suspected, survived))):
        await ledger.until(ledger.done, 2)
        ledger.add("a")
        await ledger.until(ledger.done, 3)
    assert sorted(struck, key=str) == [("lane", "a"), ("lane", "broken")]


async def test_a_lost_cancellation_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task in which a library has answered the cancellation with an error of its own is asked again, until it has ended."""
    monkeypatch.setattr(ending, "PATIENCE", 0.01)
    asked = 0

    async def deaf() -> None:
        nonlocal asked
        while asked < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                asked += 1

    tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    await ending.end(tasks)
    assert asked == 2
    assert all(task.done() for task in tasks)


async def test_nobody_takes_anything_while_it_is_given_back() -> None:
    """Rows are given back only once every claim under way is noted, so that none that is worked on is among them."""
    noting = Noting()
    claims = Claims(noting)
    claims.doubt()
    async with claims.taking():
        settling = asyncio.create_task(claims.settle())
        await asyncio.sleep(0)
        claims.under_way.add(("lane", "a"))
        assert not noting.busy
    await settling
    assert noting.busy == [{"a"}]
    await claims.settle()
    assert len(noting.busy) == 1


@dataclass
class Noting:
    """Gives nothing back, and notes what it was told to leave."""

    busy: list[Collection[Hashable]] = field(default_factory=list)

    async def __call__(self, busy: Collection[Hashable]) -> int:
        """Note it."""
        self.busy.append(set(busy))
        return 0
