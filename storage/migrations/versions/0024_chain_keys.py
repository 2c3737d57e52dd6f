"""Keys of audit chains that outlive their teams' data keys

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "chain_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master_key_id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_chain_keys_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_keys")),
        sa.UniqueConstraint("team_id", name=op.f("uq_chain_keys_team_id")),
    )
    op.create_index(op.f("ix_chain_keys_master_key_id"), "chain_keys", ["master_key_id"])
