"""That this database was put back from a backup: what was done and said since then, it does not know."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from storage.tables.base import Base, moment


class RestorationRow(Base, table=True):
    """One restoration; a copy that is made as a backup carries the row of the one that it may be used for."""

    __tablename__ = "restorations"
    __table_args__ = (
        CheckConstraint("restored_at IS NULL OR restored_at >= taken_at", name="restored_after_taken"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    taken_at: datetime = moment()
    """The newest that the database knows of."""
    restored_at: datetime | None = moment(null=True)
    """When a bot first ran on it again; NULL while it lies in a drawer."""
