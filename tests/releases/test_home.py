"""Home tabs on the real workflows and a real database: who is shown what, when, and after which death."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.home_notices import Aging, HomePage, Viewer
from bot.core.people import Person, Standing
from bot.pacing import OwnPaces
from bot.workflow.hands import packed
from bot.workflow.home import LEASE, PROJECTS, Homes, gather
from bot.workflow.ports import Delivery, NeverSay, Overtaken, Said, SayLater
from storage.database import Database
from storage.ledger import credentials, homes, policies, publishers
from storage.ledger.credentials import NewCredential
from storage.ledger.homes import SETTLE, WATCHED
from storage.records import CredentialKind, PublisherState, Registration, ReleaseState, Secret, StartBy
from tests.releases.kit import ADMIN, ALICE, BOB, CAROL, GUEST, World
from tests.storage.asking import value_of

STRANGER = "U7"
SETTERS = "SSETTERS"
TABLES = re.compile(
    r"^\w+ (homes|teams|projects|publishers|health|releases|approvals|policies|credentials|freezes)"
)


@dataclass
class FakeScreen:
    """Fulfils `ports.HomeScreen`: tabs with hashes, as Slack keeps them."""

    tabs: dict[tuple[str, str], HomePage] = field(default_factory=dict)
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    answers: list[SayLater | NeverSay] = field(default_factory=list)
    """What the next calls are answered instead of being done."""

    async def publish(
        self, slack_team_id: str, user: str, page: HomePage, shown: str
    ) -> Delivery | Overtaken:
        """Show it, unless the tab is another one by now."""
        whose = (slack_team_id, user)
        self.calls.append(whose)
        if self.answers:
            return self.answers.pop(0)
        if shown and shown != self.hashes.get(whose, ""):
            return Overtaken()
        self.tabs[whose] = page
        self.hashes[whose] = f"hash-{len(self.calls)}"
        return Said(self.hashes[whose])


@dataclass
class Lobby:
    """A world with Home tabs, and the process that shows them."""

    world: World
    screen: FakeScreen = field(default_factory=FakeScreen)

    def __post_init__(self) -> None:
        self.paces = OwnPaces(self.world.clock)
        self.homes = self.born()

    def born(self) -> Homes:
        """Return the tabs of another process."""
        return Homes(self.world.born(self.world.parts).releases.hands, self.screen, self.paces)

    async def opens(self, user: str, page: int | None = None) -> HomePage:
        """Let somebody open the tab, or turn its page; returns what is shown."""
        await self.world.deliver(user, intents.OpenHome(page))
        await self.settle()
        return self.screen.tabs[self.world.slack_team, user]

    async def settle(self, span: timedelta = timedelta(seconds=20)) -> None:
        """Let the bot work, and show what is due within a time."""
        await self.world.work()
        until = self.world.clock() + span
        while (due := await self.homes.next_due()) is not None and due <= until:
            self.world.clock.now = max(self.world.clock.now, due)
            for home in await self.homes.claim(4):
                await self.homes.show(home)

    def shown(self, user: str = ALICE) -> HomePage:
        """Return what somebody's tab shows."""
        return self.screen.tabs[self.world.slack_team, user]

    def count(self, user: str = ALICE) -> int:
        """Return how many releases somebody's tab shows."""
        return self.shown(user).open_total + self.shown(user).waiting_total


async def asked(world: World, version: str = "1.0.0", project: str = "p") -> str:
    """Let Alice ask for a release, and wait until the team is asked; returns its id."""
    await world.deliver(ALICE, intents.AskRelease(project, version, ""))
    await world.rest(lambda found: found.state is ReleaseState.AWAITING_APPROVAL, project)
    found = await world.newest(project)
    assert found is not None
    return str(found.id)


