"""Turns in the inbox: what one person wants is done in the order it came; and by what it was asked

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

WAITS = "next_at IS NOT NULL AND turn <> ''"


def upgrade() -> None:
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("origin", sa.String(length=64), server_default="", nullable=False))
        batch_op.add_column(sa.Column("turn", sa.String(length=32), server_default="", nullable=False))
        batch_op.add_column(sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_inbox_turn",
            ["team_id", "turn", "turn_at", "id"],
            unique=False,
            sqlite_where=sa.text(WAITS),
            postgresql_where=sa.text(WAITS),
        )
    # Whatever an older version has written and not done yet.
    op.execute("UPDATE inbox SET turn = actor, turn_at = received_at WHERE state = 'waiting'")
