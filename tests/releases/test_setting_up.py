"""Opening a set-up's pull request, killed at every await: nothing is done or told twice, and nothing is lost."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest

from bot.core import intents
from bot.core.forge import (
    AccountFacts,
    ActOutcome,
    CommitFacts,
    CommitOutcome,
    Compared,
    Done,
    EnvironmentFacts,
    Exists,
    FileChange,
    Forbidden,
    HeadFacts,
    Invalid,
    Nothing,
    OpenPull,
    PullDraft,
    Repo,
    TextOutcome,
    Unsure,
)
from bot.core.repositories import RepositoryFacts, WorkflowFacts
from bot.core.setup_notices import Outcome
from bot.core.sites import IndexSite
from bot.core.workflow_text import blob, branch
from bot.workflow.hands import Hands
from bot.workflow.inlet import Inlet, Wish
from bot.workflow.intents import Intents
from bot.workflow.ports import Forge, Index, People, Setting
from bot.workflow.publishers import Publishers
from bot.workflow.setups import Setups
from storage.database import Database
from storage.ledger import audit, inbox, outbox, publishers, teams
from storage.records import OutboxItem, Publisher, Registration
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.releases.fake_forge import FakeForge
from tests.releases.fakes import Clock, FakeIndex, FakePeople
from tests.releases.kit import ALICE, BASE, EVERYBODY, GUEST

MAIN = "main"
REPO = Repo("acme", "widgets")
WANTED = Registration("pypi", "widgets", REPO.owner, REPO.name, "release.yml", "pypi")
PATH = ".github/workflows/release.yml"
BRANCH = branch("widgets")


@dataclass
class FakeSetting:
    """A forge with one repository: branches of commits, pull requests, environments. It fulfils `ports.Setting`."""

    branches: dict[str, list[tuple[str, dict[str, str]]]] = field(
        default_factory=lambda: {MAIN: [("First", {"README.md": "Widgets"})]}
    )
    """Each commit by its title, with the files after it."""
    pulls: list[PullDraft] = field(default_factory=list)
    environments_: dict[str, tuple[int, ...]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    """Every act that can't be taken back."""
    refuse: str = ""
    """An act that may not be done."""
    lose: str = ""
    """An act whose answer is lost."""
    default: str = MAIN

    def _act(self, name: str, url: str = "") -> ActOutcome:
        self.made.append(name)
        return Unsure("The answer was lost.", arrived_maybe=True) if self.lose == name else Done(url)

    def _files(self, ref: str) -> dict[str, str] | None:
        found = self.branches.get(ref.removeprefix("heads/"))
        return found[-1][1] if found else None

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Return a repository whose workflow is not there."""
        there = PATH in (self._files(self.default) or {})
        return RepositoryFacts(True, REPO.slug, "", WorkflowFacts(there), branch=self.default)

    async def head(self, repo: Repo) -> HeadFacts:
        """Return the default branch's newest commit."""
        return HeadFacts(self.default, self._commit(self.default))

    def _commit(self, name: str) -> CommitFacts:
        commits = self.branches[name]
        return CommitFacts(f"{name}@{len(commits)}", commits[-1][0], "shipbell-bot", "")

    async def commit(self, repo: Repo, ref: str) -> CommitOutcome:
        """Return a branch's newest commit."""
        name = ref.removeprefix("heads/")
        return self._commit(name) if name in self.branches else Nothing()

    async def compare(self, repo: Repo, base: str, head: str) -> Compared:
        """Return what a branch has more than the default one."""
        more = self.branches[head.partition("@")[0]][len(self.branches[self.default]) :]
        return Compared(len(more), tuple(CommitFacts("", title, "", "") for title, _ in more), (), "")

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return a file of a branch."""
        await asyncio.sleep(0)
        found = (self._files(ref) or {}).get(path)
        return Nothing() if found is None else found

    async def files(self, repo: Repo, folder: str, ref: str) -> Nothing:
        """Return that there is no such folder."""
        return Nothing()

    async def environments(self, repo: Repo) -> tuple[EnvironmentFacts, ...]:
        """Return the environments."""
        return tuple(EnvironmentFacts(name) for name in self.environments_)

    async def account(self, login: str) -> AccountFacts | Nothing:
        """Return anybody but nobody."""
        return Nothing() if login == "nobody" else AccountFacts(login, len(login), "User")

    async def open_pulls(self, repo: Repo, name: str) -> tuple[OpenPull, ...]:
        """Return the pull requests of a branch."""
        await asyncio.sleep(0)
        numbered = enumerate(self.pulls, 1)
        return tuple(
            OpenPull(number, self._page(number), name) for number, pull in numbered if pull.branch == name
        )

    def _page(self, number: int) -> str:
        return f"https://forge.example/acme/widgets/pull/{number}"

    async def make_branch(self, repo: Repo, name: str, sha: str) -> ActOutcome:
        """Make a branch."""
        if self.refuse == "branch":
            return Forbidden("You may not.")
        if name in self.branches:
            return Exists()
        self.branches[name] = list(self.branches[self.default])
        return self._act("branch")

    async def put_file(self, repo: Repo, change: FileChange) -> ActOutcome:
        """Add a commit to a branch."""
        if self.refuse == "file":
            return Forbidden("You may not.")
        await asyncio.sleep(0)
        files = self._files(change.branch)
        assert files is not None
        there = files.get(change.path)
        if change.replaces != ("" if there is None else blob(there)):
            return Invalid("It does not match.")
        self.branches[change.branch].append((change.message, {**files, change.path: change.text}))
        return self._act("file")

    async def open_pull(self, repo: Repo, draft: PullDraft) -> ActOutcome:
        """Open a pull request."""
        if self.refuse == "pull":
            return Forbidden("You may not.")
        if any(pull.branch == draft.branch for pull in self.pulls):
            return Exists()
        self.pulls.append(draft)
        return self._act("pull", self._page(len(self.pulls)))

    async def make_environment(self, repo: Repo, name: str, reviewer_ids: tuple[int, ...]) -> ActOutcome:
        """Make an environment."""
        if self.refuse == "environment":
            return Forbidden("You may not.")
        self.environments_[name] = reviewer_ids
        return self._act("environment")


class FormIndex(FakeIndex):
    """An index that takes publishers through its form alone."""

    def site(self, name: str) -> IndexSite:
        """Return what is known of it."""
        return IndexSite(name, "https://pypi.org", publisher_api=False)


@dataclass
class Bench:
    """One publisher, and what the bot does about its set-up."""

    database: Database
    publisher: Publisher
    team: str
    forge: FakeSetting = field(default_factory=FakeSetting)
    clock: Clock = field(default_factory=Clock)

    def born(self, points: Points | None = None) -> Intents:
        """Return a new process of the bot, which may die at the points."""
        database, forge = self.database, cast("Setting", self.forge)
        people: People = FakePeople(dict(EVERYBODY))
        index: Index = cast("Index", FormIndex(self.clock))
        if points is not None:
            database, forge = (
                AroundDatabase(database, points),
                cast("Setting", Around("forge", forge, points)),
            )
            people, index = (
                cast("People", Around("people", people, points)),
                cast("Index", Around("index", index, points)),
            )
        hands = Hands(database, index, cast("Forge", FakeForge()), people, self.clock, BASE, uuid4())
        setups = Setups(database, index, forge, people, self.clock)
        keepers = Publishers(database, index, self.clock, BASE, uuid4())
        return Intents(database, keepers, hands, ("pypi",), self.clock, setups)

    async def digest(self) -> str:
        """Return the name of what the dialog shows now."""
        setups = self.born().setups
        assert setups is not None
        return (await setups.show(self.publisher, "view-1")).digest

    async def wish(self, actor: str = ALICE, digest: str = "", reviewers: tuple[str, ...] = ("ada",)) -> None:
        """Let somebody send the dialog."""
        intent = intents.OpenSetupPull(
            str(self.publisher.id), digest or await self.digest(), make_environment=True, reviewers=reviewers
        )
        inlet = Inlet(self.database, self.clock, lambda: None)
        assert await inlet.put(Wish(self.team, "", str(uuid4()), actor, f"D-{self.team}", intent))

    async def work(self, bot: Intents) -> None:
        """Let a process do what is due."""
        for item in await bot.claim(16):
            await bot.carry_out(item)

    async def said(self) -> dict[str, OutboxItem]:
        """Return what lies in the outbox by kind; each is there once."""
        async with self.database.transaction() as session:
            due = await outbox.claim(session, self.clock(), timedelta(minutes=1), 100)
        found = [item for item in due if item.team_id == self.publisher.team_id]
        assert len({item.kind for item in found}) == len(found)
        return {item.kind: item for item in found}

    async def deeds(self) -> list[str]:
        """Return what the audit trail says."""
        async with self.database.reading() as session:
            return [event.action for event in await audit.trail(session, self.publisher.team_id, limit=100)]


async def bench(database: Database, number: int = 0) -> Bench:
    """Return a team's publisher that waits for a person, with a forge of its own."""
    clock = Clock()
    async with database.transaction() as session:
        team = await teams.ensure(session, f"T{number}", "", clock())
        publisher, made = await publishers.request(session, team.id, WANTED, (ALICE, f"C{number}"), clock())
    assert made
    return Bench(database, publisher, f"T{number}", clock=clock)


