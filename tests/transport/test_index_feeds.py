"""The index's feeds against the stand-in, and pauses that an index asks for, kept by the whole process."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.core.outcomes import Absent, Downloaded, Fed, FeedName, TryLater, Unchanged
from bot.core.sites import IndexSite
from bot.demo.index import IndexStandIn
from bot.index import holding
from bot.index.client import IndexClient
from bot.index.holding import Held, Holder
from bot.transport import Transport
from bot.wire import Answer, Hashed, Request
from storage.records import Reason, Registration, Secret
from tests.demo.clock import StoppedClock

SEEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
OURS = Registration("company", "widgets", "acme", "widgets", "release.yml", "pypi")


@pytest.fixture
async def index() -> AsyncIterator[IndexStandIn]:
    """Give a running index with the project `widgets`, whose clock stands still."""
    async with IndexStandIn(clock=StoppedClock()) as running:
        running.add_project("widgets", ["widgets-1.0.tar.gz"])
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def client(transport: Transport, *sites: IndexSite) -> IndexClient:
    """Return a client of these indexes."""
    return IndexClient(transport, {site.name: site for site in sites}, lambda: SEEN)


async def fed(asking: IndexClient, name: FeedName, etag: str = "") -> Fed:
    """Read a feed that must be there."""
    found = await asking.feed("company", name, etag)
    assert isinstance(found, Fed)
    return found


async def test_both_feeds_are_read(transport: Transport, index: IndexStandIn) -> None:
    """New projects come with their first release, releases with each; unchanged, neither is sent again."""
    asking = client(transport, IndexSite("company", index.url))
    index.add_project("gadgets", [])
    packages, updates = await fed(asking, FeedName.PACKAGES), await fed(asking, FeedName.UPDATES)
    assert [entry.project for entry in packages.entries] == ["widgets"]
    assert [(entry.project, entry.version) for entry in updates.entries] == [("widgets", "1.0")]
    assert updates.entries[0].at == "2026-11-20T12:00:00+00:00"
    assert await asking.feed("company", FeedName.UPDATES, updates.etag) == Unchanged()
    index.add_project("gadgets", ["gadgets-1.0.tar.gz"])
    assert {entry.project for entry in (await fed(asking, FeedName.UPDATES, updates.etag)).entries} == {
        "gadgets",
        "widgets",
    }


async def test_a_feed_holds_the_newest_alone(transport: Transport, index: IndexStandIn) -> None:
    """What is older than the feed is long is not in it."""
    clock = index.state.clock
    assert isinstance(clock, StoppedClock)
    index.state.newest_projects, index.state.newest_releases = 2, 3
    for number in range(4):
        clock.forward(seconds=1)
        index.add_project(f"p{number}", [f"p{number}-1.0.tar.gz"])
    asking = client(transport, IndexSite("company", index.url))
    assert [entry.project for entry in (await fed(asking, FeedName.PACKAGES)).entries] == ["p3", "p2"]
    assert [entry.project for entry in (await fed(asking, FeedName.UPDATES)).entries] == ["p3", "p2", "p1"]


async def test_an_index_without_feeds_is_not_asked(transport: Transport, index: IndexStandIn) -> None:
    """Where the settings say so no feed is read; a feed that is not there is no feed, one that breaks is trouble."""
    off = client(transport, IndexSite("company", index.url, feeds=False))
    assert await off.feed("company", FeedName.UPDATES) == Absent()
    assert index.count("/rss/updates.xml") == 0
    on = client(transport, IndexSite("company", index.url))
    index.fail("/rss/updates.xml", status=404)
    assert await on.feed("company", FeedName.UPDATES) == Absent()
    index.fail("/rss/updates.xml", status=200, body=b"<html>hello")
    assert isinstance(await on.feed("company", FeedName.UPDATES), TryLater)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_holds_for_everybody(transport: Transport, index: IndexStandIn, status: int) -> None:
    """Whoever is told to wait, nobody asks that host anything until then; each is told for how long."""
    same = IndexSite("twin", index.url)
    asking = client(transport, IndexSite("company", index.url), same)
    index.fail("/simple/", status=status, headers={"Retry-After": "120"}, times=1)
    first = await asking.simple("company", "widgets")
    assert isinstance(first, TryLater)
    before = len(index.requests)
    others = [
        await asking.simple("company", "gadgets"),
        await asking.simple("twin", "gadgets"),
        await asking.feed("twin", FeedName.UPDATES),
        await asking.register(OURS, Secret(index.make_token())),
        await asking.download("company", f"{index.url}/packages/a/b/c/x.whl"),
    ]
    assert len(index.requests) == before
    for other in others:
        assert isinstance(other, TryLater)
        assert (other.reason, other.arrived_maybe) == (Reason.RATE_LIMITED, False)
        assert other.retry_after is not None
        assert 100 < other.retry_after <= 120


async def test_other_hosts_go_on(transport: Transport, index: IndexStandIn) -> None:
    """A pause is the host's that asked for it, and an error without a time is none."""
    async with IndexStandIn() as other:
        other.add_project("widgets", ["widgets-1.0.tar.gz"])
        asking = client(transport, IndexSite("company", index.url), IndexSite("other", other.url))
        index.fail("/simple/", status=503, times=1)
        assert isinstance(await asking.simple("company", "widgets"), TryLater)
        assert not isinstance(await asking.simple("company", "widgets"), TryLater)
        index.fail("/simple/", status=503, headers={"Retry-After": "120"}, times=1)
        assert isinstance(await asking.simple("company", "widgets"), TryLater)
        assert not isinstance(await asking.simple("other", "widgets"), TryLater)
        url = f"{other.url}{other.state.projects['widgets'].files[0].path}"
        assert isinstance(await asking.download("company", url), Downloaded)


