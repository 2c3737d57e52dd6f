"""Installations of the Slack app, and installs that have begun in somebody's browser."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field

from storage.tables.base import Base, moment, partial


class InstallationRow(Base, table=True):
    """The app in one Slack workspace, or in a whole org; its tokens are sealed, and destroyed when it is taken away."""

    __tablename__ = "installations"
    __table_args__ = (
        ForeignKeyConstraint(["team_id"], ["teams.id"]),
        UniqueConstraint("team_id"),
        # An org-wide install may name no workspace: then `slack_team_id` is "".
        UniqueConstraint(
            "enterprise_id", "slack_team_id", "is_enterprise_install", name="uq_installations_place"
        ),
        CheckConstraint("(uninstalled_at IS NULL) = (sealed IS NOT NULL)", name="uninstalled_is_destroyed"),
        CheckConstraint("uninstalled_at IS NULL OR next_at IS NULL", name="uninstalled_rests"),
        CheckConstraint("next_at IS NULL OR expires_at IS NOT NULL", name="refreshed_if_it_ends"),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        partial("ix_installations_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_installations_welcome", "welcome_at IS NOT NULL", "welcome_at"),
        CheckConstraint("uninstalled_at IS NULL OR welcome_at IS NULL", name="uninstalled_is_not_welcomed"),
        Index("ix_installations_workspace", "slack_team_id"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID
    enterprise_id: str = Field(max_length=32)
    slack_team_id: str = Field(max_length=32)
    is_enterprise_install: bool
    name: str = Field(max_length=200)
    """How Slack calls the workspace or org."""
    app_id: str = Field(max_length=32)
    bot_user_id: str = Field(max_length=32)
    scopes: str = Field(sa_column=Column(Text(), nullable=False))
    """Those that were granted, comma-separated."""
    sealed: bytes | None = None
    """`token`, and `refresh_token` where tokens rotate."""
    revision: int = 0
    """Grows with each change of the tokens: whoever writes new ones says which ones they come from."""
    expires_at: datetime | None = moment(null=True)
    """When the token ends; NULL: never."""
    next_at: datetime | None = moment(null=True)
    """When the token is due to be exchanged; NULL: it isn't."""
    faults: int = 0
    """Refusals in a row of the token's exchange."""
    installed_by: str = Field(max_length=32)
    installed_at: datetime = moment()
    welcome_at: datetime | None = moment(null=True)
    """When the team's first steps are looked at; NULL: never again."""
    uninstalled_at: datetime | None = moment(null=True)
    doubted_since: datetime | None = moment(null=True)
    """Since when Slack has called the token dead; NULL: it doesn't."""
    doubted_at: datetime | None = moment(null=True)
    """When it last did."""
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)


class InstallStateRow(Base, table=True):
    """An install that has begun; gone with its use. Nobody's yet: which team it is of is known when Slack answers."""

    __tablename__ = "install_states"

    state_hash: str = Field(primary_key=True, max_length=64)
    expires_at: datetime = moment()
