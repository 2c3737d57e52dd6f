"""The outbox: said once, in order within a channel, and a channel that must wait holds up no other."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from storage.database import Database
from storage.ledger import outbox, teams
from storage.ledger.outbox import Destination
from storage.records import OutboxItem, OutboxState, Secret
from tests.storage.asking import value_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOUBT = timedelta(seconds=120)


async def team_with(database: Database, *messages: tuple[str, str]) -> UUID:
    """Put messages (key, channel) into a new team's outbox and return the team."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        for key, channel in messages:
            assert await outbox.add(
                session, team.id, key, Destination(channel), ("broke_down", {"incident": key}), NOW
            )
    return team.id


async def claimed(database: Database, now: datetime = NOW) -> Sequence[OutboxItem]:
    """Take what is due."""
    async with database.transaction() as session:
        return await outbox.claim(session, now, DOUBT, 10)


async def test_a_key_is_said_once(database: Database) -> None:
    """The same key is put into the outbox once, however often it is tried."""
    team_id = await team_with(database, ("a", "C1"))
    async with database.transaction() as session:
        assert not await outbox.add(session, team_id, "a", Destination("C2"), ("broke_down", {}), NOW)


async def test_a_channel_hears_in_order(database: Database) -> None:
    """Of one channel only the first unsaid message is taken; another channel goes beside it."""
    await team_with(database, ("a", "C1"), ("b", "C1"), ("c", "C2"))
    first = await claimed(database)
    assert sorted(item.dedupe_key for item in first) == ["a", "c"]
    async with database.transaction() as session:
        await outbox.sent(session, next(item for item in first if item.dedupe_key == "a"), "1.1", NOW)
    assert [item.dedupe_key for item in await claimed(database)] == ["b"]


async def test_who_must_wait_holds_up_its_own_channel_only(database: Database) -> None:
    """After a 429 a channel rests until its time, with everything behind it, and nobody else does."""
    await team_with(database, ("a", "C1"), ("b", "C1"), ("c", "C2"))
    items = {item.dedupe_key: item for item in await claimed(database)}
    later = NOW + timedelta(seconds=30)
    async with database.transaction() as session:
        await outbox.again(session, items["a"], "rate limited", later, arrived_maybe=False)
        await outbox.sent(session, items["c"], "1.1", NOW)
        assert await value_of(session, outbox.next_due()) == later
    assert await claimed(database) == []
    assert [item.dedupe_key for item in await claimed(database, later)] == ["a"]


async def test_what_is_mended_is_tried_at_once_by_one(database: Database) -> None:
    """What waits because of an error is due once that is mended; what somebody is just saying stays theirs."""
    team_id = await team_with(database, ("a", "C1"), ("b", "C2"))
    later = NOW + timedelta(seconds=30)
    async with database.transaction() as session:
        for item in await outbox.claim(session, NOW, DOUBT, 10, uuid4()):
            until = NOW if item.dedupe_key == "a" else later
            await outbox.again(session, item, "not installed", until, arrived_maybe=False)
        (being_said,) = await outbox.claim(session, NOW, DOUBT, 10, uuid4())
        assert being_said.dedupe_key == "a"
        await outbox.hasten(session, team_id, ["not installed"], NOW)
    assert [item.dedupe_key for item in await claimed(database)] == ["b"]


async def test_what_was_begun_is_doubtful(database: Database) -> None:
    """A message that was taken and never recorded comes up again as one that may have been said; a new one does not."""
    await team_with(database, ("a", "C1"))
    assert [item.state for item in await claimed(database)] == [OutboxState.WAITING]
    assert await claimed(database) == []
    again = await claimed(database, NOW + DOUBT)
    assert [(item.state, item.claimed_at) for item in again] == [(OutboxState.SENDING, NOW)]


async def test_a_response_url_is_sealed(database: Database) -> None:
    """Slack's response_url comes back for the sender, and is destroyed once the message is said."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        to = Destination("C1", "U1", Secret("https://hooks.example/secret"))
        await outbox.add(session, team.id, "a", to, ("broke_down", {"incident": "x"}), NOW)
    (item,) = await claimed(database)
    assert item.response_url is not None
    assert item.response_url.reveal() == "https://hooks.example/secret"
    async with database.transaction() as session:
        await outbox.sent(session, item, "", NOW)
        assert await outbox.counts(session) == {"sent": 1}
        await outbox.prune(session, NOW + timedelta(days=1))
        assert await outbox.counts(session) == {}
