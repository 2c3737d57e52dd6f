"""The demo by hand, in a real browser: what a person sees and clicks.

SHIPBELL_PICTURES names a folder that gets pictures of the set-up's steps, as `docs/images` has them.
"""

import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from bot.demo.forge_seed import pyproject
from bot.demo.world import World
from tests.stories.kit import confirmed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync")
PATIENCE = 20_000
PICTURES = os.environ.get("SHIPBELL_PICTURES", "")  # noqa: TID251 - the test's own knob

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
        await slack.get_by_role("button", name="Look at it").click()
        await slack.get_by_role("button", name="Keep it").click()
        # A person waits until the dialog has closed: its answer would close the next one.
        await expect(slack.get_by_role("button", name="Keep it")).to_be_hidden(timeout=PATIENCE)
        await type_command(slack, "/publisher")
        await slack.get_by_placeholder("acme-widgets").fill("widgets")
        await slack.get_by_placeholder("acme/widgets").fill("nonsense")
        await slack.locator("select").nth(-2).select_option(label="company")
        await slack.get_by_role("button", name="Set up").click()
        await expect(slack.get_by_text("Give the repository as OWNER/REPO")).to_be_visible(timeout=PATIENCE)
        await slack.get_by_placeholder("acme/widgets").fill("acme/widgets")
        await slack.get_by_role("button", name="Set up").click()
        await expect(slack.get_by_text("follow the confirmation link")).to_be_visible(timeout=PATIENCE)
        await index.goto(f"{world.company.url}/manage/account/publishing/")
        await index.get_by_role("button", name="Confirm").click()
        await expect(slack.get_by_text("the index's own list says that it is active")).to_be_visible(
            timeout=PATIENCE
        )
        await slack.set_viewport_size({"width": 1_000, "height": 620})
        await whole(slack, "publisher-confirmed", "is pending")
        assert not world.gate.violations


async def test_a_person_sees_what_a_repository_says(browser: Browser, tmp_path: Path) -> None:
    """The dialog for a repository of one package is filled in, and for one of several it asks which."""
    async with World(tmp_path) as world:
        files = {f"libs/{name}/pyproject.toml": pyproject(name, "1.0") for name in ("cogs", "gears")}
        world.forge.add_repository("acme/mono", files)
        page = await browser.new_page(viewport={"width": 980, "height": 860})
        page.set_default_timeout(PATIENCE)
        await page.goto(world.slack.url)
        await page.get_by_text("releases").first.click()
        await type_command(page, "/publisher add acme/widgets")
        await says(page, "is free on")
        await picture(page, ".modal", "publisher-add")
        await press(page, "Cancel")
        await type_command(page, "/publisher add acme/mono")
        await says(page, "The repository holds several packages")
        await picture(page, ".modal", "publisher-pick")
        assert not world.gate.violations


async def act_as(page: Page, name: str) -> None:
    """Choose who sits before the browser."""
    await page.locator("select").first.select_option(label=name)


async def press(page: Page, name: str) -> None:
    """Press the newest button of that name."""
    await page.get_by_role("button", name=name).last.click()


async def says(page: Page, text: str) -> None:
    """Wait until the page shows it."""
    await expect(page.get_by_text(text).last).to_be_visible(timeout=PATIENCE)


