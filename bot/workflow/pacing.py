"""The paces that all processes of one database keep together.

Knows: the ledger's paces. Must not know: whose limits they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.workflow.ports import Clock
from storage.database import Database
from storage.ledger import paces

HOLD = "hold "
"""How the names of limits begin that are asked about before each request."""
FRESH = timedelta(seconds=1)
"""For how long what is held is known without asking again: an idle process asks nothing, a busy one once a second."""


@dataclass(slots=True)
class SharedPaces:
    """Paces in the database."""

    database: Database
    clock: Clock
    _held: Mapping[str, datetime] = field(default_factory=dict)
    _asked_at: datetime | None = None

    async def take(self, name: str, gap: timedelta) -> datetime:
        """Return the next free moment, and keep it."""
        async with self.database.transaction() as session:
            return await paces.take(session, name, gap, self.clock())

    async def hold(self, name: str, until: datetime) -> None:
        """Let there be no free moment before then."""
        async with self.database.transaction() as session:
            await paces.hold(session, name, until)
        self._held = {**self._held, name: max(until, self._held.get(name, until))}

    async def held(self, name: str) -> datetime | None:
        """Return until when there is none, as known within the last second."""
        now = self.clock()
        if self._asked_at is None or now - self._asked_at > FRESH:
            self._asked_at = now
            async with self.database.reading() as session:
                self._held = await paces.held(session, HOLD, now)
        until = self._held.get(name)
        return until if until is not None and until > now else None
