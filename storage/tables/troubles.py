"""What fails again and again: rows whose steps break, and those that were set aside for it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from storage.tables.base import Base, moment, partial


class TroubleRow(Base, table=True):
    """A row whose last steps broke. No foreign key: the row may go, and its trouble is the operator's."""

    __tablename__ = "troubles"
    __table_args__ = (
        CheckConstraint("tries > 0", name="tried"),
        partial("ix_troubles_aside", "aside_at IS NOT NULL", "aside_at"),
        partial("ix_troubles_died", "deaths > 0", "died_at"),
    )

    kind: str = Field(primary_key=True, max_length=32)
    row_id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    tries: int
    error: str = Field(max_length=200)
    """What broke and where, without a word of what it was about."""
    first_at: datetime = moment()
    last_at: datetime = moment()
    deaths: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Processes that died in a row while they worked on it."""
    died_at: datetime | None = moment(null=True)
    """When the last of them did."""
    aside_at: datetime | None = moment(null=True)
    """When it was set aside; NULL: it is still tried."""
