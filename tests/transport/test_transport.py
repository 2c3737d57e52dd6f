"""The transport: what it sends, what it reads, how it fails."""

import asyncio
import gzip
import re
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from bot.errors import AnswerLost, TransportError, Unreachable
from bot.transport import ATTEMPTS, Transport, user_agent
from bot.wire import Request
from tests.transport.servers import Server, answer, cut, flood, hang, raw, serving

SECRET = "marked-5f0e1c"
SOON = 0.6
"""Seconds; a time-out that is meant to strike."""
OK = answer(200, b"{}")


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


@pytest.mark.parametrize(
    "status",
    [200, 201, 204, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 503, 599],
)
async def test_every_status_is_an_answer(transport: Transport, status: int) -> None:
    """No status raises and no redirect is followed; reason and headers are kept."""
    headers = {"Location": "http://127.0.0.1:1/elsewhere", "Retry-After": "7"}
    if status in {204, 304}:
        headers["Content-Length"] = "0"
    async with serving(answer(status, headers=headers, reason="So  it is")) as server:
        got = await transport.send(Request("POST", f"{server.url}/x"))
        assert (got.status, got.reason, got.retry_after) == (status, "So it is", "7")
        assert len(server.requests) == 1


async def test_what_is_asked_for_is_sent(transport: Transport) -> None:
    """Method, path, query, headers and body arrive as they were given, with our User-Agent."""
    async with serving(OK) as server:
        await transport.send(
            Request("POST", f"{server.url}/a/b?c=d%20e", {"X-One": "two"}, b'{"x": 1}', timeout=5)
        )
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a/b?c=d%20e HTTP/1.1\r\n")
    assert b"\r\nX-One: two\r\n" in head + b"\r\n"
    assert re.search(rb"\r\nUser-Agent: shipbell/[\d.]+\r\n", head)
    assert body == b'{"x": 1}'


async def test_the_user_agent_names_a_contact() -> None:
    """An index's operator finds in the User-Agent whom to write to."""
    async with serving(OK) as server:
        agent = user_agent("mailto:ops@example.org")
        async with Transport(allow_private_addresses=True, user_agent=agent) as transport:
            await transport.send(Request("GET", server.url))
        assert b"(mailto:ops@example.org)\r\n" in server.requests[0]


async def test_no_cookie_is_kept(transport: Transport) -> None:
    """What one answer sets, no later request carries: a team's session must not become another's."""
    async with serving(answer(200, b"{}", headers={"Set-Cookie": f"session={SECRET}; Path=/"})) as server:
        await transport.send(Request("GET", server.url))
        await transport.send(Request("GET", server.url))
        assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_connection_is_used_again(transport: Transport) -> None:
    """Two requests one after the other share a connection."""
    async with serving(OK) as server:
        for _ in range(3):
            await transport.send(Request("GET", server.url))
        assert (server.connections, len(server.requests)) == (1, 3)


async def test_the_reason_is_latin_1_and_one_line(transport: Transport) -> None:
    """The status line's reason is decoded as latin-1, and no control character of it survives."""
    async with serving(
        raw(b"HTTP/1.1 403 Inv\xe9lid\ttoken \x80 here\r\nContent-Length: 0\r\n\r\n")
    ) as server:
        got = await transport.send(Request("POST", server.url))
        assert got.reason == "Inv\u00e9lid token here"


# --- no answer


async def test_a_server_that_hangs_costs_the_time_out_only(transport: Transport) -> None:
    """After the time-out the answer counts as lost; the message names the host, not path, query, header or body."""
    async with serving(hang) as server:
        url = f"{server.url}/{SECRET}?q={SECRET}"
        with pytest.raises(AnswerLost, match=r"127\.0\.0\.1 gave no answer within 0\.6 s") as caught:
            await transport.send(
                Request("POST", url, {"Authorization": f"Token {SECRET}"}, SECRET.encode(), timeout=SOON)
            )
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.host == "127.0.0.1"


async def test_a_body_that_drips_costs_the_time_out_only(transport: Transport) -> None:
    """The time-out holds over the whole exchange, however often another byte comes."""

    async def drip(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)  # the behaviour itself: a server that is slow on purpose

    async with serving(drip) as server:
        with pytest.raises(AnswerLost):
            await transport.send(Request("GET", server.url, timeout=SOON))


async def test_time_outs_leave_every_place_free() -> None:
    """After more time-outs than there are places, the next request is answered."""
    async with Transport(allow_private_addresses=True, places=(2, 2)) as transport:
        async with serving(hang) as slow:
            for _ in range(5):
                # On a busy machine even the connection may take longer than this; a place is held all the same.
                with pytest.raises((AnswerLost, Unreachable)):
                    await transport.send(Request("POST", slow.url, timeout=0.05))
        async with serving(OK) as server:
            assert (await transport.send(Request("POST", server.url))).status == 200


async def test_a_refused_connection_is_nothing_sent(transport: Transport) -> None:
    """Where nobody listens, Unreachable says so."""
    async with serving(OK) as server:
        url = server.url
    with pytest.raises(Unreachable, match="refuses connections"):
        await transport.send(Request("POST", url))


async def test_an_unknown_host_is_nothing_sent() -> None:
    """A name without address is Unreachable, and asked for once."""
    asked: list[str] = []

    def nobody(host: str, port: int) -> list[str]:
        asked.append(host)
        raise OSError(-2, "Name or service not known")

    async with Transport(resolver=nobody) as transport:
        with pytest.raises(Unreachable):
            await transport.send(Request("POST", "https://nobody.example/"))
    assert asked == ["nobody.example"]


