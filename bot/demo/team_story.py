"""What a team's people have besides the channel, in the story of `make demo PLAY=1`: policy, Home, workflow, audit, status page.

Knows: the story. Must not know: how the world is wired.
"""

import re
from html import unescape

import aiohttp

from bot.demo.forge_seed import pyproject
from bot.demo.scenes import PATIENCE, Json, Scenes
from bot.demo.slack_config import ALICE, BOB, CAROL, ERIN, RELEASES, User
from bot.demo.slack_gate import SlackGate
from bot.demo.slack_workflows import Run

NAME = "Release of widgets 1.8.0 "


class TeamScenes(Scenes):
    """Plays on a started world where the publisher of widgets is confirmed and two people approve each release."""

    async def play(self) -> None:
        """Play every scene in order."""
        await self.all(self.second, self.home, self.audit, self.status)

    async def second(self) -> None:
        """From now on a change of the policy needs two people: Alice asks for that, and Bob, who may set it too, agrees."""
        slack = self.world.slack
        await slack.command(ALICE, RELEASES, "/shipbell", "settings policy setters=@bob")
        await slack.wait_for(
            lambda at: "Set this policy (setters): <@" in repr(at.messages(RELEASES)), PATIENCE
        )
        await slack.command(ALICE, RELEASES, "/shipbell", "settings policy second=yes expires=1h")
        change = await self.seen(
            RELEASES, "A change of the release policy of this workspace: a second person decides"
        )
        await slack.click(BOB, RELEASES, change["ts"], "agree_policy")
        await self.seen(RELEASES, "A change of the release policy of this workspace: made")

    async def home(self) -> None:
        """A workflow built in Slack asks for widgets 1.8.0; it waits on Bob's Home tab, where he approves it; Carol does, too."""
        gate, slack = self.world.gate, self.world.slack
        files = {"pyproject.toml": pyproject("widgets", "1.8.0")}
        self.world.forge.commit("acme/widgets", files, "Release 1.8.0", "ada")
        asks = {"runner": {"id": ALICE.id}, "project": "widgets", "version": "v1.8.0"}
        asked = await self._ended(await gate.run_step("step_release", asks))
        waits = await gate.run_step("step_wait", {"release_id": asked["release_id"]})
        root = await self.saying(NAME, "waiting for 2 approvals")
        await slack.open_home(BOB)
        await slack.wait_for(lambda at: "Waiting for you (1)" in repr(at.homes.get(BOB.id)), PATIENCE)
        self.console.print("  Bob's Home tab: Waiting for you (1)", highlight=False)
        await slack.click_home(BOB, "release.look")
        await slack.wait_for(lambda at: "release.approve" in repr(at.views()), PATIENCE)
        await gate.hands.press(BOB, "release.approve")
        await slack.wait_for(lambda at: "Waiting for you (1)" not in repr(at.homes.get(BOB.id)), PATIENCE)
        await slack.click(CAROL, RELEASES, root["ts"], "release.approve")
        await self.saying(NAME, "published")
        ended = await self._ended(waits)
        self.must(ended["version"] == "1.8.0", "the workflow goes on once it is published")

    async def audit(self) -> None:
        """Alice looks at the audit trail, and takes all of it as a file."""
        slack = self.world.slack
        await slack.command(ALICE, RELEASES, "/shipbell", "audit")
        page = await self.seen(RELEASES, "Audit trail")
        self.must("none changed or removed" in repr(page["blocks"]), "nothing in it was changed or removed")
        await slack.click(ALICE, RELEASES, page["ts"], "audit_csv")
        await self.seen(RELEASES, "The file is on its way.")
        await self.world.gate.wait_for(lambda at: at.count("files.completeUploadExternal") == 1, PATIENCE)
        self.console.print("  the file has come, by direct message", highlight=False)

    async def status(self) -> None:
        """On the status page Bob, signed in with Slack, sees what was released; a guest sees nothing."""
        self.must("widgets 1.8.0" in await self._signed_in(BOB), "a member sees the releases")
        self.must("This page is for members" in await self._signed_in(ERIN), "a guest does not")

    async def _signed_in(self, who: User) -> str:
        """Sign in with Slack as somebody; returns the page that they see then."""
        jar = aiohttp.CookieJar(unsafe=True)  # the stand-ins' host is an address, not a name
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.post(f"{self.world.bot.url}/status/sign-in", data={"page": "/status"}) as asks:
                form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', await asks.text()))
                desk = asks.url.with_query(None)
            told = {name: unescape(value) for name, value in form.items()} | {"user": who.id}
            async with browser.post(desk, data=told) as page:
                return await page.text()

    async def _ended(self, run: Run) -> Json:
        """Wait until a workflow's step has ended well; returns what it gives."""

        def ended(_gate: SlackGate) -> bool:
            return run.ended

        await self.world.gate.wait_for(ended, PATIENCE)
        self.must(not run.error and run.outputs is not None, "the workflow's step ended well")
        return dict(run.outputs or {})
