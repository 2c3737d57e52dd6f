"""Teams that take the bot away: how long what they leave is kept, and whether Slack's word still holds.

Knows: terms, times. Must not know: who says so, what is kept.
"""

from datetime import datetime, timedelta

GRACE = timedelta(days=30)
"""How long projects, history and policies are kept, without any secret, for a team that comes back."""
TICK = timedelta(seconds=1)
"""Slack tells whole seconds."""


def came_late(at: datetime, since: datetime) -> bool:
    """Whether word that the app was taken away at `at` is of an earlier install than the one that stands `since`."""
    return at + TICK <= since
