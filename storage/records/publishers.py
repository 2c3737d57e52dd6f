"""Publishers: what is registered, waited for, confirmed, looked after, and set up many at a time.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.records.words import (
    ConfirmationReason,
    ConfirmationState,
    EvidenceKind,
    ImportItemState,
    ImportState,
    PublisherState,
    Reason,
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a trusted publisher is, in the index's own fields; `project` is PEP 503-normalized."""

    index: str
    project: str
    owner: str
    repository: str
    workflow: str
    environment: str
    """May be empty: such a publisher accepts any environment."""

    @property
    def slug(self) -> str:
        """The repository as the forge writes it: `owner/repository`."""
        return f"{self.owner}/{self.repository}"

    @property
    def subject(self) -> str:
        """What the audit trail calls the publisher."""
        return f"{self.project} on {self.index}"


@dataclass(frozen=True, slots=True)
class Publisher:
    """A trusted-publisher registration and where it stands. Times are aware, UTC."""

    id: UUID
    team_id: UUID
    project_id: UUID
    registration: Registration
    channel: str
    """Slack channel id that is told."""
    requested_by: str
    """Slack user id."""
    state: PublisherState
    reason: Reason
    detail: str
    existed_before: bool | None
    """Whether the project was on the index when this was asked for; None: not looked yet."""
    attempts: int
    """Times that registering was begun."""
    unanswered: bool
    """Whether an attempt was begun whose answer is unknown: it may have arrived, so look before asking again."""
    polls: int
    etag: str
    requested_at: datetime
    state_at: datetime
    pending_at: datetime | None
    expires_at: datetime | None
    reminded_at: datetime | None
    next_at: datetime | None
    """When the engine looks again; None: nothing more to do."""
    looked_at: datetime | None = None
    """When its last look while pending began."""
    handed_at: datetime | None = None
    """When its form was given to a person; None: it was not."""
    queued_at: datetime | None = None
    """Since when it waits for one of the person's places on the index; None: it does not."""
    organization: bool = False
    """Whether it goes to an organization's page, which has no such places."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A run of a workflow's `confirm` job that somebody asked for, for a publisher that is pending."""

    id: UUID
    team_id: UUID
    publisher_id: UUID
    asked_by: str
    state: ConfirmationState
    reason: ConfirmationReason
    run_id: int | None
    begun_at: datetime | None
    """When the forge was, or was to be, asked to start it."""
    progress: dict[str, Any]
    """What has been seen of it (`bot.core.confirming.Progress`), packed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A fact fetched from outside, kept with where and when it was read."""

    kind: EvidenceKind
    url: str
    digest: str
    """sha256 of the answer's body, hex."""
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """How a publisher that is pending or active fares, as the looks at it found."""

    publisher_id: UUID
    team_id: UUID
    seen: dict[str, Any]
    """What the newest look found and what was told (`bot.core.health.State`), packed."""
    looked_at: datetime | None
    """None: not looked at yet."""
    due_at: datetime
    """When the look was due that it is claimed for, else when the next one is."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What was last seen of an index's feeds."""

    index: str
    pages: dict[str, Any]
    """Feed -> what was last seen of it."""
    waiting: int
    """Pending publishers there were at the last look."""
    faults: int
    """Looks in a row that were not answered."""
    looked_at: datetime | None
    """When all of them were last read; None: they can't be relied on."""
    missed_at: datetime | None
    """What was not looked at since then by itself may have been missed."""
    ask_at: datetime
    """When they are asked again."""


@dataclass(frozen=True, slots=True)
class Import:
    """The packages of an owner's repositories, listed, and set up as somebody chose."""

    id: UUID
    team_id: UUID
    owner: str
    """"" for all that the forge's credential sees."""
    index: str
    channel: str
    asked_by: str
    dry_run: bool
    state: ImportState
    progress: dict[str, Any]
    """What was found so far (`bot.core.importing.Survey`), packed."""
    chosen_by: str | None
    nudges: int
    """Counts up when a publisher of it has moved, so that a move during a step is not lost."""


@dataclass(frozen=True, slots=True)
class ImportItem:
    """One package of an import."""

    number: int
    """Its place in the list, from 1."""
    facts: dict[str, Any]
    """What was found (`bot.core.importing.Candidate`), packed."""
    state: ImportItemState
    publisher: Publisher | None
    """What was asked for; None: not asked, or a publisher was open already."""
    told: bool
    """Whether the form was given that a person fills in."""
