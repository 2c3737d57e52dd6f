"""Health on the real workflow: killed at every await what broke is told once; checked, taken over, put off, let be."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast
from uuid import uuid4

from bot.core import intents, polling
from bot.core.forge import AccountFacts, EnvironmentFacts, FilesOutcome, Repo
from bot.core.outcomes import Present, Provenance, SimpleFile, SimpleOutcome
from bot.core.people import Person, Standing
from bot.core.publishers import confirmed
from bot.core.repositories import Filters, RepositoryFacts, WorkflowFacts, WorkflowJob
from bot.workflow.hands import Hands
from bot.workflow.health import Tending
from bot.workflow.inlet import Inlet, Wish
from bot.workflow.intents import Intents
from bot.workflow.ports import Forge, Index, People, Setting
from bot.workflow.publishers import Publishers, write
from bot.workflow.setups import Setups
from storage.database import Database
from storage.ledger import audit, leases, outbox, publishers, teams
from storage.ledger import health as ledger
from storage.records import (
    Evidence,
    EvidenceKind,
    Health,
    OutboxItem,
    Publisher,
    Registration,
)
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.releases.fake_forge import FakeForge
from tests.releases.fakes import Clock, FakeIndex, FakePeople
from tests.releases.kit import ALICE, BASE, BOB, EVERYBODY, GUEST
from tests.storage.asking import value_of

WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")
DAY = timedelta(days=1)
CHECK, REMOVE = intents.CheckPublisher("widgets", ""), intents.RemovePublisher("widgets", "")
JOB = WorkflowJob("publish", "publish", "pypi", id_token=True)
GOOD = WorkflowFacts(True, True, ("pypi",), ("push",), True, (JOB,), Filters(tags=("v*",)), detailed=True)
BROKEN = replace(GOOD, has_id_token_write=False, jobs=(replace(JOB, id_token=False),))


@dataclass
class Place:
    """A forge with one repository. It fulfils the part of `ports.Setting` that looks."""

    workflow: WorkflowFacts | None = GOOD
    down: bool = False
    asked: list[str] = field(default_factory=list)

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Return the repository, if it can be seen."""
        self.asked += ["repository", "workflow"]
        if self.down:
            return RepositoryFacts(None, detail="GitHub is out of order (503).")
        return RepositoryFacts(True, WANTED.slug, "", self.workflow, branch="main")

    async def account(self, login: str) -> AccountFacts:
        """Return the owner."""
        self.asked.append("account")
        return AccountFacts(login, 1001, "Organization")

    async def environments(self, repo: Repo) -> tuple[EnvironmentFacts, ...]:
        """Return the environment."""
        self.asked.append("environments")
        return (EnvironmentFacts("pypi", ("ada",)),)

    async def files(self, repo: Repo, folder: str, ref: str) -> FilesOutcome:
        """Return the names of the workflows."""
        self.asked.append("files")
        return ("other.yml",)


@dataclass
class Pages(FakeIndex):
    """An index with one project, whose newest file is attested."""

    asked: list[str] = field(default_factory=list)

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Return the project's page."""
        self.asked.append("simple")
        file = SimpleFile(
            "widgets-2.tar.gz", "2", "https://pypi/p", (self.clock() + timedelta(minutes=1)).isoformat()
        )
        return Present((file,), "active", "", self._fact(), attests=True)

    async def provenance(self, index: str, url: str) -> Provenance:
        """Return who published the file."""
        self.asked.append("provenance")
        return Provenance("GitHub", WANTED.slug, WANTED.workflow, "pypi", self._fact())

    def _fact(self) -> Evidence:
        return Evidence(EvidenceKind.INDEX, "https://pypi/", "0" * 64, self.clock())


