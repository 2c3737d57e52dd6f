"""Changes of policy that wait for a second person

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

WAITS = "state = 'waiting'"


def _document(name: str) -> sa.Column[object]:
    kind = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "policy_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        _document("before"),
        _document("after"),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'waiting') = (decided_at IS NULL)", name=op.f("ck_policy_changes_ended_when")
        ),
        sa.CheckConstraint(
            "state <> 'made' OR (decided_by IS NOT NULL AND decided_by <> asked_by)",
            name=op.f("ck_policy_changes_made_by_two"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_policy_changes_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_changes")),
    )
    with op.batch_alter_table("policy_changes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_policy_changes_due", ["expires_at"], unique=False,
            sqlite_where=sa.text(WAITS), postgresql_where=sa.text(WAITS),
        )  # fmt: skip
        batch_op.create_index(
            "uq_policy_changes_waiting", ["team_id", "project"], unique=True,
            sqlite_where=sa.text(WAITS), postgresql_where=sa.text(WAITS),
        )  # fmt: skip
