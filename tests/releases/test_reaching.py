"""One GitHub App serves many teams: a team reaches only what one of its people may push to, whatever it names."""

from dataclasses import dataclass, replace
from typing import cast
from uuid import uuid4

from bot.core import intents
from bot.core.import_notices import ImportOutcome
from bot.core.intents import FillPublisherForm
from bot.core.setup_notices import Outcome
from bot.workflow.filling import Filling
from bot.workflow.picking import Picking
from bot.workflow.ports import Index, Setting
from bot.workflow.reaching import NO_PUSH, SIGN_IN, Reach
from bot.workflow.releases import Releases
from bot.workflow.setups import Setups
from storage.database import Database
from storage.ledger import github, publishers, teams
from storage.records import InboxItem, Publisher, Registration, ReleaseState, StartBy, Team
from tests.releases.fakes import Clock, FakePeople
from tests.releases.kit import ALICE, BOB, EVERYBODY, World
from tests.releases.test_filling import ONE, FakeReading, OneIndex, reading
from tests.releases.test_importing import Life
from tests.releases.test_importing import bench as import_bench
from tests.releases.test_rights import IDS, FakeRights, approve, ask, link
from tests.releases.test_setting_up import FakeSetting, FormIndex

WANTED = Registration("pypi", "widgets", "acme", "widgets", "release.yml", "pypi")


@dataclass
class Two:
    """Two teams on one App: Alice of the first may push to the repository, Alice of the second has not signed in."""

    database: Database
    ours: Team
    theirs: Team
    rights: FakeRights

    @property
    def reach(self) -> Reach:
        """Return the rule."""
        return Reach(self.database, self.rights)

    async def publisher(self, team: Team) -> Publisher:
        """Let Alice of a team name the repository: that is no question to the forge."""
        async with self.database.transaction() as session:
            found, _ = await publishers.request(session, team.id, WANTED, (ALICE, "C1"), Clock()())
        return found


async def two(database: Database) -> Two:
    """Return the two teams."""
    now = Clock()()
    async with database.transaction() as session:
        ours, theirs = [await teams.ensure(session, name, "", now) for name in ("T-ours", "T-theirs")]
        assert await github.link(session, ours.id, ALICE, (IDS[ALICE], ALICE), now)
    return Two(database, ours, theirs, FakeRights({ALICE: "write"}))


async def test_a_dialog_reads_what_its_team_may_push_to(database: Database) -> None:
    """The dialog is filled in for who may push; for anybody else nothing of the repository is asked, and it says why."""
    both, forge = await two(database), FakeReading(ONE)
    filling = Filling(
        database, cast("Index", OneIndex(Clock())), Picking(forge), FakePeople(dict(EVERYBODY)),
        "https://github.com", menu=False, reach=both.reach,
    )  # fmt: skip

    async def fill(team: Team, actor: str = ALICE) -> str:
        item = InboxItem(uuid4(), team.id, "publisher.fill", actor, "C1", {}, {}, Clock()(), 1)
        wish = FillPublisherForm(reading("acme/widgets"), "hash-1")
        shown = await filling.before(item, team.slack_team_id, wish)
        return f"{shown.form.fields['project']} {shown.looked.notes}"

    assert SIGN_IN in await fill(both.theirs)
    assert SIGN_IN in await fill(both.ours, BOB)
    async with database.transaction() as session:
        assert await github.link(session, both.theirs.id, BOB, (IDS[BOB], BOB), Clock()())
    assert NO_PUSH in await fill(both.theirs, BOB)
    assert forge.asked == 0
    assert (await fill(both.ours)).startswith("widgets ")
    assert forge.asked == 1


class Untouched(FakeSetting):
    """A forge that must not be asked."""

    def __getattribute__(self, name: str) -> object:
        """Fail for whatever is asked."""
        assert name.startswith("__"), f"the forge was asked: {name}"
        return super().__getattribute__(name)


async def test_a_set_up_is_looked_at_and_changed_for_its_own_team(database: Database) -> None:
    """Of a repository that a team does not reach nothing is looked at, shown or changed, for a person or by itself."""
    both = await two(database)

    def setups(forge: FakeSetting) -> Setups:
        index, people = cast("Index", FormIndex(Clock())), FakePeople(dict(EVERYBODY))
        return Setups(database, index, cast("Setting", forge), people, Clock(), both.reach)

    away, theirs = setups(Untouched()), await both.publisher(both.theirs)
    report = await away.look(theirs)
    assert SIGN_IN in repr(report)
    assert (await away.show(theirs, "v")).detail == SIGN_IN
    opening = intents.OpenSetupPull(str(theirs.id), "digest", make_environment=True, reviewers=())
    assert (await away.open(theirs, opening)).outcome is Outcome.UNSURE
    assert await away.offers(theirs) is None
    ours = await both.publisher(both.ours)
    assert (await setups(FakeSetting()).show(ours, "v")).outcome is Outcome.OPENED
    both.rights.words.clear()
    assert (await away.show(ours, "v")).detail == NO_PUSH


async def test_a_silent_forge_opens_nothing(database: Database) -> None:
    """What can't be told counts as no, and says what is wrong."""
    both = await two(database)
    both.rights.silent = True
    setups = Setups(
        database, cast("Index", FormIndex(Clock())), cast("Setting", Untouched()), FakePeople({}), Clock(), both.reach
    )  # fmt: skip
    assert "out of order" in (await setups.show(await both.publisher(both.ours), "v")).detail


async def test_nobody_lists_what_one_app_sees(database: Database) -> None:
    """An import is refused before anything is listed, since the list would be of every team's repositories."""
    here = await import_bench(database)
    life = here.born()
    shared = replace(life.intents, hands=replace(life.intents.hands, shared=True))
    await here.wish(intents.ImportOwner("acme", "pypi"))
    await Life(shared, life.importing, life.publishers).rest(here.clock)
    (answer,) = await here.said("import.answer")
    assert answer.facts["outcome"] == ImportOutcome.MANY_TEAMS
    assert await here.said("import.shown") == []
    assert await life.importing.next_due() is None


async def test_releases_want_the_right_to_push_whatever_the_policy(database: Database) -> None:
    """Without a word of the policy nobody asks for a release, or approves one, of what that person may not push to."""
    world = World(database)
    hands = replace(world.life.releases.hands, rights=FakeRights({ALICE: "write", BOB: "read"}), shared=True)
    life = world.life
    world.life = replace(life, releases=Releases(hands), intents=replace(life.intents, hands=hands))
    await world.project("widgets", StartBy.PUSH)
    assert await ask(world) is None
    await link(world, ALICE, BOB)
    assert await ask(world) is not None
    assert await approve(world, BOB) is ReleaseState.AWAITING_APPROVAL
    cast("FakeRights", hands.rights).words[BOB] = "maintain"
    assert await approve(world, BOB) is not ReleaseState.AWAITING_APPROVAL
