"""Teams, their data keys, credentials and what is on its way to become one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from storage.records import CredentialKind
from storage.tables.base import Base, document, moment, partial, word


class TeamRow(Base, table=True):
    """One Slack workspace or org install."""

    __tablename__ = "teams"
    __table_args__ = (
        UniqueConstraint("enterprise_id", "slack_team_id"),
        Index("ix_teams_slack", "slack_team_id"),
    )

    id: UUID = Field(primary_key=True)
    slack_team_id: str = Field(max_length=32)
    enterprise_id: str = Field(max_length=32)
    created_at: datetime = moment()


class DataKeyRow(Base, table=True):
    """A team's data key, wrapped by a master key."""

    __tablename__ = "data_keys"

    id: str = Field(primary_key=True, max_length=16)
    team_id: UUID = Field(foreign_key="teams.id", unique=True)
    wrapped: bytes
    master_key_id: str = Field(max_length=16, index=True)
    created_at: datetime = moment()


class ChainKeyRow(Base, table=True):
    """The key of a team's audit chain, wrapped by a master key: kept when the data key, of which it was made, is destroyed.

    Of it the data key can't be found, so it opens no secret; it only tells whether the trail is whole.
    """

    __tablename__ = "chain_keys"

    id: str = Field(primary_key=True, max_length=16)
    team_id: UUID = Field(foreign_key="teams.id", unique=True)
    wrapped: bytes
    master_key_id: str = Field(max_length=16, index=True)
    created_at: datetime = moment()


class CredentialRow(Base, table=True):
    """A team's secret for an index, sealed; destroyed when revoked."""

    __tablename__ = "credentials"
    __table_args__ = (
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_pair"),
        CheckConstraint("(revoked_at IS NULL) = (sealed IS NOT NULL)", name="revoked_is_destroyed"),
        partial(
            "uq_credentials_live",
            "revoked_at IS NULL",
            "team_id",
            "kind",
            "index_name",
            "project",
            unique=True,
        ),
        partial("ix_credentials_remind", "remind_at IS NOT NULL", "remind_at"),
        CheckConstraint("revoked_at IS NULL OR remind_at IS NULL", name="revoked_is_not_told"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    kind: CredentialKind = word(CredentialKind)
    index_name: str = Field(max_length=64)
    hint: str = Field(max_length=100)
    sealed: bytes | None = None
    added_by: str = Field(max_length=32)
    added_at: datetime = moment()
    last_used_at: datetime | None = moment(null=True)
    uses: int = 0
    refused_at: datetime | None = moment(null=True)
    revoked_at: datetime | None = moment(null=True)
    revoked_by: str | None = Field(default=None, max_length=32)
    project: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    last_purpose: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
    expires_at: datetime | None = moment(null=True)
    account_wide: bool | None = None
    remind_at: datetime | None = moment(null=True)


class EntryRow(Base, table=True):
    """A secret on its way in, sealed; gone with its use or its term. Of what a browser must bring only hashes are kept."""

    __tablename__ = "credential_entries"

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    user: str = Field(max_length=32)
    channel: str = Field(max_length=32)
    who: str = Field(max_length=200)
    """How the person is called in Slack: shown in the browser before anything is entered."""
    index_name: str = Field(max_length=64)
    project: str = Field(max_length=200)
    kind: CredentialKind = word(CredentialKind)
    seen: list[str] = document()
    state_hash: str | None = Field(default=None, max_length=64, unique=True)
    """Of the link's state; none where it was entered in a dialog."""
    browser_hash: str = Field(max_length=64)
    sealed: bytes | None = None
    entered: bool = False
    expires_at: datetime = moment()
