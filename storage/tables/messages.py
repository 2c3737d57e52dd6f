"""What comes from Slack, what goes there, and the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, false
from sqlmodel import Field

from storage.records import InboxState, OutboxState
from storage.tables.base import Base, document, moment, partial, word


class InboxRow(Base, table=True):
    """An intent from Slack, written before the ack."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("team_id", "dedupe_key"),
        CheckConstraint("state = 'waiting' OR sealed IS NULL", name="done_keeps_no_secret"),
        partial("ix_inbox_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_inbox_turns", "next_at IS NOT NULL", "team_id", "next_at"),
        Index("ix_inbox_received_at", "received_at"),
        partial("ix_inbox_dead", "state = 'dead'", "received_at"),
        partial("ix_inbox_turn", "next_at IS NOT NULL AND turn <> ''", "team_id", "turn", "turn_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    dedupe_key: str = Field(max_length=255)
    kind: str = Field(max_length=64)
    actor: str = Field(max_length=32)
    channel: str = Field(max_length=32)
    payload: dict[str, Any] = document()
    sealed: bytes | None = None
    state: InboxState = word(InboxState)
    attempts: int = 0
    lease_owner: UUID | None = None
    """Which process has taken it; its time is up at `next_at`."""
    error: str = Field(default="", max_length=500)
    origin: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    turn: str = Field(default="", max_length=32, sa_column_kwargs={"server_default": ""})
    """Whose turn it waits for: those of one person are carried out in the order they came; "" for one that need not wait."""
    turn_at: datetime | None = moment(null=True)
    received_at: datetime = moment()
    next_at: datetime | None = moment(null=True)
    done_at: datetime | None = moment(null=True)


class OutboxRow(Base, table=True):
    """A message to Slack: said once, in the order of `seq` within a channel."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("team_id", "dedupe_key"),
        CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_when"),
        CheckConstraint("state <> 'sending' OR claimed_at IS NOT NULL", name="sending_since"),
        # What is waiting or on its way has a next look; what ended has none.
        CheckConstraint("(state IN ('waiting', 'sending')) = (next_at IS NOT NULL)", name="open_has_next"),
        partial("ix_outbox_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_outbox_turns", "next_at IS NOT NULL", "team_id", "next_at"),
        partial("ix_outbox_lane", "next_at IS NOT NULL", "team_id", "channel", "user", "seq"),
        partial("ix_outbox_dead", "state = 'dead'", "seq"),
        # Answers to one person, which are forgotten after a while; what channels were told stays.
        partial("ix_outbox_answers", "\"user\" <> ''", "sent_at"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    id: UUID = Field(unique=True)
    team_id: UUID = Field(foreign_key="teams.id")
    dedupe_key: str = Field(max_length=255)
    channel: str = Field(max_length=32)
    user: str = Field(default="", max_length=32)
    sealed: bytes | None = None
    kind: str = Field(max_length=64)
    facts: dict[str, Any] = document()
    state: OutboxState = word(OutboxState)
    attempts: int = 0
    lease_owner: UUID | None = None
    """Which process is saying it; its time is up at `next_at`."""
    error: str = Field(default="", max_length=500)
    ts: str = Field(default="", max_length=32)
    parent_key: str = Field(default="", max_length=255, sa_column_kwargs={"server_default": ""})
    broadcast: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = moment()
    next_at: datetime | None = moment(null=True)
    claimed_at: datetime | None = moment(null=True)
    turn_at: datetime | None = moment(null=True)
    """The moment that was kept free for it, so that it waits for its turn once."""
    sent_at: datetime | None = moment(null=True)
    asker_told: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether who asked knows that it waits for the bot to be invited."""


class AuditRow(Base, table=True):
    """Who did what, when; only ever appended to."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_team", "team_id", "seq"),
        Index("uq_audit_number", "team_id", "number", unique=True),
    )

    seq: int | None = Field(default=None, primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    at: datetime = moment()
    actor: str = Field(max_length=32)
    action: str = Field(max_length=64)
    subject: str = Field(max_length=255)
    detail: dict[str, Any] = document()
    number: int | None = None
    mac: bytes | None = None


class AuditHeadRow(Base, table=True):
    """Where a team's chain of audit events ends, so that a cut-off end shows; locked by whoever appends."""

    __tablename__ = "audit_heads"

    team_id: UUID = Field(foreign_key="teams.id", primary_key=True)
    number: int
    mac: bytes
    checked: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Up to which number the chain was walked along and found whole."""
    checked_mac: bytes | None = None
    """Says, with the team's key, that it was this number and the row that lay there."""
