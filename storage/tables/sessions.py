"""Who has signed in on the status page, and the sign-ins that have begun. Of secrets only hashes are kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from storage.tables.base import Base, moment


class StatusSessionRow(Base, table=True):
    """A browser in which somebody has signed in."""

    __tablename__ = "status_sessions"
    __table_args__ = (
        Index("ix_status_sessions_person", "team_id", "user"),
        Index("ix_status_sessions_end", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    user: str = Field(max_length=32)
    secret_hash: str = Field(max_length=64, unique=True)
    began_at: datetime = moment()
    seen_at: datetime = moment()
    expires_at: datetime = moment()


class StatusSignInRow(Base, table=True):
    """A sign-in that has begun; gone with its use. Nobody knows yet who it is, so it is no team's."""

    __tablename__ = "status_sign_ins"
    __table_args__ = (Index("ix_status_sign_ins_end", "expires_at"),)

    id: UUID = Field(primary_key=True)
    state_hash: str = Field(max_length=64, unique=True)
    browser_hash: str = Field(max_length=64)
    goes_to: str = Field(max_length=300)
    """The page that was wanted."""
    expires_at: datetime = moment()
