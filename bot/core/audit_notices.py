"""What the bot has to say about the audit trail, as facts.

Knows: the notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChainFound:
    """What the check of a team's chain found."""

    events: int
    broken: tuple[tuple[int, str], ...] = ()
    """Number of an event (0: none) and what is wrong with it; the first few."""
    breaks: int = 0
    """How many there are in all."""
    head: str = ""
    """`number:mac` of the last one."""
    before: int = 0
    """How many of the events were checked when they were new, and not now."""
    left: int = 0
    """How many of the newest are not checked yet: the next look goes on with them."""
    unchained: int = 0
    """How many are from before the chain, so that nobody can tell whether they are what was written."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing that somebody did."""

    at: datetime
    actor: str
    action: str
    subject: str
    why: str = ""
    """The reason that a person gave."""
    via: str = ""
    """By which of Slack's ways it was asked."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """What it rests on: a commit, a digest, an address."""


@dataclass(frozen=True, slots=True)
class AuditShown:
    """A page of the audit trail, newest first."""

    lines: tuple[AuditLine, ...]
    project: str
    chain: ChainFound | None = None
    """None: it was not checked, since it is long; the file says."""
    older: int = 0
    """Where the next page begins; 0: there is none."""
    page: bool = False
    """Whether it is one of those behind the first."""


@dataclass(frozen=True, slots=True)
class AuditFile:
    """The file with the audit trail that somebody asked for, given by direct message."""

    project: str
    written_as: str
    events: int
    """Events in the file."""
    chain: ChainFound


@dataclass(frozen=True, slots=True)
class AuditFileFailed:
    """The file could not be given."""

    project: str
    written_as: str
    why: str
    """Slack's word, or `unreadable`."""


@dataclass(frozen=True, slots=True)
class AuditFileComing:
    """The file is being made."""

    project: str
    written_as: str
