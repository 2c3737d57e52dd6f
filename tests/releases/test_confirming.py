"""A confirmation run, killed at every await: the forge is asked once, and everything is told once."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from bot.core import intents
from bot.core import publishers as decide
from bot.core.confirm_notices import Heard
from bot.core.forge import (
    ActOutcome,
    CommitFacts,
    Conclusion,
    Done,
    EnvironmentFacts,
    HeadFacts,
    JobFacts,
    Nothing,
    PermissionFacts,
    Repo,
    RunFacts,
    TextOutcome,
    Unsure,
    WaitingDeployment,
)
from bot.core.outcomes import Absent, Present, SimpleOutcome
from bot.core.workflow_text import Plan, write
from bot.workflow.confirming import Confirming
from bot.workflow.hands import Hands
from bot.workflow.inlet import Inlet, Wish
from bot.workflow.intents import Intents
from bot.workflow.ports import Forge, Index, People, Rights, Setting
from bot.workflow.publishers import Publishers
from bot.workflow.publishers import write as write_publisher
from bot.workflow.setups import Setups
from storage.database import Database
from storage.ledger import audit, confirmations, github, inbox, leases, outbox, policies, publishers, teams
from storage.records import (
    ConfirmationReason,
    ConfirmationState,
    Evidence,
    EvidenceKind,
    OutboxItem,
    Publisher,
    PublisherState,
    Registration,
)
from tests.conftest import part
from tests.releases.dying import Around, AroundDatabase, Killed, Points
from tests.releases.fakes import Clock, FakePeople
from tests.releases.kit import ALICE, BASE, EVERYBODY, GUEST
from tests.releases.test_setting_up import FormIndex

REPO = Repo("acme", "gizmos")
WANTED = Registration("pypi", "gizmos", REPO.owner, REPO.name, "release.yml", "pypi")
WORKFLOW = write(Plan("gizmos", "release.yml", "pypi"))
CLAIMED = """\
claim repository: acme/gizmos
claim repository_owner: acme
claim job_workflow_ref: acme/gizmos/.github/workflows/release.yml@refs/heads/main
claim environment: {environment}
claim ref: refs/heads/main"""
TELLING = {"after database.commit", "before forge.dispatch", "after forge.dispatch"}
DONE = {"confirm.answer", "confirm.runs", "publisher.confirmed", "publisher.pending"}


@dataclass
class FakeRuns:
    """A forge on which one workflow can be started. It fulfils `ports.Forge` and `ports.Setting`, as far as runs ask."""

    clock: Clock
    inputs: list[Mapping[str, str]] = field(default_factory=list)
    """Of every start."""
    script: list[str] = field(default_factory=lambda: ["in_progress", "completed"])
    """What each look at the run shows, the last one for ever."""
    conclusion: Conclusion = Conclusion.SUCCESS
    environment: str = "pypi"
    text_: TextOutcome = WORKFLOW
    names_run: bool = True
    lost: str = ""
    """How the answer to the start is lost: `arrived` or `gone`."""
    refusal: str = ""
    permission_: str = "write"

    def _run(self, status: str) -> RunFacts:
        end = self.conclusion if status == "completed" else Conclusion.UNDER_WAY
        page = "https://forge.example/acme/gizmos/actions/runs/7"
        event = "workflow_dispatch"
        return RunFacts(7, 1, event, "a" * 40, "main", "release.yml", status, end, page, self.clock())

    async def look(self, owner: str, repository: str, workflow: str) -> Any:
        """Look at nothing: what is offered is asked by others."""
        raise AssertionError

    async def head(self, repo: Repo) -> HeadFacts:
        """Return the default branch."""
        return HeadFacts("main", CommitFacts("a" * 40, "First", "ada", ""))

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return the workflow."""
        return self.text_

    async def runs(self, repo: Repo, workflow: str, sha: str, event: str) -> tuple[RunFacts, ...]:
        """Return the runs by hand."""
        return tuple(self._run(self.script[0]) for _ in self.inputs)

    async def dispatch(
        self, repo: Repo, workflow: str, ref: str, inputs: Mapping[str, str] | None = None
    ) -> ActOutcome:
        """Start the workflow, as often as it is asked for."""
        if self.lost == "gone":
            self.lost = ""
            return Unsure("The forge could not be reached.")
        self.inputs.append(dict(inputs or {}))
        if self.lost:
            return Unsure("The answer was lost.", arrived_maybe=True)
        return Done(run_id=7 if self.names_run else 0)

    async def run(self, repo: Repo, run_id: int) -> RunFacts:
        """Return the run as it is by now."""
        status = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return self._run(status)

    async def jobs(self, repo: Repo, run_id: int) -> tuple[JobFacts, ...]:
        """Return the run's jobs."""
        skipped = JobFacts(1, "build", "completed", Conclusion.SKIPPED, "")
        return (skipped, JobFacts(2, "confirm", "completed", self.conclusion, ""))

    async def waiting(self, repo: Repo, run_id: int) -> tuple[WaitingDeployment, ...]:
        """Return who must agree."""
        return (WaitingDeployment("pypi", 1, may_approve=False, reviewers=("ada",)),)

    async def log_tail(self, repo: Repo, job_id: int) -> TextOutcome:
        """Return what the job printed."""
        said = CLAIMED.format(environment=self.environment)
        return f"{said}\n{self.refusal}" if self.refusal else said

    async def environments(self, repo: Repo) -> tuple[EnvironmentFacts, ...]:
        """Return the environments."""
        return (EnvironmentFacts("pypi", ("ada",)),)

    async def permission(self, repo: Repo, login: str) -> PermissionFacts | Nothing:
        """Return what somebody may do."""
        return PermissionFacts(1, login, self.permission_)


