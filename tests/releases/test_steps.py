"""Steps of workflows on the real workflows and a real database: run once, with the runner's rights, ended once."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.core import intents
from bot.core.names import Problem
from bot.core.steps import (
    Ending,
    StepDone,
    StepMisused,
    StepPublisherEnded,
    StepRefused,
    StepReleaseEnded,
    StepTooLong,
    StepUnknown,
)
from bot.workflow.intents import ATTEMPTS
from bot.workflow.ports import Delivery, NeverSay, Said, SayLater
from bot.workflow.steps import LEASE, TERM, Steps
from storage.database import Database
from storage.ledger import inbox, outbox, publishers, releases
from storage.records import Publisher, PublisherState, Registration, ReleaseState, StartBy
from tests.releases.dying import Killed
from tests.releases.kit import ALICE, BOB, GUEST, World

WANTED = Registration("pypi", "new", "acme", "new", "release.yml", "pypi")


@dataclass
class FakeCompleter:
    """Fulfils `ports.Completer`: takes the first end of each run, as Slack does."""

    ends: dict[tuple[str, str], Ending] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    answers: list[SayLater | NeverSay] = field(default_factory=list)
    dies: str = ""
    """`before` or `after` it was told the process dies, once."""

    async def complete(self, slack_team_id: str, execution_id: str, ending: Ending) -> Delivery:
        """Take it."""
        self.calls.append(execution_id)
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Killed
        if self.answers:
            return self.answers.pop(0)
        self.ends.setdefault((slack_team_id, execution_id), ending)
        if dies == "after":
            raise Killed
        return Said()


@dataclass
class Shop:
    """A world with workflows, and the process that runs their steps."""

    world: World
    slack: FakeCompleter = field(default_factory=FakeCompleter)

    def __post_init__(self) -> None:
        self.steps = self.born()

    def born(self) -> Steps:
        """Return the steps of another process."""
        return Steps(self.world.born(self.world.parts).releases.hands, self.slack)

    async def run(self, step: intents.RunStep, who: str = ALICE, delivery: str = "") -> None:
        """Run a step, and let the bot work."""
        await self.world.deliver(who, step, delivery)
        await self.settle()

    async def settle(self) -> None:
        """Let the bot work, and tell Slack what is due."""
        for _ in range(20):
            await self.world.work()
            now = self.world.clock()
            due = await self.steps.next_due()
            if due is None or due > now:
                return
            for step in await self.steps.claim(4):
                await self.steps.advance(step)

    def end(self, run: str = "Fx1") -> Ending | None:
        """Return how a run ended, as Slack has it."""
        return self.slack.ends.get((self.world.slack_team, run))


def ask(run: str = "Fx1", version: str = "1.0.0") -> intents.RunStep:
    """Return the step that asks for a release of p."""
    return intents.RunStep(run, release=intents.AskRelease("p", version, ""))


async def test_three_steps_make_a_release(database: Database) -> None:
    """One step asks, people approve, the next ends when it is published; the asker's own approval counts as little as ever."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    await shop.run(ask())
    asked = shop.end()
    assert isinstance(asked, StepDone)
    release = asked.outputs["release_id"]
    await shop.run(intents.RunStep("Fx2", waits_for=release), who="")
    assert shop.end("Fx2") is None
    await world.deliver(ALICE, intents.Approve(release, 1))
    await world.rest(lambda found: found.state is ReleaseState.AWAITING_APPROVAL, "p")
    await shop.settle()
    assert shop.end("Fx2") is None
    await world.deliver(BOB, intents.Approve(release, 1))
    await world.rest(lambda found: found.state is ReleaseState.PUBLISHED, "p")
    await shop.settle()
    published = shop.end("Fx2")
    assert isinstance(published, StepDone)
    assert published.outputs["version"] == "1.0.0"
    assert published.outputs["url"].startswith("https://pypi.example/project/p/1.0.0")
    assert shop.slack.calls == ["Fx1", "Fx2"]


async def test_who_may_not_ask_may_not_by_a_workflow(database: Database) -> None:
    """A guest, and whoever Slack knows nothing of, get nothing by running a workflow; the step says why."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    for run, who in (("Fx1", GUEST), ("Fx2", "U404")):
        await shop.run(ask(run), who)
        await shop.run(intents.RunStep(f"{run}b", publisher=intents.AddPublisher(WANTED, "C1")), who)
        assert isinstance(shop.end(run), StepRefused)
        assert isinstance(shop.end(f"{run}b"), StepRefused)
    assert await world.newest("p") is None


async def test_a_run_is_taken_on_once(database: Database) -> None:
    """A delivery that comes again, or under another name, asks for nothing twice and tells Slack nothing twice."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    await shop.run(ask(), delivery="Ev1")
    await world.deliver(BOB, intents.CancelRelease("p", "1.0.0"))
    await shop.settle()
    assert not await world.deliver(ALICE, ask(), "Ev1")
    await shop.run(ask(), delivery="Ev2")
    found = await world.newest("p")
    assert found is not None
    assert found.state is ReleaseState.CANCELLED
    assert shop.slack.calls == ["Fx1"]


