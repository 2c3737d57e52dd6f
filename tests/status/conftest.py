"""A served status page with a browser before it, on both databases."""

from collections.abc import AsyncIterator

import pytest

from storage.database import Database
from tests.status.kit import Browser, Site, browsing, site_on


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    """Serve the pages."""
    async with site_on(database) as served:
        yield served


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    """Open a browser."""
    async with browsing(site) as opened:
        yield opened
