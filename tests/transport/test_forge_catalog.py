"""Which repositories there are, asked of the forge stand-in: as an App, with a token, as nobody."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.forge import Nothing, Unsure
from bot.core.repositories import Repositories, RepositorySummary
from bot.demo.forge import ForgeStandIn
from bot.demo.forge_apps import App
from bot.demo.index_state import utc_now
from bot.forge import catalog as catalogs
from bot.forge.app_auth import PERMISSIONS, AppKey
from bot.forge.catalog import AppCatalog, TokenCatalog
from bot.forge.lines import AppTokens, OneToken
from bot.transport import Transport
from storage.records import Secret
from tests.demo.clock import StoppedClock
from tests.demo.openapi import check_seen

TOKENS = "/app/installations/"


@pytest.fixture
def clock() -> StoppedClock:
    """Give the one clock of forge and client."""
    return StoppedClock(utc_now())


@pytest.fixture
async def forge(clock: StoppedClock) -> AsyncIterator[ForgeStandIn]:
    """Give a running forge with another owner, and look at the end that it was asked as GitHub describes."""
    async with ForgeStandIn(clock) as running:
        clock.forward(minutes=1)
        running.add_repository("acme/newest", {"x.py": b""})
        clock.forward(minutes=1)
        running.add_repository("other/hidden").private = True
        yield running
        assert not check_seen(running.requests)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def as_app(transport: Transport, forge: ForgeStandIn, app: App, clock: StoppedClock) -> AppCatalog:
    """Return what an App asks with."""
    key = AppKey(str(app.id), Secret(app.pem))
    lines = AppTokens(transport.send, (forge.url, forge.web_url), key, clock, write_gap=0)
    return AppCatalog(forge.url, lines)


def with_token(transport: Transport, forge: ForgeStandIn, token: str = "") -> TokenCatalog:
    """Return what a plain token, or nobody, asks with."""
    return TokenCatalog(forge.url, OneToken(transport.send, Secret(token) if token else None, 0))


def names(found: object) -> list[str]:
    """Return the names of a list that is whole."""
    assert isinstance(found, Repositories), found
    assert not found.cut, found.missing
    return [one.full_name for one in found.found]


async def test_an_app_lists_what_it_is_installed_on(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """Every installation is read with a token that may see nothing but names; an owner's list is that owner's alone."""
    app = forge.apps.make(permissions=PERMISSIONS)
    forge.apps.install(app, "acme/widgets", "acme/newest")
    forge.apps.install(app, "other/hidden")
    there = as_app(transport, forge, app, clock)
    found = await there.repositories()
    assert names(found) == ["other/hidden", "acme/newest", "acme/widgets"]
    assert isinstance(found, Repositories)
    newest = found.found[1]
    assert newest == RepositorySummary(
        "acme/newest", language="Python", default_branch="main", pushed_at=newest.pushed_at
    )
    assert found.found[0].private
    assert names(await there.repositories("ACME")) == ["acme/newest", "acme/widgets"]
    assert [one.permissions for one in forge.apps.tokens.values()] == [{"metadata": "read"}] * 2
    assert forge.count(TOKENS) == 2


async def test_where_an_app_sees_nothing_it_says_how_to_install_it(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """Without an installation, or with one that is suspended, the answer names the page; a whole one still lists."""
    app = forge.apps.make(permissions=PERMISSIONS)
    there = as_app(transport, forge, app, clock)
    found = await there.repositories("acme")
    assert isinstance(found, Unsure)
    assert f"{forge.web_url}/apps/shipbell/installations/new" in found.detail
    app.suspended.add(forge.apps.install(app, "other/hidden"))
    assert isinstance(await there.repositories(), Unsure)
    forge.apps.install(app, "acme/widgets")
    assert names(await there.repositories()) == ["acme/widgets"]


async def test_an_installation_that_cannot_be_read_is_told_of(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """What one installation refuses does not take the others' repositories away, and the list says that it is not whole."""
    app = forge.apps.make(permissions=PERMISSIONS)
    gone = forge.apps.install(app, "other/hidden")
    forge.apps.install(app, "acme/widgets")
    there = as_app(transport, forge, app, clock)
    await there.repositories()
    forge.apps.tokens = {
        token: replace(one, expires_at=clock.now) if one.installation == gone else one
        for token, one in forge.apps.tokens.items()
    }
    found = await there.repositories()
    assert isinstance(found, Repositories)
    assert [one.full_name for one in found.found] == ["acme/widgets"]
    assert found.cut
    assert "other is left out" in found.missing
    assert names(await there.repositories()) == ["other/hidden", "acme/widgets"]


async def test_a_token_lists_what_its_owner_sees(transport: Transport, forge: ForgeStandIn) -> None:
    """All, an organization's with its private ones, a person's public ones, and those of whose token it is."""
    there = with_token(transport, forge, forge.make_token())
    forge.state.add_account("ada", "User")
    forge.add_repository("ada/open")
    forge.add_repository("ada/closed").private = True
    forge.state.add_account("shipbell-bot", "User")
    forge.add_repository("shipbell-bot/mine").private = True
    assert names(await there.repositories())[-1] in {"acme/widgets", "acme/gadgets"}
    assert len(names(await there.repositories())) == 7
    assert names(await there.repositories("other")) == ["other/hidden"]
    assert names(await there.repositories("ada")) == ["ada/open"]
    assert names(await there.repositories("Shipbell-Bot")) == ["shipbell-bot/mine"]
    assert await there.repositories("nobody") == Nothing()


async def test_nobody_sees_what_is_public(transport: Transport, forge: ForgeStandIn) -> None:
    """Without a token an owner's public repositories are listed; without an owner the answer says what to set up."""
    there = with_token(transport, forge)
    assert names(await there.repositories("acme"))[0] == "acme/newest"
    assert names(await there.repositories("other")) == []
    asked = len(forge.requests)
    assert await there.repositories() == Unsure(catalogs.NAME_AN_OWNER)
    assert len(forge.requests) == asked


async def test_a_token_that_is_refused_is_told(transport: Transport, forge: ForgeStandIn) -> None:
    """A wrong token is Unsure with the remedy, and a forge that is down is Unsure."""
    found = await with_token(transport, forge, "ghp_marked9931").repositories("acme")
    assert isinstance(found, Unsure)
    assert "SHIPBELL_GITHUB_TOKEN" in found.detail
    assert "marked" not in found.detail
    await forge.stop()
    assert isinstance(await with_token(transport, forge).repositories("acme"), Unsure)


async def test_long_lists_are_read_to_their_bound(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """Every page is read, each repository once; past the bound the list says that it is not whole."""
    app = forge.apps.make(permissions=PERMISSIONS)
    slugs = [f"big/r{number:03}" for number in range(250)]
    first = forge.add_repository(slugs[0])
    for number, slug in enumerate(slugs):
        forge.state.repositories[slug] = replace(first, name=slug.partition("/")[2], id=number + 10_000)
    forge.apps.install(app, *slugs)
    assert sorted(names(await as_app(transport, forge, app, clock).repositories())) == slugs
    forge.apps.install(app, "acme/widgets")
    for most, seen in (2, 200), (3, 250):
        key = AppKey(str(app.id), Secret(app.pem))
        lines = AppTokens(transport.send, (forge.url, forge.web_url), key, clock, write_gap=0)
        found = await AppCatalog(forge.url, lines, most).repositories()
        assert isinstance(found, Repositories)
        assert found.cut
        assert f"the first {seen} repositories" in found.missing
        assert len(found.found) == seen
    token = with_token(transport, forge, forge.make_token())
    assert len(names(await token.repositories("big"))) == 250
