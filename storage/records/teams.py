"""Teams and their projects.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.records.publishers import Health, Publisher, Registration
from storage.records.releases import Release


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


@dataclass(frozen=True, slots=True)
class Home:
    """Somebody's Home tab that is to be shown."""

    team_id: UUID
    slack_team_id: str
    user: str
    page: int
    hash: str
    """What Slack calls the tab as it stands; "" where nobody knows."""
    digest: str
    """sha256 of what it showed last, hex; "" where it is to be shown whatever it is."""
    turn_at: datetime | None = None
    """The moment that was kept free for it."""


@dataclass(frozen=True, slots=True)
class ProjectAtGlance:
    """A project with its newest publisher, how that fares, and the release that was published last."""

    project: Project
    publisher: Publisher | None
    health: Health | None
    published: Release | None
