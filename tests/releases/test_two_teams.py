"""Two teams in one database: whoever of one holds every id of the other's moves nothing there, and learns nothing of it.

The table of attacks is closed: an intent without a row in it fails.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

from pypitoken import Token
from sqlalchemy import select

from bot import codec
from bot.core import intents
from bot.core.approvals import Policy
from bot.core.publisher_forms import Form
from bot.workflow.filling import Filling
from bot.workflow.hands import packed
from bot.workflow.inlet import Wish
from bot.workflow.picking import Picking
from bot.workflow.ports import Reading, Setting
from bot.workflow.setups import Setups
from storage.database import Database
from storage.ledger import credentials, entries, github, imports, policy_changes, publishers, teams
from storage.ledger.entries import NewEntry
from storage.ledger.imports import NewImport
from storage.records import CredentialKind, Hears, PolicyChange, Registration, Secret, StartBy, Team
from storage.tables import Base
from tests.releases.fakes import BEGIN
from tests.releases.kit import ADMIN, ALICE, BOB, World

MARKS = ("acme", "C-widgets", "zebra")
"""Words of the first team's that nobody of the second ever types."""
NAME = "widgets"
"""What both teams call a project."""
TOKEN = Secret(Token.create(domain="pypi.example", identifier="2", key="key").dump())


@dataclass(frozen=True, slots=True)
class Ids:
    """What somebody holds who has read the first team's messages over its people's shoulders."""

    release: str
    round: int
    publisher: str
    credential: str
    entry: str
    list: str
    change: str


