"""Rows whose steps break again and again, and those that were set aside

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

ASIDE = "aside_at IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "troubles",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("aside_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries > 0", name=op.f("ck_troubles_tried")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_troubles_team_id_teams")),
        sa.PrimaryKeyConstraint("kind", "row_id", name=op.f("pk_troubles")),
    )
    op.create_index(
        "ix_troubles_aside",
        "troubles",
        ["aside_at"],
        sqlite_where=sa.text(ASIDE),
        postgresql_where=sa.text(ASIDE),
    )
