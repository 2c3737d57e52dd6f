"""Whatever people, forge, index and the clock do, and whenever the process dies: nothing is done without a quorum, nothing twice.

A machine plays moves at random against the real workflows on a real database; what must hold is worked out from the
audit trail alone (`proof.py`).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from bot.core import intents
from storage.crypto import KeyRing, Vault, generate_master_key
from storage.database import Database
from storage.ledger import audit, inbox, outbox
from storage.ledger import releases as ledger
from storage.records import Release, ReleaseState, Secret, StartBy
from tests.conftest import THOROUGH
from tests.releases import proof
from tests.releases.dying import Killed, Points, around
from tests.releases.kit import ADMIN, ALICE, BOB, CAROL, DANA, EVERYBODY, World

T = TypeVar("T")
COMMITS = ("a" * 40, "b" * 40, "c" * 40)
PEOPLE = st.sampled_from(sorted(EVERYBODY))
VERSIONS = st.sampled_from(["1.0.0", "1.1.0"])
SPANS = (*[timedelta(minutes=1)] * 2, *[timedelta(minutes=11)] * 3, timedelta(hours=3), timedelta(days=2))
ACTS = ("make_tag", "make_release", "dispatch", "approve", "rerun")
VOTES: dict[str, Callable[[str, int], intents.Intent]] = {
    "approve": intents.Approve,
    "reject": lambda release, of_round: intents.Reject(release, of_round, "Docs first."),
    "withdraw": intents.Withdraw,
    "break glass": lambda release, of_round: intents.BreakGlass(release, of_round, "Widgets burn."),
}
KINDS = st.sampled_from([*["approve"] * 4, *VOTES])
ONCE = ("published", "rejected", "cancelled", "expired")
RESTING = {
    ReleaseState.PUBLISHED, ReleaseState.REJECTED, ReleaseState.CANCELLED, ReleaseState.EXPIRED, ReleaseState.FAILED,
}  # fmt: skip
LAST = 1_000_000
numbers = count(1)


class Releases(RuleBasedStateMachine):
    """The machine. `runner` and `database` are set on a subclass."""

    runner: asyncio.Runner
    database: Database

    def __init__(self) -> None:
        super().__init__()
        number = next(numbers)
        self.project = f"p{number}"
        self.world = World(self.database, slack_team=f"T{number}")
        self.releases: list[Release] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Let something asynchronous happen."""
        return self.runner.run(coroutine)

    @initialize(
        ways=st.sets(st.sampled_from(StartBy), min_size=1),
        review=st.booleans(),
        may_approve=st.sampled_from([True, True, True, False]),
        quorum=st.sampled_from([2, 1, 3]),
    )
    def begin(self, ways: set[StartBy], review: bool, may_approve: bool, quorum: int) -> None:
        """Start with a project whose release is asked for, and nothing left to do of another run of the machine."""
        self.run(self._forgotten())
        self.code = self.run(self.world.project(self.project, *ways))
        self.code.review, self.code.may_approve = review, may_approve
        self.world.forge.at_once = True
        self.set_policy(ADMIN, quorum)
        self.work(1, going=False)
        self.deliver(ALICE, intents.AskRelease(self.project, "1.0.0", ""))
        self.work(3, going=False)

    async def _forgotten(self) -> None:
        async with self.database.transaction() as session:
            await session.execute(text("UPDATE releases SET next_at = NULL"))
            for table in ("outbox", "inbox"):
                await session.execute(text(f"DELETE FROM {table}"))

    def deliver(self, actor: str, intent: intents.Intent) -> None:
        """Let somebody want something."""
        self.run(self.world.deliver(actor, intent))

    def one(self, pick: int) -> Release | None:
        """Return one of the releases as it is now."""
        known = self.run(self._known())
        return known[pick % len(known)] if known else None

    async def _known(self) -> list[Release]:
        assert self.world.team is not None
        async with self.database.reading() as session:
            found, _ = await ledger.listed(session, self.world.team.id, 20)
        return list(found)

    # What people do.

    @rule(who=PEOPLE, version=VERSIONS, override=st.booleans(), later=st.booleans())
    def ask(self, who: str, version: str, override: bool, later: bool) -> None:
        """Ask for a release, maybe for later, maybe in spite of a freeze."""
        at = self.world.clock() + timedelta(hours=1) if later else None
        why = "It burns." if override else ""
        self.deliver(who, intents.AskRelease(self.project, version, "", "Notes.", at, why))

    @rule(who=PEOPLE, kind=KINDS, pick=st.integers(0, 3), stale=st.sampled_from([0, 0, 0, 1]))
    def vote(self, who: str, kind: str, pick: int, stale: int) -> None:
        """Click a button, maybe one of an older message."""
        if release := self.one(pick):
            self.deliver(who, VOTES[kind](str(release.id), release.round - stale))

    @rule(who=PEOPLE, pick=st.integers(0, 3))
    def click_twice(self, who: str, pick: int) -> None:
        """Let Slack deliver the same click twice."""
        if release := self.one(pick):
            click = intents.Approve(str(release.id), release.round)
            self.run(self.world.deliver(who, click, f"twice-{self.world.deliveries}"))
            self.run(self.world.deliver(who, click, f"twice-{self.world.deliveries - 1}"))

    @rule(pick=st.integers(0, 3), enough=st.integers(1, 3), turns=st.integers(0, 8))
    def decide(self, pick: int, enough: int, turns: int) -> None:
        """Let so many people approve, and the bot go on."""
        if release := self.one(pick):
            for who in (BOB, CAROL, DANA)[:enough]:
                self.deliver(who, intents.Approve(str(release.id), release.round))
            self.work(turns, going=True)

    @rule(pick=st.integers(0, 3))
    def break_glass(self, pick: int) -> None:
        """Let an admin release without approvals."""
        if release := self.one(pick):
            self.deliver(ADMIN, VOTES["break glass"](str(release.id), release.round))

    @rule(pair=st.tuples(PEOPLE, PEOPLE), kinds=st.tuples(KINDS, KINDS), pick=st.integers(0, 3))
    def at_the_same_moment(self, pair: tuple[str, str], kinds: tuple[str, str], pick: int) -> None:
        """Let two people decide, and the engine look, all at the same moment."""
        release = self.one(pick)
        if release is None:
            return
        for who, kind in zip(pair, kinds, strict=True):
            self.deliver(who, VOTES[kind](str(release.id), release.round))
        self.run(self._side_by_side())

    async def _side_by_side(self) -> None:
        life = self.world.life
        wishes, due = await life.intents.claim(4), await life.releases.claim(4)
        await asyncio.gather(*map(life.intents.carry_out, wishes), *map(life.releases.advance, due))

    @rule(who=PEOPLE, pick=st.integers(0, 3))
    def cancel(self, who: str, pick: int) -> None:
        """Give a release up."""
        if release := self.one(pick):
            self.deliver(who, intents.CancelRelease(release_id=str(release.id)))

    @rule(who=PEOPLE, pick=st.integers(0, 3))
    def retry(self, who: str, pick: int) -> None:
        """Ask for another try."""
        if release := self.one(pick):
            self.deliver(who, intents.RetryRelease(release_id=str(release.id)))

    @rule(who=st.sampled_from([ADMIN, ADMIN, BOB]), quorum=st.integers(0, 3))
    def set_policy(self, who: str, quorum: int) -> None:
        """Change how many must approve."""
        self.deliver(who, intents.SetPolicy("", {"quorum": str(quorum)}))

    @rule(stand=st.sampled_from([False, False, True]))
    def freeze(self, stand: bool) -> None:
        """Set a freeze, or lift it."""
        frozen = intents.SetFreeze("", None, None, "Holidays")
        self.deliver(ADMIN, frozen if stand else intents.LiftFreeze(""))

    # What happens outside.

    @rule(version=VERSIONS, commit=st.sampled_from([*COMMITS, ""]), tags=st.booleans(), red=st.booleans())
    def push(self, version: str, commit: str, tags: bool, red: bool) -> None:
        """Let somebody make, move or delete a tag, or push a commit to the branch."""
        if tags and commit:
            self.code.tags[f"v{version}"] = commit
        elif tags:
            self.code.tags.pop(f"v{version}", None)
        elif commit:
            self.code.head, self.code.red = commit, red

    @rule(failures=st.integers(0, 2))
    def break_runs(self, failures: int) -> None:
        """Let the attempts of the runs to come fail."""
        self.code.failures = failures

    @rule(broken=st.sampled_from(["", "", "", "forge", "index", "people"]))
    def out_of_order(self, broken: str) -> None:
        """Let somebody outside be out of order, or all in order again."""
        world = self.world
        world.forge.down, world.index.down = broken == "forge", broken == "index"
        world.people.silent = broken == "people"

    @rule(act=st.sampled_from(ACTS), arrives=st.booleans(), said=st.booleans())
    def lose_answers(self, act: str, arrives: bool, said: bool) -> None:
        """Let the answer to the next act, and to the next message, be lost."""
        self.world.forge.lost[act] = arrives
        self.world.slack.lost.append(said)

    @rule(span=st.sampled_from(SPANS))
    def wait(self, span: timedelta) -> None:
        """Let time pass."""
        self.world.clock.forward(span)

    # What the bot does.

    @rule(turns=st.integers(1, 12), going=st.booleans())
    def work(self, turns: int, going: bool) -> None:
        """Let it do what is due, and time pass until the next thing is; runs and index may go on meanwhile."""
        for _ in range(turns):
            if going:
                self.world.forge.advance()
                self.world.index.advance()
            self.run(self._turn())

    async def _turn(self) -> None:
        dues = await self.world.life.dues()
        soon = min((due for due in dues if due is not None), default=self.world.clock())
        if soon - self.world.clock() < timedelta(minutes=2):
            self.world.clock.now = max(self.world.clock(), soon)
        await self.world.life.work_once(await self.world.life.dues(), self.world.checked)

    @rule()
    def crash(self) -> None:
        """Let the process die at rest."""
        self.run(self.world.restart())

    @rule(fatal=st.integers(0, 120))
    def crash_inside(self, fatal: int) -> None:
        """Let the process die at some await of what it does next."""
        self.run(self._die(fatal))

    async def _die(self, fatal: int) -> None:
        points = Points(fatal)
        await self.world.restart(around(self.world.parts, points, speech=True))
        try:
            for _ in range(4):
                await self._turn()
        except Killed:
            pass
        points.dead = True
        await self.world.restart()

    # What must hold.

    @invariant()
    def founded(self) -> None:
        """Nothing was done without a quorum on that very commit, nothing twice, nothing said twice."""
        if self.world.team is None:
            return
        trails = proof.read(self.run(self._audited()))
        acts = self.world.forge.acts
        assert not list(proof.unfounded(acts, trails))
        assert not list(proof.repeated(acts, trails))
        dispatched = Counter((act.tag, act.sha) for act in acts if act.kind == "dispatch")
        requests = Counter(one.tag for one in trails.values())
        assert all(times <= requests[tag] for (tag, _), times in dispatched.items())
        assert not self.world.slack.doubled()

    async def _audited(self) -> list[Any]:
        assert self.world.team is not None
        async with self.database.reading() as session:
            return list(reversed(await audit.trail(session, self.world.team.id, limit=LAST)))

    def teardown(self) -> None:
        """Mend everything, and let it come to rest: each release ends, nothing is lost, the chain is whole."""
        if self.world.team is None:
            return
        world = self.world
        world.forge.down = world.index.down = world.people.silent = False
        world.forge.lost.clear()
        world.slack.lost.clear()
        self.run(world.restart())
        self.run(world.rest())
        self.founded()
        self.run(self._at_rest())

    async def _at_rest(self) -> None:
        assert self.world.team is not None
        trails = proof.read(await self._audited())
        for release in await self._known():
            assert release.state in RESTING, release
            assert trails[str(release.id)].state is release.state
            self._told(release, trails[str(release.id)])
        async with self.database.reading(steady=True) as session:
            assert not (await audit.verify(session, self.world.team.id)).broken
            messages, wishes = await outbox.counts(session), await inbox.counts(session)
        assert set(messages) == {"sent"}, messages
        assert set(wishes) == {"done"}, wishes

    def _told(self, release: Release, trail: proof.Trail) -> None:
        (root,) = self.world.slack.roots(str(release.id))
        assert root.facts["state"] == release.state
        steps = Counter(line["step"] for line in self.world.slack.lines(root))
        assert all(steps[end] <= 1 for end in ONCE), steps
        assert sum(steps[end] for end in ("failed", "run_failed", "blocked")) == trail.failures, steps
        assert steps["asked"] == 1


def test_whatever_happens(database_url: str) -> None:
    """Whatever happens, in whatever order: a quorum for each act, each act once, each message once, and an end."""
    with asyncio.Runner() as runner:
        database = Database(database_url, Vault(KeyRing([Secret(generate_master_key())])))
        runner.run(database.open())
        machine = type("Machine", (Releases,), {"runner": runner, "database": database})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=30 if THOROUGH else 4, stateful_step_count=30, deadline=None, print_blob=True, database=None,
                    phases=(Phase.generate, Phase.shrink), suppress_health_check=list(HealthCheck),
                ),
            )  # fmt: skip
        finally:
            runner.run(database.close())
