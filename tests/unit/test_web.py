"""The HTTP routes: what is refused before it is read, what every answer carries, and what the probes tell."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message

from bot import app as wiring
from bot import gate, listening, web
from bot.engine.embedded import EmbeddedEngine
from bot.pages import STYLE_SOURCE
from bot.status.style import STYLE_SOURCE as STATUS_STYLE
from storage.database import Database

HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src {STYLE_SOURCE} {STATUS_STYLE}; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
FINE = {"database": "ok", "engine": "ok"}
assert gate.MAX_BODY == 16 * 0x10000
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"


async def nothing() -> None:
    """Do no housekeeping."""


def probes(ready: Mapping[str, str], figures: Mapping[str, Mapping[str, float]] | None = None) -> web.Probes:
    """Return probes that answer with these."""

    async def is_ready() -> Mapping[str, str]:
        return ready

    async def all_figures() -> Mapping[str, Mapping[str, float]]:
        return figures or {}

    return web.Probes(is_ready, all_figures)


def bolt() -> AsyncApp:
    """Return a Bolt app that would refuse every delivery: none here is signed."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=None)

    return AsyncApp(signing_secret="s3cret", authorize=authorize, process_before_response=True)


@asynccontextmanager
async def served(
    given: web.Probes,
    limits: listening.Limits = listening.LIMITS,
    *,
    secure: bool = False,
    more: Sequence[Route] = (),
) -> AsyncIterator[int]:
    """Serve the routes on a free port of the loopback, as the bot does; gives the port."""
    async with listened(web.routes(bolt(), given, pages=more, secure=secure), limits) as port:
        yield port


@asynccontextmanager
async def listened(app: ASGIApp, limits: listening.Limits = listening.LIMITS) -> AsyncIterator[int]:
    """Let an application be reached on a free port of the loopback, as the bot is; gives the port."""
    config = listening.config(app, "127.0.0.1", 0, limits)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    running = asyncio.create_task(server.main_loop())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running
        await server.shutdown()
        logging.getLogger("uvicorn.access").propagate = True  # which uvicorn takes away for the whole process


async def ask(port: int, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send a request in pieces and read until the other side closes; returns status, headers and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.decode().split("\r\n")
    named = (line.split(": ", 1) for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, value in named}, body


def request(method: str, path: str, *headers: str) -> bytes:
    """Return a request's head."""
    return "\r\n".join(
        (f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")
    ).encode()


async def scripted(length: bytes | None, *chunks: bytes) -> tuple[list[int], int]:
    """Send a body to the application directly; returns the statuses that it answered and how many pieces it took."""
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, start=1)
    ]
    taken, statuses = 0, list[int]()

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return waiting[taken - 1]

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "method": "POST", "path": "/slack/events", "query_string": b"", "root_path": "",
        "headers": [] if length is None else [(b"content-length", length)],
    }  # fmt: skip
    await web.routes(bolt(), probes(FINE))(scope, receive, send)
    return statuses, taken


@pytest.mark.parametrize(
    "length", [str(gate.MAX_BODY + 1).encode(), b"9" * 5_000, b"-1", b"1e3", b"", "²".encode("latin-1")]
)
async def test_a_length_that_is_too_much_is_refused_unread(length: bytes) -> None:
    """A body told to be too large, or of no readable length, gets 413, and not one byte of it is read."""
    assert await scripted(length, b"x") == ([413], 0)


