"""What was last seen of each index's feeds. They are the index's and public: no team's."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from storage.tables.base import Base, document, moment


class FeedRow(Base, table=True):
    """The feeds of one index, read once for all that wait for something there."""

    __tablename__ = "feeds"
    __table_args__ = (
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("waiting >= 0 AND faults >= 0", name="counted"),
    )

    index_name: str = Field(primary_key=True, max_length=64)
    pages: dict[str, Any] = document()
    """For each feed what it was last known by, and its entries."""
    waiting: int = 0
    """Pending publishers there were at the last look."""
    faults: int = 0
    """Looks in a row that were not answered."""
    looked_at: datetime | None = moment(null=True)
    """When all feeds were last read; NULL: they can't be relied on."""
    missed_at: datetime | None = moment(null=True)
    """What was not looked at since then by itself may have been missed; NULL: nothing was."""
    ask_at: datetime = moment()
    """When the feeds are asked again; a look before then makes up for what was missed."""
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime = moment()
