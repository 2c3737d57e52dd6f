"""Those whose pull requests shipped, told on a forge in memory by a process that may die at every await."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import text

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.forge import (
    ActOutcome,
    CommentsOutcome,
    CommitFacts,
    Compared,
    CompareOutcome,
    Done,
    Forbidden,
    PullFacts,
    PullsOutcome,
    Repo,
    Unsure,
)
from bot.workflow.hands import packed
from bot.workflow.ports import PullRequests
from bot.workflow.thanking import Thanking
from storage.database import Database
from storage.ledger import leases, policies, thanks
from storage.records import Release, ReleaseState, StartBy
from tests.conftest import part
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.releases.kit import ALICE, BASE, World

COMMITS = {"c" * 40: 3, "b" * 40: 2, "a" * 40: 1}
"""Each with the pull request that it came with."""
LOCKED = 2
FOR_EVER = 400
TELLING = (".commit", ".comment", ".pulls")
"""Ends of the names of points that differ for whoever comes after: what is only read changes nothing."""
SOON = timedelta(seconds=10)


@dataclass
class Pulls:
    """Fulfils `ports.PullRequests`: what is said on it stays, when it is asked for later too."""

    clock: Callable[[], datetime]
    said: dict[int, list[tuple[datetime, str]]] = field(default_factory=dict)
    down: bool = False
    slow: bool = False
    """Whether the next comment arrives only a while after it was sent, and who sent it is dead."""

    async def compare(self, repo: Repo, base: str, head: str) -> CompareOutcome:
        """Return all commits."""
        shipped = tuple(CommitFacts(sha, "Fix", "grace", "") for sha in COMMITS)
        return Unsure("down") if self.down else Compared(len(shipped), shipped, (), f"{base}...{head}")

    async def pulls(self, repo: Repo, sha: str) -> PullsOutcome:
        """Return the one pull request of a commit."""
        return Unsure("down") if self.down else (PullFacts(COMMITS[sha], merged=True, into=repo.slug),)

    async def comments(self, repo: Repo, number: int, since: datetime) -> CommentsOutcome:
        """Return what has arrived by now."""
        assert since < self.clock()
        return Unsure("down") if self.down else tuple(self.at(number))

    async def comment(self, repo: Repo, number: int, body: str) -> ActOutcome:
        """Take a comment."""
        if self.down or number == LOCKED:
            return Unsure("down") if self.down else Forbidden("GitHub refuses: it is locked.")
        arrives = self.clock() + (SOON if self.slow else timedelta())
        self.said.setdefault(number, []).append((arrives, body))
        if self.slow:
            self.slow = False
            raise Killed("while it was on its way")
        return Done()

    def at(self, number: int) -> list[str]:
        """Return what a pull request shows now."""
        return [body for arrives, body in self.said.get(number, ()) if arrives <= self.clock()]


@dataclass
class Story:
    """A published release, and the bot's present life that tells of it."""

    world: World
    release: Release
    forge: Pulls
    life: Thanking

    async def born(self, points: Points | None = None) -> None:
        """Start the bot's process anew, as `bot.app` does."""
        around = points or Points()
        hands = self.world.life.releases.hands
        database = AroundDatabase(self.world.database, around)
        fresh = type(hands)(
            database, hands.index, hands.forge, hands.people, hands.clock, hands.base, uuid4(), hands.web_url
        )
        self.life = Thanking(fresh, cast("PullRequests", Around("forge", self.forge, around)))
        async with self.world.database.transaction() as session:
            await leases.retake(session)

    async def rest(self) -> None:
        """Let time pass until nobody is left to be told."""
        for _ in range(FOR_EVER):
            due = await self.life.next_due()
            if due is None:
                return
            self.world.clock.now = max(self.world.clock.now, due)
            for row in await self.life.claim(1):
                await self.life.advance(row)
        raise AssertionError("it tells without end")

    async def lines(self) -> list[dict[str, Any]]:
        """Return what the thread has heard of it."""
        await self.world.rest()
        found = [line for message in self.world.slack.messages for line in _lines(message)]
        return [line["values"] for line in found if line["step"] == "thanked"]


