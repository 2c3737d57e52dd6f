"""Indexes for what grows for ever: what was given up, and the answers to one person that are forgotten after a while

Revision ID: 0015
Revises: 0014
"""

from storage.migrations import gently

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    gently.create_index("ix_inbox_dead", "inbox", ["received_at"], "state = 'dead'")
    gently.create_index("ix_outbox_dead", "outbox", ["seq"], "state = 'dead'")
    gently.create_index("ix_outbox_answers", "outbox", ["sent_at"], "\"user\" <> ''")
    gently.drop_index("ix_outbox_sent_at", "outbox")
