"""The persisted words and the frozen records that travel; rows stay inside `storage`.

Knows: names, shapes, units. Must not know: SQL, ciphers, Slack.

Persisted enums only grow: a value that was ever written keeps its meaning forever, because old rows,
old outbox payloads and the audit trail still say it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class StorageError(Exception):
    """The store can't serve; `cause` says why and `remedy` what a person can do."""

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(f"{cause} {remedy}".strip())
        self.cause = cause
        self.remedy = remedy


class KeyMissing(StorageError):
    """A master key that sealed a data key is not among the configured ones."""


class DoesNotOpen(StorageError):
    """A ciphertext was changed, or belongs to another row, column or team."""


class NewerSchema(StorageError):
    """The database was made by a newer version of Shipbell."""


class SchemaMissing(StorageError):
    """The database has not been brought up to this version: `shipbell db upgrade`."""


class AlreadyRunning(StorageError):
    """Another process drives this database with the embedded engine."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret in memory. Its text comes out by `reveal()` alone, never by printing, formatting or logging."""

    _text: str

    def reveal(self) -> str:
        """Return the text, at the one place where it is sent or sealed."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)


class PublisherState(StrEnum):
    """Where a trusted-publisher registration stands (`docs/publisher-lifecycle.md`)."""

    REQUESTED = "requested"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    CONFLICT = "conflict"
    EXPIRED = "expired"
    REMOVED = "removed"


class Reason(StrEnum):
    """Why a publisher stands where it stands. It tells people; no code decides by it."""

    ASKED = "asked"
    REGISTERED = "registered"
    FOUND_REGISTERED = "found_registered"
    NO_API = "no_api"
    SUBMITTED_BY_HAND = "submitted_by_hand"
    NO_CREDENTIAL = "no_credential"
    PROJECT_MISSING = "project_missing"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a word, not a secret
    TOKEN_SCOPE = "token_scope"  # noqa: S105 - a word, not a secret
    ALREADY_PENDING = "already_pending"
    VALUE_INVALID = "value_invalid"
    RATE_LIMITED = "rate_limited"
    INDEX_BROKEN = "index_broken"
    UNEXPECTED_ANSWER = "unexpected_answer"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    EVIDENCE = "evidence"
    TERM_OVER = "term_over"
    REMOVED_BY_PERSON = "removed_by_person"
    NAME_TAKEN = "name_taken"
    QUEUED = "queued"


class EvidenceKind(StrEnum):
    """What kind of fact from outside confirmed something; of a publisher strongest first, then of a release."""

    INDEX = "index"
    """The index's own list says the publisher is active."""
    PROVENANCE = "provenance"
    """A published file's attestation names repository, workflow and environment."""
    EXCHANGED = "exchanged"
    """A run of the registered workflow says that the index took its identity."""
    APPEARED = "appeared"
    """The project, absent when the publisher was registered, is there now."""
    ACCEPTED = "accepted"
    """The index's upload API took a file."""
    INSTALLABLE = "installable"
    """The index offers every expected file of the version, none of them yanked."""
    DOWNLOADED = "downloaded"
    """A file fetched from the index has the digest of the one that was built."""
    ATTESTED = "attested"
    """A file's attestation names the approved repository, workflow and commit."""
    YANKED = "yanked"
    """The index shows every file of the version as yanked."""
    RUN = "run"
    """The forge's own word on the run that built and published."""


class ConfirmationState(StrEnum):
    """How far a run of a workflow's `confirm` job has come that somebody asked for."""

    ASKED = "asked"
    BEGUN = "begun"
    """The forge is, or was, asked to start it."""
    FOLLOWED = "followed"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class ConfirmationReason(StrEnum):
    """Why a confirmation stands where it stands. It tells people; no code decides by it."""

    ASKED = "asked"
    STARTED = "started"
    CONFIRMED = "confirmed"
    MOVED_ON = "moved_on"
    """The publisher waits for it no more."""
    NOT_OFFERED = "not_offered"
    """The workflow on the default branch has no such job."""
    FORGE_REFUSED = "forge_refused"
    FORGE_SILENT = "forge_silent"
    START_LOST = "start_lost"
    """It was asked for, and no run appeared."""
    SEVERAL_RUNS = "several_runs"
    """More than one appeared, and which is ours can't be told."""
    OTHER_RUN = "other_run"
    """What ran was not the registered workflow on the default branch, or is not to be seen any more."""
    NO_JOB = "no_job"
    """The run did not run the job."""
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    BRANCH_RULE = "branch_rule"
    """The environment's rules keep the default branch out."""
    NEVER_RAN = "never_ran"
    TOO_LONG = "too_long"
    LOG_UNREADABLE = "log_unreadable"
    CLAIMS_DIFFER = "claims_differ"
    """The index took an identity that is not the registered one."""
    SHARED = "shared"
    """The index took it, but another project's publisher has the same identity."""
    NO_IDENTITY = "no_identity"
    """The job may not ask the forge for an identity."""
    NETWORK = "network"
    INVALID_PUBLISHER = "invalid_publisher"
    PROJECT_TAKEN = "project_taken"
    NOT_ENABLED = "not_enabled"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - a word, not a secret
    INVALID_PAYLOAD = "invalid_payload"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a word, not a secret
    OTHER_REFUSAL = "other_refusal"
    """The index refused it by a code that is not known here."""
    JOB_FAILED = "job_failed"
    """The job failed for another reason."""


