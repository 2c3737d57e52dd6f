"""A person's places on the index: three have their form, the others wait, and each that is free wakes the next, once."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest

from bot.core import intents
from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater
from bot.workflow.hands import Hands
from bot.workflow.inlet import Inlet, Wish
from bot.workflow.intents import Intents
from bot.workflow.ports import Forge, Index, People
from bot.workflow.publishers import Publishers
from storage.database import Database
from storage.ledger import inbox, leases, outbox, publishers, teams
from storage.records import (
    Evidence,
    EvidenceKind,
    OutboxItem,
    Publisher,
    PublisherState,
    Reason,
    Registration,
    Team,
)
from tests.conftest import part
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.releases.fake_forge import FakeForge
from tests.releases.fakes import Clock, FakePeople
from tests.releases.kit import ALICE, BASE, BOB, EVERYBODY
from tests.releases.test_setting_up import FormIndex

NAMES = ("a", "b", "c", "d", "e")


@dataclass
class PyPI(FormIndex):
    """An index without an API, on which some projects are."""

    there: set[str] = field(default_factory=set)
    down: bool = False

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Return an empty project, if it is there."""
        if self.down:
            return TryLater(Reason.TIMED_OUT, "It did not answer.")
        seen = Evidence(EvidenceKind.APPEARED, f"https://{index}/simple/{project}/", "0" * 64, self.clock())
        return Present((), "active", "", seen) if project in self.there else Absent()


@dataclass
class Life:
    """One process of the bot."""

    intents: Intents
    publishers: Publishers


@dataclass
class Bench:
    """A team on an index without an API."""

    database: Database
    team: Team
    clock: Clock = field(default_factory=Clock)
    heard: list[OutboxItem] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the index."""
        self.index = PyPI(self.clock)

    def born(self, points: Points | None = None) -> Life:
        """Return a new process of the bot, which may die at the points."""
        database, index = self.database, cast("Index", self.index)
        if points is not None:
            database = AroundDatabase(database, points)
            index = cast("Index", Around("index", index, points))
        people: People = FakePeople(dict(EVERYBODY))
        hands = Hands(database, index, cast("Forge", FakeForge()), people, self.clock, BASE, uuid4())
        keepers = Publishers(database, index, self.clock, BASE, hands.owner)
        return Life(Intents(database, keepers, hands, ("pypi",), self.clock), keepers)

    async def wish(self, intent: intents.Intent, actor: str = ALICE) -> None:
        """Let somebody want something."""
        inlet = Inlet(self.database, self.clock, lambda: None)
        assert await inlet.put(Wish(self.team.slack_team_id, "", str(uuid4()), actor, "C1", intent))

    async def add(self, name: str, actor: str = ALICE) -> None:
        """Ask for a project's publisher."""
        wanted = Registration("pypi", name, "acme", name, "release.yml", "pypi")
        await self.wish(intents.AddPublisher(wanted, "C1"), actor)
        self.clock.forward(timedelta(seconds=1))

    async def work(self, life: Life) -> None:
        """Do what is due now, until nothing is."""
        for _ in range(30):
            items = list(await life.intents.claim(16))
            for item in items:
                await life.intents.carry_out(item)
            rows = list(await life.publishers.claim("pypi", 16))
            for row in rows:
                await life.publishers.advance(row)
            if not items and not rows:
                return
        raise AssertionError("it comes to no rest")

    async def of(self, name: str) -> Publisher:
        """Return a project's publisher."""
        async with self.database.reading() as session:
            found = await publishers.newest(session, self.team.id, name)
        assert found is not None
        return found

    async def handed(self) -> set[str]:
        """Return the projects whose form was given to a person."""
        return {name for name in NAMES if (await self.of(name)).handed_at}

    async def said(self) -> Counter[tuple[str, str]]:
        """Say what lies in the outbox, and return all that was ever said: (kind, project), and how often."""
        while True:
            async with self.database.transaction() as session:
                due = await outbox.claim(session, self.clock(), timedelta(minutes=1), 500)
                for item in due:
                    await outbox.sent(session, item, "1.1", self.clock())
            self.heard += [item for item in due if item.team_id == self.team.id]
            if not due:
                break
            self.clock.forward(timedelta(seconds=2))
        return Counter(
            (item.kind, item.facts["registration"]["project"])
            for item in self.heard
            if "registration" in item.facts
        )


async def bench(database: Database, number: int = 0) -> Bench:
    """Return a team."""
    async with database.transaction() as session:
        return Bench(database, await teams.ensure(session, f"T{number}", "", Clock()()))


async def five(database: Database, number: int = 0) -> Bench:
    """Return a team in which one person has asked for five."""
    one = await bench(database, number)
    for name in NAMES:
        await one.add(name)
    await one.work(one.born())
    return one


async def test_three_have_their_form_and_the_others_wait(database: Database) -> None:
    """The fourth hears its place in the queue, who is before it, and what frees a place; another person has own places."""
    one = await five(database)
    assert await one.handed() == {"a", "b", "c"}
    said = await one.said()
    assert said["publisher.queued", "d"] == said["publisher.queued", "e"] == 1
    told = {
        item.facts["registration"]["project"]: item.facts
        for item in one.heard
        if item.kind == "publisher.queued"
    }
    assert (told["d"]["position"], told["e"]["position"]) == (1, 2)
    assert told["d"]["holders"] == ["a", "b", "c"]
    assert (await one.of("d")).reason is Reason.QUEUED
    await one.add("f", BOB)
    await one.work(one.born())
    assert (await one.of("f")).handed_at


