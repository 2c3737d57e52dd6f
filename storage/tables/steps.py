"""Steps of workflows that people built in Slack, from when Slack runs them until it knows how they ended."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from storage.records import StepState
from storage.tables.base import Base, document, moment, partial, word


class StepRow(Base, table=True):
    """One run of a step. It waits for a release or a publisher, or has its end, which Slack is told once."""

    __tablename__ = "steps"
    __table_args__ = (
        # What it waits for is of the same team: a row can't point across teams.
        ForeignKeyConstraint(["release_id", "team_id"], ["releases.id", "releases.team_id"]),
        ForeignKeyConstraint(["publisher_id", "team_id"], ["publishers.id", "publishers.team_id"]),
        UniqueConstraint("team_id", "execution_id"),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("(state IN ('waiting', 'ending')) = (next_at IS NOT NULL)", name="open_has_next"),
        CheckConstraint(
            "state <> 'waiting' OR (release_id IS NULL) <> (publisher_id IS NULL)", name="waits_for_one"
        ),
        CheckConstraint("state = 'waiting' OR ending <> ''", name="ends_somehow"),
        partial("ix_steps_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_steps_turns", "next_at IS NOT NULL", "team_id", "next_at"),
        partial("ix_steps_release", "state = 'waiting'", "release_id"),
        partial("ix_steps_publisher", "state = 'waiting'", "publisher_id"),
        Index("ix_steps_created_at", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    execution_id: str = Field(max_length=64)
    user: str = Field(max_length=32)
    state: StepState = word(StepState)
    release_id: UUID | None = None
    publisher_id: UUID | None = None
    ending: str = Field(default="", max_length=64)
    """What Slack is told: a kind of `bot.core.steps`; "" while it waits."""
    facts: dict[str, Any] = document()
    attempts: int = 0
    created_at: datetime = moment()
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)
