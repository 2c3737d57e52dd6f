"""What the bot has to say, as facts; `bot/slack/blocks/` turns them into words when they are sent.

Knows: the closed set of notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from bot.core.approvals import Denied, Policy
from bot.core.findings import Report
from bot.core.outcomes import ByHand
from bot.core.progress import Progress
from storage.records import (
    EvidenceKind,
    PublisherState,
    Reason,
    Registration,
    ReleaseReason,
    ReleaseState,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class PublisherPending:
    """The index has the registration and waits for it to be confirmed."""

    registration: Registration
    index_url: str
    asked_by: str
    expires_at: datetime
    by_hand: bool
    """Whether a person says so, rather than the index."""


@dataclass(frozen=True, slots=True)
class PublisherByHand:
    """The index has no API: a person must fill in its form."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    form: ByHand


@dataclass(frozen=True, slots=True)
class PublisherEnded:
    """It failed, or is somebody else's: cause, remedy and the way by hand."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    state: PublisherState
    reason: Reason
    detail: str
    form: ByHand


@dataclass(frozen=True, slots=True)
class PublisherDelayed:
    """No answer yet; the bot tries again by itself."""

    registration: Registration
    index_url: str
    asked_by: str
    reason: Reason
    detail: str
    next_at: datetime


@dataclass(frozen=True, slots=True)
class PublisherConfirmed:
    """Evidence says that the publisher is active."""

    registration: Registration
    index_url: str
    asked_by: str
    evidence: EvidenceKind
    evidence_url: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PublisherReminder:
    """The index will soon drop the pending publisher."""

    registration: Registration
    index_url: str
    asked_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PublisherExpired:
    """The index's term is over without evidence."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    pending_at: datetime
    form: ByHand


@dataclass(frozen=True, slots=True)
class PublisherRemoved:
    """A person removed it here; on the index it stays until somebody removes it there."""

    registration: Registration
    removed_by: str
    manage_url: str


@dataclass(frozen=True, slots=True)
class PublisherLine:
    """One publisher in a list."""

    registration: Registration
    state: PublisherState
    since: datetime
    channel: str


@dataclass(frozen=True, slots=True)
class PublisherList:
    """The team's publishers."""

    lines: tuple[PublisherLine, ...]
    total: int


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One fact from outside."""

    kind: EvidenceKind
    url: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PublisherStatus:
    """How one publisher stands right now."""

    line: PublisherLine
    index_url: str
    reason: Reason
    detail: str
    looks: int
    next_at: datetime | None
    expires_at: datetime | None
    evidence: tuple[EvidenceLine, ...]


@dataclass(frozen=True, slots=True)
class AlreadyOpen:
    """The project has an open publisher on this index already."""

    line: PublisherLine
    wanted: Registration


@dataclass(frozen=True, slots=True)
class UnknownProject:
    """No publisher of the team has this name."""

    project: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class NoLongerPossible:
    """A click on something that has moved on meanwhile."""

    line: PublisherLine


@dataclass(frozen=True, slots=True)
class CredentialLine:
    """One credential, without the secret."""

    credential_id: str
    index: str
    hint: str
    added_by: str
    added_at: datetime
    last_used_at: datetime | None
    uses: int
    refused_at: datetime | None


@dataclass(frozen=True, slots=True)
class CredentialsShown:
    """The content of the credentials dialog."""

    view_id: str
    lines: tuple[CredentialLine, ...]
    indexes: tuple[str, ...]
    index: str


@dataclass(frozen=True, slots=True)
class CredentialSaved:
    """A token is kept."""

    index: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class CredentialRevoked:
    """A token is destroyed here."""

    index: str
    token_page: str
    was_live: bool


@dataclass(frozen=True, slots=True)
class HomeShown:
    """A person's Home tab."""

    lines: tuple[PublisherLine, ...]
    total: int
    credentials: tuple[CredentialLine, ...]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing that somebody did."""

    at: datetime
    actor: str
    action: str
    subject: str


@dataclass(frozen=True, slots=True)
class AuditShown:
    """The newest entries of the audit trail."""

    lines: tuple[AuditLine, ...]
    project: str


@dataclass(frozen=True, slots=True)
class BrokeDown:
    """The bot could not do what was asked, by its own fault."""

    incident: str


@dataclass(frozen=True, slots=True)
class VoteLine:
    """What one person decided."""

    user: str
    verdict: Verdict
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseShown:
    """A release's one message in its channel: what is to be released, what was found, who decided, how far it is."""

    release_id: str
    round: int
    target: Registration
    index_url: str
    version: str
    asked_by: str
    state: ReleaseState
    reason: ReleaseReason
    detail: str
    notes: str
    report: Report
    policy: Policy
    votes: tuple[VoteLine, ...]
    progress: Progress
    since: datetime
    """When the state began."""
    expires_at: datetime | None = None
    act_at: datetime | None = None
    rehearsal: str = ""
    repository_url: str = ""
    release_url: str = ""
    """Where the index shows the version."""


