"""A host that fails again and again is left alone, tried by one request at a time, and costs no other host anything."""

import asyncio

import pytest

from bot import measuring
from bot.errors import TransportError, Unreachable
from bot.transport import Transport
from bot.transport.breaker import AFTER, Breaker
from bot.wire import Request
from tests.transport.servers import answer, cut, hang, serving


def test_it_opens_after_failures_in_a_row_alone() -> None:
    """An answer in between begins the count anew; the last of a row opens it, once."""
    breaker = Breaker(5, 60)
    for _ in range(AFTER - 1):
        assert not breaker.bad(0, trial=False)
    breaker.good()
    opened = [breaker.bad(1, trial=False) for _ in range(AFTER)]
    assert opened == [*[False] * (AFTER - 1), True]
    assert breaker.left(2) == 4
    assert not breaker.bad(3, trial=False)
    assert breaker.left(3) == 3


def test_one_tries_and_rests_grow() -> None:
    """Once the rest is over one request passes; if it fails the rest is twice as long, up to the longest; if not, all pass."""
    breaker, now = Breaker(5, 15), 0.0
    for _ in range(AFTER):
        breaker.bad(now, trial=False)
    for rest in (5, 10, 15, 15):
        assert breaker.left(now) == rest
        now += rest
        assert breaker.left(now) == 0
        assert breaker.left(now) > 0, "another one has to wait for how the trial ends"
        assert not breaker.bad(now, trial=True)
    now += 15
    assert breaker.left(now) == 0
    breaker.unsure(trial=True)
    assert breaker.left(now) == 0, "a trial that was given up is another's"
    assert breaker.good()
    assert [breaker.left(now) for _ in range(3)] == [0, 0, 0]


def figure(name: str, to: str) -> float:
    """Return what is counted for a host."""
    return measuring.REGISTRY.get_sample_value(name, {"to": to}) or 0.0


async def test_a_failing_host_is_left_alone() -> None:
    """A host that cuts every connection is not asked any more, and is not waited for; it is told how often it has failed."""
    before = figure("shipbell_breaker_trips_total", "other")
    async with (
        serving(cut) as bad,
        serving(answer(200, b"{}")) as good,
        Transport(allow_private_addresses=True, rests=(60, 60)) as transport,
    ):
        for _ in range(AFTER):
            with pytest.raises(TransportError):
                await transport.send(Request("POST", bad.url))
        asked = len(bad.requests)
        with pytest.raises(Unreachable, match=f"failed {AFTER} times in a row, and is left alone"):
            await transport.send(Request("GET", bad.url))
        assert len(bad.requests) == asked
        assert (await transport.send(Request("GET", good.url))).status == 200
    assert figure("shipbell_breaker_trips_total", "other") == before + 1


async def test_a_host_that_is_back_is_asked_again() -> None:
    """Once the rest is over one request tries; its answer lets all others pass, and a proxy's 503 counts as no answer."""
    before = figure("shipbell_breakers_open", "other")
    async with (
        serving(answer(503)) as host,
        Transport(allow_private_addresses=True, rests=(0.01, 0.01)) as transport,
    ):
        for _ in range(AFTER):
            assert (await transport.send(Request("POST", host.url))).status == 503
        assert figure("shipbell_breakers_open", "other") == before + 1
        host.script = answer(404)
        async with asyncio.timeout(10):
            while figure("shipbell_breakers_open", "other") > before:
                try:
                    await transport.send(Request("POST", host.url))
                except Unreachable:
                    await asyncio.sleep(0.005)  # the rest is in real time: there is nothing else to wait on
        answers = await asyncio.gather(*(transport.send(Request("POST", host.url)) for _ in range(4)))
    assert [one.status for one in answers] == [404] * 4


async def test_a_hanging_host_is_left_alone_though_its_askers_gave_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests that their askers give up after a while count against the host; those given up at once count for nothing."""
    async with serving(hang) as host, Transport(allow_private_addresses=True, rests=(60, 60)) as transport:

        async def given_up(seconds: float) -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await transport.send(Request("GET", host.url))

        for _ in range(AFTER):
            await given_up(0.01)
        monkeypatch.setattr("bot.transport.WAITED", 0.0)
        for _ in range(AFTER):
            await given_up(0.01)
        with pytest.raises(Unreachable, match="left alone"):
            await transport.send(Request("GET", host.url))
        host.let_go.set()