@dataclass
class Bench:
    """One confirmed publisher, and what the bot does about how it fares."""

    database: Database
    publisher: Publisher
    team: str
    clock: Clock
    place: Place = field(default_factory=Place)
    people: FakePeople = field(default_factory=lambda: FakePeople(dict(EVERYBODY)))
    deliveries: int = 0

    def __post_init__(self) -> None:
        self.index = Pages(self.clock)

    def born(self, points: Points | None = None) -> Intents:
        """Return a new process of the bot, which may die at the points."""
        database, forge = self.database, cast("Setting", self.place)
        people: People = self.people
        index: Index = cast("Index", self.index)
        if points is not None:
            database = AroundDatabase(database, points)
            forge = cast("Setting", Around("forge", forge, points))
            people = cast("People", Around("people", people, points))
            index = cast("Index", Around("index", index, points))
        owner = uuid4()
        hands = Hands(database, index, cast("Forge", FakeForge()), people, self.clock, BASE, owner)
        setups = Setups(database, index, forge, people, self.clock)
        keepers = Publishers(database, index, self.clock, BASE, owner)
        return Intents(database, keepers, hands, ("pypi",), self.clock, setups, Tending(setups, owner, DAY))

    def tending(self, points: Points | None = None) -> Tending:
        """Return the part of a new process that looks."""
        found = self.born(points).tending
        assert found is not None
        return found

    async def look(self, points: Points | None = None) -> None:
        """Let time pass until the next look is due, and look."""
        async with self.database.reading() as session:
            due = await value_of(session, ledger.next_due(), self.clock())
        assert due is not None
        self.clock.now = max(self.clock.now, due)
        tending = self.tending(points)
        for health in await tending.claim(2):
            await tending.look(health)

    async def wish(self, actor: str, intent: intents.Intent) -> list[OutboxItem]:
        """Let somebody want something, and return what it made the bot say to that person or the channel."""
        self.deliveries += 1
        inlet = Inlet(self.database, self.clock, lambda: None)
        wish = Wish(self.team, "", f"{self.team}-{self.deliveries}", actor, "C1", intent)
        assert await inlet.put(wish)
        bot = self.born()
        for item in await bot.claim(16):
            await bot.carry_out(item)
        return await self.said()

    async def said(self) -> list[OutboxItem]:
        """Return what was said since the last time."""
        async with self.database.transaction() as session:
            due = await outbox.claim(session, self.clock(), timedelta(minutes=1), 100)
            for item in due:
                await outbox.sent(session, item, "1.1", self.clock())
        return [item for item in due if item.team_id == self.publisher.team_id]

    async def told(self) -> list[tuple[str, list[str]]]:
        """Return what the channel heard of health since the last time: kinds and ailments."""
        return [
            (item.kind, [str(one["ailment"]) for one in item.facts["troubles"]])
            for item in await self.said()
            if item.kind.startswith("health.")
        ]

    async def health(self) -> Health | None:
        """Return what is written down."""
        async with self.database.reading() as session:
            return await ledger.get(session, self.publisher.team_id, self.publisher.id)

    async def deeds(self) -> list[str]:
        """Return what the audit trail says."""
        async with self.database.reading() as session:
            return [event.action for event in await audit.trail(session, self.publisher.team_id, limit=100)]


async def bench(database: Database, number: int = 0) -> Bench:
    """Return a team's publisher that was confirmed just now, by the way that leads there."""
    clock = Clock()
    async with database.transaction() as session:
        team = await teams.ensure(session, f"T{number}", "", clock())
        publisher, _ = await publishers.request(session, team.id, WANTED, (ALICE, "C1"), clock())
    one = Bench(database, publisher, f"T{number}", clock)
    evidence = Evidence(EvidenceKind.INDEX, "https://pypi/list", "0" * 64, clock())
    decision = confirmed(one.born().publishers.situation(publisher), evidence)
    async with database.transaction() as session:
        assert await write(session, publisher, decision, (None, "shipbell"), clock())
        found = await publishers.get(session, team.id, publisher.id)
    assert found is not None
    one.publisher = found
    assert [item.kind for item in await one.said()] == ["publisher.confirmed"]
    return one


async def test_it_is_looked_at_once_a_day_and_told_once(database: Database) -> None:
    """The first look comes within a day; what broke is told after a second look an hour later, and its end once."""
    one = await bench(database)
    begun = one.clock()
    await one.look()
    assert one.clock() - begun <= DAY
    assert one.place.asked + one.index.asked == [
        "repository", "workflow", "account", "environments", "simple", "provenance",
    ]  # fmt: skip
    assert await one.told() == []
    one.place.workflow = BROKEN
    await one.look()
    suspected = one.clock()
    assert await one.told() == []
    await one.look()
    assert one.clock() - suspected == DAY / polling.AGAIN
    assert await one.told() == [("health.broke", ["workflow_no_token"])]
    for _ in range(3):
        before = one.clock()
        await one.look()
        assert one.clock() > before
    assert await one.told() == []
    one.place.workflow = GOOD
    await one.look()
    await one.look()
    assert await one.told() == [("health.mended", ["workflow_no_token"])]
    assert sorted(await one.deeds()) == ["publisher.broke", "publisher.confirmed", "publisher.mended"]


async def test_killed_at_every_await_it_is_told_once(database: Database) -> None:
    """Wherever the process dies in a look, the next one tells what broke once, writes it down once, and loses nothing."""
    whole = await bench(database)
    points = Points()
    await whole.look(points)
    await whole.wish(ALICE, REMOVE)
    names, wrong = points.names, list[str]()
    for fatal in range(0, len(names), 1 if database.is_sqlite else 5):
        one = await bench(database, fatal + 1)
        one.place.workflow = BROKEN
        await one.look()
        try:
            await one.look(Points(fatal))
        except Killed:
            async with database.transaction() as session:
                await leases.retake(session)
        await one.look()
        await one.look()
        told, deeds = await one.told(), await one.deeds()
        await one.wish(ALICE, REMOVE)
        if told != [("health.broke", ["workflow_no_token"])] or deeds.count("publisher.broke") != 1:
            wrong.append(f"{fatal} {names[fatal]}: {told} {deeds}")
    assert not wrong
    assert len(names) > 20