async def test_killed_at_every_await_it_does_and_tells_everything_once(database: Database) -> None:
    """Wherever the process dies, the next one ends with one commit, one pull request, one environment, each told once."""
    points = Points()
    whole = await bench(database)
    await whole.wish()
    await whole.work(whole.born(points))
    names = points.names
    assert whole.forge.made == ["branch", "file", "pull", "environment"]
    wrong: list[str] = []
    for fatal in range(0, len(names), 1 if database.is_sqlite else 4):
        one = await bench(database, fatal + 1)
        await one.wish()
        with pytest.raises(Killed):
            await one.work(one.born(Points(fatal)))
        async with database.transaction() as session:
            await inbox.retake(session, one.clock())
        await one.work(one.born())
        said, deeds = await one.said(), await one.deeds()
        right = (
            one.forge.made == ["branch", "file", "pull", "environment"]
            and [title for title, _ in one.forge.branches[BRANCH]] == ["First", one.forge.pulls[0].title]
            and set(said) == {"setup.pull_opened", "setup.answer"}
            and deeds.count("publisher.pull_opened") == 1
            and one.forge.branches[MAIN] == FakeSetting().branches[MAIN]
        )
        if not right:
            wrong.append(f"{fatal} {names[fatal]}: {one.forge.made} {sorted(said)} {deeds}")
    assert not wrong
    assert len(names) > 40


