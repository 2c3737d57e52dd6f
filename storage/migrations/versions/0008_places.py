"""Places of a person on an index, and the queue for them

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

PLACED = "state IN ('requested', 'pending')"


def upgrade() -> None:
    with op.batch_alter_table("publishers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(
            sa.Column("organization", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.create_check_constraint(
            op.f("ck_publishers_queued_or_handed"), "queued_at IS NULL OR handed_at IS NULL"
        )
        batch_op.create_index(
            "ix_publishers_places",
            ["team_id", "index_name", "requested_by"],
            unique=False,
            sqlite_where=sa.text(PLACED),
            postgresql_where=sa.text(PLACED),
        )
    # Whatever waits for a person has had its form given.
    op.execute("UPDATE publishers SET handed_at = state_at WHERE state = 'requested' AND next_at IS NULL")
