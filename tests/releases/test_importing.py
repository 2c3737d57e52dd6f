"""Many packages set up at once, killed at every await: each is asked for once, the end is told once, nothing is lost."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from bot.core import intents
from bot.core.forge import Nothing, Unsure
from bot.core.importing import Place, Places, Sight
from bot.core.outcomes import (
    Absent,
    Present,
    Refused,
    Registered,
    RegisterOutcome,
    SimpleOutcome,
)
from bot.core.sites import IndexSite
from bot.workflow import importing
from bot.workflow.hands import Hands
from bot.workflow.importing import Importing, Scout
from bot.workflow.inlet import Inlet, Wish
from bot.workflow.intents import Intents
from bot.workflow.ports import Forge, Index, People
from bot.workflow.publishers import Publishers
from storage.database import Database
from storage.ledger import audit, credentials, inbox, leases, outbox, publishers, teams
from storage.ledger.credentials import NewCredential
from storage.records import (
    CredentialKind,
    Evidence,
    EvidenceKind,
    OutboxItem,
    Publisher,
    Reason,
    Registration,
    Secret,
    Team,
)
from tests.conftest import part
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.releases.fake_forge import FakeForge
from tests.releases.fakes import BEGIN, Clock, FakeIndex, FakePeople
from tests.releases.kit import ALICE, BASE, EVERYBODY, GUEST

CHANNEL = "C1"
SOON = 5
"""Seconds in which nobody looks at a pending publisher again."""
FULL = ("widgets", "gears")


def sight(name: str, repository: str = "") -> Sight:
    """Return a package in a repository of its own."""
    return Sight(name, "acme", repository or name, "release.yml", "pypi", workflow_there=True, id_token=True)


@dataclass
class FakeScout:
    """Fulfils `importing.Scout`: an owner's repositories and what is in them."""

    repositories: dict[str, tuple[Sight, ...] | None] = field(
        default_factory=lambda: {name: (sight(name),) for name in FULL} | {"website": None}
    )
    """None: there is no Python in it."""
    silent: int = 0
    """Looks that go without an answer."""
    unknown: bool = False
    slow: Callable[[], None] = lambda: None
    """Called while a repository is looked at."""

    async def places(self, owner: str) -> Places | Nothing | Unsure:
        """Return the repositories."""
        if self.unknown:
            return Nothing()
        if self._silence():
            return Unsure("GitHub is away.")
        return Places(tuple(Place("acme", name) for name in self.repositories), archived=1)

    async def sights(self, place: Place, index: str) -> tuple[Sight, ...] | Nothing | Unsure:
        """Return a repository's packages."""
        self.slow()
        if self._silence():
            return Unsure("GitHub is away.", retry_after=5)
        found = self.repositories[place.repository]
        return Nothing() if found is None else found

    def _silence(self) -> bool:
        self.silent = max(0, self.silent - 1) if (was := self.silent) else 0
        return bool(was)


@dataclass
class ApiIndex(FakeIndex):
    """An index that takes publishers, or has no API for them."""

    api: bool | None = True
    there: frozenset[str] = frozenset(FULL)
    answers: dict[str, RegisterOutcome] = field(default_factory=dict)
    registered: list[str] = field(default_factory=list)

    def site(self, name: str) -> IndexSite:
        """Return what is known of it."""
        return IndexSite(name, f"https://{name}.example", publisher_api=self.api)

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Return whether a project is there."""
        seen = Evidence(EvidenceKind.APPEARED, f"https://{index}.example/simple/{project}/", "0", BEGIN)
        return Present((), "active", "", seen) if project in self.there else Absent()

    async def register(self, registration: Registration, token: Secret) -> RegisterOutcome:
        """Take a registration, unless it is said otherwise."""
        self.registered.append(registration.project)
        return self.answers.get(registration.project, Registered())


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the bot."""

    intents: Intents
    importing: Importing
    publishers: Publishers

    async def rest(self, clock: Clock, seconds: int = 120) -> None:
        """Work until nothing is due for so long."""
        until = clock() + timedelta(seconds=seconds)
        while True:
            dues = (
                await self.intents.next_due(), await self.importing.next_due(), await self.publishers.next_due("pypi"),
            )  # fmt: skip
            due = min((one for one in dues if one is not None), default=None)
            if due is None or due > until:
                return
            clock.now = max(clock.now, due)
            for item in await self.intents.claim(16):
                await self.intents.carry_out(item)
            for one in await self.importing.claim(1):
                await self.importing.advance(one)
            for publisher in await self.publishers.claim("pypi", 4):
                await self.publishers.advance(publisher)


