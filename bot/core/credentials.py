"""A credential's life: when its owner is reminded of it, and of what.

Knows: the reminders. Must not know: time (it is passed), secrets, wording.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from storage.records import Credential

SOON = timedelta(days=7)
"""How long before its end an owner is reminded."""
OLD = timedelta(days=180)
"""How often an owner is reminded of a credential's age."""
TERM = timedelta(minutes=10)
"""How long a secret that was entered waits to be agreed to; a link lives as long."""


class Reminder(StrEnum):
    """What an owner is reminded of. Written words: they only grow."""

    SOON = "soon"
    EXPIRED = "expired"
    OLD = "old"


def next_reminder(added_at: datetime, expires_at: datetime | None, now: datetime) -> datetime | None:
    """Return when an owner is reminded next, after `now`; None: never again, since it has ended."""
    if expires_at is not None and expires_at <= now:
        return None
    moments = [added_at + OLD * ((now - added_at) // OLD + 1)]
    if expires_at is not None:
        moments += [expires_at, expires_at - SOON]
    return min(moment for moment in moments if moment > now)


def reminder(credential: Credential, now: datetime) -> Reminder | None:
    """Return what the owner is reminded of, now that `remind_at` has come; None: of nothing, it is only looked at."""
    at, ends = credential.remind_at, credential.expires_at
    if at is None or at > now:
        return None
    if ends is not None and now >= ends:
        return Reminder.EXPIRED
    if ends is not None and at == ends - SOON:
        return Reminder.SOON
    return Reminder.OLD if at >= credential.added_at + OLD else None
