"""Who looks at the Home tab, and indexes for what it shows

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

UNDER_WAY = "state IN ('requested', 'awaiting_approval', 'approved', 'voided', 'tagging', 'building', 'publishing', 'verifying')"
PUBLISHED = "state = 'published'"


def upgrade() -> None:
    op.create_table(
        "homes",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_homes_lease_pair")),
        sa.CheckConstraint("page >= 1", name=op.f("ck_homes_page_counts")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_homes_team_id")),
        sa.PrimaryKeyConstraint("team_id", "user", name=op.f("pk_homes")),
    )
    due = sa.text("next_at IS NOT NULL")
    with op.batch_alter_table("homes", schema=None) as batch_op:
        batch_op.create_index("ix_homes_due", ["next_at"], sqlite_where=due, postgresql_where=due)
        batch_op.create_index("ix_homes_team", ["team_id", "looked_at"])
        batch_op.create_index("ix_homes_looked_at", ["looked_at"])
    for name, columns, where in (
        ("ix_releases_under_way", ["team_id", "requested_at"], UNDER_WAY),
        ("ix_releases_published", ["project_id", "state_at"], PUBLISHED),
    ):
        op.create_index(
            name, "releases", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
    op.create_index("ix_projects_listed", "projects", ["team_id", "name", "index_name"])
