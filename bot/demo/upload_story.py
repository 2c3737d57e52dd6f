"""The release without a trusted publisher in the story of `make demo PLAY=1`: what the bot uploads itself.

Knows: the story. Must not know: how the world is wired.
"""

from bot.demo.forge_seed import WORKFLOW_PATH, pyproject
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.scenes import PATIENCE, Json, Scenes
from bot.demo.slack_config import ALICE, BOB, RELEASES
from bot.demo.slack_workspace import SlackWorkspace

BUILDS = GOOD_WORKFLOW.partition(b"  publish:\n")[0]
"""A workflow that builds on a tag and publishes nothing."""
NAME = "Release of gears 0.4.0 "
FILES = {"gears-0.4.0-py3-none-any.whl", "gears-0.4.0.tar.gz"}


class UploadScenes(Scenes):
    """Plays on a started world where the team has given a token for the company's index."""

    async def play(self) -> None:
        """Play every scene in order."""
        await self.all(self.known, self.uploaded)

    async def known(self) -> None:
        """Gears has no trusted publisher: Alice, who is an admin, lets the bot upload it with the team's token."""
        slack = self.world.slack
        files = {"pyproject.toml": pyproject("gears", "0.4.0"), WORKFLOW_PATH: BUILDS}
        self.world.forge.add_repository("acme/gears", files, [])
        policy = "settings policy gears publish=bot quorum=1 expires=1h"
        await slack.command(ALICE, RELEASES, "/shipbell", policy)
        await self.seen(RELEASES, "Release policy of gears")
        await slack.command(ALICE, RELEASES, "/publisher", "add gears acme/gears index=company")
        await self.seen(RELEASES, "gears is known now; I upload it to company myself.")

    async def uploaded(self) -> None:
        """Bob approves gears 0.4.0, which is shown as the exception; it is built, looked through, uploaded and verified."""
        await self.world.slack.command(ALICE, RELEASES, "/release", "gears v0.4.0")
        root = await self.saying(NAME, "waiting for 1 approval")
        self.must(
            "*the exception:*" in repr(root["blocks"]), "people are told that the bot uploads it with a token"
        )
        await self.world.slack.click(BOB, RELEASES, root["ts"], "release.approve")
        await self.saying(NAME, "published")
        await self.world.slack.wait_for(
            lambda slack: "nothing attests" in self._thread(slack, root), PATIENCE
        )
        told = self._thread(self.world.slack, root)
        self.must(told.count(" is uploaded (") == len(FILES), "each file was uploaded once, and told")
        there = {file.filename for file in self.world.company.state.projects["gears"].files}
        self.must(there >= FILES, "the index has them")

    @staticmethod
    def _thread(slack: SlackWorkspace, root: Json) -> str:
        return repr(slack.messages(RELEASES, thread=root["ts"]))