def holder(answer: Answer) -> Holder:
    """Return a holder whose every request is answered so."""

    async def send(_request: Request) -> Answer:
        return answer

    async def hash_(_request: Request) -> Hashed:
        return Hashed(answer, "", 0)

    return Holder(send, hash_, lambda: datetime(2026, 11, 20, tzinfo=UTC))


async def held_for(answer: Answer, **headers: str) -> float:
    """Return for how long the second request is held; 0 where it is sent."""
    sender, request = holder(answer), Request("GET", "https://index.example/x", headers=headers)
    await sender.send(request)
    try:
        await sender.hash(request)
    except Held as held:
        return held.held_for
    return 0.0


async def test_nobody_is_held_without_end() -> None:
    """However long an index asks for, one request finds out within the hour; within the minute where a team's own token asked."""
    forever = Answer(429, "", {"retry-after": "86400"}, b"")
    assert holding.LONGEST - 5 < await held_for(forever) <= holding.LONGEST
    assert await held_for(forever, Authorization="Token x") <= holding.LONGEST_FOR_ONE
    down = Answer(503, "", {"retry-after": "86400"}, b"")
    assert await held_for(down, Authorization="Token x") > holding.LONGEST_FOR_ONE
    assert await held_for(Answer(500, "", {"retry-after": "86400"}, b"")) == 0
    assert await held_for(Answer(429, "", {"retry-after": "soon"}, b"")) == 0
    assert await held_for(Answer(429, "", {"retry-after": "0"}, b"")) == 0


async def test_after_the_pause_it_is_asked_again() -> None:
    """A pause ends by itself, and an address that can't be read is the transport's to refuse."""
    answers = [Answer(503, "", {"retry-after": "0.05"}, b""), Answer(503, "", {"retry-after": "1"}, b"")]
    request = Request("GET", "https://index.example/x")
    sender = holder(answers[1])
    await sender.send(request)
    with pytest.raises(Held) as held:
        await sender.send(request)
    async with asyncio.timeout(5):
        while True:
            try:
                await sender.send(request)
                break
            except Held as again:
                await asyncio.sleep(again.held_for)
    assert 0 < held.value.held_for <= 1
    await holder(answers[0]).send(Request("GET", "https://[/"))
