"""Many processes on one database: who has taken what, who lives, and the queue that nudges them

Revision ID: 0012
Revises: 0011
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from storage import migrations

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    for table in ("inbox", "outbox"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("lease_owner", sa.Uuid(), nullable=True))
    op.create_table(
        "processes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # The queue's own schema, as it was when this was written; a test says when the library's is another.
        script = Path(migrations.__file__).with_name("procrastinate.sql").read_text(encoding="utf-8")
        # By the driver itself: for SQLAlchemy a `%` in it would be a parameter's place.
        driver = op.get_bind().connection.driver_connection
        assert driver is not None
        driver.execute(script)
