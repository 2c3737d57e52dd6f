"""The persisted words.

Knows: names. Must not know: what follows from them.

Persisted enums only grow: a value that was ever written keeps its meaning forever, because old rows, old outbox payloads and
the audit trail still say it.
"""

from enum import StrEnum


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
    NOT_ARRIVED_UPLOAD = "not_arrived_upload"
    FILES_MISSING_UPLOAD = "files_missing_upload"
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
    RESTORED = "restored"
    TEAM_LEFT = "team_left"


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


class ChangeState(StrEnum):
    """How a change of policy stands that needs a second person."""

    WAITING = "waiting"
    MADE = "made"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"


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
    KNOWN = "known"
    """Known without a publisher, since the bot uploads the project itself."""


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


class StepState(StrEnum):
    """How far a run of a workflow's step has come."""

    WAITING = "waiting"
    """For a release or a publisher."""
    ENDING = "ending"
    """How it ended is known; Slack is still to be told."""
    ENDED = "ended"
    GIVEN_UP = "given_up"
    """Slack would not take its end."""