async def test_a_check_looks_at_once_and_is_remembered(database: Database) -> None:
    """Who asks is shown what is wrong at once; what is mended is told as such by the check, without waiting a day."""
    one = await bench(database)
    one.place.workflow = BROKEN
    (answer,) = await one.wish(ALICE, CHECK)
    assert [trouble["ailment"] for trouble in answer.facts["health"]["troubles"]] == ["workflow_no_token"]
    assert answer.facts["line"]["fares"] == "attention"
    await one.look()
    assert await one.told() == [("health.broke", ["workflow_no_token"])]
    one.place.workflow = GOOD
    said = {item.kind: item for item in await one.wish(BOB, CHECK)}
    assert set(said) == {"health.mended", "publisher.status"}
    assert said["publisher.status"].facts["line"]["fares"] == "ok"
    (listed,) = await one.wish(BOB, intents.ListPublishers())
    assert [line["fares"] for line in listed.facts["lines"]] == ["ok"]


async def test_a_check_beside_a_look_writes_nothing(database: Database) -> None:
    """While the engine looks, somebody who asks sees what is there, and the look's own end is what is written."""
    one = await bench(database)
    one.place.workflow = BROKEN
    health = await one.health()
    assert health is not None
    one.clock.now = health.due_at
    tending = one.tending()
    (claimed,) = await tending.claim(1)
    assert [item.kind for item in await one.wish(ALICE, CHECK)] == ["publisher.status"]
    before = await one.health()
    assert before is not None
    assert before.looked_at is None
    await tending.look(claimed)
    after = await one.health()
    assert after is not None
    assert after.looked_at == one.clock()


async def test_who_left_is_followed_by_who_wants_to(database: Database) -> None:
    """Where the asker has left, the channel hears it once; the first full member who clicks follows, and is written down."""
    one = await bench(database)
    over = intents.TakeOver(str(one.publisher.id))
    assert [item.kind for item in await one.wish(BOB, over)] == ["publisher.moved_on"]
    one.people.known[ALICE] = Person(ALICE, Standing.DEACTIVATED)
    await one.look()
    await one.look()
    assert await one.told() == [("health.broke", ["person_left"])]
    assert [item.kind for item in await one.wish(GUEST, over)] == ["not_allowed"]
    one.people.silent = True
    assert [item.kind for item in await one.wish(BOB, over)] == ["not_allowed"]
    one.people.silent = False
    (told,) = await one.wish(BOB, over)
    assert (told.kind, told.facts["by"], told.facts["before"], told.user) == (
        "publisher.taken_over", BOB, ALICE, "",
    )  # fmt: skip
    assert [item.kind for item in await one.wish("U3", over)] == ["publisher.moved_on"]
    await one.look()
    await one.look()
    assert await one.told() == []
    assert (await one.deeds()).count("publisher.taken_over") == 1
    async with database.reading() as session:
        found = await publishers.get(session, one.publisher.team_id, one.publisher.id)
    assert found is not None
    assert found.requested_by == BOB


async def test_what_can_not_be_reached_is_told_after_a_week_alone(database: Database) -> None:
    """A forge that is away tells nobody anything for a week, then once, and once when it is back."""
    one = await bench(database)
    await one.look()
    one.place.down = True
    since = one.clock()
    while one.clock() - since < timedelta(days=7):
        assert await one.told() == []
        await one.look()
    await one.look()
    await one.look()
    assert await one.told() == [("health.broke", ["unseen"])]
    one.place.down = False
    await one.look()
    assert await one.told() == [("health.mended", ["unseen"])]


async def test_after_a_long_stop_nobody_is_asked_in_one_go(database: Database) -> None:
    """Looks that are late by more than an hour ask nobody; each gets a time of its own within the next day."""
    one = await bench(database)
    health = await one.health()
    assert health is not None
    one.clock.now = health.due_at + 3 * DAY
    await one.look()
    late = await one.health()
    assert late is not None
    assert late.looked_at is None
    assert timedelta() < late.due_at - one.clock() <= DAY
    assert one.place.asked == []
    await one.look()
    assert one.place.asked


async def test_it_goes_with_the_publisher(database: Database) -> None:
    """A publisher that somebody removes is looked at no longer, also where it is removed during a look."""
    one = await bench(database)
    one.place.workflow = BROKEN
    await one.look()
    (health,) = await _claim(one)
    await one.wish(ALICE, REMOVE)
    assert await one.health() is None
    await one.tending().look(health)
    assert await one.told() == []
    async with database.reading() as session:
        assert await value_of(session, ledger.next_due(), one.clock()) is None


async def _claim(one: Bench) -> list[Health]:
    one.clock.forward(DAY / polling.AGAIN)
    return list(await one.tending().claim(1))


async def test_a_fault_costs_ten_minutes(database: Database) -> None:
    """A look that fails by our own fault comes again a little later, and is told nobody."""
    one = await bench(database)
    one.people.known = cast("dict[str, Person]", None)
    await one.look()
    health = await one.health()
    assert health is not None
    assert health.due_at == one.clock() + timedelta(minutes=10)
    assert await one.told() == []
