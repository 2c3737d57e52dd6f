"""Where intents come in: written durably, once for each delivery, before anybody is told that they were heard.

Knows: teams and the inbox. Must not know: Slack's payloads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from bot import codec, tracing
from bot.core import intents
from bot.core.tracks import released
from bot.workflow.ports import Clock
from storage.database import Database
from storage.ledger import inbox, teams
from storage.ledger.inbox import NewIntent
from storage.records import Secret, TeamGone

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what, and by which delivery it came."""

    slack_team_id: str
    enterprise_id: str
    delivery: str
    """What makes the delivery unique: Slack's `event_id`, else `trigger_id` or `action_ts`."""
    actor: str
    channel: str
    intent: intents.Intent
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    origin: str = ""
    """By what it was asked, for the audit trail: `command /release`, `button`, `dialog`, `home`."""


EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Order:
    """Moments, each later than the one before, though the clock stand still or be put back."""

    last: datetime = EARLIEST

    def next(self, now: datetime) -> datetime:
        self.last = max(now, self.last + timedelta(microseconds=1))
        return self.last


@dataclass(frozen=True, slots=True)
class Inlet:
    """The way in, on its concrete parts."""

    database: Database
    clock: Clock
    written: Callable[[], None]
    """Called after the commit, so that the engine looks at once."""
    _teams: dict[tuple[str, str], UUID] = field(default_factory=dict)
    _order: _Order = field(default_factory=_Order)
    """What one person wants is carried out in this order."""

    async def put(self, wish: Wish) -> bool:
        """Write the wish down; False where the same delivery was written before. Raises if it can't be written."""
        names = (wish.slack_team_id, wish.enterprise_id)
        came = self._order.next(self.clock())
        known = self._teams.get(names)
        try:
            return await self._put(wish, came, known)
        except TeamGone:
            if known is None:
                raise
        # The team that this process knew has left, or was erased, and begins anew.
        self._teams.pop(names, None)
        return await self._put(wish, came, None)

    async def put_of_known(self, wish: Wish) -> bool:
        """Write down what Slack says of a team, unless nobody has ever heard of it: then there is nothing to be done."""
        async with self.database.reading() as session:
            known = await teams.find(session, wish.slack_team_id, wish.enterprise_id)
        return known is not None and await self._put(wish, self._order.next(self.clock()), known.id)

    async def _put(self, wish: Wish, came: datetime, team_id: UUID | None) -> bool:
        kind, payload = codec.pack(wish.intent, intents.KINDS)
        names = (wish.slack_team_id, wish.enterprise_id)
        now = self.clock()
        async with self.database.transaction(urgent=True) as session:
            if team_id is None:
                team_id = (await teams.ensure(session, *names, now)).id
            new = NewIntent(
                kind, wish.actor, wish.channel, payload, wish.secrets, wish.origin,
                in_turn=not isinstance(wish.intent, intents.LOOKS),
            )  # fmt: skip
            fresh = await inbox.put(session, team_id, wish.delivery[:255], new, now, came)
        self._teams[names] = team_id  # only once it is committed
        if fresh:
            trace = released(payload) or new.id
            tracing.concerns(trace)
            log.debug("intent written", kind=kind, team=str(team_id), trace=trace.hex)
            self.written()
        return fresh
