"""The story of `make demo PLAY=1`: what a team does, and what its channel must see.

Knows: the story. Must not know: how the world is wired.
"""

import aiohttp

from bot.demo.forge_seed import pyproject
from bot.demo.grant_story import GrantScenes
from bot.demo.release_story import ReleaseScenes
from bot.demo.scenes import PATIENCE, DidNotHappen, Scenes
from bot.demo.slack_config import ALICE, BOB, GENERAL, RELEASES, Channel
from bot.demo.slack_workspace import SlackWorkspace
from bot.demo.team_story import TeamScenes
from bot.demo.upload_story import UploadScenes

GIZMOS = "acme/gizmos"


class Story(Scenes):
    """Plays the story on a started world; `play` raises DidNotHappen or TimeoutError where it goes wrong."""

    async def play(self) -> None:
        """Play every scene in order."""
        await self.all(
            self.help, self.credential, self.register, self.taken, self.confirm, self.by_hand, self.leak, self.lists,
        )  # fmt: skip
        await GrantScenes(self.world, self.console).play()
        await ReleaseScenes(self.world, self.console).play()
        await UploadScenes(self.world, self.console).play()
        await TeamScenes(self.world, self.console).play()
        if self.world.gate.violations:
            raise DidNotHappen(f"Slack would have refused: {self.world.gate.violations}")

    async def help(self) -> None:
        """Alice asks for help."""
        await self.world.slack.command(ALICE, RELEASES, "/publisher", "help")
        await self.seen(RELEASES, "How to use /publisher")

    async def credential(self) -> None:
        """Alice gives the bot an API token of the company's index, in a dialog."""
        slack = self.world.slack
        await slack.command(ALICE, RELEASES, "/shipbell", "credentials")
        await self._dialog("credential.add")
        await slack.submit(ALICE, {"index_choice": "company", "token": self.world.company.make_token()})
        # The bot shows what the token may do before it is kept.
        await self._dialog("credential.keep")
        await slack.submit(ALICE)
        # The dialog's answer has no channel: it comes as a direct message.
        await slack.wait_for(lambda seen: _any_text(seen, "The token for company is kept."), PATIENCE)
        self.console.print("  the token is kept, sealed")

    async def register(self) -> None:
        """Alice registers the trusted publisher of widgets."""
        await self.world.slack.command(
            ALICE, RELEASES, "/publisher", "add widgets acme/widgets index=company"
        )
        await self.seen(RELEASES, "The trusted publisher for widgets is pending on company.")
        self.must(len(self.world.company.registrations) == 1, "exactly one registration")

    async def confirm(self) -> None:
        """Somebody follows the index's confirmation link; the channel is told within one poll."""
        self.world.company.confirm("widgets")
        await self.seen(RELEASES, "The trusted publisher for widgets on company is confirmed.")

    async def by_hand(self) -> None:
        """Bob registers gizmos on an index without an API: the form is his, the rest the bot's; a run confirms it."""
        slack = self.world.slack
        self.world.forge.add_repository(GIZMOS, {"pyproject.toml": pyproject("gizmos", "0.1")})
        await slack.command(BOB, GENERAL, "/publisher", f"add gizmos {GIZMOS}")
        message = await self.seen(GENERAL, "pypi has no API for trusted publishers")
        await self._merge_workflow(message["ts"])
        await self._fill_in_form()
        await slack.click(BOB, GENERAL, message["ts"], "publisher.submitted")
        pending = await self.seen(GENERAL, "The trusted publisher for gizmos is pending on pypi.")
        await slack.click(BOB, GENERAL, pending["ts"], "publisher.confirm")
        await self._dialog("publisher.confirm")
        await slack.submit(BOB, {})
        confirmed = await self.seen(GENERAL, "The trusted publisher for gizmos on pypi is confirmed.")
        (run,) = self.world.forge.state.found(GIZMOS).runs
        self.must(f"/actions/runs/{run.id}" in str(confirmed["blocks"]), "the evidence is that run")
        self.must(not self.world.public.state.projects["gizmos"].files, "nothing was published")

    async def _merge_workflow(self, message: str) -> None:
        """Let Bob ask for the pull request with the workflow, and somebody merge it in the forge."""
        await self.world.slack.click(BOB, GENERAL, message, "setup.open")
        await self._dialog("setup.pull")
        await self.world.slack.submit(BOB, {"environment": "yes"})
        await self.seen(GENERAL, "A pull request sets gizmos up for trusted publishing.")
        (pull,) = self.world.forge.state.found(GIZMOS).pulls.values()
        self.world.forge.merge(GIZMOS, pull.number)
        self.console.print("  the pull request is merged")

    async def _dialog(self, name: str) -> None:
        """Wait until a dialog is open."""
        await self.world.slack.wait_for(
            lambda seen: any(view.get("callback_id") == name for view in seen.views()), PATIENCE
        )

    async def _fill_in_form(self) -> None:
        url = self.world.public.url
        jar = aiohttp.CookieJar(unsafe=True)  # the stand-in's host is an address, not a name
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            await session.post(f"{url}/account/login/", data={"user": "demo"})
            form = {
                "project_name": "gizmos", "owner": "acme", "repository": "gizmos",
                "workflow_filename": "release.yml", "environment": "pypi",
            }  # fmt: skip
            async with session.post(f"{url}/manage/account/publishing/", data=form) as answer:
                self.must(answer.status == 200, f"the form answered {answer.status}")

    async def taken(self) -> None:
        """Bob wants the same workflow for another project: the index refuses, and the bot says why."""
        await self.world.slack.command(BOB, RELEASES, "/publisher", "add gears acme/widgets index=company")
        await self.seen(RELEASES, "The trusted publisher for gears conflicts with another one")

    async def leak(self) -> None:
        """Bob types a token into a command: it is refused and kept nowhere."""
        secret = self.world.company.make_token()
        await self.world.slack.command(BOB, RELEASES, "/publisher", f"add {secret}")
        await self.seen(RELEASES, "Revoke that secret now.")
        seen = [message for channel in (GENERAL, RELEASES) for message in self.world.slack.messages(channel)]
        self.must(secret not in repr(seen) + self.world.bot.words(), "the token shows nowhere")

    async def lists(self) -> None:
        """Alice looks at all publishers."""
        await self.world.slack.command(ALICE, RELEASES, "/publisher", "list")
        await self.seen(RELEASES, "Trusted publishers: 3 projects")
        confirmed = self._count(RELEASES, "The trusted publisher for widgets on company is confirmed.")
        self.must(confirmed == 1, "the confirmation was told exactly once")

    def _count(self, channel: Channel, start: str) -> int:
        return sum(
            str(message.get("text", "")).startswith(start) for message in self.world.slack.messages(channel)
        )


def _any_text(slack: SlackWorkspace, text: str) -> bool:
    return text in slack.describe()
