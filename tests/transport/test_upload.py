"""Uploading against a server: the form that arrives, the memory that it takes, what comes of every way to fail."""

import asyncio
import hashlib
import io
import tempfile
import tracemalloc
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from bot.archives import look_through
from bot.core.distributions import Distribution
from bot.core.outcomes import FileThere, Login, TryLater, Uploaded, UploadOutcome, UploadRefused
from bot.core.sites import IndexSite
from bot.demo.index import IndexStandIn
from bot.demo.index_files import make_distribution
from bot.index.client import IndexClient
from bot.index.tokens import narrowed
from bot.transport import Transport
from bot.wire import Form, Request
from storage.records import Reason, ReleaseReason, Secret
from tests.transport.servers import Server, answer, cut, hang, serving

R = ReleaseReason
SEEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
WHEEL = "widgets-1.0-py3-none-any.whl"
SOON = 0.6
"""Seconds; a time-out that is meant to strike."""


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback, and has made its first connection, which takes its time."""
    async with Transport(allow_private_addresses=True) as there, serving(answer()) as first:
        await there.send(Request("GET", first.url))
        yield there


@asynccontextmanager
async def listening(
    handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Run a server, and give its address; at the end it has heard that everybody is gone."""
    over: list[asyncio.Event] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over.append(asyncio.Event())
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()
            over[-1].set()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    for one in over:
        await one.wait()
    listener.close()


def looked(content: bytes, filename: str, project: str = "widgets", version: str = "1.0") -> Distribution:
    """Return a sound file."""
    found = look_through(io.BytesIO(content), filename, project, version)
    assert isinstance(found, Distribution)
    return found


async def sent(
    transport: Transport, url: str, token: Secret, filename: str = WHEEL, note: str = "", seconds: float = 5
) -> UploadOutcome:
    """Upload a file to an index."""
    content = make_distribution(filename, note)
    project = filename.partition("-")[0]
    client = IndexClient(transport, {"x": IndexSite("x", url, f"{url}/legacy/")}, lambda: SEEN)
    login = Login(Secret("__token__"), token)
    return await client.upload("x", looked(content, filename, project), io.BytesIO(content), login, seconds)


async def test_what_is_sent_arrives_whole(transport: Transport) -> None:
    """The stand-in, which checks all that warehouse does, takes wheel and sdist, and the very same file again."""
    async with IndexStandIn() as index:
        token = Secret(index.make_token())
        for name in (WHEEL, "widgets-1.0.tar.gz", WHEEL):
            assert await sent(transport, index.url, token, name) == Uploaded()
        there = index.state.projects["widgets"]
        assert {file.filename: file.content for file in there.files} == {
            name: make_distribution(name) for name in (WHEEL, "widgets-1.0.tar.gz")
        }


async def test_refusals_come_through_the_status_line(transport: Transport) -> None:
    """Another file of the name, no token, another index's token, one of another project: each with its own cause."""
    async with IndexStandIn() as index:
        token = Secret(index.make_token())
        assert await sent(transport, index.url, token) == Uploaded()
        other = await sent(transport, index.url, token, note="other")
        assert isinstance(other, FileThere)
        assert other.detail.startswith("File already exists ('widgets-1.0-py3-none-any.whl'")
        until = datetime.now(UTC) + timedelta(minutes=15)  # noqa: TID251 - the stand-in has the real time
        elsewhere = narrowed(token, "gears", until).secret
        ours = narrowed(token, "widgets", until).secret
        past = narrowed(token, "widgets", until - timedelta(hours=1)).secret
        assert await sent(transport, index.url, ours, "widgets-1.0.tar.gz") == Uploaded()
        whys = [await sent(transport, index.url, one) for one in (Secret("nonsense"), elsewhere, past)]
        assert [one.reason for one in whys if isinstance(one, UploadRefused)] == [
            R.UPLOAD_TOKEN_UNKNOWN, R.UPLOAD_TOKEN_OTHER_PROJECT, R.UPLOAD_TOKEN_EXPIRED,
        ]  # fmt: skip


async def test_the_address_without_its_slash_is_told(transport: Transport) -> None:
    """A redirect is not followed with a file; it says where it leads."""
    async with IndexStandIn() as index:
        client = IndexClient(transport, {"x": IndexSite("x", index.url, f"{index.url}/legacy")}, lambda: SEEN)
        content = make_distribution(WHEEL)
        login = Login(Secret("__token__"), Secret(index.make_token()))
        found = await client.upload("x", looked(content, WHEEL), io.BytesIO(content), login, 5)
        assert found == UploadRefused(R.UPLOAD_MOVED, f"{index.url}/legacy/")