def _lines(message: Any) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = message.facts.get("steps", [message.facts])
    return [step for step in steps if "step" in step]


async def allow(world: World, policy: Policy) -> None:
    """Set the team's policy."""
    assert world.team is not None
    async with world.database.transaction() as session:
        await policies.put(session, world.team.id, "", packed(policy), "U9", world.clock())


async def published(database: Database) -> Story:
    """Return a second release that has just been published."""
    world = World(database)
    await world.project("widgets", StartBy.PUSH)
    await allow(world, Policy(quorum=0, thank=True))
    for version in ("1.0.0", "1.1.0"):
        await world.deliver(ALICE, intents.AskRelease("widgets", version, "", notes="First."))
        await world.rest()
    release = await world.newest("widgets")
    assert release is not None
    assert (release.version, release.state) == ("1.1.0", ReleaseState.PUBLISHED)
    story = Story(world, release, Pulls(world.clock), cast("Thanking", None))
    await story.born()
    return story


async def killed(call: Callable[[], Awaitable[None]]) -> bool:
    """Let the bot live; whether it died."""
    try:
        await call()
    except Killed:
        return True
    return False


async def told_once(story: Story) -> None:
    """Look that each was told once, the locked one not, and that the thread heard of it once."""
    assert {number: len(said) for number, said in story.forge.said.items()} == {1: 1, 3: 1}
    (line,) = await story.lines()
    assert (line["told"], line["untold"], line["trouble"]) == ("2", "1", "")
    assert line["why"] == "#2 (GitHub refuses: it is locked)"


async def test_each_is_told_once_and_the_release_waits_for_nothing(database: Database) -> None:
    """The release has ended before anybody is told; then each hears of it once, and the thread at the end."""
    story = await published(database)
    assert not story.forge.said
    await story.rest()
    await told_once(story)
    await story.rest()


async def test_killed_at_every_await(database: Database) -> None:
    """Whichever act the process dies before, in or after, each is told once and the thread hears of it once."""
    points = Points()
    first = await published(database)
    await first.born(points)
    await first.rest()
    await told_once(first)
    telling = [at for at, name in enumerate(points.names) if name.endswith(TELLING)]
    dying = part(telling, 3)
    for fatal in dying:
        story = await again(first)
        await story.born(Points(fatal=fatal))
        assert await killed(story.rest), points.names[fatal]
        await story.born()
        await story.rest()
        assert {number: len(said) for number, said in story.forge.said.items()} == {1: 1, 3: 1}, points.names[
            fatal
        ]
    assert len(await first.lines()) == 1 + len(dying)


async def again(story: Story) -> Story:
    """Return the same story with nobody told yet."""
    async with story.world.database.transaction() as session:
        await session.execute(text("DELETE FROM thanks"))
        await thanks.add(session, story.release, story.world.clock())
    return Story(story.world, story.release, Pulls(story.world.clock), story.life)


async def test_a_comment_that_arrives_late_is_waited_for(database: Database) -> None:
    """One that was on its way when its sender died is found, not said a second time."""
    story = await published(database)
    story.forge.slow = True
    assert await killed(story.rest)
    await story.born()
    await story.rest()
    await told_once(story)


@pytest.mark.parametrize("repaired", [True, False])
async def test_a_forge_out_of_order(database: Database, *, repaired: bool) -> None:
    """It is waited for; one that stays out of order is given up, told once, and nothing goes on for ever."""
    story = await published(database)
    story.forge.down = True
    for _ in range(3):
        for row in await story.life.claim(1):
            await story.life.advance(row)
        story.world.clock.forward(BASE * 10)
    assert await story.life.next_due() is not None
    story.forge.down = not repaired
    await story.rest()
    if repaired:
        await told_once(story)
        return
    (line,) = await story.lines()
    assert (line["told"], line["untold"], line["trouble"]) == ("0", "0", "down")


async def test_a_team_that_changes_its_mind(database: Database) -> None:
    """A policy that says no by then lets nobody else be told, and the thread hears nothing of nobody."""
    story = await published(database)
    await allow(story.world, Policy(quorum=0))
    await story.rest()
    assert not story.forge.said
    assert await story.lines() == []