class ReleaseState(StrEnum):
    """Where a release stands (`docs/release-lifecycle.md`)."""

    REQUESTED = "requested"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    TAGGING = "tagging"
    BUILDING = "building"
    PUBLISHING = "publishing"
    VERIFYING = "verifying"
    PUBLISHED = "published"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    VOIDED = "voided"
    FAILED = "failed"
    YANKED = "yanked"
    """How a yank ends well, as `published` is for a release."""


class ReleaseKind(StrEnum):
    """What is asked for: that a version goes to an index, or that one there is yanked."""

    RELEASE = "release"
    YANK = "yank"


class ReleaseReason(StrEnum):
    """Why a release stands where it stands. It tells people; no code decides by it."""

    ASKED = "asked"
    CHECKED = "checked"
    BLOCKED = "blocked"
    QUORUM = "quorum"
    BREAK_GLASS = "break_glass"
    NO_APPROVAL_NEEDED = "no_approval_needed"
    CHANGED = "changed"
    REJECTED_BY_PERSON = "rejected_by_person"
    CANCELLED_BY_PERSON = "cancelled_by_person"
    GIVEN_UP = "given_up"
    TERM_OVER = "term_over"
    STARTED = "started"
    TAG_ELSEWHERE = "tag_elsewhere"
    FORGE_REFUSED = "forge_refused"
    START_LOST = "start_lost"
    NO_RUN = "no_run"
    RUN_FOUND = "run_found"
    RUN_PUBLISHES = "run_publishes"
    RUN_FAILED = "run_failed"
    RUN_TOO_LONG = "run_too_long"
    RUN_DONE = "run_done"
    NOT_ARRIVED = "not_arrived"
    FILES_MISSING = "files_missing"
    DIGEST_DIFFERS = "digest_differs"
    ATTESTATION_WRONG = "attestation_wrong"
    VERIFIED = "verified"
    NOT_VERIFIED = "not_verified"
    REHEARSAL_FAILED = "rehearsal_failed"
    OUT_OF_ORDER = "out_of_order"
    RETRIED = "retried"
    PAGE_GIVEN = "page_given"
    YANKED = "yanked"
    NOT_YANKED = "not_yanked"
    FILES_FOUND = "files_found"
    UPLOADED = "uploaded"
    VERIFIED_UPLOAD = "verified_upload"
    NO_FILES = "no_files"
    FILE_UNFIT = "file_unfit"
    NO_CREDENTIAL = "no_credential"
    UPLOAD_FILE_TAKEN = "upload_file_taken"
    UPLOAD_LATE = "upload_late"
    UPLOAD_MOVED = "upload_moved"
    UPLOAD_NO_SUCH_API = "upload_no_such_api"
    UPLOAD_TOKEN_UNKNOWN = "upload_token_unknown"  # noqa: S105 - a word, not a secret
    UPLOAD_TOKEN_BROKEN = "upload_token_broken"  # noqa: S105 - the same
    UPLOAD_TOKEN_EXPIRED = "upload_token_expired"  # noqa: S105 - the same
    UPLOAD_TOKEN_OTHER_PROJECT = "upload_token_other_project"  # noqa: S105 - the same
    UPLOAD_NOT_ALLOWED = "upload_not_allowed"
    UPLOAD_NO_SECOND_FACTOR = "upload_no_second_factor"
    UPLOAD_NO_PASSWORDS = "upload_no_passwords"
    UPLOAD_NO_NEW_PROJECT = "upload_no_new_project"
    UPLOAD_ATTESTATIONS = "upload_attestations"
    UPLOAD_FILE_REFUSED = "upload_file_refused"
    UPLOAD_TOO_LARGE = "upload_too_large"
    UPLOAD_REFUSED = "upload_refused"


