"""Hashing an answer's body on its way: what is read, how much, and how it fails."""

import asyncio
import gzip
import hashlib
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from bot.errors import AnswerLost, Unreachable
from bot.transport import ATTEMPTS, Transport
from bot.wire import Request
from tests.transport.servers import Server, answer, cut, flood, hang, raw, serving

SOON = 0.6
"""Seconds; a time-out that is meant to strike."""
CONTENT = b"\x1f\x8b not really packed" * 50


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def sha256(content: bytes) -> str:
    """Return a digest in hex."""
    return hashlib.sha256(content).hexdigest()


async def test_a_body_is_hashed_and_not_kept(transport: Transport) -> None:
    """Digest and size are those of the bytes that were sent; status and headers come along."""
    async with serving(answer(200, CONTENT, headers={"X-One": "two"})) as server:
        got = await transport.hash(Request("GET", f"{server.url}/x.whl"))
    assert (got.sha256, got.size) == (sha256(CONTENT), len(CONTENT))
    assert (got.answer.status, got.answer.body, got.answer.truncated) == (200, b"", False)
    assert got.answer.headers["x-one"] == "two"


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "identity", "br"])
async def test_a_packed_file_stays_packed(transport: Transport, encoding: str) -> None:
    """A server that calls a `.tar.gz` packed changes nothing: bytes are asked for and hashed as they are."""
    packed = gzip.compress(CONTENT)
    async with serving(answer(200, packed, headers={"Content-Encoding": encoding})) as server:
        got = await transport.hash(Request("GET", server.url))
        assert b"\r\nAccept-Encoding: identity\r\n" in server.requests[0]
        assert b"gzip" not in server.requests[0]
    assert got.sha256 == sha256(packed)


async def test_sending_still_asks_for_packed_answers(transport: Transport) -> None:
    """What is read is asked for packed, as before, also after a file was hashed."""
    async with serving(answer(200)) as server:
        await transport.hash(Request("GET", server.url))
        await transport.send(Request("GET", server.url))
        assert b"\r\nAccept-Encoding: gzip\r\n" in server.requests[1]


async def test_a_long_file_takes_no_room(transport: Transport) -> None:
    """64 megabytes pass through a few hundred kilobytes of memory."""
    chunk, times = bytes(65_536), 1024
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(chunk) * times}\r\n\r\n".encode()
    async with serving(flood(head, chunk, times)) as server:
        await transport.hash(Request("GET", server.url, max_bytes=1))
        tracemalloc.start()
        got = await transport.hash(Request("GET", server.url, max_bytes=len(chunk) * times, timeout=60))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (got.size, got.answer.truncated) == (len(chunk) * times, False)
    assert peak < 8 * 1_048_576


async def test_a_file_that_says_it_is_too_long_is_not_read(transport: Transport) -> None:
    """Where the length is told, nothing of a file beyond the limit is waited for."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"

    async def never_more(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await hang(server, writer)

    async with serving(never_more) as server:
        got = await transport.hash(Request("GET", server.url, max_bytes=1000))
    assert (got.answer.truncated, got.size) == (True, 0)


async def test_a_file_without_end_is_read_to_the_limit(transport: Transport) -> None:
    """Where no length is told, reading stops at the limit."""
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    async with serving(flood(head, bytes(65_536), 1_000_000)) as server:
        got = await transport.hash(Request("GET", server.url, max_bytes=1_000_000))
        assert (got.answer.truncated, got.size) == (True, 1_000_000)
        assert server.written < 50_000_000
    async with serving(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour")) as server:
        whole = await transport.hash(Request("GET", server.url, max_bytes=4))
    assert (whole.answer.truncated, whole.sha256) == (False, sha256(b"four"))


@pytest.mark.parametrize("status", [204, 206, 301, 304, 404, 500])
async def test_only_a_good_answer_s_body_is_read(transport: Transport, status: int) -> None:
    """The body of another status is no file."""
    body = b"" if status in {204, 304} else CONTENT
    async with serving(answer(status, body)) as server:
        got = await transport.hash(Request("GET", server.url))
    assert (got.answer.status, got.size) == (status, 0)


async def test_a_file_that_is_cut_is_a_lost_answer(transport: Transport) -> None:
    """Half a file has no digest; it is asked for again, and then given up."""

    async def half(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        await cut(server, writer)

    async with serving(half) as server:
        with pytest.raises(AnswerLost):
            await transport.hash(Request("GET", server.url))
        assert len(server.requests) == ATTEMPTS


async def test_a_file_that_is_cut_once_is_read_the_second_time(transport: Transport) -> None:
    """The digest is of the whole second answer, and of nothing of the first."""

    async def second(server: Server, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            await writer.drain()
            await cut(server, writer)
        await answer(200, CONTENT)(server, writer)

    async with serving(second) as server:
        got = await transport.hash(Request("GET", server.url))
    assert got.sha256 == sha256(CONTENT)


async def test_a_file_that_drips_costs_the_time_out_only(transport: Transport) -> None:
    """However often bytes come, the whole download has one time-out, and its place is free after it."""

    async def drip(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing() and not server.let_go.is_set():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)  # the behaviour itself: a server that is slow on purpose
        raise ConnectionResetError

    async with serving(drip) as server:
        with pytest.raises(AnswerLost, match=r"0\.6 s"):
            await transport.hash(Request("GET", server.url, timeout=SOON))


async def test_the_guard_holds_for_files_too() -> None:
    """A file on an address that is not public is not fetched."""
    async with serving(answer(200, CONTENT)) as server, Transport() as guarded:
        with pytest.raises(Unreachable):
            await guarded.hash(Request("GET", server.url.replace("http:", "https:")))
        assert server.connections == 0