async def test_each_sees_what_waits_for_them(database: Database) -> None:
    """A release waits for who may approve it and has not: not for its asker, a guest, whoever voted, or is not named."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    lobby, release = Lobby(world), ""
    world.people.groups["S1"] = frozenset({BOB, CAROL})
    async with database.transaction() as session:
        assert world.team is not None
        policy = packed(Policy(quorum=2, approvers=("S1",)))
        await policies.put(session, world.team.id, "p", policy, ADMIN, world.clock())
    release = await asked(world)
    waits = {user: (await lobby.opens(user)).waiting_total for user in (ALICE, BOB, CAROL, ADMIN, GUEST)}
    assert waits == {ALICE: 0, BOB: 1, CAROL: 1, ADMIN: 0, GUEST: 0}
    assert lobby.shown(ALICE).open_total == 1
    assert lobby.shown(BOB).open_total == 0
    await world.deliver(BOB, intents.Approve(release, 1))
    await lobby.settle()
    assert lobby.shown(BOB).waiting_total == 0
    line = lobby.shown(CAROL).waiting[0]
    assert (line.have, line.need, line.release_id) == (1, 2, release)


async def test_admins_see_what_the_workspace_has_not_granted(database: Database) -> None:
    """Whoever sees the settings is told which scopes are lacking, and where the app is added again; nobody else is."""
    lobby = Lobby(World(database))

    async def lacks(_team: str) -> tuple[str, ...]:
        return ("files:write",)

    lobby.homes = replace(lobby.homes, lacks=lacks, install_url="https://bot.example/slack/install")
    settings = (await lobby.opens(ADMIN)).settings
    assert settings is not None
    assert (settings.lacks, settings.install_url) == (("files:write",), "https://bot.example/slack/install")
    assert (await lobby.opens(BOB)).settings is None


async def test_settings_are_for_admins_and_nothing_for_outsiders(database: Database) -> None:
    """Admins and named setters see settings, guests no credentials, people from elsewhere nothing; where Slack is silent nobody is an admin."""
    world = World(database)
    await world.uploaded("p", StartBy.PUSH)
    world.people.known[STRANGER] = Person(STRANGER, Standing.STRANGER, admin=True)
    lobby = Lobby(world)
    world.clock.forward(timedelta(days=200))
    assert (await lobby.opens(ADMIN)).settings is not None
    assert (await lobby.opens(BOB)).settings is None
    await world.deliver(ADMIN, intents.SetPolicy("", {"setters": f"<!subteam^{SETTERS}>"}))
    await world.rest()
    world.people.groups[SETTERS] = frozenset({CAROL})
    assert (await lobby.opens(CAROL)).settings is not None
    assert (await lobby.opens(BOB)).settings is None
    assert [one.why for one in lobby.shown(BOB).credentials] == [Aging.OLD]
    assert (await lobby.opens(GUEST)).credentials == ()
    assert await lobby.opens(STRANGER) == HomePage(Viewer.OUTSIDER)
    world.people.silent = True
    untold = await lobby.opens(ADMIN)
    assert (untold.viewer, untold.settings, untold.credentials) == (Viewer.UNTOLD, None, ())


async def test_a_change_is_shown_to_those_who_looked_lately_only(database: Database) -> None:
    """What changes is shown within seconds to who looked within the hour, once for many changes, and to nobody else."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    lobby = Lobby(world)
    await lobby.opens(CAROL)
    world.clock.forward(WATCHED)
    await lobby.opens(BOB)
    lobby.screen.calls.clear()
    before = world.clock()
    for number in range(5):
        await world.deliver(ALICE, intents.AskRelease("p", f"1.0.{number}", ""))
    await lobby.settle()
    assert lobby.screen.calls == [("T1", BOB)]
    assert lobby.count(BOB) == 5
    assert world.clock() - before <= SETTLE
    assert lobby.count(CAROL) == 0


async def test_nobody_is_shown_what_they_see_already(database: Database) -> None:
    """A change that does not concern a person's page costs no call; neither do those who look at another team's."""
    world, other = World(database), World(database, slack_team="T2")
    await world.project("p", StartBy.PUSH)
    await other.project("q", StartBy.PUSH)
    lobby = Lobby(world)
    await lobby.opens(BOB)
    await lobby.settle()
    lobby.screen.calls.clear()
    await world.deliver(ADMIN, intents.SetPolicy("", {"watch": "yes"}))
    await other.deliver(ALICE, intents.AskRelease("q", "1.0.0", ""))
    await other.work()
    await lobby.settle()
    assert lobby.screen.calls == []
    async with database.reading() as session:
        assert await value_of(session, homes.next_due(), world.clock()) is None


