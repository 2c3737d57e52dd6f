"""Two to three teams that do random things through one bot: no word of one ever shows in another."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import BinaryIO
from uuid import uuid4

import pytest

from bot.core import intents
from bot.core.audit_notices import AuditFile
from bot.web import exposition
from bot.workflow.exporting import Exporting
from bot.workflow.home import Homes
from bot.workflow.looking import Looking
from bot.workflow.ports import Delivery, Placed, Said
from storage.database import Database
from storage.records import Hears, Home, OutboxItem, Release, StartBy, Team
from tests.conftest import THOROUGH
from tests.releases.fakes import FakeSlack
from tests.releases.kit import ADMIN, ALICE, BOB, CAROL, World
from tests.releases.test_home import FakeScreen
from tests.releases.test_two_teams import rows_of

STEPS = 40
SEEDS = range(20 if THOROUGH else 2)
WORDS = ("walrus", "ocelot", "pangolin")
"""Each team's own: in the names of its projects, its channels, its reasons and its notes."""


@dataclass
class Heard(FakeSlack):
    """A Slack that keeps, beside, what each workspace was told."""

    told: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Say it, and keep it."""
        self.told[item.slack_team_id].append(repr(item))
        return await super().deliver(item, maybe_said=maybe_said)


@dataclass
class Drawers:
    """Fulfils `ports.Files`: keeps what each workspace was given."""

    files: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def place(self, slack_team_id: str, name: str, content: tuple[BinaryIO, int]) -> Placed:
        """Keep a file."""
        self.files[slack_team_id].append(name + content[0].read().decode())
        return Placed(f"F{len(self.files[slack_team_id])}")

    async def share(self, to: tuple[str, str], file_id: str, notice: AuditFile, since: object) -> Said:
        """Give it."""
        self.files[to[0]].append(repr(notice))
        return Said()


@dataclass
class Play:
    """Some teams in one world, and the dice."""

    world: World
    dice: random.Random
    teams: dict[str, Team] = field(default_factory=dict)
    """A word -> whose it is."""
    drawers: Drawers = field(default_factory=Drawers)

    async def begin(self, words: tuple[str, ...]) -> None:
        """Let each team have a project whose workflow publishes, and one that the bot uploads."""
        for number, word in enumerate(words):
            self.world.slack_team = f"T{number}"
            await self.world.project(word, StartBy.PUSH)
            await self.world.uploaded(f"{word}up", StartBy.PUSH)
            assert self.world.team is not None
            self.teams[word] = self.world.team

    async def step(self) -> None:
        """Let somebody of one of the teams want something, at times with the id of a release of another's."""
        dice, word = self.dice, self.dice.choice(list(self.teams))
        name = dice.choice((word, f"{word}up"))
        of = dice.choice(list(self.teams)) if dice.random() < 0.3 else word
        self.world.team = self.teams[of]
        meant = await self.world.newest(dice.choice((of, f"{of}up")))
        self.world.team, self.world.slack_team = self.teams[word], self.teams[word].slack_team_id
        wish = dice.choice([*self._wishes(word, name), *(self._decisions(word, meant) * 2 if meant else ())])
        await self.world.deliver(dice.choice((ALICE, BOB, CAROL, ADMIN)), wish)
        if dice.random() < 0.7:
            await self.world.work()
        if dice.random() < 0.5:
            self.world.forge.advance()
            self.world.index.advance()
            self.world.clock.forward(timedelta(seconds=dice.choice((1, 60, 900))))

    def _wishes(self, word: str, name: str) -> list[intents.Intent]:
        freeze = intents.SetFreeze(name, None, self.world.clock() + timedelta(minutes=20), f"{word} is tired")
        return [
            intents.AskRelease(name, self.dice.choice(("1.0.0", "v2.0.0")), "", f"notes of {word}"),
            intents.AskRelease(name, "1.0.0", "", override=f"{word} must", channel=f"C-{word}"),
            intents.ShowReleases(name), intents.ListPublishers(), intents.CheckPublisher(name, ""),
            intents.ShowAudit(""), intents.ExportAudit("", "json"), intents.ExportAudit(name, "csv"),
            intents.OpenHome(), freeze, intents.LiftFreeze(name), intents.TellChannel("", Hears.ALL),
            intents.ShowTold(), intents.SetPolicy("", {"quorum": "1"}), intents.ShowPolicy(name),
            intents.AskYank(name, "1.0.0", f"{word} is broken"),
        ]  # fmt: skip

    def _decisions(self, word: str, meant: Release) -> list[intents.Intent]:
        named, number = str(meant.id), meant.round
        return [
            intents.Approve(named, number), intents.Approve(named, number), intents.Reject(named, number, f"{word} says no"),
            intents.Withdraw(named, number), intents.BreakGlass(named, number, f"{word} burns"),
            intents.CancelRelease(release_id=named), intents.RetryRelease(release_id=named),
            intents.UnfurlLinks((("https://bot.example/r", named),), "u1"), intents.ShowRelease("v1", named),
        ]  # fmt: skip

    async def export(self) -> None:
        """Let each team ask for its audit trail once more, and write all files that were asked for."""
        for team in self.teams.values():
            self.world.slack_team = team.slack_team_id
            await self.world.deliver(ADMIN, intents.ExportAudit("", self.dice.choice(("json", "csv"))))
        await self.world.work()
        lane = Exporting(self.world.database, self.drawers, self.world.clock, uuid4())
        while items := await lane.claim(16):
            for one in items:
                await lane.advance(one)

    async def seen(self, heard: Heard, word: str) -> dict[str, str]:
        """Return all that a team can see, and all that is kept of it."""
        world, team = self.world, self.teams[word]
        looking = Looking(world.database, world.people, world.clock)
        homes = Homes(world.life.releases.hands, FakeScreen(), world.life.outbox.paces)  # type: ignore[union-attr]  # it speaks
        tab = Home(team.id, team.slack_team_id, ADMIN, 1, "", "", None)
        return {
            "rows": repr(await rows_of(world.database, team.id)),
            "messages": repr(heard.told[team.slack_team_id]),
            "files": repr(self.drawers.files[team.slack_team_id]),
            "home": repr(await homes.page(tab)),
            "page": repr((await looking.overview(team.id), await looking.publishers(team.id))),
        }


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_word_of_one_team_shows_in_another(database: Database, seed: int) -> None:
    """Neither rows, messages, files, Home tabs nor status pages of a team have a word of another's; metrics have none at all."""
    dice, heard = random.Random(seed), Heard()
    play = Play(World(database, slack=heard), dice)
    await play.begin(WORDS[: dice.choice((2, 3))])
    for _ in range(STEPS):
        await play.step()
    await play.export()
    await play.world.work()
    for word in play.teams:
        for where, text in (await play.seen(heard, word)).items():
            assert word in text, (word, where)
            assert [other for other in play.teams if other != word and other in text] == [], (word, where)
    assert [word for word in WORDS if word in exposition({}).decode()] == []
