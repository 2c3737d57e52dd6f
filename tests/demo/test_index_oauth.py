"""The index's OAuth 1.0a facility, asked by `requests-oauthlib`: a client that is not ours and shares no code with the server."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
import requests
from requests_oauthlib import OAuth1

from bot.demo.index import IndexStandIn
from bot.demo.index_consumers import Consumer, Token
from bot.demo.index_files import make_distribution
from tests.demo.clock import StoppedClock

CALLBACK = "http://127.0.0.1:1/indexes/company/callback/abc"
SDIST, WHEEL = "spam-1.0.tar.gz", "spam-1.0-py3-none-any.whl"
HEADING = "Error processing OAuth request\n\n"


@pytest.fixture
async def index(clock: StoppedClock) -> AsyncIterator[IndexStandIn]:
    """Give a running index with the facility."""
    async with IndexStandIn(oauth1=True, clock=clock) as running:
        yield running


@pytest.fixture
def consumer(index: IndexStandIn) -> Consumer:
    """Give a site that may use it."""
    return index.add_consumer("Shipbell of ACME")


@pytest.fixture
def access(index: IndexStandIn, consumer: Consumer) -> Token:
    """Give an access token of the user demo."""
    return index.consumers.grant(consumer, index.state.user("demo"))


async def ask(
    index: IndexStandIn,
    path: str,
    consumer: Consumer,
    token: tuple[str, str] = ("", ""),
    method: str = "GET",
    **more: Any,
) -> tuple[int, str]:
    """Ask the facility by requests-oauthlib; `signing` are further arguments for it. Returns status and text."""
    signing = {"timestamp": str(index.state.now), **more.pop("signing", {})}
    key, secret = token
    auth = OAuth1(consumer.key, consumer.secret, key or None, secret or None, **signing)
    answer = await asyncio.to_thread(
        requests.request, method, f"{index.url}/oauth/{path}", auth=auth, timeout=10, **more
    )
    return answer.status_code, answer.text


def pair(text: str) -> tuple[str, str]:
    """Return the token and secret of an answer."""
    found = parse_qs(text)
    return found["oauth_token"][0], found["oauth_token_secret"][0]


async def answered(client: aiohttp.ClientSession, index: IndexStandIn, **query: str) -> str:
    """Press a button of the page on which somebody agrees; returns where that leads."""
    params = {"oauth_callback": CALLBACK, **query}
    async with client.get(f"{index.url}/oauth/authorise", params=params, allow_redirects=False) as got:
        assert got.status == 307
        return got.headers["Location"]


async def signed_in(client: aiohttp.ClientSession, index: IndexStandIn, user: str = "demo") -> None:
    """Sign in on the index's pages."""
    async with client.post(f"{index.url}/account/login/", data={"user": user}) as got:
        assert got.status == 200


async def test_the_whole_way(index: IndexStandIn, consumer: Consumer, client: aiohttp.ClientSession) -> None:
    """Request token, the page signed out and signed in, ok, access token, test: and once more it is the same token."""
    status, text = await ask(index, "request_token", consumer)
    key, secret = pair(text)
    assert (status, len(key), len(secret)) == (200, 32, 64)
    params = {"oauth_token": key, "oauth_callback": CALLBACK}
    async with client.get(f"{index.url}/oauth/authorise", params=params) as got:
        assert "need to log into this index first" in await got.text()
    assert (await ask(index, "access_token", consumer, (key, secret)))[1].endswith(
        "Request Token not authorised"
    )
    await signed_in(client, index)
    async with client.get(f"{index.url}/oauth/authorise", params=params) as got:
        assert "Shipbell of ACME" in await got.text()
    assert (
        await answered(client, index, oauth_token=key, ok="Allow Access") == f"{CALLBACK}?oauth_token={key}"
    )
    status, text = await ask(index, "access_token", consumer, (key, secret))
    access = pair(text)
    assert (status, len(access[0]), len(access[1])) == (200, 32, 64)
    said = await ask(index, "test", consumer, access, params={"x": "y ä"})
    assert said == (200, "Access allowed for demo (ps. I got params={'x': ['y ä']})")
    other = pair((await ask(index, "request_token", consumer))[1])
    await answered(client, index, oauth_token=other[0], ok="Allow Access")
    assert pair((await ask(index, "access_token", consumer, other))[1]) == access


