"""What the bot has to say of runs of a workflow's `confirm` job, as facts.

Knows: the closed set of these notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.core.approvals import Denied
from storage.records import ConfirmationReason, Registration


class Part(StrEnum):
    """In what an identity can differ from a registered publisher; only ever grows."""

    OWNER = "owner"
    REPOSITORY = "repository"
    WORKFLOW = "workflow"
    ENVIRONMENT = "environment"
    REUSABLE = "reusable"
    """The job was another repository's: a reusable workflow."""
    REF = "ref"


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of an identity that is not as it was registered."""

    part: Part
    registered: str
    claimed: str
    """"" where the run had none, or did not print it."""


class Heard(StrEnum):
    """What became of somebody's wish for a run; only ever grows."""

    STARTED = "started"
    ALREADY = "already"
    MOVED_ON = "moved_on"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class ConfirmAnswer:
    """How a person's wish for a run ended."""

    registration: Registration
    heard: Heard
    denied: Denied | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmRuns:
    """The run is there; told to the channel once."""

    registration: Registration
    asked_by: str
    url: str


@dataclass(frozen=True, slots=True)
class ConfirmWaits:
    """The run waits until somebody agrees; told to the channel once."""

    registration: Registration
    asked_by: str
    environment: str
    reviewers: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class ConfirmEnded:
    """The run confirmed nothing: cause, remedy, what differs."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    reason: ConfirmationReason
    detail: str = ""
    """What the index, the forge or the log said, cleaned."""
    url: str = ""
    """Of the run; "" where there is none."""
    differences: tuple[Difference, ...] = ()
