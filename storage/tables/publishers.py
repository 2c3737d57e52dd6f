"""Projects, their publishers, and the evidence about them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from storage.records import EvidenceKind, PublisherState, Reason
from storage.tables.base import Base, moment, partial, word

OPEN_PUBLISHER = "state IN ('requested', 'pending', 'confirmed')"
PENDING_PUBLISHER = "state = 'pending'"
PLACED_PUBLISHER = "state IN ('requested', 'pending')"


class ProjectRow(Base, table=True):
    """A package known to a team, on one index."""

    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("team_id", "index_name", "name"),
        UniqueConstraint("id", "team_id"),
        # Of all teams: a feed names projects.
        Index("ix_projects_name", "index_name", "name"),
        Index("ix_projects_listed", "team_id", "name", "index_name"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    index_name: str = Field(max_length=64)
    name: str = Field(max_length=200)
    owner: str = Field(max_length=100)
    repository: str = Field(max_length=100)
    workflow: str = Field(max_length=255)
    environment: str = Field(max_length=255)
    channel: str = Field(max_length=32)
    created_by: str = Field(max_length=32)
    created_at: datetime = moment()


class PublisherRow(Base, table=True):
    """A trusted-publisher registration."""

    __tablename__ = "publishers"
    __table_args__ = (
        # The project is one of the same team: a row can't point across teams.
        ForeignKeyConstraint(["project_id", "team_id"], ["projects.id", "projects.team_id"]),
        UniqueConstraint("id", "team_id"),
        CheckConstraint(
            "state <> 'pending' OR (pending_at IS NOT NULL AND expires_at IS NOT NULL)", name="pending_ends"
        ),
        CheckConstraint("state IN ('requested', 'pending') OR next_at IS NULL", name="ended_rests"),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("queued_at IS NULL OR handed_at IS NULL", name="queued_or_handed"),
        partial("uq_publishers_open", OPEN_PUBLISHER, "project_id", unique=True),
        partial("ix_publishers_due", "next_at IS NOT NULL", "index_name", "next_at"),
        partial("ix_publishers_turns", "next_at IS NOT NULL", "index_name", "team_id", "next_at"),
        partial("ix_publishers_taken", "lease_until IS NOT NULL", "lease_until"),
        # Of all teams, for what an index's feeds tell.
        partial("ix_publishers_pending", PENDING_PUBLISHER, "index_name", "project"),
        partial("ix_publishers_places", PLACED_PUBLISHER, "team_id", "index_name", "requested_by"),
        partial("ix_publishers_looked", PENDING_PUBLISHER, "index_name", "looked_at"),
        Index("ix_publishers_team", "team_id", "state_at"),
        Index("ix_publishers_project", "project_id", "requested_at"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    project_id: UUID
    index_name: str = Field(max_length=64)
    project: str = Field(max_length=200)
    owner: str = Field(max_length=100)
    repository: str = Field(max_length=100)
    workflow: str = Field(max_length=255)
    environment: str = Field(max_length=255)
    channel: str = Field(max_length=32)
    requested_by: str = Field(max_length=32)
    state: PublisherState = word(PublisherState)
    reason: Reason = word(Reason)
    detail: str = Field(default="", max_length=500)
    existed_before: bool | None = None
    attempts: int = 0
    unanswered: bool = False
    polls: int = 0
    etag: str = Field(default="", max_length=255)
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    requested_at: datetime = moment()
    state_at: datetime = moment()
    pending_at: datetime | None = moment(null=True)
    expires_at: datetime | None = moment(null=True)
    reminded_at: datetime | None = moment(null=True)
    looked_at: datetime | None = moment(null=True)
    """When its last look while pending began."""
    handed_at: datetime | None = moment(null=True)
    queued_at: datetime | None = moment(null=True)
    organization: bool = False
    next_at: datetime | None = moment(null=True)


class EvidenceRow(Base, table=True):
    """A fact from outside about a publisher, kept with its source."""

    __tablename__ = "evidence"
    __table_args__ = (
        ForeignKeyConstraint(["publisher_id", "team_id"], ["publishers.id", "publishers.team_id"]),
        UniqueConstraint("publisher_id", "kind"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    publisher_id: UUID
    kind: EvidenceKind = word(EvidenceKind)
    url: str = Field(max_length=1000)
    digest: str = Field(max_length=64)
    seen_at: datetime = moment()
