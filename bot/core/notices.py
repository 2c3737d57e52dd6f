"""What the bot has to say, as facts; `bot/slack/blocks/` turns them into words when they are sent.

Knows: the closed set of notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from bot.core.audit_notices import AuditFile, AuditFileComing, AuditFileFailed, AuditShown
from bot.core.confirm_notices import ConfirmAnswer, ConfirmEnded, ConfirmRuns, ConfirmWaits
from bot.core.connect_notices import GithubLinked, GithubUnlinked, IndexConnected
from bot.core.credential_notices import (
    CredentialDenied,
    CredentialOvertaken,
    CredentialRefused,
    CredentialReminder,
    EntryEnded,
    TokenUnneeded,
)
from bot.core.health_notices import HEALTH_KINDS, Fares, HealthNotice, HealthShown
from bot.core.import_notices import IMPORT_KINDS, ImportNotice
from bot.core.install_notices import INSTALL_KINDS, InstallNotice
from bot.core.outcomes import ByHand
from bot.core.permission_notices import DialogShut, NotAllowed
from bot.core.policy_forms import PolicyFormShown
from bot.core.policy_notices import ChangeAnswer, PolicyChangeShown
from bot.core.publisher_forms import PublisherFormShown
from bot.core.release_notices import (
    FreezeSet,
    HearsShown,
    LinksShown,
    NotCounted,
    PolicyRefused,
    PolicyShown,
    ReleaseAnswer,
    ReleaseDialog,
    ReleaseList,
    ReleaseShown,
    ReleaseStep,
    ReleaseTimeline,
    Unapproved,
)
from bot.core.setup import SetupReport
from bot.core.setup_notices import PullAnswer, PullOpened, SetupShown
from storage.records import CredentialKind, EvidenceKind, PublisherState, Reason, Registration


@dataclass(frozen=True, slots=True)
class PublisherPending:
    """The index has the registration and waits for it to be confirmed."""

    registration: Registration
    index_url: str
    asked_by: str
    expires_at: datetime
    by_hand: bool
    """Whether a person says so, rather than the index."""
    publisher_id: str = ""
    confirms: bool | None = None
    """Whether the workflow has the job that confirms it; None: nobody can tell, or it would be of no use."""


@dataclass(frozen=True, slots=True)
class PublisherByHand:
    """The index has no API: a person must fill in its form."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    form: ByHand
    organization: bool = False
    """Whether it goes to an organization's page."""


@dataclass(frozen=True, slots=True)
class PublisherQueued:
    """The person's places on the index are taken, so it waits for one."""

    publisher_id: str
    registration: Registration
    index_url: str
    asked_by: str
    position: int
    """In the queue, from 1."""
    most: int
    holders: tuple[str, ...]
    """The projects that have the places."""


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
    also: tuple[EvidenceKind, ...] = ()
    """What else says so."""


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
    fares: Fares | None = None
    """None: nobody looks how it fares, or it is not to be told."""


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
    publisher_id: str = ""
    setup: SetupReport | None = None
    """None: repository and index were not looked at."""
    unneeded: TokenUnneeded | None = None
    """A long-lived token that is kept, though the project publishes without one."""
    health: HealthShown | None = None
    """None: nobody looks how it fares."""


@dataclass(frozen=True, slots=True)
class AlreadyOpen:
    """The project has an open publisher on this index already."""

    line: PublisherLine
    wanted: Registration


@dataclass(frozen=True, slots=True)
class ProjectKnown:
    """The project is known from now on, and has no publisher, since the bot uploads it itself."""

    registration: Registration


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
    kind: CredentialKind = CredentialKind.API_TOKEN
    project: str = ""
    """"" for all of the team's."""
    last_purpose: str = ""
    expires_at: datetime | None = None
    account_wide: bool | None = None
    """None: it can't be told."""


@dataclass(frozen=True, slots=True)
class CredentialsShown:
    """The content of the credentials dialog."""

    view_id: str
    lines: tuple[CredentialLine, ...]
    indexes: tuple[str, ...]
    index: str
    typed: bool = True
    """Whether secrets are entered in the dialog itself."""
    codes: bool = False
    """Whether some index takes one-time codes beside a password."""


@dataclass(frozen=True, slots=True)
class CredentialSaved:
    """A token is kept."""

    index: str
    replaced: bool
    project: str = ""
    kind: CredentialKind = CredentialKind.API_TOKEN
    narrowed: bool = False
    """Whether a copy that is bound to the project is kept, and the wide one forgotten."""


@dataclass(frozen=True, slots=True)
class CredentialRevoked:
    """A token is destroyed here."""

    index: str
    token_page: str
    was_live: bool
    project: str = ""
    granted: bool = False
    """Whether it was a grant of the index's OAuth facility; `token_page` is then the index's own address."""


