"""The outbox, emptied: each message said once, in order, at Slack's pace.

Knows: when to try again and when to give up. Must not know: wording, Slack's API.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.pacing import Paces
from bot.workflow import channels
from bot.workflow.ports import Clock, Delivery, NeverSay, Notifier, Said, SayLater
from storage.database import Database
from storage.ledger import outbox as ledger
from storage.records import OutboxItem, OutboxState, Restoration

log = structlog.get_logger(__name__)

DOUBT = timedelta(seconds=120)
"""After this long a message that was taken counts as doubtful; longer than any one delivery may take."""
SETTLE = timedelta(seconds=2)
"""After a crash, how long a request that was already written may still be on its way to Slack."""
GIVE_UP = timedelta(hours=24)
TRIES = 10
"""Times that a message is tried at least: after a bot that was away for days, the first 429 must not lose it."""
PACE = timedelta(seconds=1)
"""Slack takes about one message a second in a channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
EDIT_PACE = timedelta(seconds=1.2)
"""Slack takes about fifty edits a minute in a workspace (`chat.update` is of tier 3)."""
LONGEST_WAIT = 300
DOUBT_AFTER_RESTORE = timedelta(hours=48)
"""How long after a backup was put back a message may be one that was said before; longer than people take to approve again."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The outbox workflow on its concrete parts."""

    database: Database
    notifier: Notifier
    clock: Clock
    paces: Paces
    """When may be spoken again in a channel, and edited in a workspace."""
    owner: UUID | None = None
    """This process, as it signs its claims."""
    restored: Restoration | None = None
    """Whether the database knows less than the channels."""

    async def claim(self, limit: int) -> Sequence[OutboxItem]:
        """Take what is due."""
        async with self.database.transaction() as session:
            return await ledger.claim(session, self.clock(), DOUBT, limit, self.owner)

    async def next_due(self) -> datetime | None:
        """Return when the next message is due."""
        return await self.database.ask(ledger.next_due(), self.clock())

    async def work(self, item: OutboxItem) -> None:
        """Say one message and record what became of it."""
        item, maybe_said = self._doubted(item)
        turn = await self._turn(item)
        if turn > self.clock():
            async with self.database.transaction() as session:
                await ledger.wait_for_turn(session, item, turn)
            return
        asked = self.clock()
        try:
            delivery: Delivery = await self.notifier.deliver(item, maybe_said=maybe_said)
        except Exception as error:
            log.exception("delivery failed", message=str(item.id))
            delivery = SayLater(type(error).__name__, arrived_maybe=True)
        if maybe_said and isinstance(delivery, SayLater):
            # A doubt lasts until the message is found or said: a refusal may have been of the look for it.
            delivery = replace(delivery, arrived_maybe=True)
        await self._obey(item, delivery)
        await self._record(item, delivery, asked)

    def _doubted(self, item: OutboxItem) -> tuple[OutboxItem, bool]:
        """Return whether a message may have been said, with the time since when it is looked for."""
        back = self.restored
        if back is None or item.user or item.created_at > back.restored_at + DOUBT_AFTER_RESTORE:
            return item, item.state is OutboxState.SENDING
        since = min(item.created_at, back.taken_at)
        return replace(item, claimed_at=min(item.claimed_at or since, since)), True

    async def _obey(self, item: OutboxItem, delivery: Delivery) -> None:
        """Let nobody speak there before Slack's own time is over."""
        if isinstance(delivery, SayLater) and delivery.limited and not item.user:
            await self.paces.hold(_limit(item)[0], self.clock() + timedelta(seconds=delivery.seconds or 1))

    async def _turn(self, item: OutboxItem) -> datetime:
        """Return when a message may be said, and keep that moment free for it; answers to one person need not wait."""
        now = self.clock()
        if item.user or (item.turn_at is not None and item.turn_at <= now):
            return now
        name, pace = _limit(item)
        return await self.paces.take(name, pace)

    async def _record(self, item: OutboxItem, delivery: Delivery, asked: datetime) -> None:
        now = self.clock()
        async with self.database.transaction() as session:
            match delivery:
                case Said():
                    await ledger.sent(session, item, delivery.ts, now, delivery.channel)
                case NeverSay():
                    log.error("message given up", message=str(item.id), kind=item.kind, error=delivery.error)
                    await ledger.bury(session, item, delivery.error)
                case SayLater() if now - item.created_at > GIVE_UP and item.attempts + 1 >= TRIES:
                    log.error("message given up", message=str(item.id), kind=item.kind, error=delivery.error)
                    await ledger.bury(session, item, delivery.error)
                case SayLater():
                    await self._again(session, item, delivery, asked)
                case _:
                    assert_never(delivery)

    async def _again(
        self, session: AsyncSession, item: OutboxItem, delivery: SayLater, asked: datetime
    ) -> None:
        """Say when it is tried again; where a channel is lost that no event told of, tell whom it concerns."""
        now, lost = self.clock(), delivery.error == channels.REASON
        # What was refused just before the channel came back need not wait as long as one that is lost.
        late = lost and await channels.is_back(session, item.team_id, item.channel, asked)
        told = None if late else delivery.seconds
        wait = told or min(2 ** min(item.attempts, 10), LONGEST_WAIT)
        until, maybe = now + timedelta(seconds=wait), delivery.arrived_maybe
        # First the message, then the trail, as everybody locks them.
        await ledger.again(
            session, item, delivery.error, until, arrived_maybe=maybe, asker_told=delivery.asker_told
        )
        if lost:
            await channels.refused(session, item.team_id, item.channel, asked, now)


def _limit(item: OutboxItem) -> tuple[str, timedelta]:
    """Return which of Slack's limits a message falls under, and its pace."""
    if item.ts:
        return f"slack edits {item.slack_team_id}", EDIT_PACE
    return f"slack {item.slack_team_id} {item.channel}", PACE
