"""What a team's people see on its status page: their sessions, and the history of releases in short lines.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.records.publishers import Evidence, Publisher
from storage.records.teams import Project
from storage.records.words import ReleaseKind, ReleaseReason, ReleaseState


@dataclass(frozen=True, slots=True)
class StatusSession:
    """A browser in which somebody of a team has signed in."""

    team_id: UUID
    slack_team_id: str
    user: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One release, as short as a list and the figures want it. Times are aware, UTC."""

    id: UUID
    index: str
    project: str
    version: str
    kind: ReleaseKind
    state: ReleaseState
    reason: ReleaseReason
    requested_by: str
    requested_at: datetime
    state_at: datetime
    asked_at: datetime | None
    act_at: datetime | None
    voted_at: datetime | None
    """When the last vote of its round was cast that is for it and stands."""


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project, its newest publisher, and the evidence about that, strongest first."""

    project: Project
    publisher: Publisher | None
    evidence: tuple[Evidence, ...]
