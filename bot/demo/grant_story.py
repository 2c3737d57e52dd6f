"""The scene of `make demo PLAY=1` in which an index grants access: Slack's link, the browser, the index's page.

Knows: the scene. Must not know: how the world is wired.
"""

import asyncio
import re
from html import unescape

import aiohttp

from bot.demo.scenes import PATIENCE, Scenes
from bot.demo.slack_config import ALICE, RELEASES
from bot.demo.slack_workspace import SlackWorkspace

LINK = re.compile(r"https?://[^\"|>]+/indexes/company/connect\?state=[\w-]+")


class GrantScenes(Scenes):
    """Plays the scene on a started world whose bot knows the company index's OAuth facility."""

    async def play(self) -> None:
        """Play it."""
        await self.all(self.connect)

    async def connect(self) -> None:
        """Alice lets the bot upload to the company's index in her name, by OAuth 1.0a."""
        await self.world.slack.command(ALICE, RELEASES, "/shipbell", "connect company")
        link = await self.world.slack.wait_for(_link, PATIENCE)
        jar = aiohttp.CookieJar(unsafe=True)  # the stand-ins' host is an address, not a name
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            await browser.post(f"{self.world.company.url}/account/login/", data={"user": "demo"})
            form = await _shown(browser, link)
            async with browser.post(link.partition("?")[0], data=form) as page:
                asked = _fields(await page.text())
            allow = {name: asked[name] for name in ("oauth_token", "oauth_callback", "ok")}
            async with browser.get(f"{self.world.company.url}/oauth/authorise", params=allow) as page:
                self.must(
                    "is connected" in await page.text(), "the browser came back, and the grant was tried"
                )
        await self.seen(RELEASES, "company is connected.")
        secrets = [token.secret for token in self.world.company.consumers.access_tokens.values()]
        shown = self.world.slack.describe() + self.world.bot.words()
        self.must(not any(secret in shown for secret in secrets), "its secret shows nowhere")


async def _shown(browser: aiohttp.ClientSession, link: str) -> dict[str, str]:
    """Return the form of the page behind a link; TimeoutError where it does not come."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with browser.get(link) as page:
                if page.status == 200:
                    return _fields(await page.text())
            # The link is shown a moment before it is carried out, faster than any person can press it.
            await asyncio.sleep(0.02)


def _link(slack: SlackWorkspace) -> str:
    """Return the address of the newest button that connects the index; "" where there is none yet."""
    found = LINK.findall(repr(slack.messages(RELEASES)))
    return found[-1] if found else ""


def _fields(page: str) -> dict[str, str]:
    """Return a page's form."""
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}
