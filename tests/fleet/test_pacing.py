"""Limits that all processes keep together: Slack's by channel, the forge's by credential."""

import pytest

from bot.forge.sending import Held, Sender, Shared
from bot.index import holding as index_holding
from bot.index.holding import Holder
from bot.wire import Answer, Hashed, Request
from bot.workflow.outbox import PACE
from bot.workflow.pacing import SharedPaces
from bot.workflow.ports import SayLater
from storage.database import Database
from storage.ledger import paces
from tests.releases.fakes import Clock
from tests.storage.test_saying import Slack, counts, once, put

GAP = 0.01
ORDER = Request("POST", "https://forge.example/orders")
LIMITED = Answer(
    429, "", {"retry-after": "60", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, b"", truncated=False
)
FINE = Answer(200, "", {}, b"{}", truncated=False)


class Forge:
    """Answers as told, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = FINE

    async def send(self, _request: Request) -> Answer:
        """Answer."""
        self.asked += 1
        return self.answer


async def test_orders_of_all_processes_keep_the_gap(database: Database) -> None:
    """Orders by one credential come a gap apart, whichever process gives them; another credential's wait for nobody."""
    clock, forge = Clock(), Forge()
    one, two, other = (
        Sender(forge.send, GAP, Shared(SharedPaces(database, clock), clock, name)) for name in ("a", "a", "b")
    )
    for sender in (one, two, one, other):
        await sender.write(ORDER)
    async with database.reading() as session:
        left = await paces.held(session, "forge ", clock())
    seconds = {name: round((until - clock()).total_seconds() / GAP) for name, until in left.items()}
    assert seconds == {"forge a": 3, "forge b": 1}


async def test_a_rate_limit_holds_all_processes(database: Database) -> None:
    """What the forge told one process, the others obey within a second, for that credential alone."""
    clock, forge = Clock(), Forge()
    one, two, other = (
        Sender(forge.send, 0.0, Shared(SharedPaces(database, clock), clock, name)) for name in ("a", "a", "b")
    )
    await two.get(ORDER)
    forge.answer = LIMITED
    assert (await one.get(ORDER)).status == 429
    forge.answer = FINE
    clock.forward(PACE * 2)
    with pytest.raises(Held) as held:
        await two.get(ORDER)
    assert held.value.held_for == 58
    assert (await other.get(ORDER)).status == 200
    assert forge.asked == 3
    clock.forward(PACE * 60)
    assert (await two.get(ORDER)).status == 200


async def test_a_channel_hears_all_processes_at_one_pace(database: Database) -> None:
    """What one process put off until its turn another says at that moment, and a 429 told to one is obeyed by both."""
    await put(database, ("a", "C1"), ("b", "C1"), ("c", "C1"))
    slack = Slack({"c": [SayLater("rate limited", arrived_maybe=False, seconds=30, limited=True)]})
    slack.paces = SharedPaces(database, lambda: slack.now)
    one, two = slack.workflow(database), slack.workflow(database)
    await once(one)
    await once(two)
    assert slack.heard == [("a", False)]
    slack.now += PACE
    await once(one)
    assert [key for key, _ in slack.heard] == ["a", "b"]
    await once(one)
    slack.now += PACE
    await once(two)
    assert [key for key, _ in slack.heard] == ["a", "b", "c"]
    await put(database, ("d", "C1"), ("e", "C2"))
    slack.now += PACE
    await once(one)
    assert [key for key, _ in slack.heard[3:]] == ["e"]
    for _ in range(3):
        slack.now += PACE * 30
        await once(one)
    assert [key for key, _ in slack.heard[4:]] == ["c", "d"]
    assert await counts(database) == {"sent": 5}


async def test_an_indexs_pause_holds_all_processes(database: Database) -> None:
    """What an index told one process, the others obey within a second, for that host alone, until it is over."""
    clock, index = Clock(), Forge()

    async def hash_(request: Request) -> Hashed:
        return Hashed(await index.send(request), "", 0)

    one, two = (Holder(index.send, hash_, clock, SharedPaces(database, clock)) for _ in range(2))
    page = Request("GET", "https://index.example/simple/widgets/")
    await two.send(page)
    index.answer = LIMITED
    assert (await one.send(page)).status == 429
    index.answer = FINE
    clock.forward(PACE * 2)
    with pytest.raises(index_holding.Held) as held:
        await two.hash(page)
    assert held.value.held_for == 58
    assert (await two.send(Request("GET", "https://files.example/x"))).status == 200
    assert index.asked == 3
    clock.forward(PACE * 60)
    assert (await two.send(page)).status == 200
