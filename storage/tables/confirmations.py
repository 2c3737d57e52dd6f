"""Runs of a workflow's `confirm` job that people asked for."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint
from sqlmodel import Field

from storage.records import ConfirmationReason, ConfirmationState
from storage.tables.base import Base, document, moment, partial, word

OPEN_CONFIRMATION = "state IN ('asked', 'begun', 'followed')"


class ConfirmationRow(Base, table=True):
    """One run that was asked for; a publisher has one at a time that is not over."""

    __tablename__ = "confirmations"
    __table_args__ = (
        # The publisher is one of the same team: a row can't point across teams.
        ForeignKeyConstraint(["publisher_id", "team_id"], ["publishers.id", "publishers.team_id"]),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("(state IN ('confirmed', 'failed')) = (next_at IS NULL)", name="ended_rests"),
        CheckConstraint("state <> 'begun' OR begun_at IS NOT NULL", name="begun_when"),
        CheckConstraint("state <> 'followed' OR run_id IS NOT NULL", name="follows_a_run"),
        partial("uq_confirmations_open", OPEN_CONFIRMATION, "publisher_id", unique=True),
        partial("ix_confirmations_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_confirmations_turns", "next_at IS NOT NULL", "team_id", "next_at"),
        # Of all teams: a webhook names a repository.
        partial("ix_confirmations_slug", OPEN_CONFIRMATION, "slug"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    publisher_id: UUID
    slug: str = Field(max_length=201)
    """The repository, in lower case."""
    asked_by: str = Field(max_length=32)
    asked_at: datetime = moment()
    state: ConfirmationState = word(ConfirmationState)
    reason: ConfirmationReason = word(ConfirmationReason)
    run_id: int | None = Field(default=None, sa_column=Column(BigInteger(), nullable=True))
    begun_at: datetime | None = moment(null=True)
    progress: dict[str, Any] = document()
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)
