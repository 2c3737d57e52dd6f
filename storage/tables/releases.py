"""Releases, the decisions and the evidence about them, and what holds them back: freezes and policies."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
)
from sqlmodel import Field

from storage.columns import EnumText
from storage.records import (
    ChangeState,
    EvidenceKind,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
    StartBy,
    Verdict,
)
from storage.tables.base import Base, document, moment, partial, word

# In the order of `bot.core.lifecycle`; a test compares.
RELEASE_UNDER_WAY = "state IN ('requested', 'awaiting_approval', 'approved', 'voided', 'tagging', 'building', 'publishing', 'verifying')"
_ACTS = "state IN ('tagging', 'building', 'publishing', 'verifying', 'published')"


class ReleaseRow(Base, table=True):
    """One version of a project on its way to one index."""

    __tablename__ = "releases"
    __table_args__ = (
        # The project is one of the same team: a row can't point across teams.
        ForeignKeyConstraint(["project_id", "team_id"], ["projects.id", "projects.team_id"]),
        UniqueConstraint("id", "team_id"),
        CheckConstraint(f"{RELEASE_UNDER_WAY} OR next_at IS NULL", name="ended_rests"),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint(
            "state <> 'awaiting_approval' OR (asked_at IS NOT NULL AND expires_at IS NOT NULL)",
            name="asked_ends",
        ),
        CheckConstraint(
            f"kind = 'yank' OR NOT ({_ACTS}) OR (\"commit\" <> '' AND tag <> '')", name="acts_on_a_commit"
        ),
        CheckConstraint("kind <> 'yank' OR (run_id IS NULL AND begun = '')", name="yank_does_nothing"),
        CheckConstraint(
            "state NOT IN ('tagging', 'building', 'publishing', 'published') OR kind = 'release'",
            name="yank_runs_nothing",
        ),
        CheckConstraint("state <> 'yanked' OR kind = 'yank'", name="release_is_not_yanked"),
        CheckConstraint("(begun = '') = (begun_at IS NULL)", name="begun_pair"),
        partial("uq_releases_open", RELEASE_UNDER_WAY, "project_id", "version", "kind", unique=True),
        partial("ix_releases_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_releases_turns", "next_at IS NOT NULL", "team_id", "next_at"),
        partial("ix_releases_taken", "lease_until IS NOT NULL", "lease_until"),
        Index("ix_releases_team", "team_id", "requested_at"),
        Index("ix_releases_project", "project_id", "requested_at"),
        Index("ix_releases_history", "team_id", "project", "requested_at"),
        partial("ix_releases_slug", RELEASE_UNDER_WAY, "slug"),
        partial("ix_releases_under_way", RELEASE_UNDER_WAY, "team_id", "requested_at"),
        partial("ix_releases_published", "state = 'published'", "project_id", "state_at"),
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
    slug: str = Field(max_length=201)
    """`owner/repository` in lower case, by which the forge's webhooks find it."""
    version: str = Field(max_length=255)
    kind: ReleaseKind = Field(
        default=ReleaseKind.RELEASE,
        sa_column=Column(EnumText(ReleaseKind), nullable=False, server_default=ReleaseKind.RELEASE.value),
    )
    tag: str = Field(default="", max_length=255)
    commit: str = Field(default="", max_length=64)
    make_tag: bool = False
    start: StartBy | None = word(StartBy, null=True)
    notes: str = Field(default="", sa_column=Column(Text(), nullable=False))
    channel: str = Field(max_length=32)
    requested_by: str = Field(max_length=32)
    state: ReleaseState = word(ReleaseState)
    reason: ReleaseReason = word(ReleaseReason)
    detail: str = Field(default="", max_length=500)
    round: int = 0
    digest: str = Field(default="", max_length=64)
    report: dict[str, Any] = document()
    policy: dict[str, Any] = document()
    progress: dict[str, Any] = document()
    run_id: int | None = Field(default=None, sa_column=Column(BigInteger(), nullable=True))
    begun: str = Field(default="", max_length=64)
    begun_at: datetime | None = moment(null=True)
    faults: int = 0
    rehearsal: str = Field(default="", max_length=64)
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    act_at: datetime | None = moment(null=True)
    requested_at: datetime = moment()
    state_at: datetime = moment()
    asked_at: datetime | None = moment(null=True)
    expires_at: datetime | None = moment(null=True)
    reminders: int = 0
    next_at: datetime | None = moment(null=True)


class ApprovalRow(Base, table=True):
    """What one person decided in one round: one vote a person, which can be withdrawn and cast anew."""

    __tablename__ = "approvals"
    __table_args__ = (
        ForeignKeyConstraint(["release_id", "team_id"], ["releases.id", "releases.team_id"]),
        UniqueConstraint("release_id", "round", "user"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    release_id: UUID
    round: int
    user: str = Field(max_length=32)
    verdict: Verdict = word(Verdict)
    reason: str = Field(default="", max_length=500)
    at: datetime = moment()
    withdrawn_at: datetime | None = moment(null=True)


class ReleaseEvidenceRow(Base, table=True):
    """A fact from outside about a release, kept with its source."""

    __tablename__ = "release_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["release_id", "team_id"], ["releases.id", "releases.team_id"]),
        UniqueConstraint("release_id", "kind", "url"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    release_id: UUID
    kind: EvidenceKind = word(EvidenceKind)
    url: str = Field(max_length=1000)
    digest: str = Field(max_length=64)
    seen_at: datetime = moment()


class FreezeRow(Base, table=True):
    """A time in which nothing is released; lifted, never deleted."""

    __tablename__ = "freezes"
    __table_args__ = (
        CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted_pair"),
        partial("ix_freezes_standing", "lifted_at IS NULL", "team_id", "project"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    project: str = Field(max_length=200)
    starts_at: datetime = moment()
    ends_at: datetime | None = moment(null=True)
    reason: str = Field(default="", max_length=500)
    set_by: str = Field(max_length=32)
    set_at: datetime = moment()
    lifted_at: datetime | None = moment(null=True)
    lifted_by: str | None = Field(default=None, max_length=32)


class PolicyRow(Base, table=True):
    """How a team decides on releases: of one project, or (no project) of all others."""

    __tablename__ = "policies"

    team_id: UUID = Field(foreign_key="teams.id", primary_key=True)
    project: str = Field(max_length=200, primary_key=True)
    value: dict[str, Any] = document()
    set_by: str = Field(max_length=32)
    set_at: datetime = moment()


class PolicyChangeRow(Base, table=True):
    """A change of policy that needs a second person: one at a time waits for each policy, and two make it."""

    __tablename__ = "policy_changes"
    __table_args__ = (
        CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name="ended_when"),
        CheckConstraint(
            "state <> 'made' OR (decided_by IS NOT NULL AND decided_by <> asked_by)", name="made_by_two"
        ),
        partial("ix_policy_changes_due", "state = 'waiting'", "expires_at"),
        partial("uq_policy_changes_waiting", "state = 'waiting'", "team_id", "project", unique=True),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    project: str = Field(max_length=200)
    before: dict[str, Any] = document()
    after: dict[str, Any] = document()
    channel: str = Field(max_length=32)
    asked_by: str = Field(max_length=32)
    asked_at: datetime = moment()
    expires_at: datetime = moment()
    state: ChangeState = word(ChangeState)
    decided_by: str | None = Field(default=None, max_length=32)
    decided_at: datetime | None = moment(null=True)
