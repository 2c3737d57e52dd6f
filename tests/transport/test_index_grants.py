"""The index client against the stand-in's OAuth facility: signed by one library, verified by another, end to end."""

import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.core.distributions import Digests, Distribution, Kind, Named
from bot.core.oauth1 import (
    Accepted,
    Allowed,
    Denied,
    Fault,
    Grant,
    ReleaseFields,
    TokenPair,
    cause_and_remedy,
)
from bot.core.outcomes import FileThere, TryLater, Uploaded, UploadRefused
from bot.core.sites import IndexSite, OAuth1Consumer
from bot.demo.index import IndexStandIn
from bot.demo.index_consumers import Consumer
from bot.demo.index_files import make_distribution
from bot.demo.index_state import utc_now
from bot.index.client import IndexClient
from bot.index.grants import Grants
from bot.transport import Transport
from storage.records import Reason, ReleaseReason, Secret
from tests.transport.servers import answer, serving

CALLBACK = "https://bot.example/indexes/company/callback/abc"
SOON = 0.6
"""Seconds; a time-out that is meant to strike."""


@pytest.fixture
async def index() -> AsyncIterator[IndexStandIn]:
    """Give a running index with the facility."""
    async with IndexStandIn(oauth1=True) as running:
        yield running


@pytest.fixture
def consumer(index: IndexStandIn) -> Consumer:
    """Give a site that may use it."""
    return index.add_consumer()


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def grants(transport: Transport, url: str, consumer: Consumer, behind: float = 0) -> Grants:
    """Return what asks one index, `company`, with a clock that is so many seconds behind."""
    keys = OAuth1Consumer(consumer.key, Secret(consumer.secret))
    site = IndexSite("company", url, oauth1=keys)

    def clock() -> datetime:
        return utc_now() - timedelta(seconds=behind)

    return IndexClient(transport, {"company": site}, clock).grants


def access(index: IndexStandIn, consumer: Consumer, user: str = "demo") -> TokenPair:
    """Return a user's grant."""
    token = index.consumers.grant(consumer, index.state.user(user))
    return TokenPair(Secret(token.key), Secret(token.secret))


async def test_the_whole_way(transport: Transport, index: IndexStandIn, consumer: Consumer) -> None:
    """A request token, not authorised and then authorised, becomes the access token of that user, each time the same."""
    asking = grants(transport, index.url, consumer)
    pair = await asking.request_token("company")
    assert isinstance(pair, TokenPair)
    assert asking.page("company", pair, CALLBACK).startswith(f"{index.url}/oauth/authorise?oauth_token=")
    assert await asking.access_token("company", pair) == Denied(Fault.NOT_AUTHORISED)
    index.consumers.request_tokens[pair.token.reveal()].user = index.state.user("alice")
    got = await asking.access_token("company", pair)
    assert isinstance(got, TokenPair)
    assert got == access(index, consumer, "alice") == await asking.access_token("company", pair)
    assert await asking.whose("company", got) == Allowed("alice")


