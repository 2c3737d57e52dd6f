"""The first five minutes: one message to whoever installed the app, whose steps tick themselves off.

Knows: when to look, what shows that a step is done. Must not know: Slack, wording.

Nothing here asks the network: a look reads the team's rows, lets the one message say what they show, and says when it looks again, in
one transaction. Done twice, or by two processes, it says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot import codec
from bot.core import notices
from bot.core.install_notices import Welcome
from bot.workflow.ports import Clock
from storage.database import Database
from storage.ledger import outbox
from storage.ledger import welcomes as ledger
from storage.ledger.outbox import Destination
from storage.records import Installation

log = structlog.get_logger(__name__)

LOOKS = (
    (timedelta(hours=1), timedelta(seconds=10)),
    (timedelta(days=1), timedelta(minutes=5)),
    (timedelta(days=14), timedelta(hours=1)),
)
"""Until how long after the install, how often it is looked; then never again."""


def next_look(installed_at: datetime, now: datetime) -> datetime | None:
    """Return when first steps are looked at next; None: never again."""
    return next((now + pause for until, pause in LOOKS if now < installed_at + until), None)


@dataclass(frozen=True, slots=True)
class Welcoming:
    """The workflow on its concrete parts."""

    database: Database
    clock: Clock
    signs_in: bool
    """Whether people can sign in on the forge here."""

    async def claim(self, limit: int) -> Sequence[Installation]:
        """Look at what is due, and let each message say how its team stands."""
        now = self.clock()
        async with self.database.transaction() as session:
            found = await ledger.due(session, now, limit)
            for one in found:
                steps = await ledger.steps(session, one.team_id)
                said = Welcome(steps.login, steps.channel, steps.project, self.signs_in, one.org_wide)
                key = f"welcome:{one.id}:{one.installed_by}"
                message = codec.pack(said, notices.KINDS)
                await outbox.show(session, one.team_id, key, Destination(one.installed_by), message, now)
                await ledger.again(session, one, None if steps.done else next_look(one.installed_at, now))
        return found

    async def next_due(self) -> datetime | None:
        """Return when the next look is due."""
        return await self.database.ask(ledger.next_due(), self.clock())

    async def told(self, one: Installation) -> None:
        """Say in the log that an installation was looked at."""
        log.debug("first steps", team=str(one.team_id))