async def test_who_says_no_comes_back_with_nothing(
    index: IndexStandIn, consumer: Consumer, client: aiohttp.ClientSession
) -> None:
    """Cancel leads to the callback as it was given, and the request token is worth nothing."""
    key, secret = pair((await ask(index, "request_token", consumer))[1])
    await signed_in(client, index)
    assert await answered(client, index, oauth_token=key, cancel="Deny Access") == CALLBACK
    assert (await ask(index, "access_token", consumer, (key, secret)))[0] == 400


async def test_a_release_and_its_files(index: IndexStandIn, consumer: Consumer, access: Token) -> None:
    """A signed form makes a release, a signed query with an unsigned file uploads; both show where indexes show things."""
    token = (access.key, access.secret)
    fields = [
        ("name", "spam"), ("version", "1.0"), ("summary", "Späm & 'eggs'"), ("description", "a\nb c+d%20e"),
        ("classifiers", "A :: B"), ("classifiers", "C :: D"), ("metadata_version", "1.2"),
    ]  # fmt: skip
    assert await ask(index, "add_release", consumer, token, "POST", data=fields) == (200, "OK")
    assert index.state.projects["spam"].releases["1.0"].fields["classifiers"] == ["A :: B", "C :: D"]
    for filename, more in (
        (SDIST, {"filetype": "sdist"}),
        (WHEEL, {"filetype": "bdist_wheel", "pyversion": "py3"}),
    ):
        params = {"name": "spam", "version": "1.0", "filename": filename, "protocol_version": "1", **more}
        files = {"content": (filename, make_distribution(filename), "application/octet-stream")}
        assert await ask(index, "upload", consumer, token, "POST", params=params, files=files) == (200, "OK")
        again = await ask(index, "upload", consumer, token, "POST", params=params, files=files)
        assert again[0] == 400
        assert f'A file named "{filename}" already exists' in again[1]
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    simple = await asyncio.to_thread(requests.get, f"{index.url}/simple/spam/", headers=accept, timeout=10)
    assert [one["filename"] for one in simple.json()["files"]] == [SDIST, WHEEL]
    whole = await asyncio.to_thread(requests.get, f"{index.url}/pypi/spam/json", timeout=10)
    assert whole.json()["info"]["summary"] == "Späm & 'eggs'"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"pyversion": ""}, "Python version is required"),
        ({"filetype": "zip"}, "Both content and filetype are required"),
        ({"protocol_version": "2"}, "Unsupported file upload protocol"),
        ({"name": "eggs"}, 'must start with "eggs"'),
        ({"version": "2.0"}, "invalid distribution file"),
        ({"version": "x"}, "Invalid version"),
        ({"name": ""}, "must start with"),
        ({"md5_digest": "0" * 32}, "does not match"),
    ],
)
async def test_each_value_that_is_refused(
    index: IndexStandIn, consumer: Consumer, access: Token, changes: Mapping[str, str], problem: str
) -> None:
    """An upload whose fields do not fit its file is refused as a form, and leaves no file."""
    params = {
        "name": "spam",
        "version": "1.0",
        "filename": WHEEL,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        **changes,
    }
    told = {name: value for name, value in params.items() if value}
    files = {"content": (WHEEL, make_distribution(WHEEL), "application/octet-stream")}
    token = (access.key, access.secret)
    status, text = await ask(index, "upload", consumer, token, "POST", params=told, files=files)
    assert (status, text.partition("\n\n")[0]) == (400, "Error processing form")
    assert problem in text
    assert WHEEL not in index.state.used_filenames


async def test_anothers_project_is_nobodys(index: IndexStandIn, consumer: Consumer, access: Token) -> None:
    """A user who does not own a project may neither release nor upload there."""
    index.add_project("spam", owner="alice")
    fields = {"name": "spam", "version": "1.0"}
    token = (access.key, access.secret)
    assert (await ask(index, "add_release", consumer, token, "POST", data=fields))[0] == 403


