"""The index client looks whether a release arrived: version, files, bytes and attestations, against the stand-in."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.outcomes import (
    Absent,
    Attested,
    Downloaded,
    NotAttested,
    Present,
    ProjectVersion,
    SimpleFile,
    TooLarge,
    TryLater,
)
from bot.core.sites import IndexSite
from bot.demo.index import IndexStandIn
from bot.demo.index_files import make_distribution
from bot.demo.sigstore_signer import Signer, Tamper
from bot.index.client import IndexClient
from bot.index.files import MOST_BYTES, MOST_HOPS
from bot.transport import Transport
from storage.records import Reason
from tests.transport.servers import Server, answer, cut, serving

SEEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
SOON = 0.6
"""Seconds; a time-out that is meant to strike."""
WHEEL = "widgets-1.0-py3-none-any.whl"
PUBLISHER = ("acme/widgets", "release.yml", "pypi")
COMMIT = "c0" * 20


@pytest.fixture
async def index() -> AsyncIterator[IndexStandIn]:
    """Give a running index with the project `widgets` and its first release."""
    async with IndexStandIn() as running:
        running.add_project("widgets", [WHEEL])
        yield running


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Give a private Sigstore."""
    return Signer()


@pytest.fixture
def root(signer: Signer, tmp_path: Path) -> Path:
    """Give its root of trust."""
    return signer.write_trusted_root(tmp_path / "trusted_root.json")


def client(transport: Transport, url: str, root: Path | None = None, download: float = 10.0) -> IndexClient:
    """Return a client that knows one index, `company`."""
    sites = {"company": IndexSite("company", url)}
    return IndexClient(
        transport, sites, lambda: SEEN, timeout=10.0, download_timeout=download, trust_root=root
    )


def claims(slug: str = "acme/widgets") -> dict[str, str]:
    """Return what a workflow run claims of itself."""
    place = f"{slug}/.github/workflows/release.yml@refs/tags/v1.0"
    return {"repository": slug, "ref": "refs/tags/v1.0", "sha": COMMIT, "workflow_ref": place}


async def listed(asking: IndexClient) -> SimpleFile:
    """Return the file that the simple index lists."""
    there = await asking.simple("company", "widgets")
    assert isinstance(there, Present)
    return there.files[0]


async def test_a_release_arrives_in_stages(transport: Transport, index: IndexStandIn) -> None:
    """The project JSON, the simple index and the file each show the release when it is there, and not before."""
    for stage in ("accepted", "installable", "downloadable"):
        index.hold_stage(stage)
    index.add_project("widgets", ["widgets-2.0.tar.gz"])
    asking = client(transport, index.url)

    async def seen() -> tuple[bool, bool, bool]:
        there = await asking.simple("company", "widgets")
        assert isinstance(there, Present)
        address = index.url + index.state.used_filenames["widgets-2.0.tar.gz"].path
        return (
            isinstance(await asking.version("company", "Widgets", "2.0"), ProjectVersion),
            any(file.version == "2.0" for file in there.files),
            isinstance(await asking.download("company", address), Downloaded),
        )

    assert await seen() == (False, False, False)
    index.show_stage("accepted")
    assert await seen() == (True, False, False)
    index.show_stage("installable")
    assert await seen() == (True, True, False)
    index.show_stage("downloadable")
    assert await seen() == (True, True, True)


async def test_a_version_names_its_files(transport: Transport, index: IndexStandIn) -> None:
    """The project JSON names the version's files, however the version is spelled; unknown ones are absent."""
    asking = client(transport, index.url)
    assert await asking.version("company", "Widgets", "1.0") == ProjectVersion("1.0", (WHEEL,), "")
    assert await asking.version("company", "widgets", "v1.0") == ProjectVersion("1.0", (WHEEL,), "")
    assert await asking.version("company", "widgets", "9.9") == Absent()
    assert await asking.version("company", "gadgets", "1.0") == Absent()


async def test_a_file_is_what_the_index_says(transport: Transport, index: IndexStandIn) -> None:
    """Digest, size and address in the simple index are those of the bytes that are served."""
    asking = client(transport, index.url)
    file = await listed(asking)
    content = make_distribution(WHEEL)
    assert (file.sha256, file.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert await asking.download("company", file.url) == Downloaded(file.sha256, len(content))


async def test_a_file_host_that_lies_is_seen(transport: Transport, index: IndexStandIn) -> None:
    """Other bytes than those that the index names have another digest."""
    asking = client(transport, index.url)
    file = await listed(asking)
    index.fail("/packages/", status=200, body=b"something else")
    got = await asking.download("company", file.url)
    assert got == Downloaded(hashlib.sha256(b"something else").hexdigest(), 14)
    assert file.sha256 != hashlib.sha256(b"something else").hexdigest()


async def test_a_yanked_release_says_why(transport: Transport, index: IndexStandIn) -> None:
    """A yanked file comes with its reason, or with an empty one."""
    asking = client(transport, index.url)
    assert (await listed(asking)).yanked is None
    index.yank("widgets", "1.0", "broken metadata")
    assert (await listed(asking)).yanked == "broken metadata"
    index.yank("widgets", "1.0")
    assert (await listed(asking)).yanked == ""


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(404, Absent), (410, Absent), (403, TryLater), (429, TryLater), (500, TryLater), (302, TryLater)],
)
async def test_a_file_host_that_does_not_give(
    transport: Transport, index: IndexStandIn, status: int, outcome: type
) -> None:
    """A host that lags behind is told from one that can't say."""
    asking = client(transport, index.url)
    file = await listed(asking)
    index.fail("/packages/", status=status, times=-1)
    assert isinstance(await asking.download("company", file.url), outcome)