class Step(StrEnum):
    """What a line of the timeline tells; the names in `values` stand behind each."""

    ASKED = "asked"
    """by"""
    BLOCKED = "blocked"
    """count: findings that stand in the way"""
    SHOWN = "shown"
    """seats; who is called: people"""
    ASKED_ANEW = "asked_anew"
    """seats; people"""
    APPROVED = "approved"
    """by, have, need"""
    WITHDRAWN = "withdrawn"
    """by, have, need"""
    QUORUM = "quorum"
    SCHEDULED = "scheduled"
    """at (unix seconds)"""
    REMINDER = "reminder"
    """expires (unix seconds), have, need, count of people called; people"""
    REJECTED = "rejected"
    """by, reason"""
    BROKEN_GLASS = "broken_glass"
    """by, reason"""
    OVERRIDDEN = "overridden"
    """by, reason, freeze"""
    CANCELLED = "cancelled"
    """by"""
    EXPIRED = "expired"
    """have, need"""
    VOIDED = "voided"
    """what changed: tag, from, to; or finding"""
    TAG_MADE = "tag_made"
    """tag, sha, url"""
    TAG_USED = "tag_used"
    """tag, sha"""
    RELEASE_MADE = "release_made"
    """tag, url"""
    DISPATCHED = "dispatched"
    """workflow, tag"""
    RUN_FOUND = "run_found"
    """url, attempt"""
    RUN_WAITS = "run_waits"
    """environment, url, reviewers"""
    DEPLOYMENT_APPROVED = "deployment_approved"
    """environment"""
    JOB_STARTED = "job_started"
    """job, url"""
    JOB_ENDED = "job_ended"
    """job, url, conclusion"""
    RUN_ENDED = "run_ended"
    """url"""
    RUN_FAILED = "run_failed"
    """job, step, url, log (its last lines), conclusion"""
    ACCEPTED = "accepted"
    """files (count), url"""
    INSTALLABLE = "installable"
    """files (count), url"""
    DOWNLOADABLE = "downloadable"
    """files (count), compared (count of files that equal what the run built)"""
    ATTESTED = "attested"
    """files (count), repository, workflow, commit"""
    TROUBLE = "trouble"
    """detail: the forge or the index is out of order; told once"""
    RETRIED = "retried"
    """by"""
    REHEARSAL = "rehearsal"
    """index: this is rehearsed there first"""
    REHEARSED = "rehearsed"
    """index, url"""
    FAILED = "failed"
    """reason (ReleaseReason), detail"""
    PUBLISHED = "published"
    """url, files, not_verified ("" where all was)"""


@dataclass(frozen=True, slots=True)
class ReleaseStep:
    """One line of a release's timeline, in the thread below its message."""

    target: Registration
    index_url: str
    version: str
    step: Step
    values: Mapping[str, str]
    people: tuple[str, ...] = ()
    """Slack users and user groups that are called."""


