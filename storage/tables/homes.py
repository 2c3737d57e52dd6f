"""Who has looked at the Home tab, and what is shown to them there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from storage.tables.base import Base, moment, partial


class HomeRow(Base, table=True):
    """One person's Home tab: what it shows, and when it is to be shown anew."""

    __tablename__ = "homes"
    __table_args__ = (
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("page >= 1", name="page_counts"),
        partial("ix_homes_due", "next_at IS NOT NULL", "next_at"),
        Index("ix_homes_team", "team_id", "looked_at"),
        Index("ix_homes_looked_at", "looked_at"),
    )

    team_id: UUID = Field(foreign_key="teams.id", primary_key=True)
    user: str = Field(max_length=32, primary_key=True)
    page: int = 1
    """Which page of the projects."""
    hash: str = Field(default="", max_length=255)
    """What Slack calls the tab as it stands; "" where nobody knows."""
    digest: str = Field(default="", max_length=64)
    """sha256 of what was shown last, hex; "" where it is to be shown whatever it is."""
    fresh: bool = True
    """Whether nothing has changed since it was last taken to be shown."""
    looked_at: datetime = moment()
    turn_at: datetime | None = moment(null=True)
    """The moment that was kept free for it, so that it waits for its turn once."""
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)
