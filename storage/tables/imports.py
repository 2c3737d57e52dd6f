"""Imports of many packages at once, and what was found and chosen of each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field

from storage.records import ImportItemState, ImportState
from storage.tables.base import Base, document, moment, partial, word


class ImportRow(Base, table=True):
    """An owner's repositories, looked through, listed, and set up as somebody chose."""

    __tablename__ = "imports"
    __table_args__ = (
        UniqueConstraint("id", "team_id"),
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("(chosen_by IS NULL) = (chosen_at IS NULL)", name="chosen_pair"),
        CheckConstraint(
            "state NOT IN ('setting_up', 'done') OR (chosen_by IS NOT NULL AND NOT dry_run)",
            name="chosen_by_somebody",
        ),
        partial("ix_imports_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_imports_turns", "next_at IS NOT NULL", "team_id", "next_at"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    owner: str = Field(max_length=100)
    index_name: str = Field(max_length=64)
    channel: str = Field(max_length=32)
    asked_by: str = Field(max_length=32)
    asked_at: datetime = moment()
    dry_run: bool
    state: ImportState = word(ImportState)
    progress: dict[str, Any] = document()
    chosen_by: str | None = Field(default=None, max_length=32)
    chosen_at: datetime | None = moment(null=True)
    nudges: int = 0
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)


class ImportItemRow(Base, table=True):
    """One package of an import."""

    __tablename__ = "import_items"
    __table_args__ = (
        # Import and publisher are of the same team: a row can't point across teams.
        ForeignKeyConstraint(["import_id", "team_id"], ["imports.id", "imports.team_id"]),
        ForeignKeyConstraint(["publisher_id", "team_id"], ["publishers.id", "publishers.team_id"]),
        CheckConstraint("publisher_id IS NULL OR state = 'asked'", name="asked_first"),
        # A publisher was asked for by one import at most.
        partial("uq_import_items_publisher", "publisher_id IS NOT NULL", "publisher_id", unique=True),
    )

    import_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    facts: dict[str, Any] = document()
    state: ImportItemState = word(ImportItemState)
    publisher_id: UUID | None = None
    told: bool = False