@pytest.mark.parametrize("script", [hang, cut])
async def test_a_lost_answer_may_mean_that_it_arrived(transport: Transport, script: object) -> None:
    """Hung or cut after the file was sent: it is not sent again, but said to be unknown."""
    async with serving(script) as server:  # type: ignore[arg-type]  # a script of the servers
        found = await sent(transport, server.url, Secret("pypi-x"), seconds=SOON)
        assert isinstance(found, TryLater)
        assert found.arrived_maybe
        assert server.connections == 1


async def test_nobody_there_means_that_nothing_arrived(transport: Transport) -> None:
    """A refused connection leaves no doubt."""
    async with serving(answer()) as server:
        url = server.url
    found = await sent(transport, url, Secret("pypi-x"))
    assert isinstance(found, TryLater)
    assert (found.reason, found.arrived_maybe) == (Reason.UNREACHABLE, False)


async def test_a_refusal_before_the_file_is_read_is_heard() -> None:
    """A server that answers after the head, and reads on without a use, is understood."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\n\r\n")
        while await reader.read(65_536):
            pass

    async with listening(early) as url, Transport(allow_private_addresses=True) as transport:
        with tempfile.TemporaryFile() as content:
            content.truncate(8_000_000)
            request = Request("POST", url, form=Form((), "content", "x", content), timeout=20)
            got = await transport.send(request)
    assert got.status == 413


async def test_a_form_goes_through_in_pieces() -> None:
    """Fields, also several of one name, and the file arrive as they are, at whatever size little of it is in memory."""
    size, received = 40_000_000, [0]

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            left = next(
                int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
            )
            while left:
                chunk = await reader.read(min(left, 65_536))
                left, received[0] = left - len(chunk), received[0] + len(chunk)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await swallow(reader, writer)

    async with listening(until_gone) as url, Transport(allow_private_addresses=True) as transport:
        with tempfile.TemporaryFile() as content:
            content.truncate(size)
            form = Form((("a", "1"), ("a", "2")), "content", "x", content)
            await transport.send(Request("POST", url, form=Form((), "content", "x", io.BytesIO(b"x"))))
            tracemalloc.start()
            try:
                assert (await transport.send(Request("POST", url, form=form, timeout=60))).status == 200
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert received[0] > size
    assert peak < size / 10


async def test_an_answer_is_saved_as_it_comes(transport: Transport) -> None:
    """A saved body is in the file and hashed; one that is longer than may be is cut and said to be."""
    async with serving(answer(200, b"x" * 5_000)) as server:
        with tempfile.TemporaryFile() as into:
            into.write(b"left over from before" * 1_000)
            got = await transport.save(Request("GET", server.url), into)
            into.seek(0)
            assert into.read() == b"x" * 5_000
            assert got.sha256 == hashlib.sha256(b"x" * 5_000).hexdigest()
            assert (got.size, got.answer.truncated) == (5_000, False)
            cut_off = await transport.save(Request("GET", server.url, max_bytes=10), into)
            assert cut_off.answer.truncated


async def test_a_refused_answer_is_not_saved(transport: Transport) -> None:
    """What is no 200 leaves the file empty."""
    async with serving(answer(404, b"not here")) as server:
        with tempfile.TemporaryFile() as into:
            got = await transport.save(Request("GET", server.url), into)
            assert (got.answer.status, into.tell()) == (404, 0)


def heads(server: Server) -> list[str]:
    """Return who was asked with which credential."""
    return [
        b64decode(line[21:]).decode()
        for request in server.requests
        for line in request.split(b"\r\n")
        if line.startswith(b"Authorization: Basic ")
    ]


async def test_a_password_goes_as_it_is(transport: Transport) -> None:
    """Signs beyond ASCII in a user's name or password arrive as UTF-8."""
    async with serving(answer()) as server:
        client = IndexClient(transport, {"x": IndexSite("x", server.url, f"{server.url}/")}, lambda: SEEN)
        content = make_distribution(WHEEL)
        login = Login(Secret("jos\u00e9"), Secret("p\u00e4ss:word"))
        assert await client.upload("x", looked(content, WHEEL), io.BytesIO(content), login, 5) == Uploaded()
        assert heads(server) == ["jos\u00e9:p\u00e4ss:word"]