async def test_a_release_is_made_with_every_sign(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """Lists, line breaks, signs of other scripts and what a form escapes arrive as they were; another's project does not."""
    asking, mine = grants(transport, index.url, consumer), access(index, consumer)
    more = {
        "description": "a\r\nb +%41&=~\u0000 ä 𝄞", "classifiers": ["A :: B", "", "C :: D"], "keywords": "", "license": "\ud800",
        "requires_dist": ["eggs>1; python_version<'4'"],
    }  # fmt: skip
    assert await asking.add_release("company", mine, ReleaseFields("spam", "1.0", "ß", more)) == Accepted()
    fields = index.state.projects["spam"].releases["1.0"].fields
    assert fields == {
        "summary": "ß", "description": "a\r\nb +%41&=~\u0000 ä 𝄞", "license": "?", "metadata_version": "1.2",
        "requires_dist": ["eggs>1; python_version<'4'"], "classifiers": ["A :: B", "C :: D"],
    }  # fmt: skip
    assert await asking.add_release("company", mine, ReleaseFields("spam", "1.0", "new")) == Accepted()
    other = await asking.add_release(
        "company", access(index, consumer, "alice"), ReleaseFields("spam", "1.1")
    )
    assert isinstance(other, Denied)
    assert other.fault is Fault.NOT_ALLOWED


def looked_through(filename: str, content: bytes) -> Distribution:
    """Return a file as it is once it was looked through."""
    wheel = filename.endswith(".whl")
    named = Named(filename, Kind.WHEEL if wheel else Kind.SDIST, "py3" if wheel else "source")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    metadata = (
        ("name", "spam"),
        ("version", "1.0"),
        ("summary", "Späm"),
        ("classifiers", "A"),
        ("classifiers", "B"),
    )
    return Distribution(named, Digests("", "", md5, len(content)), metadata)


class Streamed(io.BytesIO):
    """A file that remembers the largest part that was read of it at once."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a part."""
        part = super().read(size)
        self.largest = max(self.largest, len(part))
        return part


async def test_files_are_uploaded(transport: Transport, index: IndexStandIn, consumer: Consumer) -> None:
    """Wheel and sdist arrive whole, read in parts, of a release with its lists; the same name again is there already."""
    asking, mine = grants(transport, index.url, consumer), access(index, consumer)
    for filename in ("spam-1.0-py3-none-any.whl", "spam-1.0.tar.gz"):
        content = make_distribution(filename, "x" * 10) + (
            b"\0" * 2_000_000 if filename.endswith(".gz") else b""
        )
        file, stream = looked_through(filename, content), Streamed(content)
        told = filename.endswith(".gz")
        assert await asking.upload("company", Grant(mine, told), file, stream, 30) == Uploaded()
        assert (
            index.count("/oauth/add_release") == 1 + told
        )  # told once for both, and again by the repetition below
        assert stream.largest <= 1_048_576
        assert index.state.used_filenames[filename].content == content
        there = await asking.upload("company", Grant(mine), file, io.BytesIO(content), 30)
        assert isinstance(there, FileThere)
    assert index.state.projects["spam"].releases["1.0"].fields["classifiers"] == ["A", "B"]
    assert index.state.projects["spam"].owner.name == "demo"


async def test_uploads_that_are_not_taken(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """Another's project, a withdrawn grant, a lost answer and a release that is not told are told apart; no file without a release."""
    asking, mine = grants(transport, index.url, consumer), access(index, consumer)
    content = make_distribution("spam-1.0.tar.gz")
    file = looked_through("spam-1.0.tar.gz", content)
    index.fail("/oauth/add_release", status=503)
    later = await asking.upload("company", Grant(mine), file, io.BytesIO(content), 30)
    assert isinstance(later, TryLater)
    assert (later.arrived_maybe, index.count("/oauth/upload")) == (False, 0)
    index.fail("/oauth/upload", close=True, after=True)
    lost = await asking.upload("company", Grant(mine), file, io.BytesIO(content), 30)
    assert isinstance(lost, TryLater)
    assert (lost.arrived_maybe, "spam-1.0.tar.gz" in index.state.used_filenames) == (True, True)
    other = await asking.upload(
        "company", Grant(access(index, consumer, "alice")), file, io.BytesIO(content), 30
    )
    assert isinstance(other, UploadRefused)
    assert (other.reason, other.blames_token) == (ReleaseReason.UPLOAD_NOT_ALLOWED, False)
    index.consumers.withdraw(index.state.user("demo"))
    gone = await asking.upload("company", Grant(mine), file, io.BytesIO(content), 30)
    assert isinstance(gone, UploadRefused)
    assert (gone.reason, gone.blames_token) == (ReleaseReason.UPLOAD_TOKEN_UNKNOWN, True)


async def test_each_refusal_of_a_real_facility(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """A wrong key, secret, token and clock are told apart, the clock by how much, and no secret is in any word."""
    mine = access(index, consumer)
    asking = grants(transport, index.url, consumer)
    wrong_key = grants(transport, index.url, replace(consumer, key="wrong"))
    wrong_secret = grants(transport, index.url, replace(consumer, secret="wrong"))
    late = await grants(transport, index.url, consumer, behind=400).whose("company", mine)
    found = [
        await wrong_key.request_token("company"),
        await wrong_secret.whose("company", mine),
        await asking.whose("company", replace(mine, secret=Secret("wrong"))),
        await asking.whose("company", replace(mine, token=Secret("wrong"))),
        await asking.access_token("company", mine),
        late,
    ]
    assert [one.fault for one in found if isinstance(one, Denied)] == [
        Fault.CONSUMER, Fault.SIGNATURE, Fault.SIGNATURE, Fault.ACCESS_TOKEN, Fault.REQUEST_TOKEN, Fault.CLOCK,
    ]  # fmt: skip
    assert isinstance(late, Denied)
    assert late.seconds is not None
    assert 395 <= late.seconds <= 460
    secrets = (consumer.secret, mine.token.reveal(), mine.secret.reveal())
    told = (
        repr(found) + repr([cause_and_remedy(one) for one in found if isinstance(one, Denied)]) + repr(asking)
    )
    assert not any(secret in told for secret in secrets)


async def test_no_request_is_sent_twice(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """A GET whose answer was cut is not repeated with its used nonce; asked anew, with a new one, it succeeds."""
    asking, mine = grants(transport, index.url, consumer), access(index, consumer)
    index.fail("/oauth/test", close=True, after=True)
    lost = await asking.whose("company", mine)
    assert isinstance(lost, TryLater)
    assert (lost.reason, lost.arrived_maybe) == (Reason.TIMED_OUT, True)
    assert index.count("/oauth/test") == 1
    assert await asking.whose("company", mine) == Allowed("demo")


async def test_an_index_that_is_not_itself(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """Pages, faults, redirects and nobody there are each read to their cause; nothing signed goes elsewhere."""
    asking, mine = grants(transport, index.url, consumer), access(index, consumer)
    html = {"Content-Type": "text/html"}
    index.fail("/oauth/", status=200, headers=html, body=b"<h1>Hello")
    assert await asking.request_token("company") == Denied(Fault.NOT_OFFERED)
    index.fail("/oauth/", status=502, headers=html, body=b"<h1>Bad gateway")
    broken = await asking.whose("company", mine)
    assert isinstance(broken, TryLater)
    assert broken.reason is Reason.INDEX_BROKEN
    async with serving(answer(200)) as other:
        index.fail("/oauth/", status=302, headers={"Location": f"{other.url}/x"})
        assert await asking.whose("company", mine) == Denied(Fault.REDIRECTS, "to 127.0.0.1")
        assert other.requests == []
    async with IndexStandIn() as plain:
        assert await grants(transport, plain.url, consumer).request_token("company") == Denied(
            Fault.NOT_OFFERED
        )
    gone = await grants(transport, plain.url, consumer).request_token("company")
    assert isinstance(gone, TryLater)
    assert (gone.reason, gone.arrived_maybe) == (Reason.UNREACHABLE, False)


async def test_who_asks_to_wait_is_not_asked(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """A 429 with a time holds the next request back, of the facility as of everything else there."""
    asking = grants(transport, index.url, consumer)
    index.fail("/oauth/", status=429, headers={"Retry-After": "30"})
    limited = await asking.request_token("company")
    assert isinstance(limited, TryLater)
    assert (limited.reason, limited.retry_after) == (Reason.RATE_LIMITED, 30)
    held = await asking.request_token("company")
    assert isinstance(held, TryLater)
    assert held.reason is Reason.RATE_LIMITED
    assert index.count("/oauth/") == 1


async def test_a_grant_goes_the_facilitys_way(
    transport: Transport, index: IndexStandIn, consumer: Consumer
) -> None:
    """Whoever uploads gives the client a login or a grant; one whose consumer is gone from the settings is told, not a fault."""
    mine, content = access(index, consumer), make_distribution("spam-1.0.tar.gz")
    file = looked_through("spam-1.0.tar.gz", content)
    site = IndexSite("company", index.url, oauth1=OAuth1Consumer(consumer.key, Secret(consumer.secret)))
    for known, kind in ((site, Uploaded), (replace(site, oauth1=None), UploadRefused)):
        asking = IndexClient(transport, {"company": known}, utc_now)
        assert isinstance(await asking.upload("company", file, io.BytesIO(content), Grant(mine), 30), kind)


async def test_an_index_without_a_consumer_is_a_mistake_of_ours(
    transport: Transport, index: IndexStandIn
) -> None:
    """Nothing is sent unsigned: KeyError, not an outcome."""
    asking = IndexClient(transport, {"company": IndexSite("company", index.url)}, utc_now).grants
    with pytest.raises(KeyError):
        await asking.request_token("company")
    assert index.requests == []