async def test_three_people_release(browser: Browser, tmp_path: Path) -> None:
    """By hand as three people: self-approval refused, two approvals, published; a rejection; a moved tag; a failed run retried."""
    async with World(tmp_path, poll_seconds=0.3) as world:
        await confirmed(world)
        page = await browser.new_page(viewport={"width": 1_000, "height": 760})
        forge = await browser.new_page()
        page.set_default_timeout(PATIENCE)
        await page.goto(world.slack.url)
        await page.get_by_text("releases").first.click()
        await type_command(page, "/shipbell settings policy quorum=2")
        await says(page, "It holds for releases asked for from now on")
        await type_command(page, '/release widgets v1.4.0 notes="Round widgets, in three sizes."')
        await says(page, "Approve widgets 1.4.0")
        await whole(page, "release-asked", "widgets 1.4.0 → company: waiting for approval")
        await press(page, "Approve widgets 1.4.0")
        await says(page, "you asked for this release yourself")
        await approve_as(page, "widgets 1.4.0", "Bob Brown", "Carol Clark")
        await says(page, "widgets 1.4.0 → company: published")
        await page.get_by_text(re.compile(r"\d+ repl")).first.click()
        await says(page, "I read every file from the index and verified it")
        await whole(page, "release-published", "widgets 1.4.0 → company: published")
        await page.get_by_role("button", name="✕").last.click()
        await play(forge, world, "1.5.0", "Commit this version")
        await act_as(page, "Alice Anderson")
        await type_command(page, "/release widgets v1.5.0")
        await press(page, "Reject widgets 1.5.0…")
        await says(page, "the thread tells your reason")
        await whole(page, "release-reject", "widgets 1.5.0 → company: waiting for approval")
        await page.get_by_placeholder("What has to change first?").fill("The notes are missing.")
        await page.get_by_role("button", name="Reject", exact=True).click()
        await says(page, "widgets 1.5.0 → company: rejected")
        await play(forge, world, "1.5.0", "Push its tag")
        await type_command(page, "/release widgets v1.5.0")
        await approve_as(page, "widgets 1.5.0", "Bob Brown")
        await says(page, "1 of 2")
        await forge.goto(f"{world.forge.web_url}/acme/widgets")
        await forge.locator("select").select_option(label="v1.5.0")
        await forge.get_by_role("button", name="Move it to a new commit").click()
        await approve_as(page, "widgets 1.5.0", "Carol Clark")
        # The message now shows the commit that the tag was moved to; only its own button counts.
        await says(page, world.forge.head("acme/widgets")[:7])
        await expect(page.get_by_text("0 of 2").last).to_be_visible(timeout=PATIENCE)
        await forge.get_by_role("button", name="Let the next publishing job fail").click()
        await approve_as(page, "widgets 1.5.0", "Bob Brown", "Carol Clark")
        await says(page, "Retry widgets 1.5.0")
        await whole(page, "release-failed", "widgets 1.5.0 → company: failed")
        await press(page, "Retry widgets 1.5.0")
        await says(page, "widgets 1.5.0 → company: published")
        assert not world.gate.violations


async def approve_as(page: Page, name: str, *people: str) -> None:
    """Let each of these people approve."""
    for person in people:
        await act_as(page, person)
        await press(page, f"Approve {name}")


async def play(page: Page, world: World, version: str, button: str) -> None:
    """Press a button on the forge's page of widgets."""
    await page.goto(f"{world.forge.web_url}/acme/widgets")
    await page.get_by_label("Version").fill(version)
    await page.get_by_role("button", name=button).click()


async def test_a_person_opens_the_pull_request(browser: Browser, tmp_path: Path) -> None:
    """By hand: the look at a set-up, the dialog that shows the whole workflow, the reviewers, and the channel told."""
    async with World(tmp_path) as world:
        page = await browser.new_page(viewport={"width": 980, "height": 760})
        page.set_default_timeout(PATIENCE)
        await page.goto(world.slack.url)
        await page.get_by_text("releases").first.click()
        await type_command(page, "/publisher add gadgets acme/gadgets index=pypi")
        await says(page, "One step is left to a person")
        await type_command(page, "/publisher check gadgets")
        await says(page, "in the way")
        await picture(page, ".msg", "publisher-check")
        await press(page, "Open pull request …")
        await says(page, "Required reviewers of the environment")
        await picture(page, ".modal", "publisher-pull")
        await page.get_by_placeholder("ada, grace").fill("ada")
        await page.locator(".modal-body").last.evaluate("(one) => { one.scrollTop = one.scrollHeight }")
        await picture(page, ".modal", "publisher-pull-reviewers")
        await press(page, "Open pull request")
        await says(page, "must agree there.")
        assert not world.gate.violations


async def whole(page: Page, name: str, top: str) -> None:
    """Keep a picture of the window, the first message that says this at its top, where SHIPBELL_PICTURES names a folder."""
    if PICTURES:
        await page.locator(".msg", has_text=top).first.evaluate("(one) => one.scrollIntoView()")
        await page.mouse.move(5, 755)  # nothing shows what it does for a pointer
        await page.screenshot(path=Path(PICTURES) / f"{name}.png")


async def picture(page: Page, what: str, name: str) -> None:
    """Keep a picture of the last such part of the page, where SHIPBELL_PICTURES names a folder."""
    if PICTURES:
        await page.locator(what).last.screenshot(path=Path(PICTURES) / f"{name}.png")
