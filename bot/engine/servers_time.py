"""The time as the database's server tells it: one clock for all processes that share it.

Knows: this machine's own clock, its steady one, and what the server said last. Must not know: who asks.

Leases and due times are compared between processes. If each compared them by its own machine's clock, one whose clock is an hour ahead
would take every lease for over, and do again what others are just doing. So a jump of this machine's clock changes
nothing here; between two answers of the server its steady clock goes on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta


class ServersTime:
    """A clock, to be called for the time in UTC."""

    def __init__(self, own: Callable[[], datetime], steady: Callable[[], float]) -> None:
        """Take this machine's clock, which serves until the server has told its own, and one that never jumps, in seconds."""
        self._own = own
        self._steady = steady
        self._told: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the time."""
        if self._told is None:
            return self._own()
        when, at = self._told
        return when + timedelta(seconds=self._steady() - at)

    def hear(self, when: datetime, asked: float) -> None:
        """Take what the server said when it was asked at that moment of the steady clock.

        It said so at some moment since then: what lies within that span is no news, since a slow answer would make the clock tremble.
        """
        heard = self._steady()
        if self._told is not None:
            now = self()
            if when <= now <= when + timedelta(seconds=heard - asked):
                return
        self._told = (when, (asked + heard) / 2)