async def test_teams_see_their_own(database: Database) -> None:
    """Somebody of the same id in another team sees that team's projects, and none of ours."""
    world, other = World(database), World(database, slack_team="T2")
    await world.project("p", StartBy.PUSH)
    await other.project("q", StartBy.PUSH)
    await asked(world)
    lobby, there = Lobby(world), Lobby(other)
    assert [one.project for one in (await lobby.opens(BOB)).projects] == ["p"]
    elsewhere = await there.opens(BOB)
    assert ([one.project for one in elsewhere.projects], elsewhere.waiting_total) == (["q"], 0)


async def test_slacks_wait_is_kept_for_the_workspace(database: Database) -> None:
    """After a 429 nobody of that workspace is shown anything until its end; then everybody is, and others went on."""
    world, other = World(database), World(database, slack_team="T2")
    await world.project("p", StartBy.PUSH)
    await other.project("q", StartBy.PUSH)
    lobby = Lobby(world)
    lobby.screen.answers = [SayLater("rate limited", arrived_maybe=False, seconds=40.0)]
    for one, user in ((world, ALICE), (world, BOB), (other, ALICE)):
        await one.deliver(user, intents.OpenHome())
        await one.work()
        await lobby.settle(timedelta(seconds=2))
    begun = world.clock()
    assert lobby.screen.calls.count(("T1", ALICE)) == 1
    assert set(lobby.screen.tabs) == {("T2", ALICE)}
    assert ("T1", BOB) not in lobby.screen.calls
    await lobby.settle(timedelta(seconds=60))
    assert {("T1", ALICE), ("T1", BOB)} <= set(lobby.screen.tabs)
    assert world.clock() - begun >= timedelta(seconds=30)


async def test_a_tab_that_slack_will_not_take_is_left_alone(database: Database) -> None:
    """After a refusal that stands nothing is tried until the person looks again."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    lobby = Lobby(world)
    lobby.screen.answers = [NeverSay("not_enabled")]
    await world.deliver(ALICE, intents.OpenHome())
    await lobby.settle()
    await world.deliver(BOB, intents.AskRelease("p", "1.0.0", ""))
    await lobby.settle()
    assert lobby.screen.calls == [("T1", ALICE)]
    await lobby.opens(ALICE)
    assert lobby.count() == 1


@pytest.mark.parametrize("arrives", [False, True])
async def test_who_dies_showing_it_has_it_shown_again(database: Database, arrives: bool) -> None:
    """Killed before or after Slack took a tab, the next process shows it, and the end is what is so."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    lobby = Lobby(world)
    await lobby.opens(ALICE)
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", ""))
    await world.work()
    world.clock.forward(timedelta(seconds=5))
    claimed = (await lobby.homes.claim(4))[0]
    if arrives:
        page = await lobby.homes.page(claimed)
        assert isinstance(await lobby.screen.publish("T1", ALICE, page, claimed.hash), Said)
    lobby.homes = lobby.born()
    assert await lobby.homes.claim(4) == []
    await world.deliver(ALICE, intents.AskRelease("p", "2.0.0", ""))
    await world.work()
    world.clock.forward(LEASE + timedelta(seconds=1))
    await lobby.settle()
    assert lobby.shown().open_total == 2
    await world.deliver(ALICE, intents.AskRelease("p", "3.0.0", ""))
    await lobby.settle()
    assert lobby.shown().open_total == 3


