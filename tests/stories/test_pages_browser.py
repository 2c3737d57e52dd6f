"""The bot's own pages in a real Chromium: readable in every light, on a phone, by keyboard.

SHIPBELL_PICTURES names a folder that gets a picture of each, as `docs/images` has them.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from bot import install_pages, pages
from bot.forge.app_auth import PERMISSIONS
from bot.forge.manifest import manifest
from bot.gate import POLICY
from bot.slack.scopes import BOT_SCOPES
from tests.stories.test_browser import PICTURES, browser, pytestmark

__all__ = ["browser", "pytestmark"]

LONG = "a-very-long-name-" * 12
SHOWN = {
    "github-app": pages.make_app("https://github.example/settings/apps/new", f"{manifest('http://x')}", PERMISSIONS, "", "s"),
    "github-app-made": pages.app_made(
        "shipbell-acme", "/var/lib/shipbell/github-app.toml", "https://github.com/apps/shipbell-acme/installations/new"
    ),
    "sign-in": pages.ask_to_connect("Alice Anderson", {"state": "s", "check": "c"}),
    "signed-in": pages.connected("ada"),
    "sign-in-ended": pages.not_connected("ended"),
    "landing-one": install_pages.landing_of_one("/status"),
    "install-landing": install_pages.landing("/slack/install", BOT_SCOPES),
}  # fmt: skip
FIELDS = {"index": "pypi", "project": "widgets", "state": "s", "check": "c"}
EXTREME = {
    "enter-secret": pages.enter_secret(
        "Alice Anderson", ["pypi", LONG], FIELDS, {"token": "No token was given."}
    ),
    "keep-secret": pages.secret_entered(LONG, [LONG, "It ends never."], "widgets", FIELDS),
    "long-made": pages.app_made(LONG, f"/{LONG}/{LONG}", f"https://github.com/apps/{LONG}"),
    "installed": install_pages.installed(
        "Acme", "https://slack.com/app_redirect", (), "/slack/install", org_wide=False
    ),
    "installed-lacking": install_pages.installed(
        LONG, "https://slack.com/app_redirect", tuple(BOT_SCOPES), "/slack/install", org_wide=True
    ),
    "install-cancelled": install_pages.not_installed("access_denied", "/slack/install"),
    "install-odd": install_pages.not_installed("x" * 60, "/slack/install"),
    "long-sign-in": pages.ask_to_connect(LONG, {"state": "s", "check": "c"}),
    "long-app": pages.make_app("", "", PERMISSIONS, LONG, "s"),
}
LOOK = """() => {
  const shown = (one) => getComputedStyle(one), body = shown(document.body);
  const texts = [...document.querySelectorAll('h1, h2, p, li, label, pre, a, header, button, select, input:not([type=hidden])')];
  return {
    wide: document.documentElement.scrollWidth > innerWidth,
    colours: texts.map((one) => [one.textContent.slice(0, 20), shown(one).color,
      shown(one).backgroundColor === 'rgba(0, 0, 0, 0)' ? body.backgroundColor : shown(one).backgroundColor]),
    heights: [...document.querySelectorAll('button, select, input:not([type=hidden]), a.deed')].map((one) => one.offsetHeight),
  };
}"""
CHOSEN = """() => {
  const one = document.activeElement;
  return [one.tagName, one.textContent, getComputedStyle(one).outlineStyle];
}"""


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """Serve the pages under the bot's own policy."""

    async def show(request: web.Request) -> web.Response:
        text = {**SHOWN, **EXTREME}[request.match_info["name"]]
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    app = web.Application()
    app.router.add_get("/{name}", show)
    served = web.AppRunner(app)
    await served.setup()
    await web.TCPSite(served, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{served.addresses[0][1]}"
    await served.cleanup()


def contrast(first: str, second: str) -> float:
    """Return how far two colours are apart, as WCAG reckons it."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def problems(page: Page) -> list[str]:
    """Return what somebody could not read or press."""
    seen = await page.evaluate(LOOK)
    found = ["wider than the window"] * seen["wide"]
    found += [f"pale: {text}" for text, ink, paper in seen["colours"] if contrast(ink, paper) < 4.5]
    found += [f"only {height} points high" for height in seen["heights"] if height < 44]
    for _ in seen["heights"]:
        await page.keyboard.press("Tab")
        tag, text, outline = await page.evaluate(CHOSEN)
        if tag not in {"BUTTON", "INPUT", "SELECT", "A"} or outline == "none":
            found.append(f"the keyboard leads to {tag} {text}, with outline {outline}")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_and_press(browser: Browser, site: str, scheme: str) -> None:
    """At 320 and 1,000 points, light and dark: nothing is cut off, pale, small or beyond the keyboard, and no fault is logged."""
    told: list[str] = []
    page = await browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
    page.on("console", lambda line: told.append(line.text))
    for name in (*SHOWN, *EXTREME):
        for width in (1_000, 320):
            await page.set_viewport_size({"width": width, "height": 700})
            await page.goto(f"{site}/{name}")
            assert await problems(page) == [], f"{name} at {width}"
    if PICTURES and scheme == "light":
        await page.set_viewport_size({"width": 760, "height": 300})
        for name in SHOWN:
            await page.goto(f"{site}/{name}")
            await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    assert told == []
