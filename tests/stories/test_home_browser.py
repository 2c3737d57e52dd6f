"""The Home tab in a real browser: what an empty team, a member, an admin and a long list see, and what they press.

SHIPBELL_PICTURES names a folder that gets pictures of it, as `docs/images` has them.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.async_api import Browser, Page, expect

from bot.demo.slack_config import ALICE, BOB, CAROL, RELEASES, TEAM_ID, User
from bot.demo.world import World
from bot.slack.blocks.policy_dialog import PART
from storage.database import Database
from storage.ledger import publishers, releases, teams
from storage.ledger.releases import NewRelease
from storage.records import Project, PublisherState, Registration, ReleaseState
from tests.stories.kit import ask, confirmed, in_order, world_on
from tests.stories.test_browser import PATIENCE, PICTURES, browser, pytestmark

__all__ = ["browser", "pytestmark"]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def see(page: Page, who: User, what: str, name: str) -> None:
    """Sit down as somebody, open the bot's Home tab, wait until it says this, and keep a picture of all of it."""
    await page.locator("label.actas select").select_option(label=who.real_name)
    await page.get_by_role("button", name="# general").click()
    await page.get_by_role("button", name="🏠 shipbell").click()
    await expect(page.get_by_text(what, exact=False).first).to_be_visible(timeout=PATIENCE)
    if PICTURES:
        whole, last = (
            await page.locator("main.main").bounding_box(),
            await page.locator("main.main button").last.bounding_box(),
        )
        assert whole
        assert last
        whole["height"] = min(whole["height"], last["y"] + last["height"] + 24 - whole["y"])
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", clip=whole)


async def fill(url: str, count: int) -> None:
    """Set up so many projects, each with a release, as if they had been there for long."""
    database = Database(url.replace("sqlite:", "sqlite+aiosqlite:"))
    await database.open()
    async with database.transaction() as session:
        team = await teams.ensure(session, TEAM_ID, "", NOW)
        for number in range(count):
            name = f"acme-part-{number:02}"
            wanted = Registration("company", name, "acme", name, "release.yml", "pypi")
            made, _ = await publishers.request(session, team.id, wanted, (ALICE.id, RELEASES.id), NOW)
            await publishers.move(session, made, None, state=PublisherState.CONFIRMED, next_at=None)
            new = NewRelease("1.0.0", "v1.0.0", "", RELEASES.id, ALICE.id, {}, "", None, id=uuid4())
            project = Project(made.project_id, team.id, wanted, RELEASES.id)
            release, _ = await releases.ask(session, team.id, project, new, NOW)
            done: dict[str, Any] = {
                "state": ReleaseState.PUBLISHED,
                "next_at": None,
                "commit": "a" * 40,
                "tag": "v1.0.0",
            }
            await releases.move(session, release, None, **done)
    await database.close()


async def _modal(page: Page, says: str, name: str) -> None:
    """Wait until the open dialog says this, and keep a picture of it."""
    await expect(page.locator(".modal").get_by_text(says, exact=False).first).to_be_visible(timeout=PATIENCE)
    if PICTURES:
        await page.locator(".modal").last.screenshot(path=Path(PICTURES) / f"{name}.png")


async def _changes_the_policy(page: Page, world: World) -> None:
    """Open the policy's dialog as an admin, go into who decides, name an approver there, and hear that it holds."""
    parts = {
        "roles": "who always may",
        "acting": "A trusted publisher is safer",
        "deciding": "How many people must approve",
    }
    for part, says in parts.items():
        await page.get_by_role("button", name="Release policy…").click()
        await _modal(page, "Whose policy", "policy")
        await world.gate.hands.press(ALICE, f"{PART}{part}")
        await _modal(page, says, f"policy-{part}")
        if part != "deciding":
            await world.slack.close_view(ALICE)
    await page.locator(".modal input[placeholder='Choose people']").first.fill("@bob, @carol")
    await page.locator(".modal").last.get_by_role("button", name="Save").click()
    await world.slack.wait_for(lambda at: CAROL.id in json.dumps(at.homes.get(ALICE.id)))


async def test_people_see_their_home(browser: Browser, tmp_path: Path) -> None:
    """An empty team sees the first steps; who may approve what waits, looks and approves there; pages turn; admins see settings."""
    url = f"sqlite:///{tmp_path}/shipbell.db"
    async with world_on(url, tmp_path) as world:
        page = await browser.new_page(viewport={"width": 1060, "height": 1000})
        page.set_default_timeout(PATIENCE)
        await page.goto(world.slack.url)
        await see(page, BOB, "Nothing set up yet", "home-empty")
        await confirmed(world)
        await ask(world, ALICE, "widgets v1.4.0")
        await see(page, BOB, "Waiting for you (1)", "home-member")
        await see(page, ALICE, "Only those who may set the release policy", "home-admin")
        await _changes_the_policy(page, world)
        await see(page, BOB, "Waiting for you (1)", "home-member")
        await page.get_by_role("button", name="Review and decide").click()
        await expect(page.get_by_role("button", name="Approve widgets 1.4.0")).to_be_visible(timeout=PATIENCE)
        if PICTURES:
            await page.locator(".modal").last.screenshot(path=Path(PICTURES) / "home-decide.png")
        # The page sends no press of a button in a dialog, as Slack does; what it shows then is the bot's own.
        await world.gate.hands.press(BOB, "release.approve")
        await expect(page.get_by_text("approved by").first).to_be_visible(timeout=PATIENCE)
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_text("Nothing needs your approval right now.")).to_be_visible(
            timeout=PATIENCE
        )
        await fill(url, 45)
        await see(page, BOB, "Page 1 of 3", "home-many")
        await page.get_by_role("button", name="Next ›").click()
        await expect(page.get_by_text("Page 2 of 3")).to_be_visible(timeout=PATIENCE)
        in_order(world)
