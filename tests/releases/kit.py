"""A world of fakes around the real workflows on a real database: one bot that lives, dies and lives again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from pypitoken import Token

from bot.core import intents
from bot.core.approvals import Policy, Publish
from bot.core.people import Person, Standing
from bot.demo.index_files import make_distribution
from bot.pacing import OwnPaces
from bot.workflow.hands import Hands, packed
from bot.workflow.inlet import Inlet, Wish
from bot.workflow.intents import Intents
from bot.workflow.outbox import SETTLE, Outbox
from bot.workflow.ports import Forge, Index, Notifier, People
from bot.workflow.publishers import Publishers
from bot.workflow.releases import Releases
from storage.database import Database
from storage.ledger import credentials, inbox, leases, outbox, policies, publishers, teams
from storage.ledger import releases as ledger
from storage.ledger.credentials import NewCredential
from storage.records import CredentialKind, Registration, Release, Secret, StartBy, Team
from tests.releases.fake_forge import Code, FakeForge
from tests.releases.fakes import Clock, FakeIndex, FakePeople, FakeSlack

BASE = timedelta(seconds=30)
ALICE, BOB, CAROL, DANA, GUEST, ADMIN = "U1", "U2", "U3", "U4", "U8", "U9"
MEMBERS = (ALICE, BOB, CAROL, DANA)
EVERYBODY = {
    **{name: Person(name, Standing.MEMBER) for name in MEMBERS},
    GUEST: Person(GUEST, Standing.GUEST),
    ADMIN: Person(ADMIN, Standing.MEMBER, admin=True),
}
Dues = tuple[datetime | None, datetime | None, datetime | None]
"""Of releases, intents and messages."""
LONGEST = 3_000
"""Rounds after which a world that does not come to rest is at fault."""


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the bot: all that it holds in memory."""

    releases: Releases
    intents: Intents
    outbox: Outbox | None
    """None: it says nothing, for as long as it lives."""

    async def dues(self) -> Dues:
        """Return when each kind of work is due."""
        return (
            await self.releases.next_due(),
            await self.intents.next_due(),
            await self.outbox.next_due() if self.outbox else None,
        )

    async def work_once(self, dues: Dues, checked: Callable[[], Awaitable[None]]) -> None:
        """Do what is due now, one thing after the other."""
        now = self.releases.hands.clock()
        release_due, intent_due, message_due = (due is not None and due <= now for due in dues)
        for item in await self.intents.claim(16) if intent_due else ():
            await self.intents.carry_out(item)
            await checked()
        for release in await self.releases.claim(16) if release_due else ():
            await self.releases.advance(release)
            await checked()
        for message in await self.outbox.claim(16) if self.outbox and message_due else ():
            assert self.outbox is not None
            await self.outbox.work(message)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a life is made of; a test may put something around each."""

    database: Database
    index: Index
    forge: Forge
    people: People
    notifier: Notifier | None
    """None: nothing is said, and all of it is left for a later life."""


async def nothing() -> None:
    """Check nothing."""


@dataclass
class World:
    """Everything around the bot, and its present life."""

    database: Database
    clock: Clock = field(default_factory=Clock)
    forge: FakeForge = field(default_factory=FakeForge)
    slack: FakeSlack = field(default_factory=FakeSlack)
    people: FakePeople = field(default_factory=lambda: FakePeople(dict(EVERYBODY)))
    checked: Callable[[], Awaitable[None]] = nothing
    """Called after each step of the engine."""
    deliveries: int = 0
    slack_team: str = "T1"

    def __post_init__(self) -> None:
        self.index = FakeIndex(self.clock)
        self.forge.published = self.index.publish
        self.parts = Parts(self.database, self.index, self.forge, self.people, self.slack)
        self.life = self.born(self.parts)
        self.inlet = Inlet(self.database, self.clock, lambda: None)
        self.team: Team | None = None

    def born(self, parts: Parts) -> Life:
        """Return a new process of the bot."""
        owner = uuid4()
        hands = Hands(parts.database, parts.index, parts.forge, parts.people, self.clock, BASE, owner)
        keepers = Publishers(parts.database, parts.index, self.clock, BASE, owner)
        return Life(
            Releases(hands),
            Intents(parts.database, keepers, hands, parts.index.names(), self.clock),
            Outbox(self.database, parts.notifier, self.clock, OwnPaces(self.clock), owner)
            if parts.notifier
            else None,
        )

    async def restart(self, parts: Parts | None = None) -> None:
        """Throw away all that the bot had in memory, and start it again as `bot.app` does."""
        self.life = self.born(parts or self.parts)
        async with self.database.transaction() as session:
            await inbox.retake(session, self.clock())
            await outbox.retake(session, self.clock(), SETTLE)
            await leases.retake(session)

    async def project(self, name: str, *starts: StartBy) -> Code:
        """Add a project with its repository, whose workflow starts so."""
        wanted = Registration("pypi", name, "acme", name, "release.yml", "pypi")
        now = self.clock()
        async with self.database.transaction() as session:
            self.team = await teams.ensure(session, self.slack_team, "", now)
            await publishers.request(session, self.team.id, wanted, (ALICE, f"C-{name}"), now)
        return self.forge.add(f"acme/{name}", *starts)

    async def uploaded(self, name: str, *starts: StartBy) -> Code:
        """Add a project that the bot uploads itself, with a token of the team's; its workflow only builds."""
        code = await self.project(name, *starts)
        assert self.team is not None
        token = Token.create(domain="pypi.example", identifier="1", key="key").dump()
        new = NewCredential(CredentialKind.API_TOKEN, "pypi", "API token", Secret(token))
        async with self.database.transaction() as session:
            policy = packed(Policy(publish=Publish.BOT))
            await policies.put(session, self.team.id, name, policy, ADMIN, self.clock())
            if await credentials.find(session, self.team.id, "pypi", name) is None:
                await credentials.store(session, self.team.id, new, ADMIN, self.clock())
        code.review = False
        files = (f"{name}-1.0.0.tar.gz", f"{name}-1.0.0-py3-none-any.whl")
        code.builds = {one: make_distribution(one) for one in files}
        return code

    async def deliver(self, actor: str, intent: intents.Intent, delivery: str = "", origin: str = "") -> bool:
        """Let somebody want something, as Slack's listener writes it down."""
        self.deliveries += 1
        wish = Wish(
            self.slack_team, "", delivery or f"d{self.deliveries}", actor, "C1", intent, origin=origin
        )
        return await self.inlet.put(wish)

    async def release(self, release_id: UUID) -> Release:
        """Return a release as it is now."""
        assert self.team is not None
        async with self.database.reading() as session:
            found = await ledger.get(session, self.team.id, release_id)
        assert found is not None
        return found

    async def newest(self, project: str) -> Release | None:
        """Return a project's newest release."""
        assert self.team is not None
        async with self.database.reading() as session:
            return await ledger.newest(session, self.team.id, project)

    async def work(self) -> Dues:
        """Do all that is due now; returns what is due later."""
        for _ in range(LONGEST):
            dues = await self.life.dues()
            if all(due is None or due > self.clock() for due in dues):
                return dues
            await self.life.work_once(dues, self.checked)
        raise AssertionError("the bot works without end")

    async def rest(self, until: Callable[[Release], bool] | None = None, project: str = "") -> None:
        """Let time pass until nothing more is due, or the project's newest release is as wanted.

        What is outside goes one step on each time that the engine would wait for it.
        """
        for _ in range(LONGEST):
            release_due, *others = await self.work()
            if until is not None:
                found = await self.newest(project)
                if found is not None and until(found):
                    return
            other_due = min(filter(None, others), default=None)
            if release_due is None and other_due is None:
                return
            if release_due is not None and (other_due is None or release_due < other_due):
                self.forge.advance()
                self.index.advance()
                self.clock.now = max(self.clock.now, release_due)
            else:
                assert other_due is not None
                self.clock.now = max(self.clock.now, other_due)
        raise AssertionError("the world does not come to rest")