OWN = Registration("pypi", NAME, "others", NAME, "release.yml", "pypi")
ATTACKS: Mapping[str, Callable[[Ids], intents.Intent]] = {
    "publisher.list": lambda _: intents.ListPublishers(),
    "publisher.check": lambda _: intents.CheckPublisher(NAME, "pypi"),
    "publisher.submitted": lambda ids: intents.SubmittedByHand(ids.publisher),
    "publisher.again": lambda ids: intents.TryAgain(ids.publisher),
    "publisher.fill": lambda _: intents.FillPublisherForm(Form("v1")),
    "publisher.confirm": lambda ids: intents.ConfirmNow(ids.publisher),
    "publisher.take_over": lambda ids: intents.TakeOver(ids.publisher),
    "publisher.organization": lambda ids: intents.ToOrganization(ids.publisher),
    "setup.show": lambda ids: intents.ShowSetup("v1", ids.publisher),
    "setup.open": lambda ids: intents.OpenSetupPull(ids.publisher, "digest"),
    "publisher.add": lambda _: intents.AddPublisher(OWN, "C1"),
    "credentials.show": lambda _: intents.ShowCredentials("v1", "pypi"),
    "credential.add": lambda _: intents.AddCredential("pypi"),
    "credential.enter": lambda ids: intents.EnterCredential(
        ids.entry, "pypi", "", CredentialKind.API_TOKEN, (ids.credential,)
    ),
    "credential.keep": lambda ids: intents.KeepCredential(ids.entry),
    "credential.page": lambda _: intents.OpenEntryPage("1" * 64, "pypi", "Eve"),
    "credential.revoke": lambda ids: intents.RevokeCredential(ids.credential),
    "github.connect": lambda _: intents.ConnectGithub("2" * 64, "Eve"),
    "github.disconnect": lambda _: intents.DisconnectGithub(),
    "index.connect": lambda _: intents.ConnectIndex("pypi", "3" * 64, "Eve"),
    "home.open": lambda _: intents.OpenHome(),
    "step.run": lambda ids: intents.RunStep("x1", waits_for=ids.release),
    "links.unfurl": lambda ids: intents.UnfurlLinks((("https://bot.example/r", ids.release),), "u1"),
    "release.open": lambda ids: intents.ShowRelease("v1", ids.release),
    "release.ask": lambda _: intents.AskRelease(NAME, "1.0.0", ""),
    "release.approve": lambda ids: intents.Approve(ids.release, ids.round),
    "release.reject": lambda ids: intents.Reject(ids.release, ids.round, "no"),
    "release.withdraw": lambda ids: intents.Withdraw(ids.release, ids.round),
    "release.break_glass": lambda ids: intents.BreakGlass(ids.release, ids.round, "fire"),
    "release.cancel": lambda ids: intents.CancelRelease(release_id=ids.release),
    "release.retry": lambda ids: intents.RetryRelease(release_id=ids.release),
    "release.show": lambda _: intents.ShowReleases(NAME),
    "release.yank": lambda _: intents.AskYank(NAME, "1.0.0", "broken"),
    "audit.show": lambda _: intents.ShowAudit(""),
    "audit.export": lambda _: intents.ExportAudit("", "csv"),
    "policy.set": lambda _: intents.SetPolicy(NAME, {"quorum": "2"}),
    "policy.show": lambda _: intents.ShowPolicy(NAME),
    "policy.form": lambda _: intents.ShowPolicyForm("v1", NAME),
    "policy.agree": lambda ids: intents.AgreePolicy(ids.change),
    "policy.refuse": lambda ids: intents.RefusePolicy(ids.change),
    "freeze.set": lambda _: intents.SetFreeze(NAME, None, None, "ours"),
    "freeze.lift": lambda _: intents.LiftFreeze(NAME),
    "channel.tell": lambda _: intents.TellChannel(NAME, Hears.ALL),
    "channel.show": lambda _: intents.ShowTold(),
    "import.ask": lambda _: intents.ImportOwner("others", "pypi"),
    "import.show": lambda ids: intents.ShowImport("v1", ids.list),
    "import.set_up": lambda ids: intents.SetUpImport(ids.list, (1,)),
    "publisher.remove": lambda _: intents.RemovePublisher(NAME, "pypi"),
    "channel.lost": lambda _: intents.ChannelLost("C1", BEGIN + timedelta(days=1), "channel_archive"),
    "channel.back": lambda _: intents.ChannelBack("C1", BEGIN + timedelta(days=2)),
    "person.left": lambda _: intents.PersonLeft(ALICE),
    "team.leave": lambda _: intents.LeaveTeam(BEGIN + timedelta(days=1), "app_uninstalled"),
}
"""Of each kind, what somebody of the second team sends; that its team leaves comes last."""
FELT = (
    "release.approve",
    "credential.revoke",
    "credential.keep",
    "policy.refuse",
    "release.cancel",
    "freeze.lift",
)
"""What changes something where one of the first team's own people sends just the same."""


def world_of_both(database: Database, setting: object = None) -> World:
    """Return a world whose bot looks at set-ups and fills in dialogs too; `setting` is asked about the former."""
    world = World(database)
    one = world.life
    asked = cast("Setting", setting or world.forge)
    setups = Setups(database, world.index, asked, world.people, world.clock)
    filling = Filling(
        database, world.index, Picking(cast("Reading", world.forge)), world.people, "https://github.com", menu=False
    )  # fmt: skip
    world.life = replace(one, intents=replace(one.intents, setups=setups, filling=filling))
    return world


