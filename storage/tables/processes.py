"""Which processes of the bot live: each says so every few seconds."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from storage.tables.base import Base, moment


class ProcessRow(Base, table=True):
    """A process of the bot; one that has not been seen for a while is dead, and what it had taken is free."""

    __tablename__ = "processes"

    id: UUID = Field(primary_key=True)
    """As it signs what it takes."""
    kind: str = Field(max_length=16)
    host: str = Field(max_length=255)
    version: str = Field(max_length=64)
    started_at: datetime = moment()
    seen_at: datetime = moment()
