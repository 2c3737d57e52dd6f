"""Steps of workflows that people built in Slack

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from storage.columns import JSON_COLUMN

revision = "0021"
down_revision = "0020"

WAITING = "state = 'waiting'"


def upgrade() -> None:
    op.create_table(
        "steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=True),
        sa.Column("publisher_id", sa.Uuid(), nullable=True),
        sa.Column("ending", sa.String(length=64), nullable=False),
        sa.Column("facts", JSON_COLUMN, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_steps_lease_pair")),
        sa.CheckConstraint(
            "(state IN ('waiting', 'ending')) = (next_at IS NOT NULL)", name=op.f("ck_steps_open_has_next")
        ),
        sa.CheckConstraint(
            "state <> 'waiting' OR (release_id IS NULL) <> (publisher_id IS NULL)",
            name=op.f("ck_steps_waits_for_one"),
        ),
        sa.CheckConstraint("state = 'waiting' OR ending <> ''", name=op.f("ck_steps_ends_somehow")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_steps_team_id")),
        sa.ForeignKeyConstraint(
            ["release_id", "team_id"],
            ["releases.id", "releases.team_id"],
            name=op.f("fk_steps_release_id_team_id"),
        ),
        sa.ForeignKeyConstraint(
            ["publisher_id", "team_id"],
            ["publishers.id", "publishers.team_id"],
            name=op.f("fk_steps_publisher_id_team_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
        sa.UniqueConstraint("team_id", "execution_id", name=op.f("uq_steps_team_id_execution_id")),
    )
    for name, columns, where in (
        ("ix_steps_due", ["next_at"], "next_at IS NOT NULL"),
        ("ix_steps_release", ["release_id"], WAITING),
        ("ix_steps_publisher", ["publisher_id"], WAITING),
    ):
        op.create_index(name, "steps", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_index("ix_steps_created_at", "steps", ["created_at"])
