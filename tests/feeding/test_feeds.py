"""Feeds on the real workflow and both databases: whoever is named is looked at now, and no sign is lost."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import cast

import pytest

from bot.core import polling
from bot.core.feeds import AT_ONCE
from bot.core.outcomes import Absent, FeedOutcome
from bot.workflow.feeds import Feeding
from bot.workflow.ports import IndexFeeds
from bot.workflow.publishers import Publishers
from storage.database import Database
from tests.conftest import THOROUGH
from tests.feeding.kit import BASE, BROKEN, Waiting, waiting_on
from tests.releases.dying import Around, AroundDatabase, Killed, Points

HOUR = timedelta(hours=1)
OTHERS = [f"other{number}" for number in range(200)]


@pytest.fixture
def world(database: Database) -> Waiting:
    """Return a bot on the database, which waits for nothing yet."""
    return waiting_on(database)


async def settled(world: Waiting, number: int, spread: timedelta = HOUR) -> list[str]:
    """Return projects that wait for so long that their own looks have become rare; each is due within `spread`."""
    names = await world.pend(number, polls=60, spread=spread)
    world.index.appear("old")
    await world.run(2 * BASE)
    return names


async def test_a_name_in_a_feed_is_looked_at_now(world: Waiting) -> None:
    """What appears is confirmed within two base periods, however rare its own looks are; nobody else is asked for it."""
    await settled(world, 5)
    before = world.index.asked["simple"]
    world.index.appear("p3", *OTHERS[:20])
    await world.run(2 * BASE)
    assert await world.confirmed() == {"p3"}
    assert world.index.asked["simple"] - before <= 3


async def test_waiting_costs_little(world: Waiting) -> None:
    """One look at the feeds a base period, whatever waits; of its own each is looked at once an hour."""
    await settled(world, 60)
    world.index.asked.clear()
    await world.run(HOUR / 4)
    assert world.index.asked["feed"] <= 2 * (HOUR / 4 / BASE + 1)
    assert world.index.asked["simple"] <= 30


async def test_nobody_waits_nobody_asks(world: Waiting) -> None:
    """Where no publisher is pending, no feed is read."""
    await world.run(HOUR)
    assert not world.index.asked


async def test_what_shows_late_is_looked_at_again_soon(world: Waiting) -> None:
    """A feed may know of a release some time before the project's page: the looks after it are close to each other."""
    await settled(world, 2)
    world.index.hidden = {"p1"}
    world.index.appear("p1")
    await world.run(timedelta(minutes=10))
    assert await world.confirmed() == set()
    world.index.hidden = set()
    await world.run(timedelta(minutes=12))
    assert await world.confirmed() == {"p1"}


async def test_an_overflow_loses_nothing(world: Waiting) -> None:
    """When more appears between two looks than a feed holds, all that wait are looked at, a bounded number at a time."""
    names = await settled(world, 2 * AT_ONCE + 10)
    before = world.index.asked["simple"]
    world.index.appear(names[0], names[-1], *OTHERS)
    most, last = 0, before

    def note() -> None:
        nonlocal most, last
        most, last = max(most, world.index.asked["simple"] - last), world.index.asked["simple"]

    await world.run(5 * BASE, each=note)
    assert await world.confirmed() == {names[0], names[-1]}
    assert len(names) <= world.index.asked["simple"] - before <= len(names) * 1.2
    assert most <= AT_ONCE + 10
    assert (await world.feed_row()).missed_at is None


async def test_what_no_feed_tells_is_still_seen(world: Waiting) -> None:
    """The net below the feeds: a project that shows without a release is found by its own look within the hour."""
    await settled(world, 3, HOUR / 10)
    world.index.appear("p2", told=False)
    await world.run(HOUR / 10)
    assert await world.confirmed() == {"p2"}


@pytest.mark.parametrize("answer", [Absent(), BROKEN], ids=["gone", "broken"])
async def test_without_feeds_todays_pace_holds(world: Waiting, answer: FeedOutcome) -> None:
    """When the feeds fail or are gone, all are looked at soon, and from then on as if there had never been feeds."""
    await settled(world, AT_ONCE + 20, 24 * HOUR)
    world.index.fails = answer
    world.index.appear("p1", f"p{AT_ONCE + 19}")
    await world.run(timedelta(minutes=20))
    assert await world.confirmed() == {"p1", f"p{AT_ONCE + 19}"}
    assert await world.latest_due() <= world.clock() + polling.LONGEST_WAIT * 1.1
    assert world.index.asked["simple"] <= (AT_ONCE + 20) * 1.5
    world.index.fails = None
    await world.run(HOUR * 0.8)
    assert (await world.feed_row()).looked_at is not None


