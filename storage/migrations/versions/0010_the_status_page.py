"""The status page: who has signed in, and the indexes by which its questions are answered

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "status_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_status_sessions_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_sessions")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_status_sessions_secret_hash")),
    )
    op.create_index("ix_status_sessions_person", "status_sessions", ["team_id", "user"])
    op.create_index("ix_status_sessions_end", "status_sessions", ["expires_at"])
    op.create_table(
        "status_sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("goes_to", sa.String(length=300), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_sign_ins")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_status_sign_ins_state_hash")),
    )
    op.create_index("ix_status_sign_ins_end", "status_sign_ins", ["expires_at"])
    op.create_index("ix_releases_history", "releases", ["team_id", "project", "requested_at"])
    op.create_index("ix_teams_slack", "teams", ["slack_team_id"])
    op.create_index("ix_publishers_project", "publishers", ["project_id", "requested_at"])
