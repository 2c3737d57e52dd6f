"""How publishers that are pending or active fare, as the daily looks found it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field

from storage.tables.base import Base, document, moment


class HealthRow(Base, table=True):
    """A publisher that is looked at once a day; it goes when the publisher is neither pending nor active any more."""

    __tablename__ = "health"
    __table_args__ = (
        # The publisher is one of the same team: a row can't point across teams.
        ForeignKeyConstraint(["publisher_id", "team_id"], ["publishers.id", "publishers.team_id"]),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("troubles >= 0", name="counted"),
        Index("ix_health_due", "next_at"),
        Index("ix_health_turns", "team_id", "next_at"),
        Index("ix_health_team", "team_id"),
    )

    publisher_id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    seen: dict[str, Any] = document()
    troubles: int = 0
    """How many troubles `seen` holds."""
    looked_at: datetime | None = moment(null=True)
    """None: not looked at yet."""
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime = moment()
