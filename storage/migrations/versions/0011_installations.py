"""Installations of the Slack app in many workspaces and orgs

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

DUE = "next_at IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "installations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("enterprise_id", sa.String(length=32), nullable=False),
        sa.Column("slack_team_id", sa.String(length=32), nullable=False),
        sa.Column("is_enterprise_install", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("app_id", sa.String(length=32), nullable=False),
        sa.Column("bot_user_id", sa.String(length=32), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("installed_by", sa.String(length=32), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uninstalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(uninstalled_at IS NULL) = (sealed IS NOT NULL)",
            name=op.f("ck_installations_uninstalled_is_destroyed"),
        ),
        sa.CheckConstraint(
            "uninstalled_at IS NULL OR next_at IS NULL", name=op.f("ck_installations_uninstalled_rests")
        ),
        sa.CheckConstraint(
            "next_at IS NULL OR expires_at IS NOT NULL", name=op.f("ck_installations_refreshed_if_it_ends")
        ),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_installations_lease_pair")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_installations_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
        sa.UniqueConstraint("team_id", name=op.f("uq_installations_team_id")),
        sa.UniqueConstraint(
            "enterprise_id",
            "slack_team_id",
            "is_enterprise_install",
            name=op.f("uq_installations_place"),
        ),
    )
    op.create_index(
        "ix_installations_due",
        "installations",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text(DUE),
        postgresql_where=sa.text(DUE),
    )
    op.create_index("ix_installations_workspace", "installations", ["slack_team_id"], unique=False)
    op.create_table(
        "install_states",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_install_states")),
    )
