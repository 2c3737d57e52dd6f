"""Imports of many packages at once

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def _document(name: str) -> sa.Column[object]:
    kind = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("index_name", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        _document("progress"),
        sa.Column("chosen_by", sa.String(length=32), nullable=True),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("nudges", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_imports_lease_pair")
        ),
        sa.CheckConstraint("(chosen_by IS NULL) = (chosen_at IS NULL)", name=op.f("ck_imports_chosen_pair")),
        sa.CheckConstraint(
            "state NOT IN ('setting_up', 'done') OR (chosen_by IS NOT NULL AND NOT dry_run)",
            name=op.f("ck_imports_chosen_by_somebody"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_imports_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
        sa.UniqueConstraint("id", "team_id", name=op.f("uq_imports_id_team_id")),
    )
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.create_index(
            "ix_imports_due",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )

    op.create_table(
        "import_items",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        _document("facts"),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("publisher_id", sa.Uuid(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "publisher_id IS NULL OR state = 'asked'", name=op.f("ck_import_items_asked_first")
        ),
        sa.ForeignKeyConstraint(
            ["import_id", "team_id"],
            ["imports.id", "imports.team_id"],
            name=op.f("fk_import_items_import_id_team_id"),
        ),
        sa.ForeignKeyConstraint(
            ["publisher_id", "team_id"],
            ["publishers.id", "publishers.team_id"],
            name=op.f("fk_import_items_publisher_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_import_items_team_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_items")),
    )
    with op.batch_alter_table("import_items", schema=None) as batch_op:
        batch_op.create_index(
            "uq_import_items_publisher",
            ["publisher_id"],
            unique=True,
            sqlite_where=sa.text("publisher_id IS NOT NULL"),
            postgresql_where=sa.text("publisher_id IS NOT NULL"),
        )
