"""Teams that take the bot away: what they trusted it with is gone at once, what they did is not, and whoever comes back begins clean."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.leaving import DOUBT_GAP, GRACE, LIVES
from bot.core.people import Person, Standing
from bot.workflow.hands import packed
from bot.workflow.installing import Installing
from bot.workflow.leaving import PATIENCE
from storage.database import Database, is_away
from storage.ledger import approvals, audit, credentials, inbox, installations, keys, policies, publishers
from storage.ledger.installations import NewInstallation
from storage.records import Release, ReleaseState, Secret, StartBy, TeamGone, Tokens
from tests.conftest import part
from tests.releases.dying import Killed, Points, around, killed_at_a_part
from tests.releases.fakes import FakePeople
from tests.releases.kit import ADMIN, ALICE, BOB, CAROL, EVERYBODY, World
from tests.storage.asking import value_of

SEALED = (
    "inbox",
    "outbox",
    "credentials",
    "credential_entries",
    "oauth_states",
    "index_grants",
    "installations",
)


async def installed(world: World) -> None:
    """Let somebody install the app."""
    new = NewInstallation(
        slack_team_id=world.slack_team, enterprise_id="", org_wide=False, name="Acme", app_id="A1", bot_user_id="UBOT",
        scopes=("chat:write",), installed_by=ALICE, tokens=Tokens(Secret("xoxb-marked"), None, None),
    )  # fmt: skip
    await Installing(world.database, world.clock).keep(new)


async def full(world: World) -> UUID:
    """Let a team have all that it can: a release that waits, one that is acting, a publisher that is looked at, a token."""
    await installed(world)
    await world.uploaded("one", StartBy.PUSH)
    await world.project("two", StartBy.PUSH)
    for name in ("one", "two"):
        await world.deliver(ALICE, intents.AskRelease(name, "1.0.0", "", notes="First."))
        await world.rest(lambda release: release.state is ReleaseState.AWAITING_APPROVAL, name)
    found = await world.newest("two")
    assert found is not None
    await world.deliver("U2", intents.Approve(str(found.id), found.round))
    await world.rest(lambda release: release.state is ReleaseState.BUILDING, "two")
    assert world.team is not None
    return world.team.id


async def leave(world: World, *, why: str = "app_uninstalled", at: timedelta = timedelta()) -> None:
    """Let Slack say that the app was taken away."""
    await world.deliver("", intents.LeaveTeam(world.clock() + at, why))


async def secrets(database: Database) -> int:
    """Return how many sealed values there are."""
    async with database.reading() as session:
        counts = [
            await session.scalar(text(f"SELECT count(*) FROM {table} WHERE sealed IS NOT NULL"))
            for table in SEALED
        ]
    return sum(int(count or 0) for count in counts)


async def states(world: World) -> list[tuple[str, str]]:
    """Return how the two releases stand."""
    found = [await world.newest(name) for name in ("one", "two")]
    return [(str(one.state), str(one.reason)) for one in found if one]


GONE = [("cancelled", "team_left"), ("failed", "team_left")]


async def check_gone(world: World, team_id: UUID) -> None:
    """Check that a team has left, whole."""
    assert await states(world) == GONE
    assert await secrets(world.database) == 0
    async with world.database.reading() as session:
        assert await keys.made_at(session, team_id) is None
        assert await installations.of_team(session, team_id) is None
        report = await audit.verify(session, team_id)
        assert not report.broken
        events = [event.action for event in await audit.trail(session, team_id, limit=5)]
    assert events.count("team.left") == 1


@pytest.fixture
def world(database: Database) -> World:
    """Return a world in which one team has everything."""
    return World(database)


async def test_what_was_trusted_is_gone_at_once(world: World) -> None:
    """A team that leaves loses its key and every secret, its releases end, nothing is looked at or said, the trail stays whole."""
    team_id = await full(world)
    assert await secrets(world.database) >= 2
    await leave(world)
    await world.work()
    await check_gone(world, team_id)
    said = len(world.slack.messages)
    dues = await world.work()
    assert all(due is None for due in dues)
    assert len(world.slack.messages) == said
    async with world.database.reading() as session:
        due = await value_of(session, publishers.next_due("pypi"), world.clock())
    assert due is None or due >= world.clock() + GRACE


async def test_nobody_opens_what_was_sealed(world: World) -> None:
    """A secret that was copied away before opens for nobody once its team has left, though the master key is at hand."""
    team_id = await full(world)
    async with world.database.reading() as session:
        kept = (await session.execute(text("SELECT id, sealed FROM credentials"))).first()
    assert kept is not None
    await leave(world)
    await world.work()
    assert world.database.vault is not None
    world.database.vault.forget(team_id)
    async with world.database.reading() as session:
        with pytest.raises(TeamGone):
            await keys.data_key(session, team_id)


async def test_twice_and_in_any_order_is_once(world: World) -> None:
    """Both of Slack's words of one end, each twice, in any order, are one end."""
    team_id = await full(world)
    for why in ("tokens_revoked", "app_uninstalled", "tokens_revoked", "app_uninstalled"):
        await leave(world, why=why)
    await world.work()
    await check_gone(world, team_id)


