"""The demo by hand, in a real browser: what a person sees and clicks."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.demo.world import World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PATIENCE = 20_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="LEFT OUT: no Chromium here; Debian's package is `chromium`"),
]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Start a real Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield started
        await started.close()


async def type_command(page: Page, text: str) -> None:
    """Type a command into the open channel."""
    box = page.get_by_placeholder(re.compile("Message #"))
    await box.fill(text)
    await box.press("Enter")


async def make_token(page: Page, world: World) -> str:
    """Sign in at the index and make a token for the entire account."""
    await page.goto(f"{world.company.url}/manage/account/token/")
    await page.get_by_text("Sign in as demo").click()
    await page.get_by_role("button", name="Make token").click()
    found = re.search(r"pypi-[A-Za-z0-9_-]+", await page.content())
    assert found
    return found[0]


async def test_a_person_sets_up_publishing(browser: Browser, tmp_path: Path) -> None:
    """Somebody with a browser alone adds a credential and a publisher, confirms it, and sees the channel told."""
    async with World(tmp_path) as world:
        context = await browser.new_context()
        index, slack = await context.new_page(), await context.new_page()
        slack.set_default_timeout(PATIENCE)
        token = await make_token(index, world)
        await slack.goto(world.slack.url)
        await slack.get_by_text("releases").first.click()
        await type_command(slack, "/shipbell credentials")
        await slack.get_by_placeholder("pypi-…").fill(token)
        await slack.locator("select").last.select_option(label="company")
        await slack.get_by_role("button", name="Save").click()
        await type_command(slack, "/publisher")
        await slack.get_by_placeholder("acme-widgets").fill("widgets")
        await slack.get_by_placeholder("acme/widgets").fill("nonsense")
        await slack.locator("select").nth(-2).select_option(label="company")
        await slack.get_by_role("button", name="Register").click()
        await expect(slack.get_by_text("Give the repository as OWNER/REPO")).to_be_visible(timeout=PATIENCE)
        await slack.get_by_placeholder("acme/widgets").fill("acme/widgets")
        await slack.get_by_role("button", name="Register").click()
        await expect(slack.get_by_text("follow the confirmation link")).to_be_visible(timeout=PATIENCE)
        await index.goto(f"{world.company.url}/manage/account/publishing/")
        await index.get_by_role("button", name="Confirm").click()
        await expect(slack.get_by_text("the index's own list says that it is active")).to_be_visible(
            timeout=PATIENCE
        )
        assert not world.gate.violations
