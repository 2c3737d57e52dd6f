"""The persisted words and the frozen records that travel; rows stay inside `storage`.

Knows: names, shapes, units. Must not know: SQL, ciphers, Slack.

Persisted enums only grow: a value that was ever written keeps its meaning forever, because old rows,
old outbox payloads and the audit trail still say it.
"""

from storage.records.basis import (
    AlreadyRunning,
    DoesNotOpen,
    KeyMissing,
    NewerSchema,
    SchemaMissing,
    Secret,
    StorageError,
    TeamGone,
)
from storage.records.credentials import Credential, Entry, GithubLink, GrantTaken, OpenCredential, SignIn
from storage.records.history import HistoryLine, KnownProject, StatusSession
from storage.records.installations import FirstSteps, Installation, Tokens
from storage.records.messages import AuditEvent, AuditExport, InboxItem, OutboxItem, Step
from storage.records.processes import Process
from storage.records.publishers import (
    Confirmation,
    Evidence,
    Feed,
    Health,
    Import,
    ImportItem,
    Publisher,
    Registration,
)
from storage.records.releases import (
    Approval,
    Freeze,
    PolicyChange,
    Release,
    ReleaseThanks,
    Subscription,
    Watch,
)
from storage.records.restorations import Restoration
from storage.records.teams import Home, Project, ProjectAtGlance, Team
from storage.records.troubles import ASIDE, Trouble
from storage.records.words import (
    ChangeState,
    ConfirmationReason,
    ConfirmationState,
    CredentialKind,
    EvidenceKind,
    Hears,
    ImportItemState,
    ImportState,
    InboxState,
    OutboxState,
    PublisherState,
    Reason,
    ReleaseKind,
    ReleaseReason,
    ReleaseState,
    StartBy,
    StepState,
    Verdict,
)

__all__ = [
    "ASIDE",
    "AlreadyRunning",
    "Approval",
    "AuditEvent",
    "AuditExport",
    "ChangeState",
    "Confirmation",
    "ConfirmationReason",
    "ConfirmationState",
    "Credential",
    "CredentialKind",
    "DoesNotOpen",
    "Entry",
    "Evidence",
    "EvidenceKind",
    "Feed",
    "FirstSteps",
    "Freeze",
    "GithubLink",
    "GrantTaken",
    "Health",
    "Hears",
    "HistoryLine",
    "Home",
    "Import",
    "ImportItem",
    "ImportItemState",
    "ImportState",
    "InboxItem",
    "InboxState",
    "Installation",
    "KeyMissing",
    "KnownProject",
    "NewerSchema",
    "OpenCredential",
    "OutboxItem",
    "OutboxState",
    "PolicyChange",
    "Process",
    "Project",
    "ProjectAtGlance",
    "Publisher",
    "PublisherState",
    "Reason",
    "Registration",
    "Release",
    "ReleaseKind",
    "ReleaseReason",
    "ReleaseState",
    "ReleaseThanks",
    "Restoration",
    "SchemaMissing",
    "Secret",
    "SignIn",
    "StartBy",
    "StatusSession",
    "Step",
    "StepState",
    "StorageError",
    "Subscription",
    "Team",
    "TeamGone",
    "Tokens",
    "Trouble",
    "Verdict",
    "Watch",
]
