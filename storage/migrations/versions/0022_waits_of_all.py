"""What one process knew of messages and tabs that wait, kept for all of them

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa

from storage.migrations import gently

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    gently.add_column(
        "outbox", sa.Column("asker_told", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    gently.add_column("homes", sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
