"""Several processes on one PostgreSQL, dying at random awaits in the midst of many releases: all end, each act and word once."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from bot.core import intents
from bot.workflow.outbox import SETTLE
from storage.database import Database
from storage.ledger import audit, inbox, outbox, processes
from storage.records import Process, Release, ReleaseState, StartBy
from tests.conftest import THOROUGH
from tests.releases import proof
from tests.releases.dying import Killed, Points, around
from tests.releases.kit import ALICE, BOB, LONGEST, Life, World, nothing

LEASE = timedelta(seconds=30)
RELEASES = 50 if THOROUGH else 6
PROCESSES = 4
DOOMED = 0.3
"""How often one that is born dies again soon."""
SOON = 60
"""Awaits within which the doomed die."""


@dataclass
class Member:
    """One process of the fleet."""

    life: Life
    id: UUID


@dataclass
class Fleet:
    """Processes that share a world; whoever dies is followed by another, and buried by the others."""

    world: World
    chance: random.Random
    members: list[Member]
    deaths: int = 0
    buried: int = 0

    async def born(self, *, mortal: bool = True) -> Member:
        """Let a process begin to live."""
        parts = self.world.parts
        if mortal and self.chance.random() < DOOMED:
            parts = around(parts, Points(self.chance.randrange(SOON)), speech=True)
        life = self.world.born(parts)
        now, owner = self.world.clock(), life.releases.hands.owner
        async with self.world.database.transaction() as session:
            await processes.begin(session, Process(owner, "worker", "host", "1.0", now, now))
        return Member(life, owner)

    async def turn(self, *, mortal: bool = True) -> None:
        """Let each do what is due, side by side; bury who has died, once a lease has passed."""
        ends = await asyncio.gather(*(self._work(member) for member in self.members), return_exceptions=True)
        for at, end in enumerate(ends):
            if isinstance(end, Killed):
                self.deaths += 1
                self.members[at] = await self.born(mortal=mortal)
            elif end is not None:
                raise end
        now = self.world.clock()
        async with self.world.database.transaction() as session:
            for member in self.members:
                assert await processes.beat(session, member.id, now)
            self.buried += len(await processes.bury(session, now, now - LEASE, SETTLE))

    async def _work(self, member: Member) -> None:
        await member.life.work_once(await member.life.dues(), nothing)

    async def due(self) -> bool:
        """Go on in time to what is due next, the outside world too; False where nothing is."""
        plain = self.world.life
        dues = [one for one in await plain.dues() if one is not None]
        now = self.world.clock()
        if dues and min(dues) <= now:
            return True
        waiting = min(dues, default=None)
        async with self.world.database.reading() as session:
            dead = len(await processes.living(session, now - timedelta(days=1))) - len(self.members)
        if waiting is None and not dead:
            return False
        self.world.forge.advance()
        self.world.index.advance()
        self.world.clock.now = min(filter(None, (waiting, now + LEASE / 2 if dead else None)))
        return True


async def newest(world: World) -> list[Release]:
    """Return each project's release."""
    found = [await world.newest(f"p{number}") for number in range(RELEASES)]
    return [one for one in found if one is not None]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("seed", range(2 if THOROUGH else 1))
async def test_whoever_dies_all_releases_end(seed: int, database: Database) -> None:
    """Every release is published with one tag, one run and one message, and nothing is lost, whoever died in between."""
    world = World(database)
    for number in range(RELEASES):
        await world.project(f"p{number}", list(StartBy)[number % 3])
    fleet = Fleet(world, random.Random(seed), [])
    fleet.members = [await fleet.born() for _ in range(PROCESSES)]
    for number in range(RELEASES):
        await world.deliver(ALICE, intents.AskRelease(f"p{number}", "1.0.0", ""))
    approved: set[UUID] = set()
    for turn in range(LONGEST):
        mortal = turn < LONGEST // 2
        await fleet.turn(mortal=mortal)
        for release in await newest(world):
            if release.state is ReleaseState.AWAITING_APPROVAL and release.id not in approved:
                approved.add(release.id)
                await world.deliver(BOB, intents.Approve(str(release.id), release.round))
        if not await fleet.due():
            break
    assert fleet.deaths > 0
    assert fleet.buried > 0
    found = await newest(world)
    assert Counter(one.state for one in found) == {ReleaseState.PUBLISHED: RELEASES}
    acts = world.forge.acts
    assert set(Counter((act.kind, act.slug) for act in acts).values()) == {1}
    assert not world.slack.doubled()
    assert world.team is not None
    async with database.reading(steady=True) as session:
        events = list(reversed(await audit.trail(session, world.team.id, limit=100_000)))
        assert not (await audit.verify(session, world.team.id)).broken
        messages, wishes = await outbox.counts(session), await inbox.counts(session)
    trails = proof.read(events)
    assert not list(proof.unfounded(acts, trails))
    assert not list(proof.repeated(acts, trails))
    assert (set(messages), set(wishes)) == ({"sent"}, {"done"})
