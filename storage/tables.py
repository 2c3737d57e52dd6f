"""The rows and the invariants that the database itself keeps. Rows never leave `storage`.

Knows: columns, keys, constraints. Must not know: sessions, queries, policy.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.columns import JSON_COLUMN, EnumText, UTCDateTime
from storage.records import CredentialKind, EvidenceKind, InboxState, OutboxState, PublisherState, Reason

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

OPEN_PUBLISHER = "state IN ('requested', 'pending', 'confirmed')"


class Base(SQLModel):
    """What every table shares: one metadata with a naming convention, so that migrations can name constraints."""

    metadata = MetaData(naming_convention=NAMING)


def _time(*, null: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UTCDateTime(), nullable=null))


def _enum(enum: type, default: Any = None) -> Any:
    return Field(default=default, sa_column=Column(EnumText(enum), nullable=False))


def _json() -> Any:
    return Field(default=None, sa_column=Column(JSON_COLUMN, nullable=False))


class TeamRow(Base, table=True):
    """One Slack workspace or org install."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("enterprise_id", "slack_team_id"),)

    id: UUID = Field(primary_key=True)
    slack_team_id: str = Field(max_length=32)
    enterprise_id: str = Field(max_length=32)
    created_at: datetime = _time()


class DataKeyRow(Base, table=True):
    """A team's data key, wrapped by a master key."""

    __tablename__ = "data_keys"

    id: str = Field(primary_key=True, max_length=16)
    team_id: UUID = Field(foreign_key="teams.id", unique=True)
    wrapped: bytes
    master_key_id: str = Field(max_length=16, index=True)
    created_at: datetime = _time()


class ProjectRow(Base, table=True):
    """A package known to a team, on one index."""

    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("team_id", "index_name", "name"), UniqueConstraint("id", "team_id"))

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
    created_at: datetime = _time()


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
        Index(
            "uq_publishers_open",
            "project_id",
            unique=True,
            sqlite_where=text(OPEN_PUBLISHER),
            postgresql_where=text(OPEN_PUBLISHER),
        ),
        Index(
            "ix_publishers_due",
            "index_name",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index("ix_publishers_team", "team_id", "state_at"),
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
    state: PublisherState = _enum(PublisherState)
    reason: Reason = _enum(Reason)
    detail: str = Field(default="", max_length=500)
    existed_before: bool | None = None
    attempts: int = 0
    unanswered: bool = False
    polls: int = 0
    etag: str = Field(default="", max_length=255)
    lease_owner: UUID | None = None
    lease_until: datetime | None = _time(null=True)
    requested_at: datetime = _time()
    state_at: datetime = _time()
    pending_at: datetime | None = _time(null=True)
    expires_at: datetime | None = _time(null=True)
    reminded_at: datetime | None = _time(null=True)
    next_at: datetime | None = _time(null=True)


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
    kind: EvidenceKind = _enum(EvidenceKind)
    url: str = Field(max_length=1000)
    digest: str = Field(max_length=64)
    seen_at: datetime = _time()


class CredentialRow(Base, table=True):
    """A team's secret for an index, sealed; destroyed when revoked."""

    __tablename__ = "credentials"
    __table_args__ = (
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_pair"),
        CheckConstraint("(revoked_at IS NULL) = (sealed IS NOT NULL)", name="revoked_is_destroyed"),
        Index(
            "uq_credentials_live", "team_id", "kind", "index_name", unique=True,
            sqlite_where=text("revoked_at IS NULL"), postgresql_where=text("revoked_at IS NULL"),
        ),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    kind: CredentialKind = _enum(CredentialKind)
    index_name: str = Field(max_length=64)
    hint: str = Field(max_length=100)
    sealed: bytes | None = None
    added_by: str = Field(max_length=32)
    added_at: datetime = _time()
    last_used_at: datetime | None = _time(null=True)
    uses: int = 0
    refused_at: datetime | None = _time(null=True)
    revoked_at: datetime | None = _time(null=True)
    revoked_by: str | None = Field(default=None, max_length=32)


class InboxRow(Base, table=True):
    """An intent from Slack, written before the ack."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("team_id", "dedupe_key"),
        CheckConstraint("state = 'waiting' OR sealed IS NULL", name="done_keeps_no_secret"),
        Index(
            "ix_inbox_due",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index("ix_inbox_received_at", "received_at"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    dedupe_key: str = Field(max_length=255)
    kind: str = Field(max_length=64)
    actor: str = Field(max_length=32)
    channel: str = Field(max_length=32)
    payload: dict[str, Any] = _json()
    sealed: bytes | None = None
    state: InboxState = _enum(InboxState)
    attempts: int = 0
    error: str = Field(default="", max_length=500)
    received_at: datetime = _time()
    next_at: datetime | None = _time(null=True)
    done_at: datetime | None = _time(null=True)


class OutboxRow(Base, table=True):
    """A message to Slack: said once, in the order of `seq` within a channel."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("team_id", "dedupe_key"),
        CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_when"),
        CheckConstraint("state <> 'sending' OR claimed_at IS NOT NULL", name="sending_since"),
        # What is waiting or on its way has a next look; what ended has none.
        CheckConstraint("(state IN ('waiting', 'sending')) = (next_at IS NOT NULL)", name="open_has_next"),
        Index("ix_outbox_due", "next_at", sqlite_where=text("next_at IS NOT NULL"), postgresql_where=text("next_at IS NOT NULL")),
        Index(
            "ix_outbox_lane", "team_id", "channel", "user", "seq",
            sqlite_where=text("next_at IS NOT NULL"), postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index("ix_outbox_sent_at", "sent_at"),
    )  # fmt: skip

    seq: int | None = Field(default=None, primary_key=True)
    id: UUID = Field(unique=True)
    team_id: UUID = Field(foreign_key="teams.id")
    dedupe_key: str = Field(max_length=255)
    channel: str = Field(max_length=32)
    user: str = Field(default="", max_length=32)
    sealed: bytes | None = None
    kind: str = Field(max_length=64)
    facts: dict[str, Any] = _json()
    state: OutboxState = _enum(OutboxState)
    attempts: int = 0
    error: str = Field(default="", max_length=500)
    ts: str = Field(default="", max_length=32)
    created_at: datetime = _time()
    next_at: datetime | None = _time(null=True)
    claimed_at: datetime | None = _time(null=True)
    sent_at: datetime | None = _time(null=True)


class AuditRow(Base, table=True):
    """Who did what, when; only ever appended to."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_team", "team_id", "seq"),)

    seq: int | None = Field(default=None, primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    at: datetime = _time()
    actor: str = Field(max_length=32)
    action: str = Field(max_length=64)
    subject: str = Field(max_length=255)
    detail: dict[str, Any] = _json()
