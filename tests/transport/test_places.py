"""Many requests at once: who waits for whom."""

import asyncio

import pytest

from bot.errors import Unreachable
from bot.transport import Transport
from bot.wire import Request
from tests.transport.servers import answer, hang, leading_to, serving

SOON = 0.6
"""Seconds; a time-out that is meant to strike."""
OK = answer(200, b"{}")


async def test_a_slow_host_costs_its_own_requests_only() -> None:
    """While one host hangs with all its places taken and more waiting, another host is answered."""
    async with (
        serving(hang) as slow,
        serving(OK) as quick,
        Transport(allow_private_addresses=True, places=(5, 2), resolver=leading_to("127.0.0.1")) as transport,
    ):
        waiting = [
            asyncio.create_task(
                transport.send(Request("POST", f"http://slow.example:{slow.port}/", timeout=20))
            )
            for _ in range(12)
        ]
        await slow.has(2)
        got = await transport.send(Request("POST", f"http://quick.example:{quick.port}/"))
        assert (got.status, slow.busiest) == (200, 2)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_waits_too_long_for_a_place_has_sent_nothing() -> None:
    """A request that never got its turn is Unreachable: it did not arrive."""
    async with serving(hang) as server, Transport(allow_private_addresses=True, places=(20, 1)) as transport:
        first = asyncio.create_task(transport.send(Request("POST", server.url, timeout=20)))
        await server.has(1)
        with pytest.raises(Unreachable, match=r"waited 0\.6 s for its turn"):
            await transport.send(Request("POST", server.url, timeout=SOON))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert len(server.requests) == 1


async def test_many_requests_share_few_connections() -> None:
    """Fifty requests at once to one host are all answered over no more connections than a host may have."""
    async with serving(OK) as server, Transport(allow_private_addresses=True) as transport:
        got = await asyncio.gather(*(transport.send(Request("GET", server.url)) for _ in range(50)))
        assert {one.status for one in got} == {200}
        assert server.connections <= 4
