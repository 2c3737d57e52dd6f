"""A clock that stands still until it is set."""

from datetime import UTC, datetime, timedelta


class StoppedClock:
    """Gives the time it was set to."""

    def __init__(self, now: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return that time."""
        return self.now

    def forward(self, **by: float) -> None:
        """Move on by a `timedelta`'s keywords."""
        self.now += timedelta(**by)
