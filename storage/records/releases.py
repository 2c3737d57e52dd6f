"""Releases, and who decides, hears and is thanked.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from storage.records.publishers import Registration
from storage.records.words import (
    ChangeState,
    Hears,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
    StartBy,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a channel wants to hear of the ends of releases that are not its own."""

    project: str
    """"" for every project."""
    channel: str
    hears: Hears
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Watch:
    """A project of which every version that appears on its index is looked at."""

    project_id: UUID
    team_id: UUID
    target: Registration
    channel: str
    etag: str
    versions: tuple[str, ...]
    """Every version that was ever seen there."""
    primed: bool
    """Whether it has been looked at once: what was there before is not news."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a project on its way to one index. Times are aware, UTC."""

    id: UUID
    team_id: UUID
    slack_team_id: str
    project_id: UUID
    target: Registration
    version: str
    """PEP 440, normalized; what was typed where it is none."""
    tag: str
    """"" until the first look has found or chosen one."""
    commit: str
    """40 hex digits; "" until the first look."""
    make_tag: bool
    """Whether the tag is to be made."""
    start: StartBy | None
    """None until the first look."""
    notes: str
    channel: str
    requested_by: str
    state: ReleaseState
    reason: ReleaseReason
    detail: str
    round: int
    """How often approval was asked for; approvals of another round count for nothing."""
    digest: str
    """sha256 of what was shown in this round, hex."""
    report: dict[str, Any]
    """The newest findings (`bot.core.preflight.Report`), packed."""
    policy: dict[str, Any]
    """The policy it was asked under (`bot.core.approvals.Policy`), packed."""
    progress: dict[str, Any]
    """What has been seen of run and index (`bot.core.progress.Progress`), packed."""
    run_id: int | None
    begun: str
    """The act that was begun and whose answer is unknown: look before doing it again. "" where none is."""
    begun_at: datetime | None
    faults: int
    """Looks in a row that came to nothing."""
    rehearsal: str
    """Index where it is rehearsed first; "" for none."""
    act_at: datetime | None
    """Not to be done before."""
    requested_at: datetime
    state_at: datetime
    asked_at: datetime | None
    expires_at: datetime | None
    reminders: int
    next_at: datetime | None
    """When the engine looks again; None: nothing more to do."""
    kind: ReleaseKind = ReleaseKind.RELEASE
    """Of a yank `notes` is the reason, and nothing is ever tagged, started or run for it."""


@dataclass(frozen=True, slots=True)
class ReleaseThanks:
    """A published release that those are told of whose pull requests shipped in it."""

    release_id: UUID
    team_id: UUID
    progress: dict[str, Any]
    """How far it has come (`bot.core.thanks.Thanks`), packed."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What one person decided in one round of a release."""

    release_id: UUID
    round: int
    user: str
    verdict: Verdict
    reason: str
    at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A change of policy that needs a second person."""

    id: UUID
    team_id: UUID
    project: str
    """"" for the team's own policy."""
    before: dict[str, Any]
    after: dict[str, Any]
    channel: str
    """Where it is decided."""
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    state: ChangeState = ChangeState.WAITING
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing is released: of the whole team, or of one project (a lock)."""

    id: UUID
    team_id: UUID
    project: str
    """"" for every project."""
    starts_at: datetime
    ends_at: datetime | None
    """None: until somebody lifts it."""
    reason: str
    set_by: str
