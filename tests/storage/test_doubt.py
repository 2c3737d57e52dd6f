"""A message of which nobody knows whether it was said stays in doubt until it is found or said."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.pacing import OwnPaces
from bot.workflow.outbox import Outbox
from bot.workflow.ports import Delivery, Said, SayLater
from storage.database import Database
from storage.ledger import outbox, teams
from storage.ledger.outbox import Destination
from storage.records import OutboxItem

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Slack:
    """A notifier that answers as told, and notes how it was asked."""

    answers: list[Delivery]
    heard: list[tuple[bool, datetime | None]] = field(default_factory=list)
    """Whether the message may have been said, and since when."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Answer one message."""
        self.heard.append((maybe_said, item.claimed_at))
        return self.answers.pop(0)


@pytest.mark.parametrize(
    "refusal",
    [
        SayLater("rate limited", arrived_maybe=False, seconds=200),
        SayLater("not invited", arrived_maybe=False, seconds=200),
        SayLater("no answer", arrived_maybe=True),
    ],
)
async def test_a_doubt_lasts(refusal: SayLater, database: Database) -> None:
    """However often the look for it fails, and for how long, it is looked for again, from when it may have been said."""
    time = [NOW]
    slack = Slack([SayLater("no answer", arrived_maybe=True), *[refusal] * 9, Said("1.1")])
    workflow = Outbox(database, slack, lambda: time[0], OwnPaces(lambda: time[0]))
    async with database.transaction() as session:
        team = await teams.ensure(session, "T1", "", NOW)
        await outbox.add(session, team.id, "one", Destination("C1"), ("broke_down", {"incident": "1"}), NOW)
    while slack.answers:
        for item in await workflow.claim(1):
            await workflow.work(item)
        time[0] += timedelta(minutes=6)
    assert slack.heard == [(False, None), *[(True, NOW)] * 10]