@pytest.mark.parametrize(
    ("path", "signing", "said"),
    [
        ("test", {"signature_method": "PLAINTEXT"}, "Signature method PLAINTEXT not supported"),
        ("test", {"timestamp": "1000"}, "Expired timestamp: given 1000 and now"),
        ("test", {"timestamp": "later"}, "Expired timestamp: given 0 and now"),
        (
            "test",
            {"client_secret": "wrong"},
            "Invalid signature. Expected signature base string: GET&http%3A%2F%2F127.0.0.1",
        ),
        ("test", {"resource_owner_secret": "wrong"}, "Invalid signature"),
        ("test", {"resource_owner_key": "wrong"}, "Invalid access token: wrong"),
        ("access_token", {}, "Invalid request token: "),
        ("test", {"client_key": "wrong"}, "Invalid consumer."),
        ("test", {"signature_type": "query"}, "PyPI OAuth requires header authorization"),
    ],
)
async def test_each_refusal_of_the_facility(
    index: IndexStandIn, consumer: Consumer, access: Token, path: str, signing: dict[str, str], said: str
) -> None:
    """A wrong secret, key, token, time, method or place is refused with 400, the heading, and its own words."""
    keys: dict[str, Any] = {
        "client_key": consumer.key, "client_secret": consumer.secret, "resource_owner_key": access.key,
        "resource_owner_secret": access.secret, "timestamp": str(index.state.now),
    }  # fmt: skip
    auth = OAuth1(**{**keys, **signing})
    got = await asyncio.to_thread(requests.get, f"{index.url}/oauth/{path}", auth=auth, timeout=10)
    assert got.status_code == 400
    assert got.text.startswith(HEADING + said)
    assert got.reason.startswith(said.partition("=")[0])


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Basic ZGVtbzp4", "Unable to parse OAuth parameters"),
        ("OAuth nothing", "Unable to parse OAuth parameters"),
        ("OAuth oauth_version={v}", "Parameter not found: oauth_consumer_key"),
        ("OAuth oauth_consumer_key={key},oauth_version=2.0", "OAuth version 2.0 not supported."),
        ("OAuth oauth_consumer_key={key},oauth_version=1.0", "Parameter not found: oauth_timestamp"),
        ("OAuth oauth_consumer_key={key},oauth_timestamp={now}", "Parameter not found: "),
        (
            "OAuth oauth_consumer_key={key},oauth_timestamp={now},oauth_nonce=n,oauth_signature_method=HMAC-SHA1",
            "Missing signature.",
        ),
    ],
)
async def test_each_header_that_lacks_something(
    index: IndexStandIn, consumer: Consumer, client: aiohttp.ClientSession, header: str, said: str
) -> None:
    """Another scheme, no parameters, or one too few: each is refused in the facility's own words, none is a fault of ours."""
    filled = header.format(v="1.0", key=consumer.key, now=index.state.now)
    async with client.get(f"{index.url}/oauth/request_token", headers={"Authorization": filled}) as got:
        assert (got.status, (await got.text()).startswith(HEADING + said)) == (400, True)


async def test_a_signature_is_good_once(index: IndexStandIn, consumer: Consumer, access: Token) -> None:
    """The same time and nonce again are refused, also with another query; another nonce is not."""
    token, signing = (access.key, access.secret), {"nonce": "n"}
    assert (await ask(index, "test", consumer, token, signing=signing))[0] == 200
    again = await ask(index, "test", consumer, token, params={"a": "b"}, signing=signing)
    assert again == (400, f"{HEADING}Nonce already used: True")
    assert (await ask(index, "test", consumer, token, signing={"nonce": "m"}))[0] == 200


async def test_empty_values_spoil_the_signature(
    index: IndexStandIn, consumer: Consumer, access: Token
) -> None:
    """What is empty is not seen by the facility, so a client that signs it comes to another signature."""
    token = (access.key, access.secret)
    assert (await ask(index, "test", consumer, token, params={"x": ""}))[1].startswith(
        f"{HEADING}Invalid signature"
    )
    data = {"name": "spam", "version": "1.0", "summary": ""}
    assert (await ask(index, "add_release", consumer, token, "POST", data=data))[0] == 400


async def test_a_request_token_is_its_consumers(
    index: IndexStandIn, consumer: Consumer, client: aiohttp.ClientSession
) -> None:
    """Another consumer gets nothing for it; a grant that the user has withdrawn is gone."""
    key, secret = pair((await ask(index, "request_token", consumer))[1])
    await signed_in(client, index)
    await answered(client, index, oauth_token=key, ok="1")
    status, text = await ask(index, "access_token", index.add_consumer("Other"), (key, secret))
    assert (status, text) == (400, f"{HEADING}Invalid request token: {key}")
    access = pair((await ask(index, "access_token", consumer, (key, secret)))[1])
    index.consumers.withdraw(index.state.user("demo"))
    assert (await ask(index, "test", consumer, access))[1] == f"{HEADING}Invalid access token: {access[0]}"


async def test_an_index_without_it_has_no_such_page(client: aiohttp.ClientSession) -> None:
    """Unless it is asked for, nothing is there."""
    async with IndexStandIn() as plain, client.get(f"{plain.url}/oauth/request_token") as got:
        assert got.status == 404
