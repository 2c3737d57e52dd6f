"""Since when Slack has called a token dead, so that a team is let go only after half a day of that

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa

from storage.migrations import gently

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    for name in ("doubted_since", "doubted_at"):
        gently.add_column("installations", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
