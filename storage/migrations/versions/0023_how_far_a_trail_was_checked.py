"""How far each team's audit trail was checked, so that a look at it checks what is new

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa

from storage.migrations import gently

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    gently.add_column("audit_heads", sa.Column("checked", sa.Integer(), server_default="0", nullable=False))
    gently.add_column("audit_heads", sa.Column("checked_mac", sa.LargeBinary(), nullable=True))
