"""Attacks on the bot's own port, over real connections: who is slow, endless, too many, or says two things at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import gate, listening, web
from bot.listening import Limits
from tests.unit.test_web import FINE, ask, bolt, listened, probes, request, served

SOON = 0.2
"""Seconds; a limit that is meant to strike."""
BIG = 32 * 1_048_576
"""Bytes of an answer that no system's own memory takes."""
EVIL = "evil.example"
Wires = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wires]:
    """Give a connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def end(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side closes, however it does."""
    got = b""
    try:
        while part := await reader.read(65_536):
            got += part
    except ConnectionError:
        pass
    return got


async def drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Send a piece again and again until the other side is gone."""
    try:
        while not writer.transport.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(SOON / 10)  # how slowly is the attack itself
    except ConnectionError:
        return


async def dripped(port: int, start: bytes, piece: bytes) -> bytes:
    """Return what is answered to one who sends a start, and then piece after piece without end."""
    async with connected(port) as (reader, writer):
        writer.write(start)
        sending = asyncio.create_task(drip(writer, piece))
        got = await end(reader)
        writer.transport.abort()
        await sending
    return got


async def big(_request: Request) -> Response:
    """Answer much."""
    return PlainTextResponse("x" * BIG)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b""),  # connects, and says nothing
        (b"", b"\r\n"),  # empty lines before the head, which parsers pass over
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n"),
        (b"GET /health", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),  # well-behaved once, then never again
    ],
)  # fmt: skip
async def test_a_slow_head_is_put_off(start: bytes, piece: bytes) -> None:
    """Who takes too long for a head is answered 408, however he drips it, and however well he began."""
    async with served(probes(FINE), Limits(head_seconds=SOON)) as port:
        got = await dripped(port, start, piece)
    assert got.rpartition(b"HTTP/1.1 ")[2].startswith(b"408 ")


@pytest.mark.parametrize(
    "piece", [b"X" * 5_000, b"X: " + b"y" * 4_000 + b"\r\n", b"\r\n" * 2_000], ids=["name", "values", "empty"]
)
async def test_a_head_without_end_is_put_off(piece: bytes) -> None:
    """A head of more than any sane size is answered 431 after 64 KiB, not kept in memory."""
    start = b"" if piece.startswith(b"\r") else b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    async with served(probes(FINE)) as port, connected(port) as (reader, writer):
        writer.write(start + piece * (listening.LIMITS.head_bytes // len(piece) + 1))
        got = await end(reader)
    assert got.startswith(b"HTTP/1.1 431 ")


async def test_a_slow_body_is_put_off() -> None:
    """A body that drips is answered 408 once its time is over, whatever was promised."""
    async with listened(web.routes(bolt(), probes(FINE), body_seconds=SOON)) as port:
        got = await dripped(port, request("POST", "/slack/events", "Content-Length: 1000"), b"x")
    assert got.startswith(b"HTTP/1.1 408 ")


async def test_who_does_not_take_an_answer_is_cut() -> None:
    """An answer that nobody reads holds its connection for a while, not for ever."""
    limits = Limits(write_seconds=SOON)
    async with (
        served(probes(FINE), limits, more=[Route("/big", big)]) as port,
        connected(port) as (reader, writer),
    ):
        writer.write(request("GET", "/big"))
        await reader.readexactly(1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport of a socket
        sending = asyncio.create_task(drip(writer, b"\r\n"))  # the only way to see a cut without reading
        await sending
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await end(reader)) < BIG


async def test_a_connection_has_an_end() -> None:
    """However well it behaves, a connection is closed after its time."""
    async with served(probes(FINE), Limits(life_seconds=SOON)) as port:
        got = await dripped(port, b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")


async def test_too_many_connections_do_not_use_up_all_files() -> None:
    """Beyond the limit a request is answered 503, and beyond the second one a connection is cut at once."""
    async with served(probes(FINE), Limits(requests=3, connections=4)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        status, _, _ = await ask(port, request("GET", "/healthz"))
        held.append(await asyncio.open_connection("127.0.0.1", port))
        async with connected(port) as (reader, _):
            assert await end(reader) == b""
        for _, writer in held:
            writer.transport.abort()
    assert status == 503


SMUGGLED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\x0bchunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\nContent-Length: 5",
        "X: a\rb",
        "X\x00: y",
    ],
)
async def test_a_request_with_two_lengths_is_refused(head: str) -> None:
    """Where two parsers could disagree about a request's end, nothing behind it is taken for a request of its own."""
    async with served(probes(FINE)) as port, connected(port) as (reader, writer):
        writer.write(
            f"POST /slack/events HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + b"0\r\n\r\n" + SMUGGLED
        )
        writer.write_eof()
        got = await end(reader)
    assert b" 200 " not in got
    assert b"shipbell_" not in got