async def test_who_comes_back_begins_clean(world: World) -> None:
    """A team that installs again has its projects and history, a new key, no old secret; late word of its end does nothing."""
    team_id = await full(world)
    await leave(world)
    await world.work()
    ended = world.clock()
    world.clock.now += timedelta(minutes=5)
    await installed(world)
    await world.deliver("", intents.LeaveTeam(ended, "tokens_revoked"))
    await world.work()
    assert world.team is not None
    async with world.database.transaction() as session:
        assert await installations.of_team(session, team_id) is not None
        assert await credentials.find(session, team_id, "pypi", "one") is None
        assert not (await audit.verify(session, team_id)).broken
    await world.deliver(ALICE, intents.AskRelease("two", "1.0.0", ""))
    await world.work()
    found = await world.newest("two")
    assert found is not None


async def test_another_process_seals_with_the_new_key(world: World) -> None:
    """A process that still knows the old key seals with the new one, and opens what others seal with it."""
    team_id = await full(world)
    assert world.database.vault is not None
    old = world.database.vault.known(team_id)
    assert old is not None
    await leave(world)
    await world.work()
    world.clock.now += timedelta(minutes=5)
    await installed(world)
    world.database.vault._keys[team_id] = old
    async with world.database.reading() as session:
        found = await installations.of_team(session, team_id)
    assert found is not None
    assert found.tokens.token.reveal() == "xoxb-marked"
    world.database.vault._keys[team_id] = old
    await installed(world)
    world.database.vault.forget(team_id)
    async with world.database.reading() as session:
        assert await installations.of_team(session, team_id) is not None


async def dying(database: Database, points: Points, team: str) -> None:
    """Let a team leave a process that dies at the fatal point, and check what the next one makes of it."""
    world = World(database, slack_team=team)
    team_id = await full(world)
    await world.restart(around(world.parts, points, speech=False))
    await leave(world)
    try:
        await world.work()
    except Killed:
        await world.restart()
        await world.work()
    points.names.append("the end")
    await world.restart()
    await check_gone(world, team_id)


@pytest.mark.parametrize("lives", ["trusted", "silent", "again", "never doubted", ""])
async def test_a_dead_token_ends_a_team_only_while_slack_says_so(world: World, lives: str) -> None:
    """What Slack's answers alone have told holds only for as long as it goes on saying so: until the word is carried out."""
    team_id = await full(world)
    since = world.clock()
    async with world.database.transaction() as session:
        mine = await installations.of_team(session, team_id)
        assert mine is not None
        if lives != "never doubted":
            assert await installations.doubt(session, mine, since, DOUBT_GAP) == since
        if lives == "trusted":
            await installations.trusted(session, mine)
        if lives == "again":
            assert await installations.doubt(session, mine, since + DOUBT_GAP * 2, DOUBT_GAP) != since
    world.clock.now += DOUBT_GAP * 2 if lives == "silent" else DOUBT_GAP / 2
    await world.deliver("", intents.LeaveTeam(since, "account_inactive"))
    await world.work()
    async with world.database.reading() as session:
        assert (await installations.of_team(session, team_id) is None) == (lives == "")


@pytest.mark.parametrize("turns", [True, False])
async def test_a_token_that_slack_takes_ends_no_team(world: World, turns: bool) -> None:
    """Slack's word of an end waits while Slack takes the token, and holds once it doesn't; where it goes on, the team has come back."""
    team_id = await full(world)
    world.people.says = LIVES
    await leave(world, at=timedelta(hours=1))  # the clocks say that it is of the install that stands
    await world.work()
    if turns:
        world.people.says = "account_inactive"
    for _ in range(3):
        world.clock.now += PATIENCE / 2
        await world.work()
    async with world.database.reading() as session:
        assert (await installations.of_team(session, team_id) is None) == turns
        assert not await value_of(session, inbox.next_due())
    assert bool(await secrets(world.database)) != turns


@dataclass
class BackMeanwhile(FakePeople):
    """Slack, that calls the old token dead just while the app is installed again."""

    world: World | None = None

    async def token(self, slack_team_id: str) -> str:  # noqa: ARG002 - as the protocol has it
        """Install it, and say what the old token is."""
        assert self.world is not None
        await installed(self.world)
        return self.says


