"""Teams and their projects.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass
from uuid import UUID

from storage.records.publishers import Registration


@dataclass(frozen=True, slots=True)
class Team:
    """One Slack workspace or org install."""

    id: UUID
    slack_team_id: str
    """Slack's team id, or the enterprise id for an org-wide install that names no team."""
    enterprise_id: str


@dataclass(frozen=True, slots=True)
class Project:
    """A package known to a team, on one index: what its newest publisher says."""

    id: UUID
    team_id: UUID
    registration: Registration
    channel: str
