"""What the bot has to say about releases, as facts; `bot/slack/blocks/` turns them into words when they are sent.

Knows: the notices about releases. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.core.approvals import Denied, Policy
from bot.core.findings import Report
from bot.core.progress import Progress
from storage.records import Hears, Registration, ReleaseKind, ReleaseReason, ReleaseState, Verdict


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
    """Where the index shows the version; of a yank, where people yank it."""
    kind: ReleaseKind = ReleaseKind.RELEASE
    channel: str = ""
    """Where it was asked for; "" where that is not known."""


@dataclass(frozen=True, slots=True)
class ReleaseDialog:
    """The content of the dialog with one release."""

    view_id: str
    shown: ReleaseShown | None
    """None where there is no such release."""


@dataclass(frozen=True, slots=True)
class LinksShown:
    """Links to releases that somebody has posted, with how these stand."""

    shown: tuple[tuple[str, ReleaseShown], ...]
    unfurl_id: str
    source: str
    channel: str
    ts: str


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
    """by, have, need; why, where it was not that person's own will: `left` the workspace, or `denied` by the rules as they are now"""
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
    BUILT = "built"
    """url of the run, "" where the forge's release has the files: the bot fetches them now"""
    FILES_CHECKED = "files_checked"
    """files (count), bytes (in all)"""
    FILE_UNFIT = "file_unfit"
    """flaw (Flaw), file, detail"""
    FILE_UPLOADED = "file_uploaded"
    """file, number, files (count)"""
    FILE_THERE = "file_there"
    """file, number, files (count): the index had the very same one already"""
    ACCEPTED = "accepted"
    """files (count), url, simple ("yes" where the simple index alone says so: there is no project JSON)"""
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
    """url, files, not_verified ("" where all was), uploaded ("yes" where the bot did it, which leaves no attestation)"""
    YANK_PAGE = "yank_page"
    """url, reason: where people yank it, and what they copy there"""
    YANKED = "yanked"
    """url, files"""
    THANKED = "thanked"
    """told, untold (counts of pull requests), why (those not told, and why), trouble, cut ("" where none was left out)"""


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
    elsewhere: str = ""
    """The release's own channel, where this is said in another one; "" in its own."""
    kind: ReleaseKind = ReleaseKind.RELEASE


@dataclass(frozen=True, slots=True)
class ReleaseTimeline:
    """Lines of a release's timeline that are said together, in the order in which they came to pass."""

    steps: tuple[ReleaseStep, ...]


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
    kind: ReleaseKind = ReleaseKind.RELEASE
    release_id: str = ""
    """"" where there is none."""


@dataclass(frozen=True, slots=True)
class NotCounted:
    """An approval, or a glass that somebody wanted to break, does not count, and why."""

    project: str
    version: str
    why: Denied
    detail: str = ""
    glass: bool = False
    kind: ReleaseKind = ReleaseKind.RELEASE
    asked: bool = False
    """Whether it was asked for, which that person may not."""


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
    kind: ReleaseKind = ReleaseKind.RELEASE


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
    name: str = ""
    """By what a dialog says which ones it showed."""


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
    waiting_by: str = ""
    """Who asked for a change of it that waits for a second person; "" where none does."""


@dataclass(frozen=True, slots=True)
class PolicyRefused:
    """A change of policy that only an admin may make, or that can't be read."""

    why: str
    """`not_admin`, `cannot_tell`, `changed_meanwhile`, `nobody_left` (the quorum could never be met)."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FreezeSet:
    """A freeze begins, or the freezes of a project are lifted; the channel hears it."""

    line: FreezeLine
    lifted: bool = False
    count: int = 1
    left: int = 0
    """How many stand that were set since whoever lifted them was shown the others."""


@dataclass(frozen=True, slots=True)
class Unapproved:
    """A version has appeared on the index that nobody asked this bot for."""

    target: Registration
    index_url: str
    version: str
    files: int
    asked: ReleaseState | None = None
    """Where the release stands that somebody asked for, and nobody approved; None where nobody asked."""


@dataclass(frozen=True, slots=True)
class HearsLine:
    """What a channel hears of one project's releases, or of every project's."""

    project: str
    """"" for every project."""
    hears: Hears
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class HearsShown:
    """What a channel hears of releases that are not its own."""

    channel: str
    lines: tuple[HearsLine, ...]
    changed: bool = False
    refused: str = ""
    """Why it was not changed: `not_member`, `cannot_tell`; "" where it was, or only looked at."""
    detail: str = ""
