"""Who somebody of a team is on the forge, and the sign-ins that have begun."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, UniqueConstraint
from sqlmodel import Field

from storage.tables.base import Base, moment


class GithubLinkRow(Base, table=True):
    """The forge's account of a person; within a team each account is one person's."""

    __tablename__ = "github_links"
    __table_args__ = (UniqueConstraint("team_id", "github_id"),)

    team_id: UUID = Field(foreign_key="teams.id", primary_key=True)
    user: str = Field(max_length=32, primary_key=True)
    github_id: int = Field(sa_column=Column(BigInteger(), nullable=False))
    login: str = Field(max_length=100)
    linked_at: datetime = moment()


class OauthStateRow(Base, table=True):
    """A sign-in that has begun; gone with its use. Of what the browser must bring back only hashes are kept."""

    __tablename__ = "oauth_states"
    __table_args__ = (UniqueConstraint("team_id", "user"), UniqueConstraint("state_hash"))

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    user: str = Field(max_length=32)
    state_hash: str = Field(max_length=64)
    browser_hash: str = Field(max_length=64)
    channel: str = Field(max_length=32)
    who: str = Field(max_length=200)
    """How the person is called in Slack: shown in the browser before anything is linked."""
    sealed: bytes | None = None
    expires_at: datetime = moment()
