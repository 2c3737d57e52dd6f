"""Files of the audit trail that somebody asked for in Slack."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column
from sqlmodel import Field

from storage.tables.base import Base, document, moment, partial


class AuditExportRow(Base, table=True):
    """A file that is made, uploaded, and given to who asked; the file itself is never kept."""

    __tablename__ = "audit_exports"
    __table_args__ = (
        CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease_pair"),
        CheckConstraint("(next_at IS NULL) = (ended_at IS NOT NULL)", name="ended_rests"),
        partial("ix_audit_exports_due", "next_at IS NOT NULL", "next_at"),
        partial("ix_audit_exports_turns", "next_at IS NOT NULL", "team_id", "next_at"),
    )

    id: UUID = Field(primary_key=True)
    team_id: UUID = Field(foreign_key="teams.id")
    user: str = Field(max_length=32)
    project: str = Field(max_length=200)
    written_as: str = Field(max_length=8)
    until_seq: int = Field(sa_column=Column(BigInteger(), nullable=False))
    """The newest event in it, so that it is the same however often it is made."""
    asked_at: datetime = moment()
    file_id: str = Field(default="", max_length=64)
    """Slack's name for the file, once it is uploaded; nobody sees it before it is given."""
    found: dict[str, Any] = document()
    """What the check of the chain found, as the words need it."""
    attempts: int = 0
    error: str = Field(default="", max_length=200)
    ended_at: datetime | None = moment(null=True)
    lease_owner: UUID | None = None
    lease_until: datetime | None = moment(null=True)
    next_at: datetime | None = moment(null=True)
