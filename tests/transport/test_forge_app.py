"""A GitHub App's lines against the forge stand-in, which verifies signatures and keeps tokens in their bounds."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.forge import (
    AccountFacts,
    Done,
    Forbidden,
    Invalid,
    Nothing,
    PermissionFacts,
    Repo,
    TagFacts,
    Unsure,
)
from bot.demo.forge import ForgeStandIn
from bot.demo.forge_apps import App
from bot.demo.index_state import utc_now
from bot.errors import ShipbellError
from bot.forge.app_auth import PERMISSIONS, AppKey
from bot.forge.client import ForgeClient
from bot.forge.lines import AppTokens
from bot.transport import Transport
from storage.records import Secret
from tests.demo.clock import StoppedClock
from tests.demo.openapi import check_seen

WIDGETS, GADGETS = Repo("acme", "widgets"), Repo("acme", "gadgets")
TOKENS = "/app/installations/"


@pytest.fixture
def clock() -> StoppedClock:
    """Give the one clock of forge and client."""
    return StoppedClock(utc_now())


@pytest.fixture
async def forge(clock: StoppedClock) -> AsyncIterator[ForgeStandIn]:
    """Give a running forge, and look at the end that it was asked as GitHub describes."""
    async with ForgeStandIn(clock) as running:
        yield running
        assert not check_seen(running.requests)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """Give a transport that may talk to the loopback."""
    async with Transport(allow_private_addresses=True) as there:
        yield there


def client(transport: Transport, forge: ForgeStandIn, app: App, clock: StoppedClock) -> ForgeClient:
    """Return a client that asks as an App."""
    key = AppKey(str(app.id), Secret(app.pem))
    lines = AppTokens(transport.send, (forge.url, forge.web_url), key, clock, write_gap=0)
    return ForgeClient(transport, forge.url, forge.web_url, lines=lines)


async def test_each_token_is_for_one_repository_and_the_least(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """A question takes a reading token of that repository, an order one of its own permission, and both work."""
    app = forge.apps.make(permissions=PERMISSIONS)
    forge.apps.install(app, "acme/widgets", "acme/gadgets")
    there = client(transport, forge, app, clock)
    head = forge.head("acme/widgets")
    assert isinstance(await there.tag(WIDGETS, "v1.0"), TagFacts)
    assert isinstance(await there.make_tag(WIDGETS, "v2", head, "Two"), Done)
    assert (await there.look("acme", "gadgets", "release.yml")).exists
    given = list(forge.apps.tokens.values())
    assert [one.repositories for one in given] == [{"acme/widgets"}] * 2 + [{"acme/gadgets"}]
    assert set(given[0].permissions.values()) == set(given[2].permissions.values()) == {"read"}
    assert given[1].permissions == {"contents": "write"}


async def test_tokens_are_kept_until_shortly_before_their_end(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """Many questions at once take one token; one that is about to end is replaced unasked."""
    app = forge.apps.make(permissions=PERMISSIONS)
    forge.apps.install(app, "acme/widgets")
    there = client(transport, forge, app, clock)
    await asyncio.gather(*(there.head(WIDGETS) for _ in range(8)))
    assert forge.count(TOKENS) == 1
    clock.forward(minutes=56)
    assert not isinstance(await there.head(WIDGETS), Unsure)
    assert forge.count(TOKENS) == 2


async def test_a_token_that_is_refused_is_dropped(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """A 401 costs one question: the next one comes with a new token."""
    app = forge.apps.make(permissions=PERMISSIONS)
    forge.apps.install(app, "acme/widgets")
    there = client(transport, forge, app, clock)
    await there.head(WIDGETS)
    forge.apps.tokens = {
        token: replace(one, expires_at=clock.now) for token, one in forge.apps.tokens.items()
    }
    assert isinstance(await there.tag(WIDGETS, "v1.0"), Unsure)
    assert isinstance(await there.tag(WIDGETS, "v1.0"), TagFacts)


async def test_where_it_is_not_installed_the_page_is_named(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """A repository that no installation sees is Unsure to a question, Forbidden to an order, each with the remedy."""
    app = forge.apps.make("acme-bell", PERMISSIONS)
    forge.apps.install(app, "acme/widgets")
    there = client(transport, forge, app, clock)
    remedy = f"Install the App there: {forge.web_url}/apps/acme-bell/installations/new"
    found = await there.head(GADGETS)
    assert isinstance(found, Unsure)
    assert remedy in found.detail
    done = await there.dispatch(GADGETS, "release.yml", "v1")
    assert isinstance(done, Forbidden)
    assert remedy in done.detail
    facts = await there.look("acme", "gadgets", "release.yml")
    assert (facts.exists, remedy in facts.detail) == (None, True)
    app.installations.clear()
    forge.apps.install(app, "acme/widgets", "acme/gadgets")
    assert not isinstance(await there.head(GADGETS), Unsure)


async def test_what_was_not_granted_is_not_tried(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """An order without its permission is Forbidden, naming it; once it is granted the same order goes through."""
    app = forge.apps.make(permissions={"metadata": "read", "contents": "read"})
    forge.apps.install(app, "acme/widgets")
    there = client(transport, forge, app, clock)
    head = forge.head("acme/widgets")
    done = await there.make_tag(WIDGETS, "v2", head, "Two")
    assert isinstance(done, Forbidden)
    assert "contents (write)" in done.detail
    assert forge.count(TOKENS) == 0
    app.permissions["contents"] = "write"
    assert isinstance(await there.make_tag(WIDGETS, "v2", head, "Two"), Done)


async def test_a_wrong_key_and_a_wrong_id_are_told(
    transport: Transport, forge: ForgeStandIn, clock: StoppedClock
) -> None:
    """A signature that the forge does not accept names the settings; the doctor's question too; nothing secret is shown."""
    app, other = forge.apps.make(), forge.apps.make("other")
    there = client(transport, forge, replace(app, pem=other.pem), clock)
    found = await there.head(WIDGETS)
    assert isinstance(found, Unsure)
    assert "SHIPBELL_GITHUB_APP_ID" in found.detail
    assert isinstance(await there.dispatch(WIDGETS, "r.yml", "v1"), Forbidden | Invalid)
    with pytest.raises(ShipbellError, match="SHIPBELL_GITHUB_APP_PRIVATE_KEY") as raised:
        await there.ping()
    assert "BEGIN" not in str(raised.value)
    assert await client(transport, forge, app, clock).ping() == f"{forge.url} knows the App shipbell"


async def test_who_may_push_is_read(transport: Transport, forge: ForgeStandIn, clock: StoppedClock) -> None:
    """A person's permission comes with the account's id; who is nobody there is Nothing."""
    app = forge.apps.make(permissions=PERMISSIONS)
    forge.apps.install(app, "acme/widgets")
    there = client(transport, forge, app, clock)
    ada = forge.state.accounts["ada"].id
    forge.apps.rights["acme/widgets", "ada"] = "read"
    found = await there.permission(WIDGETS, "ada")
    assert found == PermissionFacts(ada, "ada", "read")
    assert not found.may_push
    assert (await there.permission(WIDGETS, "grace")).may_push  # type: ignore[union-attr]  # it is there
    assert await there.permission(WIDGETS, "nobody") == Nothing()
    asked = forge.state.quota("").used
    assert isinstance(await there.account("acme"), AccountFacts)
    assert forge.state.quota("").used == asked
    assert forge.count(TOKENS) == 1
