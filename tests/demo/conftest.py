"""A running index and forge, and a browser-less client, for each test."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.demo.forge import ForgeStandIn
from bot.demo.index import IndexStandIn
from tests.demo.clock import StoppedClock


@pytest.fixture
def clock() -> StoppedClock:
    """Give the time that both stand-ins go by."""
    return StoppedClock()


@pytest.fixture
async def forge(clock: StoppedClock) -> AsyncIterator[ForgeStandIn]:
    """Give a running forge."""
    async with ForgeStandIn(clock) as running:
        yield running


@pytest.fixture
async def index(clock: StoppedClock, forge: ForgeStandIn) -> AsyncIterator[IndexStandIn]:
    """Give a running index that trusts the forge, with the project `widgets`."""
    issuers = {forge.issuer: forge.jwks}
    async with IndexStandIn(clock=clock, issuers=issuers, github_api_url=forge.url) as running:
        running.add_project("widgets", ["widgets-1.0-py3-none-any.whl"])
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Give an HTTP client that keeps cookies."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of addresses without a host name too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session
