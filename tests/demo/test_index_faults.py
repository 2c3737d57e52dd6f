"""The stand-in fails exactly as told, so often as told, and serves truly again."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bot.demo.index import IndexStandIn
from tests.demo.test_index_publisher_api import GOOD, PATH, listed, register

SIMPLE = "/simple/widgets/"


async def status_of(client: aiohttp.ClientSession, url: str) -> int:
    """Return the status of one GET."""
    async with client.get(url) as answer:
        await answer.read()
        return answer.status


async def test_fault_strikes_so_often_and_no_more(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Two faults are two wrong answers, and the third is true."""
    index.fail("/simple/", status=503, headers={"Retry-After": "7"}, times=2)
    assert [await status_of(client, index.url + SIMPLE) for _ in range(3)] == [503, 503, 200]


async def test_fault_carries_status_line_headers_and_body(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """What was ordered is answered to the letter."""
    html = {"Content-Type": "text/html"}
    index.fail("/simple/", status=429, reason="Slow Down", headers=html, body=b"<h1>wait</h1>")
    async with client.get(index.url + SIMPLE) as answer:
        assert (answer.status, answer.reason, answer.content_type) == (429, "Slow Down", "text/html")
        assert await answer.read() == b"<h1>wait</h1>"


async def test_fault_keeps_to_its_path_and_method(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """Other addresses and other methods are served truly meanwhile."""
    index.fail(PATH, method="POST", times=-1)
    token = index.make_token()
    assert await listed(client, index, token) == []
    assert await status_of(client, index.url + SIMPLE) == 200
    async with client.post(index.url + PATH, json=GOOD) as answer:
        assert answer.status == 500


async def test_healing_ends_an_endless_fault(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A negative count lasts until `heal`."""
    index.fail("/", times=-1)
    assert [await status_of(client, index.url + SIMPLE) for _ in range(3)] == [500, 500, 500]
    index.heal()
    assert await status_of(client, index.url + SIMPLE) == 200


async def test_closing_gives_no_answer_and_does_nothing(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """The connection is cut before the request is looked at."""
    index.fail(PATH, close=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await register(client, index, index.make_token())
    assert index.registrations == []


async def test_closing_after_does_it_and_loses_the_answer(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """With `after` the registration is taken although its answer never arrives; asked again it is 409."""
    index.fail(PATH, close=True, after=True)
    token = index.make_token()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await register(client, index, token)
    assert len(index.registrations) == 1
    assert (await register(client, index, token))[0] == 409


async def test_hanging_waits_for_release_and_then_answers_truly(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """A hanging answer comes whole once it is let go, and nothing was done before."""
    index.fail(PATH, hang=True)
    asked = asyncio.create_task(register(client, index, index.make_token()))
    await index.arrived(PATH)
    assert index.registrations == []
    index.release()
    assert (await asked)[0] == 201


async def test_request_whose_asker_is_gone_is_not_done_late(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """Given up while it hung, a request is dropped for good."""
    index.fail(PATH, hang=True)
    asked = asyncio.create_task(register(client, index, index.make_token()))
    await index.until_hanging()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await index.until_none_hangs()
    index.release()
    assert await status_of(client, index.url + SIMPLE) == 200
    assert index.registrations == []


async def test_hanging_after_has_done_it(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """With `after` what hangs is the answer alone."""
    index.fail(PATH, hang=True, after=True)
    asked = asyncio.create_task(register(client, index, index.make_token()))
    await index.until_hanging()
    assert len(index.registrations) == 1
    index.release()
    assert (await asked)[0] == 201


async def test_stopping_frees_what_hangs(client: aiohttp.ClientSession) -> None:
    """A stand-in can be stopped although a request hangs in it, and started anew at the same port."""
    index = IndexStandIn()
    await index.start()
    port = int(index.url.rpartition(":")[2])
    index.fail("/", hang=True)
    asked: asyncio.Task[Any] = asyncio.create_task(status_of(client, index.url + "/"))
    await index.until_hanging()
    await index.stop()
    await asyncio.gather(asked, return_exceptions=True)
    await index.start(port)
    assert await status_of(client, index.url + "/") == 200
    await index.stop()


async def test_flood_streams_so_many_megabytes(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """The body is followed by the ordered amount, to the byte."""
    index.fail("/simple/", status=200, body=b"{", megabytes=3)
    received = 0
    async with client.get(index.url + SIMPLE) as answer:
        async for part in answer.content.iter_any():
            received += len(part)
    assert received == 1 + 3 * 1024 * 1024


async def test_flood_nobody_reads_leaves_the_index_serving(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """A client that closes early costs nothing and breaks nothing."""
    index.fail("/simple/", status=200, megabytes=100)
    async with client.get(index.url + SIMPLE) as answer:
        await answer.content.read(10)
        answer.close()
    assert await status_of(client, index.url + SIMPLE) == 200


async def test_lie_shows_an_active_publisher_nobody_registered(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """The list names another repository as active while the own registration is pending."""
    token = index.make_token()
    await register(client, index, token)
    index.lie("widgets", owner="mallory", repository="widgets")
    (entry,) = await listed(client, index, token)
    assert (entry["owner"], entry["status"]) == ("mallory", "active")


async def test_log_counts_requests_and_keeps_no_secret(
    client: aiohttp.ClientSession, index: IndexStandIn
) -> None:
    """Method, path, query and scheme are kept of each request, a token nowhere."""
    token = index.make_token()
    await listed(client, index, token)
    for malformed in (token, f"Token {token}"):
        async with client.get(index.url + SIMPLE, headers={"Authorization": malformed}) as answer:
            assert answer.status == 200
    first = index.requests[0]
    assert (first.method, first.path, first.query, first.scheme) == (
        "GET",
        PATH,
        {"name": "widgets"},
        "Token",
    )
    assert token not in repr(index.requests)
    assert index.count(SIMPLE) == 2


async def test_two_indexes_do_not_mix(client: aiohttp.ClientSession, index: IndexStandIn) -> None:
    """A token of one index is unknown to another, and a fault stays with its own."""
    async with IndexStandIn("other") as other:
        other.add_project("widgets")
        other.fail("/simple/")
        assert (await register(client, other, index.make_token()))[0] == 401
        assert await status_of(client, index.url + SIMPLE) == 200
        assert await status_of(client, other.url + SIMPLE) == 500


async def test_taken_port_is_an_error_and_leaves_nothing_open(index: IndexStandIn) -> None:
    """Starting on a port in use says so at once."""
    second = IndexStandIn()
    with pytest.raises(OSError, match="address already in use"):
        await second.start(int(index.url.rpartition(":")[2]))
    with pytest.raises(RuntimeError, match="not started"):
        _ = second.url