@pytest.mark.parametrize("act", ["branch", "file", "pull", "environment"])
async def test_a_lost_answer_is_looked_for(database: Database, act: str) -> None:
    """Where the forge acts and its answer is lost, it is looked for at once, or the person asks again; nothing is done twice."""
    one = await bench(database)
    one.forge.lose = act
    await one.wish()
    await one.work(one.born())
    told = (await one.said())["setup.answer"].facts
    assert Outcome.UNSURE in {told["outcome"], told["environment"]} or act in {"file", "pull"}
    one.forge.lose = ""
    one.clock.forward(timedelta(hours=1))
    await one.wish()
    await one.work(one.born())
    assert one.forge.made == ["branch", "file", "pull", "environment"]
    assert (await one.deeds()).count("publisher.pull_opened") == 1


@pytest.mark.parametrize("act", ["branch", "file", "pull"])
async def test_what_is_refused_is_told_and_nothing_more_is_done(database: Database, act: str) -> None:
    """A token without the right stops there, and the channel hears nothing."""
    one = await bench(database)
    one.forge.refuse = act
    await one.wish()
    await one.work(one.born())
    said = await one.said()
    assert set(said) == {"setup.answer"}
    assert said["setup.answer"].facts["outcome"] == Outcome.REFUSED
    assert one.forge.made == ["branch", "file", "pull"][: ["branch", "file", "pull"].index(act)]
    assert "publisher.pull_opened" not in await one.deeds()


