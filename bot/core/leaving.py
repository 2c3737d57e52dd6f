"""Teams that take the bot away: how long what they leave is kept, and whether Slack's word still holds.

Knows: terms, times. Must not know: who says so, what is kept.
"""

from datetime import datetime, timedelta

GRACE = timedelta(days=30)
"""How long projects, history and policies are kept, without any secret, for a team that comes back."""
DEAD = frozenset({"account_inactive", "token_revoked"})
"""What Slack says of a token whose workspace or app is gone (https://docs.slack.dev/reference/methods/auth.test). Not `invalid_auth`, which
an address that is not allowed gets too, nor what an org's admin can give again."""
DOUBT_GAP = timedelta(hours=2)
"""Where nothing was refused for so long, nobody knows what Slack would have said, and what it said before counts no more."""
LIVES = "ok"
"""What is said of a token that Slack takes."""
TICK = timedelta(seconds=1)
"""Slack tells whole seconds."""


def came_late(at: datetime, since: datetime) -> bool:
    """Whether word that the app was taken away at `at` is of an earlier install than the one that stands `since`."""
    return at + TICK <= since
