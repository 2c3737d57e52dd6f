"""What a look before a release found: the closed set of findings, as facts.

Knows: the checks and what each can find. Must not know: how facts were fetched, wording.
Written words are forever: reports lie in the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from storage.records import StartBy


class Level(StrEnum):
    """How much a finding weighs."""

    BLOCKING = "blocking"
    WARNING = "warning"
    FINE = "fine"
    UNKNOWN = "unknown"


class Check(StrEnum):
    """What was looked at."""

    VERSION = "version"
    INDEX = "index"
    TAG = "tag"
    METADATA = "metadata"
    CI = "ci"
    PUBLISHER = "publisher"
    WORKFLOW = "workflow"
    FREEZE = "freeze"
    CHANGES = "changes"
    OTHER = "other"


class Found(StrEnum):
    """What a check found; the names in `values` stand behind each."""

    VERSION_FINE = "version_fine"
    """version"""
    VERSION_INVALID = "version_invalid"
    """version"""
    VERSION_LOCAL = "version_local"
    """version: an index takes no local versions (`+...`)"""
    INDEX_FREE = "index_free"
    INDEX_NEW = "index_new"
    """The project itself is not on the index yet."""
    INDEX_TAKEN = "index_taken"
    """version as spelled there, files (count)"""
    INDEX_YANKED = "index_yanked"
    """version as spelled there"""
    INDEX_PUBLISHED_BEFORE = "index_published_before"
    """at: published through this bot before, and not to be seen there now; its file names are used up"""
    INDEX_CLOSED = "index_closed"
    """status: archived, quarantined: takes no uploads"""
    INDEX_OLDER = "index_older"
    """latest"""
    INDEX_UNKNOWN = "index_unknown"
    """detail"""
    TAG_THERE = "tag_there"
    """tag, sha, kind (annotated, lightweight)"""
    TAG_TO_MAKE = "tag_to_make"
    """tag, sha, branch"""
    TAG_NO_COMMIT = "tag_no_commit"
    """tag"""
    TAG_UNKNOWN = "tag_unknown"
    """detail"""
    METADATA_EQUAL = "metadata_equal"
    """version"""
    METADATA_DIFFERS = "metadata_differs"
    """version found, wanted"""
    METADATA_OTHER_NAME = "metadata_other_name"
    """name found, wanted"""
    METADATA_DYNAMIC = "metadata_dynamic"
    METADATA_NONE = "metadata_none"
    """No pyproject.toml, or no project table in it."""
    METADATA_UNKNOWN = "metadata_unknown"
    """detail"""
    CI_GREEN = "ci_green"
    """passed (count)"""
    CI_RED = "ci_red"
    """failed (names)"""
    CI_PENDING = "ci_pending"
    """pending (names)"""
    CI_NONE = "ci_none"
    CI_UNKNOWN = "ci_unknown"
    """detail"""
    PUBLISHER_CONFIRMED = "publisher_confirmed"
    """workflow, environment"""
    PUBLISHER_OPEN = "publisher_open"
    """state: not confirmed yet"""
    PUBLISHER_NONE = "publisher_none"
    """project, index"""
    WORKFLOW_STARTS = "workflow_starts"
    """workflow, event, environment"""
    WORKFLOW_RUNS = "workflow_runs"
    """workflow, event, url: the tag has started a run already, which is followed"""
    WORKFLOW_ENDED = "workflow_ended"
    """workflow, url, conclusion: the tag's run has ended without publishing"""
    WORKFLOW_NONE = "workflow_none"
    """workflow"""
    WORKFLOW_NO_TRIGGER = "workflow_no_trigger"
    """workflow, triggers"""
    WORKFLOW_NO_TOKEN = "workflow_no_token"  # noqa: S105 - a word, not a secret
    """workflow: no job has `id-token: write`"""
    WORKFLOW_OTHER_ENVIRONMENT = "workflow_other_environment"
    """workflow, environments found, wanted"""
    WORKFLOW_UNKNOWN = "workflow_unknown"
    """detail"""
    FREEZE_NONE = "freeze_none"
    FREEZE_STANDS = "freeze_stands"
    """reason, until ("" for open end), by"""
    FREEZE_OVERRIDDEN = "freeze_overridden"
    """reason of the freeze, by, why"""
    CHANGES_SEEN = "changes_seen"
    """commits (count), people (count), since (tag)"""
    CHANGES_NONE = "changes_none"
    """since"""
    CHANGES_FIRST = "changes_first"
    """There is no earlier release to compare with."""
    CHANGES_UNKNOWN = "changes_unknown"
    """detail"""
    OTHER_NONE = "other_none"
    OTHER_UNDER_WAY = "other_under_way"
    """version, state"""
    NOT_REHEARSED = "not_rehearsed"
    """index: the policy wants a rehearsal there, and the project has no publisher on it"""
    REHEARSED = "rehearsed"
    """index, version: this is rehearsed there first"""
    UPLOAD_CREDENTIAL = "upload_credential"
    """project, index, by (who added it), scope (`password`, `grant`, `account`, `project` or "" for one that can't be told):
    the bot uploads it with a credential that is kept for long, which is the exception"""
    UPLOAD_NO_ADDRESS = "upload_no_address"
    """project, index: the settings have no address for uploads"""
    UPLOAD_NO_CREDENTIAL = "upload_no_credential"
    """project, index"""
    UPLOAD_CREDENTIAL_REFUSED = "upload_credential_refused"
    """project, index: the index has refused it before"""
    UPLOAD_CREDENTIAL_UNREADABLE = "upload_credential_unreadable"
    """project, index, cause (follows "This token")"""
    UPLOAD_CREDENTIAL_ELSEWHERE = "upload_credential_elsewhere"
    """project, index, host of the index that it is for"""
    UPLOAD_CREDENTIAL_NARROWER = "upload_credential_narrower"
    """project, index, projects that it is for"""
    UPLOAD_CREDENTIAL_EXPIRED = "upload_credential_expired"
    """project, index, at"""
    UPLOAD_ASSETS = "upload_assets"
    """files (count), names, digest: the files of the forge's release are uploaded as they are"""
    UPLOAD_NO_FILES = "upload_no_files"
    """workflow, tag: nothing builds the files, and the forge's release of the tag has none"""
    YANK_THERE = "yank_there"
    """version, files (count), yanked (count of those that are already)"""
    YANK_MISSING = "yank_missing"
    """version: the index does not have it"""
    YANK_DONE = "yank_done"
    """version, files (count): each is yanked already"""
    YANK_LEAVES = "yank_leaves"
    """latest: what installers take then"""
    YANK_LAST = "yank_last"
    """No other version is left that installers take by themselves."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one check."""

    check: Check
    level: Level
    found: Found
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One commit since the last release."""

    sha: str
    title: str
    author: str
    url: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that a look before a release found, and what the bot would do."""

    findings: tuple[Finding, ...] = ()
    tag: str = ""
    commit: str = ""
    make_tag: bool = False
    start: StartBy | None = None
    run_id: int | None = None
    """The run that the tag has started already, if there is one."""
    publishing_jobs: tuple[str, ...] = ()
    """Names of the workflow's jobs that may ask for an identity token."""
    since: str = ""
    """The tag of the release before."""
    changes: tuple[Change, ...] = ()
    """The newest, as many as fit."""
    changes_total: int = 0
    changes_url: str = ""
    contributors: tuple[str, ...] = ()
    commit_url: str = ""
    uploads: bool = False
    """Whether the bot uploads the files itself, with a credential of the team's."""
    assets: tuple[tuple[str, str], ...] = ()
    """(name, sha256 or "") of the forge's release's files that are uploaded, where no run builds them."""

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that stand in the way."""
        return tuple(finding for finding in self.findings if finding.level is Level.BLOCKING)

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """The findings that say nobody could tell."""
        return tuple(finding for finding in self.findings if finding.level is Level.UNKNOWN)