@pytest.mark.parametrize(("reviewers", "refuse"), [(("nobody",), ""), (("ada",), "environment")])
async def test_an_environment_that_can_not_be_made_spoils_no_pull_request(
    database: Database, reviewers: tuple[str, ...], refuse: str
) -> None:
    """The pull request is open all the same, and the person hears what became of the environment."""
    one = await bench(database)
    one.forge.refuse = refuse
    await one.wish(reviewers=reviewers)
    await one.work(one.born())
    told = (await one.said())["setup.answer"].facts
    assert (told["outcome"], told["environment"]) == (Outcome.OPENED, Outcome.REFUSED)
    assert not one.forge.environments_


async def test_an_environment_that_is_there_keeps_its_rules(database: Database) -> None:
    """What people have set up is not replaced."""
    one = await bench(database)
    one.forge.environments_["PyPI"] = (7,)
    await one.wish()
    await one.work(one.born())
    assert one.forge.environments_ == {"PyPI": (7,)}
    assert (await one.said())["setup.answer"].facts["environment"] == Outcome.THERE


async def test_only_what_was_shown_is_proposed_and_only_by_members(database: Database) -> None:
    """Another digest, a guest, and a stranger change nothing at all."""
    for number, (actor, digest, outcome) in enumerate(
        [
            (ALICE, "0" * 32, Outcome.CHANGED),
            (GUEST, "", "guest"),
            ("U77", "", "unknown"),
        ]
    ):
        one = await bench(database, number)
        await one.wish(actor, digest)
        await one.work(one.born())
        said = await one.said()
        answer = said.get("setup.answer") or said["not_allowed"]
        assert answer.facts.get("outcome", answer.facts.get("why")) == outcome
        assert not one.forge.made


async def test_the_default_branch_is_never_written_to(database: Database) -> None:
    """Even where the default branch is called as ours would be, nothing is done."""
    one = await bench(database)
    one.forge.default = BRANCH
    one.forge.branches[BRANCH] = one.forge.branches.pop(MAIN)
    await one.wish()
    await one.work(one.born())
    assert (await one.said())["setup.answer"].facts["outcome"] == Outcome.DEFAULT_BRANCH
    assert not one.forge.made


async def test_two_who_send_it_at_once_get_one_pull_request(database: Database) -> None:
    """Whatever comes in between the other's steps, there is one of everything, and the channel hears once."""
    one = await bench(database)
    await one.wish()
    await one.wish("U2")
    bot = one.born()
    await asyncio.gather(*(bot.carry_out(item) for item in await bot.claim(16)))
    assert one.forge.made == ["branch", "file", "pull", "environment"]
    assert len(one.forge.branches[BRANCH]) == 2
    async with database.transaction() as session:
        due = await outbox.claim(session, one.clock(), timedelta(minutes=1), 100)
    assert sorted(item.kind for item in due) == ["setup.answer", "setup.answer", "setup.pull_opened"]


async def test_another_teams_publisher_is_not_there(database: Database) -> None:
    """A dialog with another team's publisher leads nowhere."""
    one, other = await bench(database, 1), await bench(database, 2)
    digest = await one.digest()
    other.publisher, theirs = one.publisher, other.publisher
    await other.wish(digest=digest)
    await other.work(other.born())
    assert not one.forge.made
    assert not other.forge.made
    other.publisher = theirs
    assert set(await other.said()) == {"publisher.unknown"}