async def filled(world: World) -> tuple[Team, Ids]:
    """Let the first team have something of everything that has an id."""
    await world.uploaded(NAME, StartBy.PUSH)
    await world.deliver(ALICE, intents.AskRelease(NAME, "1.0.0", "", notes="zebra notes"))
    await world.rest(lambda found: found.state.value == "awaiting_approval", NAME)
    await world.deliver(ALICE, intents.SetFreeze(NAME, None, None, "zebra reason"))
    await world.deliver(ALICE, intents.TellChannel("", Hears.ALL))
    await world.work()
    team, release, now = world.team, await world.newest(NAME), world.clock()
    assert team is not None
    assert release is not None
    entry, change = uuid4(), uuid4()
    secrets = {"secret": TOKEN}
    new = NewEntry(
        entry, ADMIN, "C-widgets", "pypi", NAME, CredentialKind.API_TOKEN, now + timedelta(hours=1), secrets
    )
    policy = packed(Policy())
    waits = PolicyChange(
        change, team.id, NAME, policy, policy, "C-widgets", BOB, now, now + timedelta(days=1)
    )
    async with world.database.transaction() as session:
        found = await imports.begin(
            session, team.id, NewImport("zebra-owner", "pypi", "C-widgets", ALICE, dry_run=False), now
        )
        assert await entries.begin(session, team.id, new, now)
        assert await policy_changes.ask(session, waits)
        assert await github.link(session, team.id, ADMIN, (7, "zebra-login"), now)
        publisher = await publishers.newest(session, team.id, NAME, None)
        (kept, *_) = await credentials.listed(session, team.id)
    assert publisher is not None
    return team, Ids(
        str(release.id),
        release.round,
        str(publisher.id),
        str(kept.id),
        str(entry),
        str(found.id),
        str(change),
    )


async def rows_of(database: Database, team_id: UUID, *, but: tuple[str, ...] = ()) -> list[str]:
    """Return all rows of a team, each as one text."""
    found: list[str] = []
    async with database.reading() as session:
        for name, table in sorted(Base.metadata.tables.items()):
            if "team_id" in table.columns and name not in but:
                rows = await session.execute(select(table).where(table.columns.team_id == team_id))
                found += sorted(f"{name} {dict(row._mapping)}" for row in rows)
    return found


async def want(world: World, intent: intents.Intent) -> None:
    """Let an admin of the team want something."""
    world.deliveries += 1
    entered = isinstance(intent, intents.AddCredential | intents.EnterCredential)
    secrets = {"secret": TOKEN, "token": TOKEN} if entered else {}
    wish = Wish(world.slack_team, "", f"sent{world.deliveries}", ADMIN, "C1", intent, secrets)
    assert await world.inlet.put(wish)


async def send(world: World, intent: intents.Intent) -> None:
    """Let an admin of the team want something, and let that alone be done."""
    await want(world, intent)
    for item in await world.life.intents.claim(16):
        await world.life.intents.carry_out(item)


def test_every_intent_is_tried() -> None:
    """Each kind of intent has its row, which makes an intent of that kind."""
    ids = Ids(*[str(uuid4()), 1, *(str(uuid4()) for _ in range(5))])  # type: ignore[arg-type]  # in order
    assert set(ATTACKS) == set(intents.KINDS)
    assert {kind: codec.pack(make(ids), intents.KINDS)[0] for kind, make in ATTACKS.items()} == {
        kind: kind for kind in ATTACKS
    }


async def test_ids_of_another_team_move_nothing(database: Database) -> None:
    """Whatever an admin of one team sends with another's ids: not one row of that changes, none of its words comes back."""
    world = world_of_both(database)
    first, ids = await filled(world)
    before = await rows_of(database, first.id)
    world.slack_team = "T2"
    async with database.transaction() as session:
        second = await teams.ensure(session, "T2", "", world.clock())
    for kind, make in ATTACKS.items():
        await send(world, make(ids))
        assert await rows_of(database, first.id) == before, kind
        told = await rows_of(database, second.id)
        assert [row for row in told if any(mark in row for mark in MARKS)] == [], kind
        broken = [row for row in told if row.startswith("inbox") and "incident" in row]
        assert broken == [], kind


async def test_the_same_is_felt_at_home(database: Database) -> None:
    """What moves nothing from elsewhere does move something where it comes from the team's own people."""
    world = world_of_both(database)
    first, ids = await filled(world)
    for kind in FELT:
        before = await rows_of(database, first.id, but=("inbox", "outbox", "audit_heads"))
        await send(world, ATTACKS[kind](ids))
        assert await rows_of(database, first.id, but=("inbox", "outbox", "audit_heads")) != before, kind
