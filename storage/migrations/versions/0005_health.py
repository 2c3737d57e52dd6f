"""How publishers fare

Revision ID: 0005
Revises: 0004
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
DAY = 86_400
"""Seconds over which the first looks at the publishers that are there already are spread."""


def upgrade() -> None:
    op.create_table(
        "health",
        sa.Column("publisher_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("seen", JSON, nullable=False),
        sa.Column("troubles", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_health_lease_pair")
        ),
        sa.CheckConstraint("troubles >= 0", name=op.f("ck_health_counted")),
        sa.ForeignKeyConstraint(
            ["publisher_id", "team_id"],
            ["publishers.id", "publishers.team_id"],
            name=op.f("fk_health_publisher_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_health_team_id")),
        sa.PrimaryKeyConstraint("publisher_id", name=op.f("pk_health")),
    )
    with op.batch_alter_table("health", schema=None) as batch_op:
        batch_op.create_index("ix_health_due", ["next_at"], unique=False)
        batch_op.create_index("ix_health_team", ["team_id"], unique=False)
    _fill()


def _fill() -> None:
    """Let those be looked at that are there already, each at its own time of the first day."""
    publishers = sa.table(
        "publishers",
        sa.column("id", sa.Uuid()),
        sa.column("team_id", sa.Uuid()),
        sa.column("state", sa.String()),
    )
    health = sa.table(
        "health", sa.column("publisher_id", sa.Uuid()), sa.column("team_id", sa.Uuid()), sa.column("seen", JSON),
        sa.column("troubles", sa.Integer()), sa.column("next_at", sa.DateTime(timezone=True)),
    )  # fmt: skip
    looked_at = publishers.c.state.in_(["pending", "confirmed"])
    now = datetime.now(UTC)  # noqa: TID251 - a migration has no other clock
    found = op.get_bind().execute(sa.select(publishers.c.id, publishers.c.team_id).where(looked_at)).all()
    rows = [
        {
            "publisher_id": one.id, "team_id": one.team_id, "seen": {}, "troubles": 0,
            "next_at": now + timedelta(seconds=one.id.int % DAY),
        }
        for one in found
    ]  # fmt: skip
    if rows:
        op.bulk_insert(health, rows)
