"""Which releases are still to be told of where their work came from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field

from storage.tables.base import Base, document, moment, partial


class ThanksRow(Base, table=True):
    """A release that those are told of whose pull requests shipped in it; it rests once they are."""

    __tablename__ = "thanks"
    __table_args__ = (
        # The release is one of the same team: a row can't point across teams.
        ForeignKeyConstraint(["release_id", "team_id"], ["releases.id", "releases.team_id"]),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        partial("ix_thanks_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_thanks_turns", "next_at IS NOT NULL", "team_id", "next_at"),
    )

    release_id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    progress: dict[str, Any] = document()
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)