@dataclass
class Bench:
    """A team, what its forge and index hold, and what the bot makes of it."""

    database: Database
    team: Team
    scout: FakeScout = field(default_factory=FakeScout)
    clock: Clock = field(default_factory=Clock)
    people: FakePeople = field(default_factory=lambda: FakePeople(dict(EVERYBODY)))

    messages: dict[UUID, OutboxItem] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = ApiIndex(self.clock)

    def born(self, points: Points | None = None) -> Life:
        """Return a new process of the bot, which may die at the points."""
        database, owner = self.database, uuid4()
        index, scout, people = (
            cast("Index", self.index),
            cast("Scout", self.scout),
            cast("People", self.people),
        )
        if points is not None:
            database = AroundDatabase(database, points)
            index, scout = (
                cast("Index", Around("index", index, points)),
                cast("Scout", Around("scout", scout, points)),
            )
        hands = Hands(database, index, cast("Forge", FakeForge()), people, self.clock, BASE, owner)
        keepers = Publishers(database, index, self.clock, BASE, owner)
        wishes = Intents(database, keepers, hands, ("pypi",), self.clock)
        return Life(wishes, Importing(database, index, scout, self.clock, owner), keepers)

    async def wish(self, intent: intents.Intent, actor: str = ALICE, delivery: str = "") -> None:
        """Let somebody want something."""
        inlet = Inlet(self.database, self.clock, lambda: None)
        wish = Wish(self.team.slack_team_id, "", delivery or str(uuid4()), actor, CHANNEL, intent)
        await inlet.put(wish)

    async def listed(self, **more: Any) -> OutboxItem:
        """Let a list be made, and return its message."""
        before = {item.id for item in await self.said("import.shown")}
        await self.wish(intents.ImportOwner("acme", "pypi", **more))
        await self.born().rest(self.clock)
        (shown,) = [item for item in await self.said("import.shown") if item.id not in before]
        return shown

    async def chosen(self, shown: OutboxItem, *numbers: int, delivery: str = "") -> None:
        """Let somebody choose from a list, and the bot work."""
        wish = intents.SetUpImport(str(shown.facts["import_id"]), numbers)
        await self.wish(wish, delivery=delivery)
        await self.born().rest(self.clock)

    async def said(self, kind: str = "") -> list[OutboxItem]:
        """Say what is to be said, and return the messages as they are by now."""
        async with self.database.transaction() as session:
            await outbox.retake(session, self.clock(), timedelta())
            soon = self.clock() + timedelta(hours=1)
            while due := await outbox.claim(session, soon, timedelta(days=2), 100):
                for item in due:
                    self.messages[item.id] = item
                    await outbox.sent(session, item, item.ts or f"1.{len(self.messages)}", self.clock())
        mine = [item for item in self.messages.values() if item.team_id == self.team.id]
        return [item for item in mine if item.kind == kind or not kind]

    async def deeds(self) -> list[str]:
        """Return what the audit trail says."""
        async with self.database.reading() as session:
            return sorted(event.action for event in await audit.trail(session, self.team.id, limit=100))

    async def asked(self) -> list[Publisher]:
        """Return the team's publishers."""
        async with self.database.reading() as session:
            return list((await publishers.listed(session, self.team.id))[0])


