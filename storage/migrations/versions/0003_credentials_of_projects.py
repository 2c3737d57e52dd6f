"""Credentials of projects, with their terms; secrets on their way in

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

LIVE = sa.text("revoked_at IS NULL")
TOLD = sa.text("remind_at IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.add_column(sa.Column("project", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("last_purpose", sa.String(length=100), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("account_wide", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_index("uq_credentials_live")
        batch_op.create_index(
            "uq_credentials_live",
            ["team_id", "kind", "index_name", "project"],
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        )
        batch_op.create_index(
            "ix_credentials_remind", ["remind_at"], unique=False, sqlite_where=TOLD, postgresql_where=TOLD
        )
        batch_op.create_check_constraint(
            op.f("ck_credentials_revoked_is_not_told"), "revoked_at IS NULL OR remind_at IS NULL"
        )
    # Those that are there are reminded of by their age; the first look finds out when.
    op.execute("UPDATE credentials SET remind_at = added_at WHERE revoked_at IS NULL")
    op.create_table(
        "credential_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("index_name", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "seen",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("state_hash", sa.String(length=64), nullable=True),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("entered", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_credential_entries_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_entries")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_credential_entries_state_hash")),
    )
