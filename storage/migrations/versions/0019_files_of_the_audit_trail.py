"""Files of the audit trail that somebody asked for in Slack

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"

DUE = "next_at IS NOT NULL"


def upgrade() -> None:
    found = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "audit_exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("written_as", sa.String(length=8), nullable=False),
        sa.Column("until_seq", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("found", found, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_audit_exports_lease_pair")
        ),
        sa.CheckConstraint(
            "(next_at IS NULL) = (ended_at IS NOT NULL)", name=op.f("ck_audit_exports_ended_rests")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_audit_exports_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_exports")),
    )
    with op.batch_alter_table("audit_exports", schema=None) as batch_op:
        batch_op.create_index(
            "ix_audit_exports_due", ["next_at"], unique=False, sqlite_where=sa.text(DUE), postgresql_where=sa.text(DUE)
        )  # fmt: skip