async def bench(database: Database, number: int = 0) -> Bench:
    """Return a team with a token for its index."""
    clock = Clock()
    async with database.transaction() as session:
        team = await teams.ensure(session, f"T{number}", "", clock())
        new = NewCredential(CredentialKind.API_TOKEN, "pypi", "API token", Secret("x"))
        await credentials.store(session, team.id, new, ALICE, clock())
    return Bench(database, team, clock=clock)


def tally(item: OutboxItem) -> tuple[int, ...]:
    """Return set up, already, first, failed, by hand and moving."""
    names = ("set_up", "already", "first", "failed", "by_hand", "moving")
    return tuple(item.facts["tally"][name] for name in names)


async def test_an_owner_s_packages_are_set_up(database: Database) -> None:
    """The list shows what is lacking; what was ticked and can be is registered; one message tells all, and one end."""
    here = await bench(database)
    here.scout.repositories |= {"novel": (sight("novel"),), "odd": (sight("", "odd"),)}
    shown = await here.listed()
    assert [(line["project"], line["verdict"]) for line in shown.facts["lines"]] == [
        ("gears", "ready"), ("widgets", "ready"), ("novel", "first"), ("", "not"),
    ]  # fmt: skip
    assert (shown.facts["repositories"], shown.facts["others"], shown.facts["ready"]) == (6, 1, 2)
    here.index.answers["gears"] = Refused(Reason.TOKEN_SCOPE, "because")
    await here.wish(intents.ShowImport("view-1", str(shown.facts["import_id"])))
    await here.chosen(shown, 1, 2, 3, 4, 99)
    (choices,) = await here.said("import.choices")
    assert len(choices.facts["lines"]) == 4
    (end,) = await here.said("import.ended")
    assert tally(end) == (1, 0, 1, 1, 0, 0)
    assert [cause["projects"] for cause in end.facts["causes"]] == [["gears"]]
    assert (end.broadcast, bool(end.thread_ts)) == (True, True)
    assert {item.kind for item in await here.said() if not item.user} == {"import.shown", "import.ended"}
    assert sorted(here.index.registered) == ["gears", "widgets"]


async def test_slow_looks_do_not_outlast_the_lease(database: Database) -> None:
    """A forge that takes minutes for each repository is asked for a few at a time; what was seen is written under the lease."""
    here = await bench(database)
    here.scout.repositories |= {name: (sight(name),) for name in ("cogs", "bolts", "nuts")}
    here.scout.slow = lambda: here.clock.forward(importing.ENOUGH)
    await here.wish(intents.ImportOwner("acme", "pypi"))
    life = here.born()
    await life.intents.carry_out((await life.intents.claim(1))[0])
    while due := await life.importing.next_due():
        here.clock.now = max(due, here.clock())
        (one,) = await life.importing.claim(1)
        began = here.clock()
        await life.importing.advance(one)
        assert here.clock() - began < importing.LEASE
    (shown,) = await here.said("import.shown")
    assert len(shown.facts["lines"]) == 5


async def test_a_second_import_skips_what_is_done(database: Database) -> None:
    """What is open here already is not offered again; what was opened since the list was made is not asked for twice."""
    here = await bench(database)
    first, second = await here.listed(), await here.listed()
    await here.chosen(first, 1, 2)
    third = await here.listed()
    assert (third.facts["ready"], tally(third)[:2]) == (0, (0, 2))
    await here.chosen(second, 1, 2)
    assert sorted(here.index.registered) == ["gears", "widgets"]
    ends = [tally(item) for item in await here.said("import.ended")]
    assert ends == [(2, 0, 0, 0, 0, 0), (0, 2, 0, 0, 0, 0)]


