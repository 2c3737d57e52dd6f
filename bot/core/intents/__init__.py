"""What people can want of the bot, as they lie in the inbox between the ack and the work.

Knows: the closed set of intents. Must not know: Slack's payloads, how an intent is carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.core.intents.credentials import (
    AddCredential,
    ConnectGithub,
    ConnectIndex,
    DisconnectGithub,
    EnterCredential,
    KeepCredential,
    OpenEntryPage,
    RevokeCredential,
    ShowCredentials,
)
from bot.core.intents.publishers import (
    AddPublisher,
    CheckPublisher,
    ConfirmNow,
    FillPublisherForm,
    ImportOwner,
    ListPublishers,
    OpenSetupPull,
    RemovePublisher,
    SetUpImport,
    ShowImport,
    ShowSetup,
    SubmittedByHand,
    TakeOver,
    ToOrganization,
    TryAgain,
)
from bot.core.intents.releases import (
    Approve,
    AskRelease,
    AskYank,
    BreakGlass,
    CancelRelease,
    Reject,
    RetryRelease,
    ShowRelease,
    ShowReleases,
    ShowTold,
    TellChannel,
    UnfurlLinks,
    Withdraw,
)
from bot.core.intents.steps import RunStep
from bot.core.intents.team import (
    AgreePolicy,
    ChannelBack,
    ChannelLost,
    ExportAudit,
    LeaveTeam,
    LiftFreeze,
    OpenHome,
    PersonLeft,
    PolicyPart,
    RefusePolicy,
    SetFreeze,
    SetPolicy,
    ShowAudit,
    ShowPolicy,
    ShowPolicyForm,
)

__all__ = [
    "KINDS",
    "LOOKS",
    "AddCredential",
    "AddPublisher",
    "AgreePolicy",
    "Approve",
    "AskRelease",
    "AskYank",
    "BreakGlass",
    "CancelRelease",
    "ChannelBack",
    "ChannelLost",
    "CheckPublisher",
    "ConfirmNow",
    "ConnectGithub",
    "ConnectIndex",
    "DisconnectGithub",
    "EnterCredential",
    "ExportAudit",
    "FillPublisherForm",
    "ImportOwner",
    "Intent",
    "KeepCredential",
    "LeaveTeam",
    "LiftFreeze",
    "ListPublishers",
    "OpenEntryPage",
    "OpenHome",
    "OpenSetupPull",
    "PersonLeft",
    "PolicyPart",
    "RefusePolicy",
    "Reject",
    "RemovePublisher",
    "RetryRelease",
    "RevokeCredential",
    "RunStep",
    "SetFreeze",
    "SetPolicy",
    "SetUpImport",
    "ShowAudit",
    "ShowCredentials",
    "ShowImport",
    "ShowPolicy",
    "ShowPolicyForm",
    "ShowRelease",
    "ShowReleases",
    "ShowSetup",
    "ShowTold",
    "SubmittedByHand",
    "TakeOver",
    "TellChannel",
    "ToOrganization",
    "TryAgain",
    "UnfurlLinks",
    "Withdraw",
]

Intent = (
    AddPublisher
    | ListPublishers
    | CheckPublisher
    | RemovePublisher
    | SubmittedByHand
    | TryAgain
    | ShowCredentials
    | AddCredential
    | EnterCredential
    | KeepCredential
    | OpenEntryPage
    | RevokeCredential
    | OpenHome
    | RunStep
    | UnfurlLinks
    | ShowRelease
    | ShowAudit
    | AskRelease
    | Approve
    | Reject
    | Withdraw
    | BreakGlass
    | CancelRelease
    | RetryRelease
    | ShowReleases
    | SetPolicy
    | ShowPolicy
    | SetFreeze
    | LiftFreeze
    | TellChannel
    | ShowTold
    | ShowSetup
    | FillPublisherForm
    | OpenSetupPull
    | AskYank
    | ConnectGithub
    | ConnectIndex
    | DisconnectGithub
    | ConfirmNow
    | TakeOver
    | ImportOwner
    | ShowImport
    | SetUpImport
    | ToOrganization
    | AgreePolicy
    | ExportAudit
    | RefusePolicy
    | LeaveTeam
    | PersonLeft
    | ChannelLost
    | ChannelBack
    | ShowPolicyForm
)

LOOKS = (
    ListPublishers, CheckPublisher, ShowSetup, FillPublisherForm, ShowImport, ShowCredentials, ShowReleases, ShowTold,
    OpenHome, ShowAudit, ShowPolicy, UnfurlLinks,
    LeaveTeam, PersonLeft,
)  # fmt: skip
"""Intents that change nothing that others see, and nobody's: they need no turn, since one that waits for a slow host must hold back none."""

KINDS: Mapping[str, type[Intent]] = MappingProxyType(
    {
        "publisher.add": AddPublisher,
        "publisher.list": ListPublishers,
        "publisher.check": CheckPublisher,
        "publisher.remove": RemovePublisher,
        "publisher.submitted": SubmittedByHand,
        "publisher.again": TryAgain,
        "credentials.show": ShowCredentials,
        "credential.add": AddCredential,
        "credential.enter": EnterCredential,
        "credential.keep": KeepCredential,
        "credential.page": OpenEntryPage,
        "credential.revoke": RevokeCredential,
        "home.open": OpenHome,
        "step.run": RunStep,
        "links.unfurl": UnfurlLinks,
        "release.open": ShowRelease,
        "audit.show": ShowAudit,
        "release.ask": AskRelease,
        "release.approve": Approve,
        "release.reject": Reject,
        "release.withdraw": Withdraw,
        "release.break_glass": BreakGlass,
        "release.cancel": CancelRelease,
        "release.retry": RetryRelease,
        "release.show": ShowReleases,
        "policy.set": SetPolicy,
        "policy.show": ShowPolicy,
        "freeze.set": SetFreeze,
        "freeze.lift": LiftFreeze,
        "channel.tell": TellChannel,
        "channel.show": ShowTold,
        "setup.show": ShowSetup,
        "publisher.fill": FillPublisherForm,
        "setup.open": OpenSetupPull,
        "release.yank": AskYank,
        "github.connect": ConnectGithub,
        "index.connect": ConnectIndex,
        "github.disconnect": DisconnectGithub,
        "publisher.confirm": ConfirmNow,
        "publisher.take_over": TakeOver,
        "import.ask": ImportOwner,
        "import.show": ShowImport,
        "import.set_up": SetUpImport,
        "publisher.organization": ToOrganization,
        "policy.agree": AgreePolicy,
        "audit.export": ExportAudit,
        "policy.refuse": RefusePolicy,
        "team.leave": LeaveTeam,
        "person.left": PersonLeft,
        "channel.lost": ChannelLost,
        "channel.back": ChannelBack,
        "policy.form": ShowPolicyForm,
    }
)
