"""The first steps after an install, looked at until they are done

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa

from storage.migrations import gently

revision = "0018"
down_revision = "0017"

DUE = "welcome_at IS NOT NULL"


def upgrade() -> None:
    gently.add_column("installations", sa.Column("welcome_at", sa.DateTime(timezone=True), nullable=True))
    gently.create_check(
        "ck_installations_uninstalled_is_not_welcomed",
        "installations",
        "uninstalled_at IS NULL OR welcome_at IS NULL",
    )
    gently.create_index("ix_installations_welcome", "installations", ["welcome_at"], DUE)
