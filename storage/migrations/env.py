"""Alembic's environment: it runs on the connection that `storage.migrations.upgrade` opened."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator

from storage.tables import Base


def render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Write our column types as the plain ones below them: a script must not change when the code does."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    if item.impl_instance.__class__.__module__.startswith("sqlalchemy.dialects"):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
    return f"sa.{item.impl_instance!r}"


def ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Say whether a table is ours, and not the queue's own."""
    return kind != "table" or not (name or "").startswith("procrastinate_")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render,
    include_name=ours,
    transactional_ddl=True,
    # SQLite's are one transaction around all (`_whole_or_not_at_all`); PostgreSQL's hold no lock longer than they must.
    transaction_per_migration=context.config.attributes["connection"].dialect.name == "postgresql",
)
context.run_migrations()
