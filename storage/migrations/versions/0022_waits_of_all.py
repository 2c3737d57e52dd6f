"""What one process knew of messages and tabs that wait, kept for all of them

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asker_told", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("homes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
