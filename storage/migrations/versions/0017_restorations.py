"""That a database was put back from a backup

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "restorations",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "restored_at IS NULL OR restored_at >= taken_at",
            name=op.f("ck_restorations_restored_after_taken"),
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_restorations")),
    )
