"""Runs of a workflow's confirm job

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

OPEN = "state IN ('asked', 'begun', 'followed')"


def upgrade() -> None:
    op.create_table(
        "confirmations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("publisher_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=201), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "progress",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_confirmations_lease_pair")
        ),
        sa.CheckConstraint(
            "(state IN ('confirmed', 'failed')) = (next_at IS NULL)",
            name=op.f("ck_confirmations_ended_rests"),
        ),
        sa.CheckConstraint(
            "state <> 'begun' OR begun_at IS NOT NULL", name=op.f("ck_confirmations_begun_when")
        ),
        sa.CheckConstraint(
            "state <> 'followed' OR run_id IS NOT NULL", name=op.f("ck_confirmations_follows_a_run")
        ),
        sa.ForeignKeyConstraint(
            ["publisher_id", "team_id"],
            ["publishers.id", "publishers.team_id"],
            name=op.f("fk_confirmations_publisher_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_confirmations_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmations")),
    )
    with op.batch_alter_table("confirmations", schema=None) as batch_op:
        for name, column, where, unique in (
            ("uq_confirmations_open", "publisher_id", OPEN, True),
            ("ix_confirmations_due", "next_at", "next_at IS NOT NULL", False),
            ("ix_confirmations_slug", "slug", OPEN, False),
        ):
            batch_op.create_index(
                name, [column], unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
            )