@dataclass
class EmptyIndex(FormIndex):
    """An index on which projects are there once a run has claimed them."""

    forge: FakeRuns | None = None

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Return the project, empty, once a run was started."""
        seen = Evidence(EvidenceKind.APPEARED, f"https://{index}/simple/{project}/", "0" * 64, self.clock())
        return Present((), "active", "", seen) if self.forge and self.forge.inputs else Absent()


@dataclass
class Life:
    """One process of the bot."""

    intents: Intents
    confirming: Confirming


@dataclass
class Bench:
    """One pending publisher, and what the bot does to confirm it."""

    database: Database
    publisher: Publisher
    team: str
    clock: Clock
    forge: FakeRuns

    def born(self, points: Points | None = None) -> Life:
        """Return a new process of the bot, which may die at the points."""
        database, forge = self.database, cast("Any", self.forge)
        people: People = FakePeople(dict(EVERYBODY))
        index: Index = cast("Index", EmptyIndex(self.clock, forge=self.forge))
        if points is not None:
            database, forge = AroundDatabase(database, points), cast("Any", Around("forge", forge, points))
            people = cast("People", Around("people", people, points))
            index = cast("Index", Around("index", index, points))
        rights = cast("Rights", forge)
        hands = Hands(database, index, cast("Forge", forge), people, self.clock, BASE, uuid4(), rights=rights)
        keepers = Publishers(database, index, self.clock, BASE, hands.owner)
        setups = Setups(database, index, cast("Setting", forge), people, self.clock)
        wishes = Intents(database, keepers, hands, ("pypi",), self.clock, setups)
        return Life(wishes, Confirming(hands, keepers, cast("Setting", forge)))

    async def wish(self, actor: str = ALICE) -> None:
        """Let somebody send the dialog."""
        inlet = Inlet(self.database, self.clock, lambda: None)
        wish = intents.ConfirmNow(str(self.publisher.id))
        assert await inlet.put(Wish(self.team, "", str(uuid4()), actor, f"D-{self.team}", wish))

    async def rest(self, life: Life) -> None:
        """Let a process live until nothing is due any more."""
        for _ in range(200):
            for item in await life.intents.claim(16):
                await life.intents.carry_out(item)
            for row in await life.confirming.claim(16):
                await life.confirming.advance(row)
            due = await life.confirming.next_due()
            if due is None:
                return
            self.clock.now = max(self.clock.now, due)
        raise AssertionError("it comes to no rest")

    async def all_said(self) -> list[OutboxItem]:
        """Say what lies in the outbox, and return it in order."""
        found: list[OutboxItem] = []
        while True:
            async with self.database.transaction() as session:
                due = await outbox.claim(session, self.clock(), timedelta(minutes=1), 500)
                for item in due:
                    await outbox.sent(session, item, "1.1", self.clock())
            found += [item for item in due if item.team_id == self.publisher.team_id]
            if not due:
                return found
            self.clock.forward(timedelta(seconds=2))

    async def said(self) -> dict[str, OutboxItem]:
        """Return what was said by kind; each once."""
        found = await self.all_said()
        assert len({item.kind for item in found}) == len(found)
        return {item.kind: item for item in found}

    async def now(self) -> tuple[Publisher, list[EvidenceKind], list[str]]:
        """Return the publisher, what is known from outside about it, and what the audit trail says."""
        async with self.database.reading() as session:
            publisher = await publishers.get(session, self.publisher.team_id, self.publisher.id)
            assert publisher is not None
            evidence = await publishers.evidence(session, publisher)
            events = await audit.trail(session, publisher.team_id, limit=100)
        return publisher, [one.kind for one in evidence], [event.action for event in events]

    async def ended(self) -> tuple[ConfirmationState, ConfirmationReason]:
        """Return how the newest confirmation has ended."""
        async with self.database.reading() as session:
            found = await confirmations.newest(session, self.publisher.team_id, self.publisher.id)
        assert found is not None
        return found.state, found.reason


async def bench(database: Database, number: int = 0, registration: Registration = WANTED) -> Bench:
    """Return a team's publisher of a new project that somebody has submitted by hand."""
    clock = Clock()
    async with database.transaction() as session:
        team = await teams.ensure(session, f"T{number}", "", clock())
        publisher, made = await publishers.request(
            session, team.id, registration, (ALICE, f"C{number}"), clock()
        )
    assert made
    one = Bench(database, replace(publisher, existed_before=False), f"T{number}", clock, FakeRuns(clock))
    decision = decide.registered(one.born().confirming.publishers.situation(one.publisher), by_hand=True)
    async with database.transaction() as session:
        assert await write_publisher(session, one.publisher, decision, (None, ALICE), clock())
    return one


