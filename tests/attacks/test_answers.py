"""Attacks by whom the bot asks, over real connections: answers that drip, have no end, or burst once they are unpacked."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import repeat

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import AnswerLost
from bot.slack.notifier import MOST_ANSWER, is_slacks, shared_session
from bot.transport import Transport
from bot.wire import Request
from bot.workflow.ports import Said
from storage.records import Secret
from tests.transport.servers import Script, Server, answer, serving
from tests.transport.slack_server import scripted
from tests.transport.test_notifier import ROOT, notifier

SOON = 0.4
"""Seconds; a time-out that is meant to strike."""
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def dripping(start: bytes, piece: bytes, wait: float) -> Script:
    """Send a start, and then piece after piece until the other side has gone."""

    async def script(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for _ in repeat(None):
            writer.write(piece)
            await writer.drain()
            server.written += len(piece)
            await asyncio.sleep(wait)  # how slowly is the attack itself

    return script


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b"H"),
        (HEAD, b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"Content-Length: 1000000\r\n\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        (HEAD + b"Connection: close\r\n\r\n", b"x"),
    ],
    ids=["status", "headers", "interim", "body", "chunks", "extension", "trailers", "endless"],
)
async def test_an_answer_that_drips_has_its_time(transport: Transport, start: bytes, piece: bytes) -> None:
    """The time of a request is for all of it: one that gets a byte now and then is lost when it is over."""
    async with serving(dripping(start, piece, SOON / 20)) as server:
        with pytest.raises(AnswerLost):
            await transport.send(Request("POST", server.url, timeout=SOON))


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (HEAD, b"X: " + b"y" * 60_000 + b"\r\n"),
        (HEAD + b"X: ", b"y" * 60_000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 60_000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"F" * 60_000),
    ],
    ids=["headers", "header", "extension", "trailers", "length"],
)
async def test_an_answer_without_end_fills_no_memory(
    transport: Transport, start: bytes, piece: bytes
) -> None:
    """What comes around a body has its limit too, however fast it comes."""
    async with serving(dripping(start, piece, 0)) as server:
        tracemalloc.start()
        with pytest.raises(AnswerLost):
            await transport.send(Request("POST", server.url, timeout=5))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert server.written < 20_000_000  # what sockets buffer, and no more
    assert peak < 20_000_000


async def test_a_packing_within_a_packing_is_not_opened(transport: Transport) -> None:
    """Only one packing is asked for and only one is taken off; what claims more stays as it is, within the limit."""
    twice = gzip.compress(gzip.compress(bytes(50_000_000)))
    async with serving(answer(200, twice, headers={"Content-Encoding": "gzip, gzip"})) as server:
        got = await transport.send(Request("POST", server.url, max_bytes=100_000))
    assert len(got.body) <= 100_000
    assert got.body == twice[:100_000]


@pytest.mark.parametrize("packed", [True, False])
async def test_slacks_answers_have_a_limit_too(*, packed: bool) -> None:
    """An answer in Slack's place that never ends, or bursts when unpacked, is none; the bot's memory stays its own."""
    body = gzip.compress(bytes(20 * MOST_ANSWER)) if packed else b"x" * (2 * MOST_ANSWER)
    more = {"Content-Encoding": "gzip"} if packed else {}
    script = answer(200, body, headers={"Content-Type": "application/json", **more})
    async with serving(script) as server, shared_session() as session:
        client = AsyncWebClient(
            token="xoxb-test", base_url=f"{server.url}/", session=session, retry_handlers=[]
        )
        tracemalloc.start()
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.auth_test()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 6 * MOST_ANSWER


async def test_slacks_usual_answers_are_read() -> None:
    """An answer within the limit is read, packed or not."""
    body = b'{"ok": true, "user_id": "U1"}'
    for sent, more in ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})):
        script = answer(200, sent, headers={"Content-Type": "application/json", **more})
        async with serving(script) as server, shared_session() as session:
            client = AsyncWebClient(token="xoxb-test", base_url=f"{server.url}/", session=session)
            assert (await client.auth_test())["user_id"] == "U1"


@pytest.mark.parametrize(
    ("api", "url", "expected"),
    [
        ("https://slack.com/api/", "https://hooks.slack.com/commands/T1/2/3", True),
        ("https://slack.com/api/", "https://slack.com/x", True),
        ("https://slack.com/api/", "http://hooks.slack.com/x", False),
        ("https://slack.com/api/", "https://hooks.slack.com@evil.example/x", False),
        ("https://slack.com/api/", "https://hooks.slack.com:443@evil.example/x", False),
        ("https://slack.com/api/", "https://evilslack.com/x", False),
        ("https://slack.com/api/", "https://slack.com.evil.example/x", False),
        ("https://slack.com/api/", "https://169.254.169.254/latest", False),
        ("https://slack.com/api/", "file:///etc/passwd", False),
        ("https://slack.com/api/", "https://[", False),
        ("https://slack.com/api/", "", False),
        ("http://127.0.0.1:9/api/", "http://127.0.0.1:10/r", True),
    ],
)
def test_which_addresses_are_slacks(api: str, url: str, *, expected: bool) -> None:
    """An address is Slack's by its host, whole or below it, and by nothing that only looks like it."""
    assert is_slacks(api, url) is expected


async def test_an_answer_goes_to_slack_alone() -> None:
    """A delivery that names somebody else's address, though well signed, makes the bot ask nobody there; the person is answered by the API."""
    async with serving(answer(200)) as inside, scripted(chat_postEphemeral=[{"ok": True}]) as slack:
        there = replace(ROOT, user="U1", response_url=Secret(inside.url.replace("127.0.0.1", "localhost")))
        assert await notifier(slack).deliver(there, maybe_said=False) == Said()
        assert inside.requests == []
        assert len(slack.asked("chat.postEphemeral")) == 1