async def test_a_file_may_be_in_a_store_elsewhere(transport: Transport) -> None:
    """Redirects are followed to the file, without end they are not."""
    async with serving(answer(200, b"the file")) as store:
        headers = {"Location": f"{store.url}/x?signature=s"}
        async with serving(answer(302, headers=headers)) as server:
            got = await client(transport, server.url).download("company", f"{server.url}/x.whl")
    assert got == Downloaded(hashlib.sha256(b"the file").hexdigest(), 8)
    assert store.requests[0].startswith(b"GET /x?signature=s ")
    async with serving(answer(302, headers={"Location": "/again"})) as server:
        outcome = await client(transport, server.url).download("company", f"{server.url}/x.whl")
        assert isinstance(outcome, TryLater)
        assert len(server.requests) == 1 + MOST_HOPS


async def test_a_file_that_is_too_large_is_not_read(transport: Transport) -> None:
    """Beyond the limit nothing is hashed."""
    head = {"Content-Length": str(MOST_BYTES + 1)}
    async with serving(answer(200, headers=head)) as server:
        got = await client(transport, server.url).download("company", f"{server.url}/x.whl")
    assert got == TooLarge(MOST_BYTES)


async def test_a_download_that_is_cut_says_nothing(transport: Transport) -> None:
    """Half a file is no file: it is neither absent nor different."""

    async def half(server: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        await cut(server, writer)

    async with serving(half) as server:
        got = await client(transport, server.url).download("company", f"{server.url}/x.whl")
    assert isinstance(got, TryLater)
    assert got.reason is Reason.TIMED_OUT


async def test_a_download_has_a_time_out_of_its_own(transport: Transport, index: IndexStandIn) -> None:
    """A host that hangs costs that time and no more."""
    asking = client(transport, index.url, download=SOON)
    file = await listed(asking)
    index.fail("/packages/", hang=True, times=-1)
    got = await asking.download("company", file.url)
    assert isinstance(got, TryLater)
    assert got.reason is Reason.TIMED_OUT


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://me@127.0.0.1/x"])
async def test_an_address_that_may_not_be_asked_is_absent(
    transport: Transport, index: IndexStandIn, url: str
) -> None:
    """Nobody is asked at an address that no file can have."""
    assert await client(transport, index.url).download("company", url) == Absent()
    assert index.requests == []


async def test_an_index_that_is_away_says_nothing(transport: Transport) -> None:
    """Where nobody listens, each look is to be made again."""
    async with serving(cut) as server:
        url = server.url
    asking = client(transport, url)
    for outcome in (
        await asking.version("company", "widgets", "1.0"),
        await asking.download("company", f"{url}/x.whl"),
        await asking.attested("company", f"{url}/provenance", WHEEL, "ab" * 32),
    ):
        assert isinstance(outcome, TryLater)
        assert outcome.reason is Reason.UNREACHABLE


async def test_an_attestation_is_verified(
    transport: Transport, index: IndexStandIn, signer: Signer, root: Path
) -> None:
    """A file's attestation, fetched from the index, names repository, workflow, environment, commit and ref."""
    index.attach(WHEEL, [signer.attest_file(WHEEL, make_distribution(WHEEL), claims())], PUBLISHER)
    asking = client(transport, index.url, root)
    file = await listed(asking)
    assert await asking.attested("company", file.provenance_url, WHEEL, file.sha256) == Attested(
        "acme/widgets", "release.yml", "pypi", COMMIT, "refs/tags/v1.0", file.provenance_url
    )


async def test_an_attestation_that_does_not_hold(
    transport: Transport, index: IndexStandIn, signer: Signer, root: Path
) -> None:
    """A forged signature, another file's digest, somebody else's repository and another Sigstore are all refused."""
    sha256 = hashlib.sha256(make_distribution(WHEEL)).hexdigest()
    asking = client(transport, index.url, root)
    for attestation in (
        signer.attest(WHEEL, sha256, claims(), Tamper.SIGNATURE),
        signer.attest(WHEEL, "00" * 32, claims()),
        signer.attest(WHEEL, sha256, claims("mallory/widgets")),
        Signer().attest(WHEEL, sha256, claims()),
        {"version": 1, "verification_material": {}, "envelope": {}},
    ):
        index.attach(WHEEL, [attestation], PUBLISHER)
        file = await listed(asking)
        assert isinstance(await asking.attested("company", file.provenance_url, WHEEL, sha256), NotAttested)


async def test_provenance_that_is_missing_or_elsewhere_is_absent(
    transport: Transport, index: IndexStandIn, root: Path
) -> None:
    """A file without provenance has none, and another host is not asked for it."""
    asking = client(transport, index.url, root)
    assert (await listed(asking)).provenance_url == ""
    missing = f"{index.url}/integrity/widgets/1.0/{WHEEL}/provenance"
    assert await asking.attested("company", missing, WHEEL, "ab" * 32) == Absent()
    async with serving(answer(200)) as other:
        assert await asking.attested("company", f"{other.url}/x", WHEEL, "ab" * 32) == Absent()
        assert await asking.attested("company", "", WHEEL, "ab" * 32) == Absent()
        assert other.requests == []


async def test_a_provenance_without_end_says_nothing(
    transport: Transport, index: IndexStandIn, root: Path
) -> None:
    """A flood is neither an attestation nor the lack of one."""
    index.fail("/integrity/", status=200, body=b'{"attestation_bundles": [', megabytes=100)
    url = f"{index.url}/integrity/widgets/1.0/{WHEEL}/provenance"
    assert isinstance(await client(transport, index.url, root).attested("company", url, WHEEL, ""), TryLater)