@pytest.mark.parametrize("dies", ["before", "after"])
async def test_who_dies_telling_slack_tells_it_again(database: Database, dies: str) -> None:
    """Killed before or after Slack heard how a run ended, the next process tells the same, and then never again."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    shop.slack.dies = dies
    with pytest.raises(Killed):
        await shop.run(ask())
    shop.steps = shop.born()
    assert await shop.steps.claim(4) == []
    world.clock.forward(LEASE + timedelta(seconds=1))
    await shop.settle()
    assert isinstance(shop.end(), StepDone)
    assert shop.slack.calls == ["Fx1", "Fx1"]
    world.clock.forward(timedelta(days=1))
    assert await shop.steps.next_due() is None


@pytest.mark.parametrize(
    ("end", "decision"),
    [
        (ReleaseState.REJECTED, intents.Reject("", 1, "No.")),
        (ReleaseState.CANCELLED, intents.CancelRelease("p", "1.0.0")),
    ],
)
async def test_a_bad_end_fails_the_step(
    database: Database, end: ReleaseState, decision: intents.Reject | intents.CancelRelease
) -> None:
    """A release that comes to nothing ends the step that waits for it, with the state and the reason."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    await shop.run(ask())
    asked = shop.end()
    assert isinstance(asked, StepDone)
    release = asked.outputs["release_id"]
    await shop.run(intents.RunStep("Fx2", waits_for=release))
    await world.rest(lambda found: found.state is ReleaseState.AWAITING_APPROVAL, "p")
    said = intents.Reject(release, 1, "No.") if isinstance(decision, intents.Reject) else decision
    await world.deliver(BOB, said)
    await shop.settle()
    failed = shop.end("Fx2")
    assert isinstance(failed, StepReleaseEnded)
    assert failed.state is end


async def test_what_can_not_be_run_says_so(database: Database) -> None:
    """Problems, a project that is not there, and a release of another team or none, each end the step with its own cause."""
    world, other = World(database), World(database, slack_team="T2")
    await world.project("p", StartBy.PUSH)
    await other.project("p", StartBy.PUSH)
    shop, there = Shop(world), Shop(other)
    await there.run(ask())
    theirs = there.end()
    assert isinstance(theirs, StepDone)
    problems = (Problem("project", "Give a project."),)
    await shop.run(intents.RunStep("Fx1", problems=problems))
    await shop.run(intents.RunStep("Fx2", release=intents.AskRelease("nope", "1.0.0", "")))
    await shop.run(intents.RunStep("Fx3", waits_for=theirs.outputs["release_id"]))
    await shop.run(intents.RunStep("Fx4", waits_for="nonsense"))
    assert shop.end("Fx1") == StepMisused(problems)
    assert isinstance(shop.end("Fx2"), StepRefused)
    assert shop.end("Fx3") == StepUnknown(theirs.outputs["release_id"])
    assert shop.end("Fx4") == StepUnknown("nonsense")


async def test_publishing_is_set_up_by_a_step(database: Database) -> None:
    """The step ends when the index, or a person, has the registration, and fails with the reason if it comes to nothing."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    await shop.run(intents.RunStep("Fx1", publisher=intents.AddPublisher(WANTED, "C1")))
    await shop.run(intents.RunStep("Fx2", publisher=intents.AddPublisher(WANTED, "C1")))
    assert (shop.end("Fx1"), shop.end("Fx2")) == (None, None)
    assert world.team is not None
    async with database.transaction() as session:
        found = await publishers.newest(session, world.team.id, "new", "pypi")
        assert found is not None
        await publishers.move(session, found, None, handed_at=world.clock(), next_at=None)
    world.clock.forward(timedelta(minutes=1))
    await shop.settle()
    done = StepDone({"project": "new", "index": "pypi", "state": "waits_for_person"})
    assert (shop.end("Fx1"), shop.end("Fx2")) == (done, done)
    async with database.transaction() as session:
        await publishers.move(session, found, None, state=PublisherState.FAILED, next_at=None)
    await shop.run(intents.RunStep("Fx3", publisher=intents.AddPublisher(WANTED, "C1")))
    again = await world_newest(database, world)
    async with database.transaction() as session:
        await publishers.move(session, again, None, state=PublisherState.FAILED, next_at=None)
    world.clock.forward(timedelta(minutes=1))
    await shop.settle()
    assert isinstance(shop.end("Fx3"), StepPublisherEnded)


async def world_newest(database: Database, world: World) -> Publisher:
    """Return the newest publisher of the project that is set up."""
    assert world.team is not None
    async with database.reading() as session:
        found = await publishers.newest(session, world.team.id, "new", "pypi")
    assert found is not None
    return found


async def test_slacks_wait_is_kept_and_no_step_waits_for_ever(database: Database) -> None:
    """A 429 is obeyed; a refusal that stands ends the run here; who waits for too long is told so."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    shop = Shop(world)
    shop.slack.answers = [
        SayLater("rate limited", arrived_maybe=False, seconds=30.0),
        NeverSay("not installed"),
    ]
    await shop.run(ask())
    due = await shop.steps.next_due()
    assert due is not None
    assert due - world.clock() == timedelta(seconds=30)
    world.clock.forward(timedelta(seconds=30))
    await shop.settle()
    assert shop.end() is None
    assert await shop.steps.next_due() is None
    found = await world.newest("p")
    assert found is not None
    await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, "p")
    await shop.run(intents.RunStep("Fx2", waits_for=str(found.id)))
    async with database.transaction() as session:
        later = world.clock() + TERM * 2
        await releases.move(session, await world.release(found.id), None, expires_at=later, next_at=later)
    world.clock.forward(TERM + timedelta(minutes=1))
    await shop.settle()
    assert shop.end("Fx2") == StepTooLong(30)


async def test_a_step_that_can_not_be_read_is_given_up(database: Database) -> None:
    """What was written down of a step and can't be read any more holds nothing up: it is set aside after its tries, with no answer to give."""
    world = World(database)
    await world.deliver(ALICE, intents.RunStep("x1", waits_for="nothing"))
    async with database.transaction() as session:
        await session.execute(text("UPDATE inbox SET payload = '{\"odd\": 1}'"))
    for _ in range(ATTEMPTS):
        await world.work()
        world.clock.now += timedelta(minutes=2)
    async with database.reading() as session:
        assert await inbox.counts(session) == {"dead": 1}
        assert await outbox.counts(session) == {}