async def test_a_body_without_a_length_is_read_to_the_limit() -> None:
    """A body that comes in pieces gets 413 as soon as the limit is passed; the rest is not read."""
    piece = b"x" * (gate.MAX_BODY // 4)
    assert await scripted(None, *[piece] * 4, b"x", *[piece] * 4) == ([413], 5)


async def test_a_body_up_to_the_limit_reaches_slacks_side() -> None:
    """A body of exactly the limit is read, and refused for its missing signature alone."""
    assert await scripted(str(gate.MAX_BODY).encode(), b"x" * gate.MAX_BODY) == ([401], 1)


async def test_over_a_real_connection_too_large_is_413() -> None:
    """Told, or in chunks whose end has not come, a sender is answered 413 and the connection is closed."""
    async with served(probes(FINE)) as port:
        told = await ask(port, request("POST", "/slack/events", f"Content-Length: {gate.MAX_BODY + 1}"))
        chunked = await ask(
            port, request("POST", "/slack/events", "Transfer-Encoding: chunked"), *[CHUNK] * 16, b"1\r\nx\r\n"
        )
    for status, headers, _ in (told, chunked):
        assert status == 413
        assert HEADERS.items() <= headers.items()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/slack/events", 405),
        ("POST", "/slack/events", 401),
    ],
)
async def test_every_answer_has_the_security_headers(method: str, path: str, expected: int) -> None:
    """Whatever is asked, the answer is never cached, sniffed, framed, or told to another site."""
    async with served(probes(FINE)) as port:
        status, headers, _ = await ask(port, request(method, path, "Content-Length: 0"))
    assert status == expected
    assert HEADERS.items() <= headers.items()


async def test_browsers_are_told_to_stay_with_https() -> None:
    """Where the bot is reached by https every answer says so for a year; where it is not, none does."""
    async with served(probes(FINE), secure=True) as port:
        _, encrypted, _ = await ask(port, request("GET", "/nowhere"))
    async with served(probes(FINE)) as port:
        _, plain, _ = await ask(port, request("GET", "/nowhere"))
    assert encrypted["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in plain


async def test_socket_mode_takes_no_deliveries_over_http() -> None:
    """Without a signing secret nothing could be proven, so the route is not there."""
    statuses = list[int]()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/slack/events", "query_string": b"", "headers": []}
    await web.routes(None, probes(FINE))(scope, receive, send)
    assert statuses == [404]


@pytest.mark.parametrize("part", list(FINE))
async def test_not_ready_is_503_and_names_the_part(part: str) -> None:
    """One part that is not fine makes the whole not ready, and the answer says which."""
    async with served(probes({**FINE, part: "away"})) as port:
        status, _, body = await ask(port, request("GET", "/readyz"))
    assert status == 503
    assert f'"{part}":"away"'.encode() in body


async def test_a_database_that_is_away_is_told_not_raised(tmp_path: Path) -> None:
    """The bot's own probe names a database that can't be reached or read; it does not raise, and shows no password."""
    engine = EmbeddedEngine(wiring.now, nothing)  # never started, so it is not ready either
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database at all" * 100)
    for url in (
        "postgresql+psycopg://someone:s3cret@127.0.0.1:1/nothing",
        f"sqlite+aiosqlite:///{broken}",
        f"sqlite+aiosqlite:///{tmp_path}/empty.db",
    ):
        database = Database(url)
        await database.open()
        found = await wiring._ready(database, engine)
        await database.close()
        assert found["database"] != "ok"
        assert "s3cret" not in found["database"]
        assert found["engine"] == "stopped"


async def test_metrics_are_given_in_prometheus_text() -> None:
    """Each metric has its help and type, and the figures stand under their labels."""
    figures = {"shipbell_publishers": {"pending": 3.0}, "shipbell_outbox_waiting": {"": 2.0}}
    async with served(probes(FINE, figures)) as port:
        _, headers, body = await ask(port, request("GET", "/metrics"))
    text = body.decode()
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'shipbell_publishers{state="pending"} 3.0' in text
    assert "shipbell_outbox_waiting 2.0" in text
    for name, (told, _) in web.METRICS.items():
        assert f"# HELP {name} {told}" in text
        assert f"# TYPE {name} gauge" in text


@pytest.mark.parametrize("path", ["/named/a%00b", "/named/a?state=%00", "/named/a?%00", "/%00"])
async def test_an_address_with_a_null_reaches_no_route(path: str) -> None:
    """A null in a path or a query, which PostgreSQL can't be asked for, gets 400 before any route sees it."""
    seen: list[str] = []

    async def named(one: Request) -> Response:
        seen.append(one.url.path)
        return PlainTextResponse("ok")

    async with served(probes(FINE), more=[Route("/named/{name}", named)]) as port:
        status, _, _ = await ask(port, request("GET", path))
        assert (status, seen) == (400, [])
        status, _, _ = await ask(port, request("GET", "/named/a?state=b"))
        assert (status, seen) == (200, ["/named/a"])
