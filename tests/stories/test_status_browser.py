"""The status page in a real Chromium: nothing for axe to find, readable on a phone, in both lights, without a script.

SHIPBELL_PICTURES names a folder that gets a picture of each page, as `docs/images` has them.
"""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from bot.core.status_links import STATUS
from bot.demo.slack_config import ALICE, ERIN, RELEASES, TEAM_ID
from bot.demo.world import World
from bot.status import render
from bot.workflow.visiting import Refused, Why
from storage.crypto import Vault
from storage.database import Database
from storage.migrations import upgrade
from tests.status.kit import Site, browsing, site_on
from tests.status.pasts import busy_quarter
from tests.stories.kit import faults, seen
from tests.stories.test_browser import PICTURES, browser, pytestmark

__all__ = ["browser", "pytestmark"]

AXE = Path(sys.prefix) / "stand-ins" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run(document, {resultTypes: ['violations', 'incomplete']})).violations.map(
  (one) => [one.id, one.help, one.nodes.map((node) => node.html.slice(0, 160))])"""
WIDE = "document.documentElement.scrollWidth > innerWidth"
SMALL = """[...document.querySelectorAll('button, .button, summary, nav a')].filter((one) => one.getBoundingClientRect().height < 40)
  .map((one) => one.textContent)"""
OPEN = "document.querySelectorAll('details').forEach((one) => { one.open = true })"
SIZES = {"wide": 1_000, "phone": 360}
KEPT = {
    ("status", "wide", "light"): 1_180,
    ("status-release", "wide", "light"): 1_000,
    ("status-publishers", "wide", "light"): 700,
    ("status", "phone", "dark"): 1_180,
}
"""The pages of which `docs/images` has pictures, and how much of them, in pixels."""


@pytest.fixture
async def site(tmp_path: Path, vault: Vault) -> AsyncIterator[Site]:
    """Serve the pages of a team with a busy quarter behind it."""
    url = f"sqlite+aiosqlite:///{tmp_path}/shipbell.db"
    upgrade(url)
    database = Database(url, vault)
    await database.open()
    async with site_on(database) as served:
        yield served
    await database.close()


async def paths(site: Site) -> dict[str, str]:
    """Return every page, by name."""
    newest = await busy_quarter(site.database, TEAM_ID)
    return {
        "status": STATUS,
        "status-release": f"{STATUS}/releases/{newest}",
        "status-project": f"{STATUS}/projects/acme-gears",
        "status-publishers": f"{STATUS}/publishers",
        "status-missing": f"{STATUS}/projects/unheard-of",
        "older": f"{STATUS}?before=20261118T120000.000000_{newest}",
    }


async def looked_at(page: Page, name: str) -> list[Any]:
    """Return whatever is wrong with the page that is open."""
    await page.evaluate(OPEN)
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[Any] = list(await page.evaluate(RUN))
    found += ["wider than the window"] * await page.evaluate(WIDE)
    found += [f"small: {text}" for text in await page.evaluate(SMALL)]
    return [(name, one) for one in found]


@pytest.mark.skipif(not AXE.exists(), reason="`make setup` brings axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_every_page(browser: Browser, site: Site, scheme: str) -> None:
    """Wide and on a phone, light and dark: axe finds nothing, nothing is cut off or too small to touch, and no fault is logged."""
    every, told = await paths(site), list[str]()
    async with browsing(site) as signing_in:
        done = await signing_in.sign_in(ALICE.id)
    name, _, value = done.cookies[0].partition(";")[0].partition("=")
    context = await browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    await context.add_cookies([{"name": name, "value": value, "url": site.url}])
    page, wrong = await context.new_page(), []
    page.on("console", lambda line: told.append(line.text))
    for size, width in SIZES.items():
        await page.set_viewport_size({"width": width, "height": 800})
        for name, path in every.items():
            await page.goto(f"{site.url}{path}")
            if PICTURES and (name, size, scheme) in KEPT:
                await page.set_viewport_size({"width": width, "height": KEPT[name, size, scheme]})
                await page.screenshot(path=Path(PICTURES) / f"{name}-{size}.png")
            wrong += await looked_at(page, f"{name}, {size}")
    assert wrong == []
    assert [line for line in told if "404" not in line] == []


@pytest.mark.skipif(not AXE.exists(), reason="`make setup` brings axe-core")
async def test_everybody_can_read_what_is_refused(browser: Browser, site: Site) -> None:
    """Signed out, refused for each reason, not set up: axe finds nothing there either."""
    texts = {"signed-out": render.sign_in(STATUS), "left": render.signed_out(), "absent": render.not_set_up()}
    texts |= {
        f"refused: {why}": render.refused(Refused(why, "Slack did not take it.", "Once more.")) for why in Why
    }
    page, wrong = await browser.new_page(viewport={"width": 360, "height": 700}), []
    for name, text in texts.items():
        await page.set_content(text)
        if PICTURES and name == "signed-out":
            await page.screenshot(path=Path(PICTURES) / "status-signed-out.png")
        wrong += await looked_at(page, name)
    assert wrong == []


async def test_a_person_looks_without_a_script(browser: Browser, tmp_path: Path) -> None:
    """The real bot, by hand, in a browser that runs no script: a member signs in and sees the publisher; a guest does not."""
    async with World(tmp_path) as world:
        await world.slack.command(ALICE, RELEASES, "/publisher", "add gizmos acme/gizmos index=pypi")
        await seen(world, "pypi has no API for trusted publishers")
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{world.bot.url}{STATUS}/publishers")
        await page.get_by_role("button", name="Sign in with Slack").click()
        await page.get_by_role("button", name=ALICE.real_name).click()
        await expect(page).to_have_url(f"{world.bot.url}{STATUS}/publishers")
        await expect(page.get_by_text("acme/gizmos")).to_be_visible()
        await page.get_by_role("link", name="Releases", exact=True).click()
        await expect(page.get_by_text("Nothing was released")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="You have signed out")).to_be_visible()
        await page.get_by_role("button", name="Sign in with Slack").click()
        await page.get_by_role("button", name=ERIN.real_name).click()
        await expect(page.get_by_text("This page is for members")).to_be_visible()
        assert not world.gate.violations
        assert not faults(world)
