"""The releases in the story of `make demo PLAY=1`: what three people do, and what their channel must see.

Knows: the story. Must not know: how the world is wired.
"""

from collections.abc import Callable
from typing import Any

from bot.demo.forge_seed import pyproject
from bot.demo.scenes import PATIENCE, Json, Scenes
from bot.demo.slack_config import ALICE, BOB, CAROL, ERIN, RELEASES, User
from bot.demo.slack_workspace import SlackWorkspace

SLUG = "acme/widgets"
LEAKED = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
ERROR = f"##[error]The index answered 503. Token {LEAKED} was used.".encode()


class ReleaseScenes(Scenes):
    """Plays the releases on a started world where the publisher of widgets is confirmed."""

    async def play(self) -> None:
        """Play every scene in order."""
        await self.all(
            self.policy, self.approved, self.rejected, self.moved, self.retried, self.expired, self.locked
        )

    async def policy(self) -> None:
        """Alice, who is an admin, wants two people to approve each release."""
        await self.world.slack.command(ALICE, RELEASES, "/shipbell", "settings policy quorum=2")
        await self.seen(RELEASES, "Release policy of")

    async def approved(self) -> None:
        """Alice asks for widgets 1.4.0. She and a guest can't approve it; Bob and Carol do; it is verified."""
        root = await self._ask("1.4.0", 'v1.4.0 notes="Round widgets, in three sizes."')
        for nobody in (ALICE, ERIN):
            await self._press(nobody, root, "release.approve")
        await self._until(lambda slack: slack.describe().count("Your vote does not count") >= 2)
        await self._approve("1.4.0")
        await self._published("1.4.0")
        files = {file.filename for file in self.world.company.state.projects["widgets"].files}
        self.must("widgets-1.4.0.tar.gz" in files, "the index has it")

    async def rejected(self) -> None:
        """Bob rejects 1.5.0 with a reason."""
        self._bump("1.5.0")
        root = await self._ask("1.5.0")
        await self._press(BOB, root, "release.reject")
        await self._until(lambda slack: bool(slack.views()))
        await self.world.slack.submit(BOB, {"reason": "The notes are missing."})
        await self._saying("1.5.0", "rejected")

    async def moved(self) -> None:
        """1.5.0 is asked for again; somebody moves its tag after an approval: all approvals are void, and people are asked anew."""
        forge = self.world.forge
        forge.hook_url, told = (
            "",
            forge.hook_url,
        )  # the tag's push starts a run; what the bot sees, it looks for
        forge.push_tag(SLUG, "v1.5.0", by="grace")
        root = await self._ask("1.5.0")
        await self._press(BOB, root, "release.approve")
        await self._saying("1.5.0", "waiting for 1 approval")
        moved_to = forge.commit(
            SLUG, {"README.md": b"# Widgets\n\nSquare ones.\n"}, "Make them square", "grace"
        )
        forge.move_tag(SLUG, "v1.5.0", moved_to, by="grace")
        await self._press(CAROL, root, "release.approve")
        await self._line(root, "void")
        await self._saying("1.5.0", "waiting for 2 approvals")
        await self._press(BOB, root, "release.approve")
        await self._press(CAROL, root, "release.approve")
        await self._published("1.5.0")
        forge.hook_url = told

    async def retried(self) -> None:
        """The run of 1.6.0 fails: the channel sees the job and its last lines, without the token in them; Bob lets it run again."""
        self._bump("1.6.0")
        self.world.forge.fail_next(SLUG, "publish", log=ERROR)
        root = await self._ask("1.6.0")
        await self._approve("1.6.0")
        await self._saying("1.6.0", "failed")
        timeline = await self._line(root, "answered 503")
        self.must(LEAKED not in timeline, "the token in the log is not repeated")
        await self._press(BOB, root, "release.retry")
        await self._published("1.6.0")

    async def expired(self) -> None:
        """Nobody decides about 1.7.0 in time."""
        await self.world.slack.command(ALICE, RELEASES, "/shipbell", "settings policy expires=10s")
        self._bump("1.7.0")
        await self._ask("1.7.0")
        await self._saying("1.7.0", "expired")

    async def locked(self) -> None:
        """Carol locks widgets; a release of it is blocked until she unlocks it. Everything is told once."""
        slack = self.world.slack
        await slack.command(CAROL, RELEASES, "/release", 'lock widgets reason="The widget press is hot"')
        await self._until(lambda slack: "The widget press is hot" in repr(slack.messages(RELEASES)))
        await slack.command(ALICE, RELEASES, "/release", "widgets v1.7.0")
        await self._saying("1.7.0", "in the way")
        await slack.command(CAROL, RELEASES, "/release", "unlock widgets")
        for version in ("1.4.0", "1.5.0", "1.6.0"):
            ends = [text for text in self._broadcasts(version) if "*Published*" in text]
            self.must(len(ends) == 1, f"the end of {version} was told exactly once")

    def _bump(self, version: str) -> None:
        files = {"pyproject.toml": pyproject("widgets", version)}
        self.world.forge.commit(SLUG, files, f"Release {version}", "ada")

    async def _ask(self, version: str, words: str = "") -> Json:
        await self.world.slack.command(ALICE, RELEASES, "/release", f"widgets {words or 'v' + version}")
        return await self._saying(version, "waiting for 2 approvals")

    async def _approve(self, version: str) -> None:
        root = await self._saying(version, "waiting for")
        await self._press(BOB, root, "release.approve")
        await self._press(CAROL, root, "release.approve")

    async def _published(self, version: str) -> None:
        root = await self._saying(version, "published")
        timeline = await self._line(root, "*Published*")
        for stage in ("Accepted", "Installable", "Downloadable", "Attested"):
            self.must(stage in timeline, f"{version}: {stage.lower()}")

    async def _press(self, who: User, root: Json, action: str) -> None:
        await self.world.slack.click(who, RELEASES, root["ts"], action)

    async def _until(self, condition: Callable[[SlackWorkspace], Any]) -> None:
        await self.world.slack.wait_for(condition, PATIENCE)

    async def _saying(self, version: str, what: str) -> Json:
        """Wait until the newest message of this release says so."""
        return await self.saying(f"Release of widgets {version} ", what)

    async def _line(self, root: Json, what: str) -> str:
        """Wait until the thread shows it; returns the whole thread."""
        await self._until(lambda slack: what in repr(slack.messages(RELEASES, thread=root["ts"])))
        return repr(self.world.slack.messages(RELEASES, thread=root["ts"]))

    def _broadcasts(self, version: str) -> list[str]:
        return [
            str(one.get("text", ""))
            for one in self.world.slack.messages(RELEASES)
            if f"*widgets {version}*" in str(one.get("text", ""))
        ]
