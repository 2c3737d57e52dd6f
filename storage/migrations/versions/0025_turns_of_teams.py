"""Indexes by which teams take turns, however much is due, and by which is counted what is under way

Revision ID: 0025
Revises: 0024
"""

from storage.migrations import gently

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    open_still = "next_at IS NOT NULL"
    for table in (
        "audit_exports",
        "confirmations",
        "imports",
        "inbox",
        "outbox",
        "releases",
        "steps",
        "thanks",
    ):
        gently.create_index(f"ix_{table}_turns", table, ["team_id", "next_at"], open_still)
    gently.create_index("ix_publishers_turns", "publishers", ["index_name", "team_id", "next_at"], open_still)
    for table in ("health", "watches"):
        gently.create_index(f"ix_{table}_turns", table, ["team_id", "next_at"])
    for table in ("publishers", "releases"):
        gently.create_index(f"ix_{table}_taken", table, ["lease_until"], "lease_until IS NOT NULL")
