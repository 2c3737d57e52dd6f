"""Installations of the Slack app.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from storage.records.basis import Secret


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an installation acts with."""

    token: Secret
    refresh_token: Secret | None = None
    """Exchanges the token for a new one; None where tokens don't rotate."""
    expires_at: datetime | None = None
    """When the token ends; None: never."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The app in one Slack workspace, or in a whole org."""

    id: UUID
    team_id: UUID
    slack_team_id: str
    """The workspace; the enterprise of an org-wide install. The same as the team's."""
    enterprise_id: str
    """"" for a workspace of no org."""
    org_wide: bool
    name: str
    app_id: str
    bot_user_id: str
    scopes: tuple[str, ...]
    installed_by: str
    installed_at: datetime
    revision: int
    """Which tokens these are: the next ones have the next number."""
    faults: int = 0
    """Refusals in a row of the token's exchange."""
    tokens: Tokens = field(repr=False, kw_only=True)
