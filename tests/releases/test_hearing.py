"""Channels that hear how releases end, on the real workflows: once an end, by their wish, set by full members."""

from bot.core import intents
from bot.workflow.inlet import Wish
from storage.database import Database
from storage.ledger import audit
from storage.records import Hears, ReleaseState, StartBy
from tests.releases.kit import ALICE, BOB, GUEST, World

ELSEWHERE = "C9"


async def tell(
    world: World, wish: Hears, project: str = "", channel: str = ELSEWHERE, who: str = ALICE
) -> None:
    """Type `/release tell` in a channel."""
    world.deliveries += 1
    intent = intents.TellChannel(project, wish)
    await world.inlet.put(Wish(world.slack_team, "", f"tell{world.deliveries}", who, channel, intent))
    await world.work()


def told(world: World, channel: str = ELSEWHERE) -> list[tuple[str, str]]:
    """Return the ends that a channel heard of, with the channel that each names as the release's own."""
    own = [one for one in world.slack.messages if one.channel == channel and one.kind == "release.step"]
    return [(one.facts["step"], one.facts["elsewhere"]) for one in own if not one.thread]


async def release(world: World, version: str, end: ReleaseState) -> None:
    """Ask for a release, let Bob decide, and wait for its end."""
    await world.deliver(ALICE, intents.AskRelease("p", version, ""))
    await world.rest(lambda found: found.state is ReleaseState.AWAITING_APPROVAL, "p")
    found = await world.newest("p")
    assert found is not None
    decision: intents.Intent = intents.Approve(str(found.id), found.round)
    if end is ReleaseState.REJECTED:
        decision = intents.Reject(str(found.id), found.round, "No.")
    await world.deliver(BOB, decision)
    await world.rest(lambda release: release.state is end, "p")
    await world.work()


async def test_each_end_is_told_once(database: Database) -> None:
    """A release that fails and is tried again has two ends; the own channel hears nothing twice, overlapping wishes give one."""
    world = World(database)
    code = await world.project("p", StartBy.PUSH)
    code.failures = 1
    await tell(world, Hears.ALL)
    await tell(world, Hears.ALL, "p")
    await tell(world, Hears.ALL, channel="C-p")
    await release(world, "1.0.0", ReleaseState.FAILED)
    await world.deliver(ALICE, intents.RetryRelease("p", "1.0.0"))
    await world.rest(lambda found: found.state is ReleaseState.PUBLISHED, "p")
    await world.rest()
    assert told(world) == [("run_failed", "C-p"), ("published", "C-p")]
    assert told(world, "C-p") == []
    assert not world.slack.doubled()


async def test_a_channel_hears_what_it_wants(database: Database) -> None:
    """What was said of the project stands before what was said of all; nothing of all means no word more."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await tell(world, Hears.ALL)
    await tell(world, Hears.FAILURES, "p")
    await release(world, "1.0.0", ReleaseState.REJECTED)
    assert told(world) == []
    await tell(world, Hears.PRE, "p")
    await release(world, "1.0.0", ReleaseState.REJECTED)
    await release(world, "2.0.0rc1", ReleaseState.REJECTED)
    assert told(world) == [("rejected", "C-p")]
    await tell(world, Hears.NOTHING, "p")
    await release(world, "2.0.0rc2", ReleaseState.REJECTED)
    await tell(world, Hears.NOTHING, channel="C8")
    await release(world, "2.0.0", ReleaseState.REJECTED)
    assert told(world) == [("rejected", "C-p")]


async def test_only_full_members_set_it(database: Database) -> None:
    """Guests, and people whom Slack does not tell of, change nothing and are told why; what is set is written down."""
    world = World(database)
    await world.project("p", StartBy.PUSH)
    await tell(world, Hears.ALL, who=GUEST)
    world.people.silent = True
    await tell(world, Hears.ALL)
    world.people.silent = False
    await tell(world, Hears.ALL, "q")
    await tell(world, Hears.FINAL, "p")
    answers = [(kind, facts.get("why") or facts.get("refused")) for _who, kind, facts in world.slack.whispers]
    assert answers == [
        ("not_allowed", "guest"), ("not_allowed", "cannot_tell"), ("publisher.unknown", None), ("channel.hears", ""),
    ]  # fmt: skip
    assert world.team is not None
    async with database.reading() as session:
        trail = await audit.trail(session, world.team.id, limit=10)
    assert [(event.action, event.subject, event.detail) for event in trail] == [
        ("channel.told", "p", {"channel": ELSEWHERE, "hears": "final"})
    ]