async def test_what_changes_meanwhile_is_shown_after(database: Database) -> None:
    """A change, or a turned page, between reading and recording is not lost."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    lobby = Lobby(world)
    await world.deliver(BOB, intents.OpenHome())
    await world.work()
    claimed = (await lobby.homes.claim(4))[0]
    page = await lobby.homes.page(claimed)
    await world.deliver(ALICE, intents.AskRelease("p", "1.0.0", ""))
    await world.work()
    async with database.transaction() as session:
        owner = lobby.homes.hands.owner
        assert await homes.shown(session, claimed, owner, ("h", "d", page.page), world.clock())
        assert not await homes.shown(session, claimed, owner, ("h", "d", page.page), world.clock())
        assert not await homes.rest(session, claimed, uuid4(), world.clock())
    await lobby.settle()
    assert lobby.count(BOB) == 1


async def many(database: Database, world: World, count: int) -> None:
    """Set up so many projects, every second one confirmed, with credentials that age."""
    async with database.transaction() as session:
        assert world.team is not None
        for number in range(count):
            wanted = Registration("pypi", f"n{number:04}", "acme", f"n{number}", "release.yml", "pypi")
            made, _ = await publishers.request(session, world.team.id, wanted, (ALICE, "C1"), world.clock())
            if number % 2:
                values = {"state": PublisherState.CONFIRMED, "next_at": None}
                await publishers.move(session, made, None, **values)
            if number % 25 == 0:
                new = NewCredential(
                    CredentialKind.API_TOKEN, "pypi", "token", Secret("x"), wanted.project, expires_at=world.clock()
                )  # fmt: skip
                await credentials.store(session, world.team.id, new, ALICE, world.clock())


async def test_many_projects_have_pages(database: Database) -> None:
    """Every project is on one page, by name; a page past the end is the last; credentials are counted, not all listed."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await many(database, world, 200)
    lobby = Lobby(world)
    first = await lobby.opens(ALICE)
    assert (first.page, first.pages, first.projects_total) == (1, 11, 201)
    assert [one.project for one in first.projects] == [f"n{number:04}" for number in range(PROJECTS)]
    assert (len(first.credentials), first.credentials_total) == (5, 8)
    assert (await lobby.opens(ALICE, 3)).projects[0].project == "n0040"
    last = await lobby.opens(ALICE, 900)
    assert (last.page, [one.project for one in last.projects]) == (11, ["p"])
    assert (await lobby.opens(ALICE)).page == 11


@contextmanager
def asking() -> Iterator[list[tuple[str, Any]]]:
    """Note what the database is asked."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


async def test_a_page_costs_a_fixed_number_of_questions(database: Database) -> None:
    """However many projects and releases there are, a page is read with the same questions, each by an index."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    assert world.team is not None
    await asked(world)
    counted: list[int] = []
    questions: list[tuple[str, Any]] = []
    for more in (0, 60):
        await many(database, world, more)
        if more:
            await asked(world, "2.0.0")
        with asking() as found:
            async with database.reading() as session:
                await gather(session, world.team.id, 1, world.clock())
        questions = found
        counted.append(len(questions))
    assert counted == [13, 13]
    with asking() as touching:
        async with database.transaction() as session:
            await homes.touch(session, world.team.id, world.clock())
        async with database.reading() as session:
            await value_of(session, homes.next_due(), world.clock())
    if not database.is_sqlite:
        return  # PostgreSQL chooses by the table's size
    async with database.reading() as session:
        connection = await session.connection()
        for statement, parameters in [*questions, *touching]:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [str(list(row)[-1]) for row in plan]
            read = [step for step in steps if step.startswith(("SCAN ", "SEARCH ")) and TABLES.search(step)]
            assert all("USING" in step for step in read), (steps, statement)


async def test_a_release_is_looked_at_by_members_alone(database: Database) -> None:
    """The dialog with a release is for full members of its own team; what one has decided shows in it."""
    world, other = World(database), World(database, slack_team="T2")
    await world.project("p", StartBy.PUSH)
    await other.project("q", StartBy.PUSH)
    release = await asked(world)
    await world.deliver(BOB, intents.Approve(release, 1))
    await world.deliver(BOB, intents.ShowRelease("v1", release))
    await world.deliver(GUEST, intents.ShowRelease("v2", release))
    await other.deliver(BOB, intents.ShowRelease("v3", release))
    await world.work()
    await other.work()
    told = {
        facts["view_id"]: facts["shown"]
        for one in (world, other)
        for _, kind, facts in one.slack.whispers
        if kind == "release.dialog"
    }
    assert set(told) == {"v1", "v2", "v3"}
    assert [vote["user"] for vote in told["v1"]["votes"]] == [BOB]
    assert (told["v2"], told["v3"]) == (None, None)
