"""The outbox, emptied: when it waits, doubts, gives up, and how fast it speaks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.pacing import OwnPaces, Paces
from bot.workflow.outbox import DOUBT, EDIT_PACE, GIVE_UP, LONGEST_WAIT, PACE, TRIES, Outbox
from bot.workflow.ports import Delivery, NeverSay, Said, SayLater
from storage.database import Database
from storage.ledger import outbox, teams
from storage.ledger.outbox import Destination
from storage.records import OutboxItem

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Slack:
    """A notifier that answers as told and notes what it was asked; the time is its own."""

    answers: dict[str, list[Delivery | Exception]] = field(default_factory=dict)
    """By the message's key; Said where nothing is told."""
    heard: list[tuple[str, bool]] = field(default_factory=list)
    now: datetime = NOW
    paces: Paces | None = None
    """None: its own."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Answer one message."""
        self.heard.append((item.dedupe_key, maybe_said))
        answer = self.answers.get(item.dedupe_key, [])
        said = answer.pop(0) if answer else Said("1.1")
        if isinstance(said, Exception):
            raise said
        return said

    def workflow(self, database: Database) -> Outbox:
        """Return the workflow that speaks through this."""
        return Outbox(database, self, lambda: self.now, self.paces or OwnPaces(lambda: self.now))


async def put(database: Database, *messages: tuple[str, str]) -> None:
    """Put messages (key, channel) into the outbox."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        for key, channel in messages:
            await outbox.add(
                session, team.id, key, Destination(channel), ("broke_down", {"incident": key}), NOW
            )


async def once(workflow: Outbox) -> None:
    """Say what is due now."""
    for item in await workflow.claim(16):
        await workflow.work(item)


async def counts(database: Database) -> dict[str, int]:
    """Return how many messages are in each state."""
    async with database.reading() as session:
        return await outbox.counts(session)


async def test_a_429_is_obeyed_by_its_channel_alone(database: Database) -> None:
    """A channel that Slack slows down rests for as long as Slack said, in order; another goes on."""
    await put(database, ("a", "C1"), ("b", "C1"), ("c", "C2"))
    slack = Slack({"a": [SayLater("rate limited", arrived_maybe=False, seconds=30)]})
    workflow = slack.workflow(database)
    await once(workflow)
    slack.now += timedelta(seconds=29)
    await once(workflow)
    assert slack.heard == [("a", False), ("c", False)]
    slack.now += timedelta(seconds=1)
    await once(workflow)
    slack.now += PACE
    await once(workflow)
    assert slack.heard[2:] == [("a", False), ("b", False)]
    assert await counts(database) == {"sent": 3}


async def test_what_the_asker_knows_outlives_the_process(database: Database) -> None:
    """Who asked is told once that the bot is not invited, whichever process tries the next time."""
    await put(database, ("a", "C1"))
    known: list[bool] = []

    class Uninvited(Slack):
        async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:  # noqa: ARG002 - as the port has it
            """Note what is known of the asker, and answer that the bot is not there."""
            known.append(item.asker_told)
            return SayLater("not invited", arrived_maybe=False, seconds=20, asker_told=True)

    slack = Uninvited()
    for _ in range(3):
        await once(slack.workflow(database))
        slack.now += timedelta(seconds=20)
    assert known == [False, True, True]


async def test_a_channel_is_not_talked_over(database: Database) -> None:
    """Two messages of one channel come at least a second apart, and none is lost by waiting."""
    await put(database, ("a", "C1"), ("b", "C1"))
    slack = Slack()
    workflow = slack.workflow(database)
    await once(workflow)
    await once(workflow)
    assert slack.heard == [("a", False)]
    assert await workflow.next_due() == NOW + PACE
    slack.now += PACE
    await once(workflow)
    assert slack.heard == [("a", False), ("b", False)]


async def test_what_may_have_arrived_is_doubted_until_it_is_known(database: Database) -> None:
    """After an answer that was lost, or a fault of ours, the message is looked for before it is said again."""
    await put(database, ("a", "C1"), ("b", "C2"))
    slack = Slack({"a": [SayLater("timeout", arrived_maybe=True)], "b": [RuntimeError("ours")]})
    workflow = slack.workflow(database)
    await once(workflow)
    slack.now += timedelta(seconds=5)
    await once(workflow)
    assert sorted(slack.heard[2:]) == [("a", True), ("b", True)]
    assert await counts(database) == {"sent": 2}


async def test_a_process_that_died_leaves_a_doubt(database: Database) -> None:
    """What was taken and never recorded comes up after the doubt window, as a message that may have been said."""
    await put(database, ("a", "C1"))
    slack = Slack()
    workflow = slack.workflow(database)
    assert len(await workflow.claim(16)) == 1
    assert await workflow.next_due() == NOW + DOUBT
    slack.now += DOUBT
    await once(workflow)
    assert slack.heard == [("a", True)]


async def test_a_doubt_survives_the_pace(database: Database) -> None:
    """A doubtful message that must wait for its channel's turn is still doubtful afterwards."""
    await put(database, ("a", "C1"))
    slack = Slack()
    workflow = slack.workflow(database)
    await workflow.claim(16)
    slack.now += DOUBT
    await workflow.paces.hold("slack T1 C1", slack.now + PACE)
    await once(workflow)
    slack.now += PACE
    await once(workflow)
    assert slack.heard == [("a", True)]