class Heard(StrEnum):
    """What one person is told of a click or command about a release."""

    COUNTED = "counted"
    """have, need"""
    VOTED_BEFORE = "voted_before"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"
    OLD_ROUND = "old_round"
    """It was asked anew meanwhile: look at the message again."""
    TOO_LATE = "too_late"
    """state"""
    BROKE_GLASS = "broke_glass"
    CANCELLED = "cancelled"
    CANNOT_CANCEL = "cannot_cancel"
    """state"""
    RETRIED = "retried"
    CANNOT_RETRY = "cannot_retry"
    """state"""
    UNKNOWN_RELEASE = "unknown_release"
    OPEN_ALREADY = "open_already"
    """state"""
    ASKED = "asked"
    WHICH_INDEX = "which_index"
    """indexes"""


@dataclass(frozen=True, slots=True)
class ReleaseAnswer:
    """What one person hears of what they did."""

    project: str
    version: str
    heard: Heard
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotCounted:
    """An approval, or a glass that somebody wanted to break, does not count, and why."""

    project: str
    version: str
    why: Denied
    detail: str = ""
    glass: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One release in a list."""

    project: str
    version: str
    index: str
    state: ReleaseState
    since: datetime
    asked_by: str
    channel: str


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """The team's releases, or a project's, newest first."""

    lines: tuple[ReleaseLine, ...]
    total: int
    project: str


@dataclass(frozen=True, slots=True)
class FreezeLine:
    """A freeze or a lock that stands or will."""

    project: str
    starts_at: datetime
    ends_at: datetime | None
    reason: str
    set_by: str


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """Who decides about releases, and which freezes stand."""

    project: str
    """"" for the team's own."""
    policy: Policy
    of_project: bool
    """Whether the project has one of its own; else it is the team's or the default."""
    freezes: tuple[FreezeLine, ...]
    changed: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRefused:
    """A change of policy that only an admin may make, or that can't be read."""

    why: str
    """`not_admin`, `cannot_tell`, `nobody_left` (the quorum could never be met)."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FreezeSet:
    """A freeze begins, or the freezes of a project are lifted; the channel hears it."""

    line: FreezeLine
    lifted: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Unapproved:
    """A version has appeared on the index that nobody asked this bot for."""

    target: Registration
    index_url: str
    version: str
    files: int


Notice = (
    PublisherPending
    | PublisherByHand
    | PublisherEnded
    | PublisherDelayed
    | PublisherConfirmed
    | PublisherReminder
    | PublisherExpired
    | PublisherRemoved
    | PublisherList
    | PublisherStatus
    | AlreadyOpen
    | UnknownProject
    | NoLongerPossible
    | CredentialsShown
    | CredentialSaved
    | CredentialRevoked
    | HomeShown
    | AuditShown
    | BrokeDown
    | ReleaseShown
    | ReleaseStep
    | ReleaseAnswer
    | NotCounted
    | ReleaseList
    | PolicyShown
    | PolicyRefused
    | FreezeSet
    | Unapproved
)

KINDS: Mapping[str, type[Notice]] = MappingProxyType(
    {
        "publisher.pending": PublisherPending,
        "publisher.by_hand": PublisherByHand,
        "publisher.ended": PublisherEnded,
        "publisher.delayed": PublisherDelayed,
        "publisher.confirmed": PublisherConfirmed,
        "publisher.reminder": PublisherReminder,
        "publisher.expired": PublisherExpired,
        "publisher.removed": PublisherRemoved,
        "publisher.list": PublisherList,
        "publisher.status": PublisherStatus,
        "publisher.already_open": AlreadyOpen,
        "publisher.unknown": UnknownProject,
        "publisher.moved_on": NoLongerPossible,
        "credentials.shown": CredentialsShown,
        "credential.saved": CredentialSaved,
        "credential.revoked": CredentialRevoked,
        "home.shown": HomeShown,
        "audit.shown": AuditShown,
        "broke_down": BrokeDown,
        "release.shown": ReleaseShown,
        "release.step": ReleaseStep,
        "release.answer": ReleaseAnswer,
        "release.not_counted": NotCounted,
        "release.list": ReleaseList,
        "policy.shown": PolicyShown,
        "policy.refused": PolicyRefused,
        "freeze.set": FreezeSet,
        "release.unapproved": Unapproved,
    }
)
