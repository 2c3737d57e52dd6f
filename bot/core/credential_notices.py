"""What the bot has to say of a credential's life, as facts.

Knows: the closed set of these notices. Must not know: wording, Slack, any secret.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.core.approvals import Denied
from bot.core.credentials import Reminder


@dataclass(frozen=True, slots=True)
class EntryEnded:
    """Somebody agreed to keep a secret that is not there any more: used, or too late."""


@dataclass(frozen=True, slots=True)
class CredentialDenied:
    """Somebody who is no full member wanted to enter, keep or revoke a credential, and nothing was changed."""

    why: Denied
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CredentialOvertaken:
    """Somebody else has put another credential there in between, so nothing was kept."""

    index: str
    project: str
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class CredentialRefused:
    """The index refused a credential; it is not sent again."""

    index: str
    project: str
    added_at: datetime
    token_page: str
    detail: str = ""
    granted: bool = False
    """Whether it was a grant of the index's OAuth facility."""


@dataclass(frozen=True, slots=True)
class CredentialReminder:
    """A credential ends soon, has ended, or is old."""

    index: str
    project: str
    reminder: Reminder
    added_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    token_page: str
    days: int
    """How old it is."""
    granted: bool = False
    """Whether it is a grant of the index's OAuth facility; `token_page` is then the index's own address."""


@dataclass(frozen=True, slots=True)
class TokenUnneeded:
    """A project that a long-lived token is kept for publishes without one now."""

    credential_id: str
    index: str
    project: str
    whole_team: bool
    """Whether the token serves other projects too."""
    token_page: str
