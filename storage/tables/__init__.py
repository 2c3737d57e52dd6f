"""The rows and the invariants that the database itself keeps. Rows never leave `storage`.

Knows: columns, keys, constraints. Must not know: sessions, queries, policy.
"""

from storage.tables.base import Base
from storage.tables.confirmations import ConfirmationRow
from storage.tables.exports import AuditExportRow
from storage.tables.feeds import FeedRow
from storage.tables.github import GithubLinkRow, OauthStateRow
from storage.tables.grants import GrantRow
from storage.tables.health import HealthRow
from storage.tables.homes import HomeRow
from storage.tables.imports import ImportItemRow, ImportRow
from storage.tables.installations import InstallationRow, InstallStateRow
from storage.tables.messages import AuditHeadRow, AuditRow, InboxRow, OutboxRow
from storage.tables.paces import PaceRow
from storage.tables.processes import ProcessRow
from storage.tables.publishers import EvidenceRow, ProjectRow, PublisherRow
from storage.tables.releases import (
    ApprovalRow,
    FreezeRow,
    PolicyChangeRow,
    PolicyRow,
    ReleaseEvidenceRow,
    ReleaseRow,
)
from storage.tables.restorations import RestorationRow
from storage.tables.sessions import StatusSessionRow, StatusSignInRow
from storage.tables.steps import StepRow
from storage.tables.subscriptions import SubscriptionRow
from storage.tables.teams import ChainKeyRow, CredentialRow, DataKeyRow, EntryRow, TeamRow
from storage.tables.thanks import ThanksRow
from storage.tables.troubles import TroubleRow
from storage.tables.watches import WatchRow

__all__ = [
    "ApprovalRow",
    "AuditExportRow",
    "AuditHeadRow",
    "AuditRow",
    "Base",
    "ChainKeyRow",
    "ConfirmationRow",
    "CredentialRow",
    "DataKeyRow",
    "EntryRow",
    "EvidenceRow",
    "FeedRow",
    "FreezeRow",
    "GithubLinkRow",
    "GrantRow",
    "HealthRow",
    "HomeRow",
    "ImportItemRow",
    "ImportRow",
    "InboxRow",
    "InstallStateRow",
    "InstallationRow",
    "OauthStateRow",
    "OutboxRow",
    "PaceRow",
    "PolicyChangeRow",
    "PolicyRow",
    "ProcessRow",
    "ProjectRow",
    "PublisherRow",
    "ReleaseEvidenceRow",
    "ReleaseRow",
    "RestorationRow",
    "StatusSessionRow",
    "StatusSignInRow",
    "StepRow",
    "SubscriptionRow",
    "TeamRow",
    "ThanksRow",
    "TroubleRow",
    "WatchRow",
]