async def test_what_slack_will_never_take_does_not_block(database: Database) -> None:
    """A message that Slack refuses for good, or that was tried for a day, is set aside, and the next one is said."""
    await put(database, ("a", "C1"), ("b", "C1"), ("c", "C1"))
    slack = Slack(
        {
            "a": [NeverSay("is_archived")],
            "b": [SayLater("internal_error", arrived_maybe=True) for _ in range(TRIES)],
        }
    )
    workflow = slack.workflow(database)
    await once(workflow)
    slack.now += PACE
    await once(workflow)
    slack.now = NOW + GIVE_UP + timedelta(seconds=1)
    for _ in range(TRIES):
        slack.now += timedelta(seconds=LONGEST_WAIT)
        await once(workflow)
    assert [key for key, _ in slack.heard] == ["a", *["b"] * TRIES, "c"]
    assert await counts(database) == {"dead": 2, "sent": 1}


async def test_a_message_of_days_ago_is_tried_more_than_once(database: Database) -> None:
    """A bot that was away for days loses nothing where Slack slows it down when it comes back."""
    await put(database, ("a", "C1"))
    slack = Slack(
        {"a": [SayLater("rate limited", arrived_maybe=False, seconds=30)] * 2}, now=NOW + 3 * GIVE_UP
    )
    workflow = slack.workflow(database)
    for _ in range(3):
        await once(workflow)
        slack.now += timedelta(seconds=30)
    assert await counts(database) == {"sent": 1}


async def change(database: Database, *keys: str) -> None:
    """Let messages that were said say something else."""
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        for key in keys:
            changed = ("broke_down", {"incident": f"{key}, changed"})
            await outbox.show(session, team.id, key, Destination(f"C-{key}"), changed, NOW)


async def test_edits_keep_the_workspaces_pace_in_order(database: Database) -> None:
    """Edits of a workspace come one after the other, each waiting once for its turn, and hold no new message back."""
    await put(database, ("a", "C-a"), ("b", "C-b"), ("c", "C-c"))
    slack = Slack()
    workflow = slack.workflow(database)
    await once(workflow)
    slack.now += timedelta(seconds=5)
    await change(database, "a", "b", "c")
    await put(database, ("d", "C-d"))
    await once(workflow)
    assert sorted(slack.heard[3:]) == [("a", False), ("d", False)]
    for key in ("b", "c"):
        assert await workflow.next_due() == slack.now + EDIT_PACE
        slack.now += EDIT_PACE
        await once(workflow)
        assert slack.heard[-1] == (key, False)
    assert await workflow.next_due() is None


async def test_an_edit_waits_for_no_channel(database: Database) -> None:
    """The channel's pace is for what is posted: an edit right after a message of its channel goes out at once."""
    await put(database, ("a", "C-a"))
    slack = Slack()
    workflow = slack.workflow(database)
    await once(workflow)
    slack.now += timedelta(seconds=5)
    await change(database, "a")
    await put(database, ("e", "C-a"))
    await once(workflow)
    assert sorted(slack.heard[1:]) == [("a", False), ("e", False)]