@dataclass(frozen=True, slots=True)
class HomeShown:
    """A person's Home tab, as older versions said it; it is shown by a lane of its own now (`bot.workflow.home`)."""

    lines: tuple[PublisherLine, ...]
    total: int
    credentials: tuple[CredentialLine, ...]


@dataclass(frozen=True, slots=True)
class BrokeDown:
    """The bot could not do what was asked, by its own fault."""

    incident: str


Notice = (
    PublisherPending
    | PublisherByHand
    | PublisherQueued
    | PublisherEnded
    | PublisherDelayed
    | PublisherConfirmed
    | PublisherReminder
    | PublisherExpired
    | PublisherRemoved
    | PublisherList
    | PublisherStatus
    | AlreadyOpen
    | ProjectKnown
    | UnknownProject
    | NoLongerPossible
    | CredentialsShown
    | CredentialSaved
    | CredentialRevoked
    | HomeShown
    | AuditShown
    | AuditFile
    | AuditFileComing
    | AuditFileFailed
    | BrokeDown
    | ReleaseShown
    | ReleaseStep
    | ReleaseTimeline
    | ReleaseAnswer
    | NotCounted
    | ReleaseList
    | ReleaseDialog
    | LinksShown
    | PolicyShown
    | PolicyRefused
    | FreezeSet
    | Unapproved
    | HearsShown
    | SetupShown
    | PublisherFormShown
    | PullOpened
    | PullAnswer
    | GithubLinked
    | IndexConnected
    | GithubUnlinked
    | EntryEnded
    | CredentialDenied
    | CredentialOvertaken
    | CredentialRefused
    | CredentialReminder
    | TokenUnneeded
    | ConfirmAnswer
    | ConfirmRuns
    | ConfirmWaits
    | ConfirmEnded
    | HealthNotice
    | ImportNotice
    | NotAllowed
    | InstallNotice
    | PolicyChangeShown
    | PolicyFormShown
    | DialogShut
    | ChangeAnswer
)

KINDS: Mapping[str, type[Notice]] = MappingProxyType(
    {
        "publisher.pending": PublisherPending,
        "publisher.by_hand": PublisherByHand,
        "publisher.queued": PublisherQueued,
        "publisher.ended": PublisherEnded,
        "publisher.delayed": PublisherDelayed,
        "publisher.confirmed": PublisherConfirmed,
        "publisher.reminder": PublisherReminder,
        "publisher.expired": PublisherExpired,
        "publisher.removed": PublisherRemoved,
        "publisher.list": PublisherList,
        "publisher.status": PublisherStatus,
        "publisher.already_open": AlreadyOpen,
        "project.known": ProjectKnown,
        "publisher.unknown": UnknownProject,
        "publisher.moved_on": NoLongerPossible,
        "credentials.shown": CredentialsShown,
        "credential.saved": CredentialSaved,
        "credential.revoked": CredentialRevoked,
        "home.shown": HomeShown,
        "audit.shown": AuditShown,
        "audit.file": AuditFile,
        "audit.file_coming": AuditFileComing,
        "audit.file_failed": AuditFileFailed,
        "broke_down": BrokeDown,
        "release.shown": ReleaseShown,
        "release.step": ReleaseStep,
        "release.timeline": ReleaseTimeline,
        "release.answer": ReleaseAnswer,
        "release.not_counted": NotCounted,
        "release.list": ReleaseList,
        "release.dialog": ReleaseDialog,
        "release.links": LinksShown,
        "policy.shown": PolicyShown,
        "policy.refused": PolicyRefused,
        "freeze.set": FreezeSet,
        "release.unapproved": Unapproved,
        "channel.hears": HearsShown,
        "setup.shown": SetupShown,
        "publisher.form": PublisherFormShown,
        "setup.pull_opened": PullOpened,
        "setup.answer": PullAnswer,
        "github.linked": GithubLinked,
        "index.connected": IndexConnected,
        "github.unlinked": GithubUnlinked,
        "credential.entry_ended": EntryEnded,
        "credential.overtaken": CredentialOvertaken,
        "credential.refused": CredentialRefused,
        "credential.reminder": CredentialReminder,
        "credential.unneeded": TokenUnneeded,
        "credential.denied": CredentialDenied,
        "confirm.answer": ConfirmAnswer,
        "confirm.runs": ConfirmRuns,
        "confirm.waits": ConfirmWaits,
        "confirm.ended": ConfirmEnded,
        **HEALTH_KINDS,
        **IMPORT_KINDS,
        "not_allowed": NotAllowed,
        **INSTALL_KINDS,
        "policy.change": PolicyChangeShown,
        "policy.change_answer": ChangeAnswer,
        "policy.form": PolicyFormShown,
        "dialog.shut": DialogShut,
    }
)