async def test_forms_are_given_together(database: Database) -> None:
    """Where a person must fill in a form, the thread gives each one's values, a few in a message, and the table follows."""
    here = await bench(database)
    here.index.api = False
    here.scout.repositories = {f"p{number:02}": (sight(f"p{number:02}"),) for number in range(12)}
    here.index.there = frozenset(here.scout.repositories)
    shown = await here.listed()
    await here.chosen(shown, *range(1, 13))
    given = await here.said("import.forms")
    assert sorted(len(item.facts["rows"]) for item in given) == [2, 5, 5]
    assert all(item.thread_ts for item in given)
    (end,) = await here.said("import.ended")
    assert tally(end)[4] == 12
    await here.wish(intents.SubmittedByHand(given[0].facts["rows"][0]["publisher_id"]))
    await here.born().rest(here.clock, seconds=5)
    (shown,) = await here.said("import.shown")
    assert tally(shown)[:5] == (1, 0, 0, 0, 11)
    said = {item.kind: item.thread_ts for item in await here.said()}
    assert set(said) == {"import.shown", "import.forms", "import.ended", "publisher.pending"}
    assert said["publisher.pending"]


async def test_who_waits_for_a_place_is_counted(database: Database) -> None:
    """Of new packages three forms are given at a time; the others wait for a place, and the end does not wait for them."""
    here = await bench(database)
    here.index.api = False
    here.scout.repositories = {f"p{number}": (sight(f"p{number}"),) for number in range(5)}
    await here.chosen(await here.listed(), *range(1, 6))
    (given,) = await here.said("import.forms")
    assert len(given.facts["rows"]) == 3
    (end,) = await here.said("import.ended")
    assert (tally(end)[4:], end.facts["tally"]["queued"]) == ((3, 0), 2)
    (first, *_) = given.facts["rows"]
    await here.wish(intents.RemovePublisher(first["registration"]["project"], "pypi"))
    await here.born().rest(here.clock, SOON)
    assert sum(len(item.facts["rows"]) for item in await here.said("import.forms")) == 4
    (shown,) = await here.said("import.shown")
    assert (tally(shown)[3:5], shown.facts["tally"]["queued"]) == ((1, 3), 1)
    assert "publisher.queued" not in {item.kind for item in await here.said()}


async def test_only_members_import_and_a_dry_run_stays_a_list(database: Database) -> None:
    """A guest, or somebody whom Slack does not tell of, begins and chooses nothing; of a dry run nothing is chosen."""
    here = await bench(database)
    shown = await here.listed(dry_run=True)
    await here.chosen(shown, 1)
    await here.wish(intents.ImportOwner("acme", "pypi"), GUEST)
    await here.wish(intents.ShowImport("view-1", str(shown.facts["import_id"])), GUEST)
    await here.wish(intents.SetUpImport(str(uuid4()), (1,)))
    await here.born().rest(here.clock)
    here.people.silent = True
    await here.wish(intents.ImportOwner("acme", "pypi"))
    await here.born().rest(here.clock)
    answers = [item.facts["outcome"] for item in await here.said("import.answer")]
    assert sorted(answers) == ["dry_run", "gone"]
    denied = [item.facts["why"] for item in await here.said("not_allowed")]
    assert sorted(denied) == ["cannot_tell", "guest"]
    (choices,) = await here.said("import.choices")
    assert choices.facts["refused"] == "not_a_member"
    assert await here.asked() == []
    assert (await here.deeds()).count("import.asked") == 1


async def test_a_forge_without_an_answer_is_told(database: Database) -> None:
    """Silence is waited out; an owner that nobody knows, or a list that never comes, ends the import with the cause."""
    here = await bench(database)
    here.scout.silent = 2
    shown = await here.listed()
    assert (shown.facts["state"], shown.facts["ready"]) == ("listed", 2)
    for unknown, silent, cause in ((True, 0, "knows no such owner"), (False, 9, "GitHub is away.")):
        here.scout.unknown, here.scout.silent = unknown, silent
        shown = await here.listed()
        assert shown.facts["state"] == "failed"
        assert cause in shown.facts["detail"]