async def test_what_follows_a_refusal_is_not_a_request() -> None:
    """After 413 the connection is closed, so that the unread body is never taken for requests."""
    async with served(probes(FINE)) as port, connected(port) as (reader, writer):
        head = f"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: {gate.MAX_BODY + 1}\r\n\r\n"
        writer.write(head.encode() + SMUGGLED * 3)
        got = await end(reader)
    assert got.startswith(b"HTTP/1.1 413 ")
    assert got.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path", ["/healthz/", "//evil.example/", "/slack/events/", "/nowhere", f"http://{EVIL}/healthz/"]
)
async def test_the_host_that_a_request_names_leads_nowhere(path: str) -> None:
    """No answer repeats the host that a request names, and no path makes a redirect: an open one would lend our name."""
    async with served(probes(FINE)) as port:
        head = f"GET {path} HTTP/1.1\r\nHost: {EVIL}\r\nX-Forwarded-Host: {EVIL}\r\nConnection: close\r\n\r\n"
        status, headers, body = await ask(port, head.encode())
    assert status in {404, 405}
    assert "location" not in headers
    assert EVIL not in str(headers) + body.decode()


async def test_a_line_end_in_an_address_makes_no_header() -> None:
    """Line ends that an address or a header smuggles in never become headers of the answer."""

    async def echo(request: Request) -> Response:
        return PlainTextResponse("", headers={"x-echo": request.path_params["name"].strip()})

    async with served(probes(FINE), more=[Route("/echo/{name}", echo)]) as port:
        _, headers, _ = await ask(port, request("GET", "/nowhere%0d%0aSet-Cookie:%20a=b?c=%0d%0aX-Evil:1"))
        async with connected(port) as (reader, writer):
            writer.write(request("GET", "/echo/a%0d%0aset-cookie:%20a=b"))
            forged = await end(reader)
    assert not {"set-cookie", "x-evil"} & headers.keys()
    assert forged == b""


@pytest.mark.parametrize(
    ("site", "expected"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 401), ("none", 401), ("", 401)],
)
async def test_no_other_site_makes_a_browser_send(site: str, expected: int) -> None:
    """What a browser says to be another site's doing is refused before any route sees it."""
    named = (f"Sec-Fetch-Site: {site}",) if site else ()
    async with served(probes(FINE)) as port:
        status, _, _ = await ask(port, request("POST", "/slack/events", "Content-Length: 0", *named))
    assert status == expected


async def test_a_link_from_another_site_may_be_followed() -> None:
    """Reading is not refused, from wherever it is linked: Slack's messages link to the bot's pages."""
    async with served(probes(FINE)) as port:
        status, _, _ = await ask(port, request("GET", "/healthz", "Sec-Fetch-Site: cross-site"))
    assert status == 200


async def test_a_websocket_is_not_spoken() -> None:
    """An offer to speak WebSocket gets a plain answer, and what follows is no frame."""
    async with served(probes(FINE)) as port:
        offer = (
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: eA==",
            "Sec-WebSocket-Version: 13",
        )
        head = "\r\n".join(("GET /healthz HTTP/1.1", "Host: x", *offer, "", "")).encode()
        async with connected(port) as (reader, writer):
            writer.write(head)
            got = await reader.readuntil(b"\r\n")
    assert got == b"HTTP/1.1 200 OK\r\n"


async def test_a_fault_of_ours_carries_the_security_headers_too() -> None:
    """An answer that a fault makes is held to the same headers, and shows nothing of the fault."""

    async def broken(_request: Request) -> Response:
        raise RuntimeError("marked-5f0e1c")

    async with served(probes(FINE), more=[Route("/broken", broken)]) as port:
        status, headers, body = await ask(port, request("GET", "/broken"))
    assert status == 500
    assert gate.HEADERS.items() <= headers.items()
    assert b"marked" not in body
