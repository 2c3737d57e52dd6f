"""What came in, what goes out, what was written down.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.records.basis import Secret
from storage.records.words import OutboxState, StepState


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One intent from Slack, as written before the ack."""

    id: UUID
    team_id: UUID
    kind: str
    """What is wanted: a command's or an action's name (`bot/core/intents.py`)."""
    actor: str
    channel: str
    payload: dict[str, Any]
    sealed: dict[str, Secret] = field(repr=False)
    """What must not lie in plain text: typed secrets, and Slack's `response_url`."""
    received_at: datetime
    attempts: int
    origin: str = ""
    """By what it was asked: a command, a button, a dialog, the Home tab."""
    unopened: str = ""
    """Why its secrets do not open; "" where they do: one row that does not must hold no other one up."""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One message for Slack: facts, rendered to words when sent."""

    id: UUID
    team_id: UUID
    slack_team_id: str
    dedupe_key: str
    channel: str
    user: str
    """Set where the message is for one person only (ephemeral)."""
    response_url: Secret | None = field(repr=False)
    kind: str
    facts: dict[str, Any]
    state: OutboxState
    attempts: int
    created_at: datetime
    claimed_at: datetime | None
    ts: str = ""
    """Slack's id of the message where it was said before: then it is edited in place."""
    thread_ts: str = ""
    """Slack's id of the message that it answers, in whose thread it goes."""
    broadcast: bool = False
    """Whether the answer is shown in the channel too."""
    asker_told: bool = False
    """Whether who asked knows that it waits for the bot to be invited."""
    turn_at: datetime | None = None
    """The moment that was kept free for it, in its channel or among its workspace's edits."""
    revision: int = 0
    """Counts up with each change of the facts, so that a change while it is sent is not lost."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what, when; append-only."""

    team_id: UUID
    at: datetime
    actor: str
    """Slack user id, or `shipbell`."""
    action: str
    subject: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuditExport:
    """A file of the audit trail that somebody asked for."""

    id: UUID
    team_id: UUID
    user: str
    project: str
    """"" for all of it."""
    written_as: str
    """`csv` or `json`."""
    until_seq: int
    """The newest event in it."""
    asked_at: datetime
    slack_team_id: str = ""
    file_id: str = ""
    """Slack's name for it, once it is uploaded."""
    found: dict[str, Any] = field(default_factory=dict)
    """What is told of it, packed."""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A run of a step of a workflow that somebody built in Slack."""

    id: UUID
    team_id: UUID
    slack_team_id: str
    execution_id: str
    user: str
    """Who ran the workflow."""
    state: StepState
    release_id: UUID | None
    publisher_id: UUID | None
    ending: str
    facts: dict[str, Any]
    attempts: int
    created_at: datetime