async def test_a_name_server_that_hangs_costs_the_time_out_only() -> None:
    """A lookup that never ends holds no request longer than its time-out, and one thread however often it is asked."""
    loop, release = asyncio.get_running_loop(), asyncio.Event()
    lookups: list[str] = []

    def slow(host: str, port: int) -> list[str]:
        lookups.append(host)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return ["127.0.0.1"]

    async with Transport(resolver=slow) as transport:
        for _ in range(3):
            with pytest.raises(Unreachable, match=r"No connection to slow\.example within"):
                await transport.send(Request("POST", "https://slow.example/", timeout=0.5))
        release.set()
    assert lookups == ["slow.example"]


async def test_a_cut_connection_is_a_lost_answer(transport: Transport) -> None:
    """A POST whose connection is cut may have arrived: AnswerLost, and it is not sent again."""
    async with serving(cut) as server:
        with pytest.raises(AnswerLost, match="cut the connection"):
            await transport.send(Request("POST", server.url))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive.",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive.",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 O",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 12\r\n\r\n",
    ],
)
async def test_half_an_answer_is_a_lost_answer(transport: Transport, head: bytes) -> None:
    """An answer that breaks off in the middle or is not HTTP is AnswerLost, whatever the bytes."""

    async def script(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        raise ConnectionResetError  # closes

    async with serving(script) as server:
        with pytest.raises(AnswerLost):
            await transport.send(Request("POST", server.url))
        assert len(server.requests) == 1


async def test_a_get_is_repeated_and_a_post_is_not(transport: Transport) -> None:
    """A cut GET is sent again, as often as allowed; a POST never."""
    async with serving(cut) as server:
        with pytest.raises(AnswerLost):
            await transport.send(Request("GET", server.url))
        assert len(server.requests) == ATTEMPTS
        with pytest.raises(AnswerLost):
            await transport.send(Request("POST", server.url))
        assert len(server.requests) == ATTEMPTS + 1


async def test_a_get_that_works_the_second_time_is_an_answer(transport: Transport) -> None:
    """One cut connection does not show."""
    scripts = iter([cut, OK])

    async def script(server: Server, writer: asyncio.StreamWriter) -> None:
        await next(scripts)(server, writer)

    async with serving(script) as server:
        assert (await transport.send(Request("GET", server.url))).status == 200
        assert len(server.requests) == 2


async def test_a_timed_out_get_is_not_repeated(transport: Transport) -> None:
    """A hanging server is asked once: asking again would double the wait."""
    async with serving(hang) as server:
        with pytest.raises(AnswerLost):
            await transport.send(Request("GET", server.url, timeout=SOON))
        assert len(server.requests) == 1


# --- big answers


@pytest.mark.parametrize("length", [b"Content-Length: 104857600\r\n", b"Connection: close\r\n"])
async def test_of_a_huge_body_only_the_limit_is_read(transport: Transport, length: bytes) -> None:
    """100 MB cost no more memory than the limit, and the connection is closed instead of read to its end."""
    chunk = b"x" * 65_536
    async with serving(flood(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n", chunk, 1_600)) as server:
        tracemalloc.start()
        got = await transport.send(Request("POST", server.url, max_bytes=100_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (len(got.body), got.truncated, got.json()) == (100_000, True, None)
        assert server.written < 20_000_000  # what sockets buffer, and no more
        assert peak < 5_000_000


async def test_a_body_of_exactly_the_limit_is_whole(transport: Transport) -> None:
    """The limit itself is allowed."""
    async with serving(answer(200, b"x" * 1000)) as server:
        got = await transport.send(Request("GET", server.url, max_bytes=1000))
        assert (len(got.body), got.truncated) == (1000, False)


async def test_a_packed_body_is_unpacked(transport: Transport) -> None:
    """Gzip is asked for and understood."""
    packed = gzip.compress(b'{"a": "b"}')
    async with serving(answer(200, packed, headers={"Content-Encoding": "gzip"})) as server:
        assert (await transport.send(Request("GET", server.url))).json() == {"a": "b"}
        assert b"Accept-Encoding: gzip\r\n" in server.requests[0]


async def test_a_bomb_goes_off_in_a_small_room(transport: Transport) -> None:
    """1 GB packed into 1 MB costs no more memory than the limit."""
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1_048_576)
    bomb = b"".join([*(packer.compress(zeros) for _ in range(1024)), packer.flush()])
    async with serving(answer(200, bomb, headers={"Content-Encoding": "gzip"})) as server:
        tracemalloc.start()
        got = await transport.send(Request("GET", server.url, max_bytes=100_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (len(got.body), got.truncated) == (100_000, True)
    assert peak < 5_000_000


async def test_a_body_that_only_claims_to_be_packed_is_a_lost_answer(transport: Transport) -> None:
    """Bytes that are no gzip are told, not shown."""
    async with serving(answer(200, b"not packed", headers={"Content-Encoding": "gzip"})) as server:
        with pytest.raises(AnswerLost, match="can't be unpacked"):
            await transport.send(Request("POST", server.url))


def test_every_error_is_one_of_two() -> None:
    """Who sends has to tell two cases apart, and no third."""
    assert set(TransportError.__subclasses__()) == {Unreachable, AnswerLost}