async def test_who_installs_it_while_slack_is_asked_is_there(database: Database) -> None:
    """What Slack says of a token is nothing against the install that came while it was asked, by whichever clock."""
    people = BackMeanwhile(dict(EVERYBODY))
    people.world = world = World(database, people=people)
    team_id = await full(world)
    await leave(world, at=timedelta(hours=1))
    await world.work()
    async with database.reading() as session:
        assert await installations.of_team(session, team_id) is not None
        assert await keys.made_at(session, team_id) is not None


async def test_killed_anywhere_it_leaves_whole(database: Database) -> None:
    """Killed at any await of a team's leaving and started again, the team has left, once and whole."""
    points = Points()
    await dying(database, points, "T1")
    assert len(points.names) > 4
    for fatal in part(range(len(points.names) - 1), 4):
        await dying(database, Points(fatal), f"T{fatal + 2}")


async def test_who_leaves_while_steps_are_done_has_left(world: World) -> None:
    """Steps that are under way while a team leaves neither hold that up nor bring anything back: whoever comes second sees the other."""
    team_id = await full(world)
    world.clock.now += timedelta(minutes=10)
    await leave(world)
    steps = await world.life.releases.claim(16)
    messages = world.life.outbox
    assert messages is not None
    said = await messages.claim(16)
    (item,) = await world.life.intents.claim(16)
    assert steps
    ended = await asyncio.gather(
        *(world.life.releases.advance(one) for one in steps),
        world.life.intents.carry_out(item),
        *(messages.work(one) for one in said),
        return_exceptions=True,  # of two that wait for each other the server refuses one, which is tried again
    )
    assert all(one is None or (isinstance(one, Exception) and is_away(one)) for one in ended), ended
    for _ in range(5):
        world.clock.now += timedelta(minutes=2)
        await world.work()
    await check_gone(world, team_id)


async def approved_later(world: World, name: str) -> Release:
    """Return a release that two have approved, and that is to begin later."""
    await world.project(name, StartBy.PUSH)
    assert world.team is not None
    async with world.database.transaction() as session:
        await policies.put(session, world.team.id, name, packed(Policy(quorum=2)), ADMIN, world.clock())
    later = world.clock() + timedelta(hours=5)
    await world.deliver(ALICE, intents.AskRelease(name, "1.0.0", "", notes="First.", act_at=later))
    await world.rest(lambda one: one.state is ReleaseState.AWAITING_APPROVAL, name)
    found = await world.newest(name)
    assert found is not None
    for who in (BOB, CAROL):
        await world.deliver(who, intents.Approve(str(found.id), found.round))
    await world.work()
    found = await world.newest(name)
    assert found is not None
    assert found.state is ReleaseState.APPROVED
    return found


async def gone(world: World, release: Release) -> None:
    """Check that Bob's approval is void, and that the thread says so once."""
    found = await world.release(release.id)
    assert found.state is ReleaseState.AWAITING_APPROVAL
    async with world.database.reading() as session:
        assert [vote.user for vote in await approvals.votes(session, found)] == [CAROL]
    for _ in range(10):  # at Slack's pace
        world.clock.now += timedelta(seconds=2)
        await world.work()
    root = world.slack.roots(str(release.id))[0]
    said = [line for line in world.slack.lines(root) if line["step"] == "withdrawn"]
    assert [line["values"]["by"] for line in said] == [BOB]


async def test_approvals_of_who_left_are_void_at_once(world: World) -> None:
    """Who is deactivated has approved nothing any more: asked again, told once, also when Slack says it twice; who is back may."""
    release = await approved_later(world, "one")
    await world.deliver("", intents.PersonLeft(BOB))
    await world.work()
    assert (
        await world.release(release.id)
    ).state is ReleaseState.APPROVED  # late word: Slack says that he is a member
    world.people.known[BOB] = Person(BOB, Standing.DEACTIVATED)
    for _ in range(2):
        await world.deliver("", intents.PersonLeft(BOB))
        await world.work()
    await gone(world, release)
    world.people.known[BOB] = Person(BOB, Standing.MEMBER)
    found = await world.release(release.id)
    await world.deliver(BOB, intents.Approve(str(found.id), found.round))
    await world.work()
    assert (await world.release(release.id)).state is ReleaseState.APPROVED


async def test_killed_anywhere_who_left_has_left(database: Database) -> None:
    """Killed at any await of it and started again, an approval of who left is void, and the thread says so once."""
    await killed_at_a_part(partial(leaves, database), 4)


async def leaves(database: Database, points: Points) -> None:
    """Let somebody go who has approved, dying at the fatal point, and check what has come of it."""
    world = World(database, slack_team=f"T{points.fatal + 2}")
    release = await approved_later(world, f"p{points.fatal + 1}")
    world.people.known[BOB] = Person(BOB, Standing.DEACTIVATED)
    await world.restart(around(world.parts, points, speech=False))
    await world.deliver("", intents.PersonLeft(BOB))
    with contextlib.suppress(Killed):
        await world.work()
    await world.restart()
    await world.work()
    await gone(world, release)
