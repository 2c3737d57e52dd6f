"""Grants of an index's OAuth 1.0a facility that somebody has begun to ask for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from storage.tables.base import Base, moment


class GrantRow(Base, table=True):
    """A grant that is asked for; gone with its use. Of what the browser must bring back only hashes are kept."""

    __tablename__ = "index_grants"
    __table_args__ = (UniqueConstraint("team_id", "user", "index_name"), UniqueConstraint("state_hash"))

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    user: str = Field(max_length=32)
    index_name: str = Field(max_length=64)
    state_hash: str = Field(max_length=64)
    browser_hash: str = Field(max_length=64)
    channel: str = Field(max_length=32)
    who: str = Field(max_length=200)
    """How the person is called in Slack: shown in the browser before anything is asked."""
    sealed: bytes | None = None
    """Slack's address for the answer, and the request token once there is one."""
    asked: bool = False
    """Whether the index has given a request token."""
    expires_at: datetime = moment()
