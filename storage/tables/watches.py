"""What the bot keeps an eye on beside its own releases: versions that appear on an index unasked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index
from sqlmodel import Field

from storage.columns import JSON_COLUMN
from storage.tables.base import Base, moment


class WatchRow(Base, table=True):
    """A project of which every version that appears on its index is looked at."""

    __tablename__ = "watches"
    __table_args__ = (
        # The project is one of the same team: a row can't point across teams.
        ForeignKeyConstraint(["project_id", "team_id"], ["projects.id", "projects.team_id"]),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        Index("ix_watches_due", "next_at"),
        Index("ix_watches_turns", "team_id", "next_at"),
        Index("ix_watches_team", "team_id"),
    )

    project_id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    etag: str = Field(default="", max_length=255)
    versions: list[str] = Field(sa_column=Column(JSON_COLUMN, nullable=False))
    """Every version that was ever seen there: one that is taken away and comes back is not news."""
    primed: bool = False
    """Whether it has been looked at once: what was there before is not news."""
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime = moment()