async def test_an_index_without_feeds_is_polled_as_ever(world: Waiting) -> None:
    """Where the settings say that no feeds are read, each is looked at twenty times first, then more rarely."""
    world.index.feeds = False
    await world.pend(3)
    await world.run(timedelta(minutes=10))
    assert 3 * 17 <= world.index.asked["simple"] <= 3 * 23
    assert not world.index.asked["feed"]


async def test_a_short_fault_changes_nothing(world: Waiting) -> None:
    """A few failed looks at the feeds make nobody due; what came meanwhile is told by the next."""
    await settled(world, 10)
    before = world.index.asked["simple"]
    world.index.fails = BROKEN
    await world.run(timedelta(minutes=5))
    world.index.fails = None
    world.index.appear("p5")
    await world.run(timedelta(minutes=4))
    assert await world.confirmed() == {"p5"}
    assert world.index.asked["simple"] - before <= 10


async def test_a_page_out_of_order_is_made_up_for(world: Waiting) -> None:
    """A named project whose page does not answer is looked at again until it does."""
    await settled(world, 2)
    world.index.down = True
    world.index.appear("p0")
    await world.run(timedelta(minutes=10))
    world.index.down = False
    await world.run(timedelta(minutes=1))
    assert await world.confirmed() == {"p0"}


async def test_a_look_that_began_before_is_made_up_for(world: Waiting) -> None:
    """Named while its own look is under way that still saw nothing, a project is looked at again in the next period."""
    await settled(world, 1)
    feeding, waiting = world.life()
    world.clock.now = await world.latest_due()
    world.index.hidden = {"p0"}
    world.index.appear("p0")
    (publisher,) = await waiting.claim("pypi", 1)
    for feed in await feeding.claim("pypi", 1):
        await feeding.look(feed)
    await waiting.advance(publisher)
    world.index.hidden = set()
    await world.run(2 * BASE)
    assert await world.confirmed() == {"p0"}


def _deadly(world: Waiting, points: Points) -> tuple[Feeding, Publishers]:
    """Return a process that dies at one of these points."""
    around = cast("IndexFeeds", Around("feeds", world.index, points))
    feeding, waiting = world.life(AroundDatabase(world.database, points))
    return Feeding(feeding.database, around, feeding.clock, feeding.base, feeding.owner), waiting


async def test_a_kill_at_any_await_loses_no_name(world: Waiting) -> None:
    """Whenever the process dies while it reads the feeds, the next one makes due whom they named."""
    names = await settled(world, 40)
    points, place = Points(), 0

    async def look(points: Points) -> None:
        world.index.appear(names[place])
        world.clock.forward(BASE)
        feeding, _ = _deadly(world, points)
        for feed in await feeding.claim("pypi", 1):
            await feeding.look(feed)

    await look(points)
    assert len(points.names) > 8
    for place in range(1, len(points.names) + 1):
        with pytest.raises(Killed):
            await look(Points(place - 1))
        await world.restart()
        await world.run(2 * BASE)
        assert await world.confirmed() == set(names[: place + 1])


@pytest.mark.parametrize("seed", range(3 if THOROUGH else 1))
async def test_whatever_happens_every_sign_is_seen(world: Waiting, seed: int) -> None:
    """Bursts, faults, feeds that come and go, and restarts in any order: in the end all that appeared is confirmed."""
    chance, names = Random(seed), await settled(world, 40)
    left, appeared = list(names), set[str]()

    def burst() -> None:
        world.index.appear(*chance.sample(OTHERS, chance.choice((1, 30, 150))))

    def sign() -> None:
        if left:
            appeared.add(left[-1])
            world.index.appear(left.pop())

    def fault() -> None:
        world.index.fails = chance.choice((None, None, BROKEN, Absent()))
        world.index.down = chance.random() < 0.2

    events: tuple[Callable[[], None], ...] = (burst, sign, sign, fault)
    for _ in range(25):
        for happens in chance.sample(events, chance.randint(1, 4)):
            happens()
        if chance.random() < 0.2:
            await world.restart()
        await world.run(timedelta(seconds=chance.choice((5, 30, 200))))
    world.index.fails, world.index.down = None, False
    await world.run(HOUR * 1.2)
    assert await world.confirmed() == appeared
