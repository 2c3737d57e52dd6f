"""Where intents come in: written durably, once for each delivery, before anybody is told that they were heard.

Knows: teams and the inbox. Must not know: Slack's payloads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from bot import codec
from bot.core import intents
from bot.workflow.ports import Clock
from storage.database import Database
from storage.ledger import inbox, teams
from storage.ledger.inbox import NewIntent
from storage.records import Secret


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


@dataclass(frozen=True, slots=True)
class Inlet:
    """The way in, on its concrete parts."""

    database: Database
    clock: Clock
    written: Callable[[], None]
    """Called after the commit, so that the engine looks at once."""
    _teams: dict[tuple[str, str], UUID] = field(default_factory=dict)

    async def put(self, wish: Wish) -> bool:
        """Write the wish down; False where the same delivery was written before. Raises if it can't be written."""
        kind, payload = codec.pack(wish.intent, intents.KINDS)
        names = (wish.slack_team_id, wish.enterprise_id)
        now = self.clock()
        async with self.database.transaction(urgent=True) as session:
            team_id = self._teams.get(names)
            if team_id is None:
                team_id = (await teams.ensure(session, *names, now)).id
            new = NewIntent(kind, wish.actor, wish.channel, payload, wish.secrets)
            fresh = await inbox.put(session, team_id, wish.delivery[:255], new, now)
        self._teams[names] = team_id  # only once it is committed
        if fresh:
            self.written()
        return fresh
