"""How many processes died in a row while they worked on a row

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa

from storage.migrations import gently

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    gently.add_column("troubles", sa.Column("deaths", sa.Integer(), server_default="0", nullable=False))
    gently.add_column("troubles", sa.Column("died_at", sa.DateTime(timezone=True), nullable=True))
    gently.create_index("ix_troubles_died", "troubles", ["died_at"], "deaths > 0")