async def test_killed_at_every_await_the_run_is_started_once(database: Database) -> None:
    """Wherever the process dies, there is one run at most, it is followed to its end, and everything is told once.

    Only where it dies right before the forge is asked nobody can see whether it was: that is told, and left to people. Points
    between which nothing was written or done are the same to whoever comes after: the first of each such row is tried.
    """
    points = Points()
    whole = await bench(database)
    whole.forge.script = ["waiting", "in_progress", "completed"]
    await whole.wish()
    await whole.rest(whole.born(points))
    assert set(await whole.said()) == {*DONE, "confirm.waits"}
    names = points.names
    assert len(names) > 40
    telling = [at for at, name in enumerate(names) if name in TELLING]
    assert {names[at] for at in telling} == TELLING
    wrong, lost = [], 0
    for fatal in part(telling, 3 if database.is_sqlite else 8):
        one = await bench(database, fatal + 1)
        one.forge.script = ["waiting", "in_progress", "completed"]
        await one.wish()
        with pytest.raises(Killed):
            await one.rest(one.born(Points(fatal)))
        async with database.transaction() as session:
            await inbox.retake(session, one.clock())
            await leases.retake(session)
        await one.rest(one.born())
        said, (publisher, evidence, deeds) = await one.said(), await one.now()
        if not one.forge.inputs:
            lost += 1
            right = said["confirm.ended"].facts["reason"] == ConfirmationReason.START_LOST
            right = right and publisher.state is PublisherState.PENDING
        else:
            right = (
                len(one.forge.inputs) == 1
                and {*DONE} <= set(said) <= {*DONE, "confirm.waits"}
                and publisher.state is PublisherState.CONFIRMED
                and evidence == [EvidenceKind.EXCHANGED, EvidenceKind.APPEARED]
                and deeds.count("publisher.confirmed") == deeds.count("publisher.confirm_done") == 1
            )
        if not right:
            wrong.append(f"{fatal} {names[fatal]}: {one.forge.inputs} {sorted(said)} {evidence} {deeds}")
    assert not wrong
    assert lost <= 2  # the last commit before the forge is asked, and right before that


@pytest.mark.parametrize("lost", ["arrived", "gone"])
async def test_a_lost_answer_is_never_followed_by_a_second_start(database: Database, lost: str) -> None:
    """A start that may have arrived is looked for; one that surely has not is asked for again."""
    one = await bench(database)
    one.forge.lost = lost
    await one.wish()
    await one.rest(one.born())
    assert one.forge.inputs == [{"confirm": "true"}]
    assert set(await one.said()) == DONE


async def test_an_older_forge_does_not_name_the_run(database: Database) -> None:
    """Where the answer does not say which run was started, the new one is found and followed."""
    one = await bench(database)
    one.forge.names_run = False
    await one.wish()
    await one.rest(one.born())
    assert (await one.ended())[0] is ConfirmationState.CONFIRMED


