"""How much the database is asked: each command and each step of a release keeps below its ceiling, however much there is."""

from collections.abc import Awaitable, Mapping
from datetime import timedelta

from bot.core import intents
from storage.database import Database
from storage.ledger import releases as ledger
from storage.records import Release, ReleaseState, StartBy
from tests.releases.kit import ADMIN, ALICE, BOB, World
from tests.releases.test_setting_up import FakeSetting
from tests.releases.test_two_teams import ATTACKS, filled, want, world_of_both
from tests.storage.plans import noted

ACK = 1
"""Statements before an ack, which Slack waits for: the intent's own insert, once the team is known."""
SEALED, WITH_SECRETS = 2, frozenset({"credential.add", "credential.enter"})
"""With a secret, for which the team's key may have to be read."""
LOOK, CLAIM = 1, 4
"""Statements with which a lane finds out that nothing is due, and at most with which it takes what is."""
MESSAGE = 1
"""Statements with which a message that was said is recorded."""
COMMANDS: tuple[tuple[intents.Intent, int], ...] = (
    (intents.ListPublishers(), 8), (intents.OpenHome(), 6), (intents.ShowReleases(""), 7), (intents.ShowReleases("p1"), 7),
    (intents.CheckPublisher("p1", ""), 10), (intents.ShowPolicy("p1"), 8),
    (intents.ShowCredentials("v1", ""), 6), (intents.ShowTold(), 6), (intents.CancelRelease("p1", "9"), 8),
    (intents.ShowAudit(""), 14), (intents.ShowAudit("p1"), 14),
)  # fmt: skip
"""What people ask, with how many statements are enough for it; what is written is counted too."""
ASK, APPROVE = 28, 34
USUAL = 12
"""Statements that are enough for whatever else anybody can want."""
CEILINGS: Mapping[str, int] = {
    "credential.add": 14, "credential.keep": 18, "release.approve": APPROVE, "release.reject": 30, "release.yank": 18, "audit.show": 14,
    "policy.set": 18, "policy.refuse": 18, "publisher.remove": 20, "team.leave": 50,
}  # fmt: skip
"""Kinds of intents that take more."""
STEP = 24
"""Statements of any step of a release: its row, message, timeline, audit trail, evidence."""


async def asked(doing: Awaitable[object]) -> int:
    """Return how many statements something sends."""
    with noted() as found:
        await doing
    # SQLite's transactions are begun by a statement of their own.
    return sum(not one.statement.startswith("BEGIN") for one in found)


async def commanded(world: World, actor: str, wish: intents.Intent) -> tuple[int, int]:
    """Return how many statements an intent takes before its ack, and how many to be carried out."""
    before = await asked(world.deliver(actor, wish))
    (item,) = await world.life.intents.claim(16)
    return before, await asked(world.life.intents.carry_out(item))


async def stepped(world: World, one: Release) -> int:
    """Take a release's step, and return how many statements it takes."""
    hands = world.life.releases.hands
    world.clock.now = max(world.clock(), one.next_at or world.clock())
    async with world.database.transaction() as session:
        times = (world.clock(), world.clock() + timedelta(minutes=10))
        assert await ledger.claim_one(session, one, hands.owner, times)
    return await asked(world.life.releases.advance(one))


async def known(world: World, projects: int) -> None:
    """Let a team have so many projects, and be known."""
    for number in range(projects):
        await world.project(f"p{number}", StartBy.PUSH)
    await commanded(world, ALICE, intents.ListPublishers())
    await commanded(world, ALICE, intents.ShowAudit(""))  # the first look walks along the whole chain


async def test_a_command_asks_no_more_where_there_is_more(database: Database) -> None:
    """Before its ack a command takes one statement; carried out it keeps below its ceiling, with three projects or with forty."""
    world = World(database)
    await known(world, 3)
    few = [await commanded(world, ALICE, wish) for wish, _ in COMMANDS]
    await known(world, 40)
    many = [await commanded(world, ALICE, wish) for wish, _ in COMMANDS]
    assert few == many
    for (wish, ceiling), (before, after) in zip(COMMANDS, many, strict=True):
        assert before == ACK
        assert after <= ceiling, wish


async def test_a_release_asks_little_at_each_step(database: Database) -> None:
    """From the click to published, each step, click and message keeps below its ceiling."""
    world, one = World(database), None
    await known(world, 1)
    assert (await commanded(world, ALICE, intents.AskRelease("p0", "v1.0.0", "")))[1] <= ASK
    states = []
    for _ in range(60):
        one = await world.newest("p0")
        assert one is not None
        if one.next_at is None:
            break
        if one.state is ReleaseState.AWAITING_APPROVAL:
            assert (await commanded(world, BOB, intents.Approve(str(one.id), one.round)))[1] <= APPROVE
            continue
        states.append(one.state)
        assert await stepped(world, one) <= STEP, one.state
        world.forge.advance()
        world.index.advance()
    assert one is not None
    assert one.state is ReleaseState.PUBLISHED
    assert len(set(states)) == 6
    messages = world.life.outbox
    assert messages is not None
    while items := await messages.claim(1):
        assert await asked(messages.work(items[0])) == MESSAGE
        world.clock.now += timedelta(seconds=3)


async def test_every_intent_keeps_below_its_ceiling(database: Database) -> None:
    """Whatever anybody can want takes one statement before its ack, and no more than its ceiling where all of it is done."""
    world = world_of_both(database, FakeSetting())
    _, ids = await filled(world)
    await commanded(world, ADMIN, intents.ShowAudit(""))
    taken: dict[str, int] = {}
    for kind, make in ATTACKS.items():
        assert await asked(want(world, make(ids))) <= (SEALED if kind in WITH_SECRETS else ACK), kind
        (item,) = await world.life.intents.claim(16)
        taken[kind] = await asked(world.life.intents.carry_out(item))
    assert set(CEILINGS) <= set(taken)
    assert {kind: count for kind, count in taken.items() if count > CEILINGS.get(kind, USUAL)} == {}


async def test_a_lane_that_has_nothing_to_do_asks_once(database: Database) -> None:
    """Most nudges find nothing, so finding that out is one statement; taking what is due, team by team, is three at most."""
    world = World(database)
    await known(world, 1)
    await world.work()
    parts = (world.life.releases, world.life.intents, world.life.outbox)
    for part in parts:
        assert part is not None
        assert await asked(part.next_due()) == LOOK
        assert await asked(part.claim(4)) <= CLAIM
