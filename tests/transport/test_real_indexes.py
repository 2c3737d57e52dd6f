"""Uploads to indexes that others wrote: pypiserver with a password, devpi with macaroons that are bound to a project."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.archives import look_through
from bot.core.distributions import Distribution
from bot.core.outcomes import FileThere, Login, Present, Uploaded, UploadOutcome, UploadRefused
from bot.core.sites import IndexSite
from bot.demo.index_files import make_distribution
from bot.index.client import IndexClient
from bot.index.tokens import narrowed
from bot.index.upload import TOKEN_USER
from bot.transport import Transport
from storage.records import ReleaseReason, Secret
from tests.transport.real_servers import devpi, pypiserver

R = ReleaseReason
SDIST, WHEEL = "gears-1.0.tar.gz", "gears-1.0-py3-none-any.whl"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


async def sent(client: IndexClient, filename: str, whose: Login, note: str = "") -> UploadOutcome:
    """Upload a file of gears 1.0."""
    content = make_distribution(filename, note)
    file = look_through(io.BytesIO(content), filename, "gears", "1.0")
    assert isinstance(file, Distribution)
    return await client.upload("x", file, io.BytesIO(content), whose, 60)


def client_of(transport: Transport, site: IndexSite) -> IndexClient:
    """Return a client of one index."""
    return IndexClient(transport, {"x": site}, lambda: datetime.now(UTC), timeout=60)  # noqa: TID251 - they have the real time


async def shown(client: IndexClient) -> dict[str, bool]:
    """Return which files of gears the simple index shows, and whether each has the digest of what was sent."""
    found = await client.simple("x", "gears")
    assert isinstance(found, Present)
    digests = {}
    for file in found.files:
        content = make_distribution(file.filename)
        sound = look_through(io.BytesIO(content), file.filename, "gears", "1.0")
        assert isinstance(sound, Distribution)
        digests[file.filename] = file.sha256 == sound.digests.sha256
    return digests


async def test_pypiserver_takes_a_password(transport: Transport, tmp_path: Path) -> None:
    """Files go up, are shown with their digests by its HTML pages, and a wrong password or a taken name is told apart."""
    with pypiserver(tmp_path) as url:
        client = client_of(transport, IndexSite("x", url, f"{url}/"))
        team = Login(Secret("team"), Secret("pass"))
        wrong = await sent(client, SDIST, Login(Secret("team"), Secret("no")))
        assert isinstance(wrong, UploadRefused)
        assert (wrong.reason, wrong.blames_token) == (R.UPLOAD_TOKEN_UNKNOWN, True)
        assert [await sent(client, name, team) for name in (WHEEL, SDIST)] == [Uploaded(), Uploaded()]
        assert await shown(client) == {SDIST: True, WHEEL: True}
        assert isinstance(await sent(client, SDIST, team), FileThere)


async def test_devpi_holds_the_copy_to_its_project(transport: Transport, tmp_path: Path) -> None:
    """The copy uploads for its project and minutes; for another project, or past its end, the very same token is refused."""
    with devpi(tmp_path) as (url, text):
        site = IndexSite("x", url, f"{url}/", simple_url=f"{url}/+simple")
        client, token = client_of(transport, site), Secret(text)
        now = datetime.now(UTC)  # noqa: TID251 - it has the real time
        until = now + timedelta(minutes=15)
        ours, theirs = (
            narrowed(token, "gears", until, now - timedelta(minutes=1)),
            narrowed(token, "sprockets", until),
        )
        past = narrowed(token, "gears", now - timedelta(minutes=1))
        assert all(one.narrowed for one in (ours, theirs, past))
        assert await sent(client, SDIST, Login(Secret(TOKEN_USER), ours.secret)) == Uploaded()
        assert await sent(client, SDIST, Login(Secret(TOKEN_USER), ours.secret)) == Uploaded()
        assert isinstance(
            await sent(client, SDIST, Login(Secret(TOKEN_USER), ours.secret), "other"), FileThere
        )
        whys = [await sent(client, WHEEL, Login(Secret(TOKEN_USER), one.secret)) for one in (theirs, past)]
        assert [one.reason for one in whys if isinstance(one, UploadRefused)] == [
            R.UPLOAD_TOKEN_OTHER_PROJECT, R.UPLOAD_TOKEN_EXPIRED,
        ]  # fmt: skip
        assert await shown(client) == {SDIST: True}