async def test_what_the_run_claims_is_held_against_the_registration(database: Database) -> None:
    """A run in another environment confirms nothing, and the channel hears exactly that difference."""
    one = await bench(database)
    one.forge.environment, one.forge.conclusion = "live", Conclusion.FAILURE
    one.forge.refusal = "##[error]invalid-publisher: valid token, but no corresponding publisher"
    await one.wish()
    await one.rest(one.born())
    told = (await one.said())["confirm.ended"].facts
    assert told["reason"] == ConfirmationReason.INVALID_PUBLISHER
    assert told["differences"] == [{"part": "environment", "registered": "pypi", "claimed": "live"}]
    assert (await one.now())[0].state is PublisherState.PENDING


async def test_a_taken_name_ends_the_publisher(database: Database) -> None:
    """Where the index says that the project is somebody else's, the publisher is a conflict, told once with the run's page."""
    one = await bench(database)
    one.forge.conclusion = Conclusion.FAILURE
    one.forge.refusal = "##[error]invalid-pending-publisher: valid token, but project already exists"
    await one.wish()
    await one.rest(one.born())
    said = await one.said()
    assert "confirm.ended" not in said
    assert "/actions/runs/7" in said["publisher.ended"].facts["detail"]
    assert (await one.now())[0].state is PublisherState.CONFLICT


async def test_without_the_job_nothing_is_started(database: Database) -> None:
    """A workflow that has lost the job since the button was shown is not started at all."""
    one = await bench(database)
    one.forge.text_ = "on: workflow_dispatch\njobs:\n  build:\n    runs-on: x\n"
    await one.wish()
    await one.rest(one.born())
    assert not one.forge.inputs
    assert (await one.ended())[1] is ConfirmationReason.NOT_OFFERED


async def test_two_wishes_make_one_run(database: Database) -> None:
    """Whoever asks while a run is under way is told so; once it is over, the publisher waits for none."""
    one = await bench(database)
    await one.wish()
    await one.wish("U2")
    life = one.born()
    for item in await life.intents.claim(16):
        await life.intents.carry_out(item)
    await one.rest(life)
    await one.wish("U3")
    await one.rest(life)
    heard = sorted(item.facts["heard"] for item in await one.all_said() if item.kind == "confirm.answer")
    assert heard == sorted([Heard.STARTED, Heard.ALREADY, Heard.MOVED_ON])
    assert len(one.forge.inputs) == 1


@pytest.mark.parametrize(
    ("actor", "permission", "started"),
    [(ALICE, "write", True), (ALICE, "read", False), ("U2", "write", False), (GUEST, "write", False)],
)
async def test_only_who_may_starts_a_run(
    database: Database, actor: str, permission: str, started: bool
) -> None:
    """With `rights=yes` it takes a full member whose GitHub account may push; everybody else is told why not."""
    one = await bench(database)
    one.forge.permission_ = permission
    async with database.transaction() as session:
        team = one.publisher.team_id
        await policies.put(session, team, "", {"rights": True}, ALICE, one.clock())
        await github.link(session, team, ALICE, (1, "ada"), one.clock())
    await one.wish(actor)
    await one.rest(one.born())
    assert bool(one.forge.inputs) is started
    said = await one.said()
    heard = said["confirm.answer"].facts["heard"] if "confirm.answer" in said else "not_allowed"
    assert (heard == Heard.STARTED) is started


async def test_a_webhook_shortens_the_wait(database: Database) -> None:
    """An event of the repository lets a followed run be looked at now, one of another repository does not."""
    one = await bench(database)
    one.forge.script = ["in_progress"]
    await one.wish()
    life = one.born()
    for item in await life.intents.claim(16):
        await life.intents.carry_out(item)
    for _ in range(2):
        for row in await life.confirming.claim(16):
            await life.confirming.advance(row)
    due = await life.confirming.next_due()
    assert due is not None
    assert due > one.clock()
    assert await life.confirming.nudge("acme", "widgets") == 0
    assert await life.confirming.nudge("ACME", "Gizmos") == 1
    assert await life.confirming.next_due() == one.clock()


async def test_another_teams_publisher_is_not_there(database: Database) -> None:
    """A dialog with another team's publisher leads nowhere."""
    one, other = await bench(database, 1), await bench(database, 2)
    theirs, other.publisher = other.publisher, one.publisher
    await other.wish()
    other.publisher = theirs
    await other.rest(other.born())
    assert "publisher.unknown" in await other.said()
    assert not one.forge.inputs