async def test_a_project_that_exists_takes_no_place(database: Database) -> None:
    """It is registered on its own page, so it neither counts nor waits."""
    one = await bench(database)
    one.index.there = {"a", "e"}
    for name in NAMES:
        await one.add(name)
    await one.work(one.born())
    assert await one.handed() == set(NAMES)


@pytest.mark.parametrize("how", ["removed", "confirmed", "expired"])
async def test_a_free_place_wakes_the_next_in_order(database: Database, how: str) -> None:
    """However a place is freed, the one that asked first has its form by itself, once, and only that one."""
    one = await five(database)
    if how == "removed":
        await one.wish(intents.RemovePublisher("b", ""))
    else:
        await one.wish(intents.SubmittedByHand(str((await one.of("b")).id)))
        await one.work(one.born())
        one.index.there = {"b"} if how == "confirmed" else set()
        one.clock.forward(timedelta(hours=1) if how == "confirmed" else timedelta(days=31))
    await one.work(one.born())
    assert await one.handed() >= {"a", "c", "d"}
    assert (await one.of("e")).handed_at is None
    said = await one.said()
    assert said["publisher.by_hand", "d"] == 1
    assert said["publisher.by_hand", "e"] == 0
    await one.wish(intents.RemovePublisher("a", ""))
    await one.wish(intents.RemovePublisher("c", ""))
    await one.work(one.born())
    assert (await one.of("e")).handed_at
    said = await one.said()
    assert {said["publisher.by_hand", name] for name in NAMES} == {1}


async def test_an_organizations_page_has_no_places(database: Database) -> None:
    """Who says that it goes there has the form now, and takes no place from the others; said again it changes nothing."""
    one = await five(database)
    for _ in range(2):
        await one.wish(intents.ToOrganization(str((await one.of("d")).id)))
        await one.work(one.born())
    assert (await one.of("d")).handed_at
    assert (await one.of("e")).handed_at is None
    said = await one.said()
    assert said["publisher.by_hand", "d"] == 1
    (form,) = [
        item.facts for item in one.heard if item.kind == "publisher.by_hand" and item.facts["organization"]
    ]
    assert form["registration"]["project"] == "d"


async def test_a_name_taken_while_it_waits_confirms_nothing(database: Database) -> None:
    """A project that appears before anybody has the form is no evidence: the form of an existing project is given."""
    one = await five(database)
    one.index.there = {"e"}
    one.clock.forward(timedelta(hours=7))
    await one.work(one.born())
    found = await one.of("e")
    assert (found.state, found.existed_before) == (PublisherState.REQUESTED, True)
    assert found.handed_at is not None
    assert (await one.of("d")).handed_at is None
    assert (await one.said())["publisher.by_hand", "e"] == 1


async def test_two_processes_give_out_no_place_twice(database: Database) -> None:
    """Five that are looked at in the same moment have three forms between them."""
    one = await bench(database)
    for name in NAMES:
        await one.add(name)
    life = one.born()
    for item in await life.intents.claim(16):
        await life.intents.carry_out(item)
    rows = await life.publishers.claim("pypi", 16)
    await asyncio.gather(*(life.publishers.advance(row) for row in rows))
    await one.work(one.born())
    assert len(await one.handed()) == 3


async def test_killed_at_every_await_the_next_is_woken_once(database: Database) -> None:
    """Wherever the process dies while a place is freed, the first in the queue has its form, told once, and nobody else."""
    points = Points()
    whole = await five(database)
    await whole.wish(intents.RemovePublisher("a", ""))
    await whole.work(whole.born(points))
    assert await whole.handed() == {"a", "b", "c", "d"}
    wrong = []
    for fatal in part(range(len(points.names)), 6 if database.is_sqlite else 20):
        one = await five(database, fatal + 1)
        await one.wish(intents.RemovePublisher("a", ""))
        with pytest.raises(Killed):
            await one.work(one.born(Points(fatal)))
        async with database.transaction() as session:
            await inbox.retake(session, one.clock())
            await leases.retake(session)
        await one.work(one.born())
        said = await one.said()
        if await one.handed() != {"a", "b", "c", "d"} or said["publisher.by_hand", "d"] != 1:
            wrong.append(f"{fatal} {points.names[fatal]}: {said}")
    assert not wrong


async def test_an_index_that_is_away_is_asked_again_before_the_form_is_given(database: Database) -> None:
    """What the form is hangs on whether the project exists; one that was given without knowing learns it later."""
    one = await bench(database)
    one.index.down = True
    await one.add("a")
    life = one.born()
    await one.work(life)
    assert (await one.of("a")).handed_at is None
    for _ in range(5):
        one.clock.forward(timedelta(minutes=15))
        await one.work(life)
    found = await one.of("a")
    assert found.handed_at
    assert found.existed_before is None
    one.index.down = False
    await one.wish(intents.SubmittedByHand(str(found.id)))
    await one.work(life)
    one.clock.forward(BASE * 2)
    await one.work(life)
    assert (await one.of("a")).existed_before is False
    one.index.there = {"a"}
    one.clock.forward(timedelta(hours=2))
    await one.work(life)
    assert (await one.of("a")).state is PublisherState.CONFIRMED
