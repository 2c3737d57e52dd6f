"""How often what others limit may be asked for: next free moments, by name.

Knows: moments, gaps. Must not know: whose limits they are, where they are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


class Paces(Protocol):
    """Next free moments of limits; those who share them obey each limit as one."""

    async def take(self, name: str, gap: timedelta) -> datetime:
        """Return the next free moment, and keep it, and `gap` after it, for the caller."""

    async def hold(self, name: str, until: datetime) -> None:
        """Let there be no free moment before then."""

    async def held(self, name: str) -> datetime | None:
        """Return until when there is none; None where there is one now. May be a second behind."""


@dataclass(frozen=True, slots=True)
class OwnPaces:
    """The paces of one process that is alone, in memory."""

    clock: Callable[[], datetime]
    free_at: dict[str, datetime] = field(default_factory=dict)

    async def take(self, name: str, gap: timedelta) -> datetime:
        """Return the next free moment, and keep it."""
        now = self.clock()
        moment = max(now, self.free_at.get(name, now))
        self.free_at[name] = moment + gap
        return moment

    async def hold(self, name: str, until: datetime) -> None:
        """Let there be no free moment before then."""
        self.free_at[name] = max(until, self.free_at.get(name, until))

    async def held(self, name: str) -> datetime | None:
        """Return until when there is none."""
        until = self.free_at.get(name)
        return until if until is not None and until > self.clock() else None
