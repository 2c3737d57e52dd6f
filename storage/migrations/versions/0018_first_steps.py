"""The first steps after an install, looked at until they are done

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

DUE = "welcome_at IS NOT NULL"


def upgrade() -> None:
    with op.batch_alter_table("installations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("welcome_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_check_constraint(
            op.f("ck_installations_uninstalled_is_not_welcomed"),
            "uninstalled_at IS NULL OR welcome_at IS NULL",
        )
        batch_op.create_index(
            "ix_installations_welcome",
            ["welcome_at"],
            unique=False,
            sqlite_where=sa.text(DUE),
            postgresql_where=sa.text(DUE),
        )
