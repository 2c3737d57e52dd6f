"""When what others limit may next be asked for, by all processes together."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from storage.tables.base import Base, moment


class PaceRow(Base, table=True):
    """The next free moment of one limit: a channel's messages, a credential's orders to the forge. No team's."""

    __tablename__ = "paces"
    __table_args__ = (Index("ix_paces_free_at", "free_at"),)

    name: str = Field(primary_key=True, max_length=200)
    free_at: datetime = moment()
