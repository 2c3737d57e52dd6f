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
class FirstSteps:
    """What a team has done since its install; each "" where it has not."""

    login: str
    """An account on the forge that one of its people has linked."""
    channel: str
    """A channel in which the bot has spoken."""
    project: str
    """A package that it knows."""

    @property
    def done(self) -> bool:
        """Whether all of it is done."""
        return all((self.login, self.channel, self.project))


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