class StartBy(StrEnum):
    """What starts the workflow's run: the forge's own names of the events."""

    PUSH = "push"
    RELEASE = "release"
    DISPATCH = "workflow_dispatch"


class Verdict(StrEnum):
    """What somebody decided about a release."""

    APPROVED = "approved"
    REJECTED = "rejected"
    BREAK_GLASS = "break_glass"


class Hears(StrEnum):
    """What a channel hears of the ends of releases that are not its own."""

    ALL = "all"
    FINAL = "final"
    """Of releases that are no pre-releases."""
    PRE = "pre"
    FAILURES = "failures"
    NOTHING = "nothing"


class ImportState(StrEnum):
    """How far an import of many packages has come."""

    LOOKING = "looking"
    LISTED = "listed"
    """The list is there, and nobody has chosen yet."""
    SETTING_UP = "setting_up"
    DONE = "done"
    """All that was chosen has been asked for; what becomes of it is still shown."""
    FAILED = "failed"


class ImportItemState(StrEnum):
    """How far one package of an import has come; what becomes of its publisher, the publisher itself says."""

    LISTED = "listed"
    WAITING = "waiting"
    """Chosen, and not asked for yet."""
    ASKED = "asked"


class CredentialKind(StrEnum):
    """What a credential is."""

    API_TOKEN = "api_token"  # noqa: S105 - a word, not a secret
    PASSWORD = "password"  # noqa: S105 - the same
    """A user name and a password, for an index that knows nothing else."""
    OAUTH1 = "oauth1"
    """A grant of an index's OAuth 1.0a facility: token and secret as one text."""


class InboxState(StrEnum):
    """How far an intent from Slack has come."""

    WAITING = "waiting"
    DONE = "done"
    DEAD = "dead"


class OutboxState(StrEnum):
    """How far a message to Slack has come. SENDING after a crash means: look before sending again."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"


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
class Team:
    """One Slack workspace or org install."""

    id: UUID
    slack_team_id: str
    """Slack's team id, or the enterprise id for an org-wide install that names no team."""
    enterprise_id: str


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
class Project:
    """A package known to a team, on one index: what its newest publisher says."""

    id: UUID
    team_id: UUID
    registration: Registration
    channel: str


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


@dataclass(frozen=True, slots=True)
class Credential:
    """A team's secret for an index, without the secret."""

    id: UUID
    team_id: UUID
    kind: CredentialKind
    index: str
    hint: str
    """What a person recognises it by; never any part of the secret."""
    added_by: str
    added_at: datetime
    last_used_at: datetime | None
    uses: int
    refused_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    project: str = ""
    """Normalized name of the project that it is for; "" for all of the team's."""
    last_purpose: str = ""
    """What it was last used for."""
    expires_at: datetime | None = None
    """When it ends by its own word; None: never, or it can't be told."""
    account_wide: bool | None = None
    """Whether nothing binds it to projects; None: it can't be told."""
    remind_at: datetime | None = None
    """When who added it is reminded next."""


@dataclass(frozen=True, slots=True)
class OpenCredential:
    """A credential with its secrets, for the moment of its use."""

    credential: Credential
    secret: Secret = field(repr=False)
    username: Secret | None = field(repr=False)
    """None for a token, whose user name is the index's own word."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A secret on its way in: read and shown, and kept once its owner has agreed."""

    id: UUID
    team_id: UUID
    user: str
    channel: str
    index: str
    project: str
    kind: CredentialKind
    seen: tuple[str, ...]
    """Ids of the credentials that the person saw when it was entered."""
    secret: Secret | None = field(repr=False)
    """None: not entered yet."""
    username: Secret | None = field(repr=False)
    response_url: Secret | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class GithubLink:
    """Who a person of a team is on the forge: proven by signing in there."""

    team_id: UUID
    user: str
    github_id: int
    """Stays; a login can pass to somebody else."""
    login: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that came back: who began it, and where the answer goes."""

    team_id: UUID
    user: str
    channel: str
    response_url: Secret | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class GrantTaken:
    """A grant of an index that came back: who asked for it, where the answer goes, the request token as it was kept."""

    team_id: UUID
    user: str
    channel: str
    response_url: Secret | None = field(repr=False)
    pair: Secret | None = field(repr=False)
    """None: the index has given none yet."""


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