async def test_what_is_delivered_twice_is_done_once(database: Database) -> None:
    """A repeated delivery, and a second choice from the same list, double nothing."""
    here = await bench(database)
    for _ in range(2):
        await here.wish(intents.ImportOwner("acme", "pypi"), delivery="1")
    await here.born().rest(here.clock)
    (shown,) = await here.said("import.shown")
    for delivery in ("2", "2", "3"):
        await here.chosen(shown, 1, delivery=delivery)
    assert here.index.registered == ["gears"]
    (answer,) = await here.said("import.answer")
    assert answer.facts["outcome"] == "chosen_already"


async def test_later_news_goes_into_the_thread(database: Database) -> None:
    """What an imported publisher comes to later is said in the import's thread; one that a person adds tells the channel."""
    here = await bench(database)
    await here.chosen(await here.listed(), 1)
    (publisher,) = await here.asked()
    await here.wish(intents.RemovePublisher("gears", "pypi"))
    await here.wish(intents.AddPublisher(replace(publisher.registration, project="cogs"), CHANNEL))
    await here.born().rest(here.clock, seconds=5)
    (shown,) = await here.said("import.shown")
    assert tally(shown)[:4] == (0, 0, 0, 1)
    in_channel = {item.kind: item.thread_ts for item in await here.said() if not item.user}
    assert in_channel["publisher.pending"] == ""
    assert "publisher.by_hand" not in in_channel


async def played(here: Bench, points: Points) -> tuple[Any, ...]:
    """Import all, dying at the fatal point and living on, and return what it has come to."""
    here.index.answers["gears"] = Refused(Reason.TOKEN_SCOPE, "because")
    await here.wish(intents.ImportOwner("acme", "pypi"))
    for chosen in ((), (1, 2)):
        if chosen:
            (shown,) = await here.said("import.shown")
            await here.wish(intents.SetUpImport(str(shown.facts["import_id"]), chosen))
        try:
            await here.born(points).rest(here.clock, SOON)
        except Killed:
            async with here.database.transaction() as session:
                await inbox.retake(session, here.clock())
                await leases.retake(session)
            await here.born().rest(here.clock, SOON)
    said = await here.said()
    ends = [tally(item) for item in said if item.kind == "import.ended"]
    states = sorted((one.registration.project, str(one.state)) for one in await here.asked())
    deeds = [one for one in await here.deeds() if one.startswith("import") or one.endswith("requested")]
    return ends, sorted(item.kind for item in said), states, deeds


async def test_killed_anywhere_it_ends_the_same(database: Database) -> None:
    """Dead before or after any answer or commit, the next life comes to the same publishers, words and deeds, each once."""
    living = Points()
    expected = await played(await bench(database), living)
    assert expected[0] == [(1, 0, 0, 1, 0, 0)]
    assert expected[2] == [("gears", "failed"), ("widgets", "pending")]
    every = [at for at, name in enumerate(living.names) if tells(name)]
    for number, fatal in enumerate(part(every, 7 if database.is_sqlite else 20), 1):
        here = await bench(database, number)
        assert await played(here, Points(fatal)) == expected, living.names[fatal]


def tells(point: str) -> bool:
    """Whether somebody who comes after a death at this point finds something else than at the point before."""
    return point == "before database.commit" or point.startswith("after index.register")


async def test_many_packages(database: Database) -> None:
    """Many repositories are listed and asked for in steps, each once, in one message."""
    here, count = await bench(database), 100
    here.index.api, here.index.there = False, frozenset()
    here.scout.repositories = {f"p{number:03}": (sight(f"p{number:03}"),) for number in range(count)}
    shown = await here.listed()
    life = here.born()
    await here.wish(intents.SetUpImport(str(shown.facts["import_id"]), tuple(range(1, count + 1))))
    for item in await life.intents.claim(16):
        await life.intents.carry_out(item)
    steps = 0
    while claimed := await life.importing.claim(1):
        await life.importing.advance(claimed[0])
        steps += 1
    assert steps == count / 25
    async with database.reading() as session:
        assert len(await publishers.open_on(session, here.team.id, "pypi")) == count
    assert [item.kind for item in await here.said()] == ["import.shown"]
