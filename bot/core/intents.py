"""What people can want of the bot, as they lie in the inbox between the ack and the work.

Knows: the closed set of intents. Must not know: Slack's payloads, how an intent is carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from bot.core.publisher_forms import Form
from storage.records import CredentialKind, Hears, Registration


@dataclass(frozen=True, slots=True)
class AddPublisher:
    """Register a trusted publisher and tell `channel` about it."""

    registration: Registration
    channel: str


@dataclass(frozen=True, slots=True)
class ListPublishers:
    """Show the team's publishers."""


@dataclass(frozen=True, slots=True)
class CheckPublisher:
    """Look at one publisher now and say how it stands."""

    project: str
    index: str
    """"" for whichever index the project is on."""


@dataclass(frozen=True, slots=True)
class RemovePublisher:
    """Stop watching a publisher."""

    project: str
    index: str


@dataclass(frozen=True, slots=True)
class SubmittedByHand:
    """The person says that the index's form is filled in and sent."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Ask for the same registration once more."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ShowCredentials:
    """Fill the dialog that was opened as "loading" with the team's credentials."""

    view_id: str
    index: str
    """The index to offer first; "" for none."""


@dataclass(frozen=True, slots=True)
class AddCredential:
    """Keep a token; the token itself lies sealed beside this. Written by older versions."""

    index: str


@dataclass(frozen=True, slots=True)
class EnterCredential:
    """Hold a secret until its owner has seen what it is; the secret itself lies sealed beside this."""

    entry_id: str
    index: str
    project: str
    kind: CredentialKind
    seen: tuple[str, ...] = ()
    """Ids of the credentials that the person saw."""


@dataclass(frozen=True, slots=True)
class KeepCredential:
    """Keep a secret that was entered and shown."""

    entry_id: str
    narrow_to: str = ""
    """Normalized name of the project that it is bound to first; "" to keep it as it is."""


@dataclass(frozen=True, slots=True)
class OpenEntryPage:
    """Let somebody enter a secret on a page, by the link that was shown."""

    state_hash: str
    """Of the link's state: the state itself is in the link alone."""
    index: str
    """The index to offer first; "" for none."""
    who: str
    """How the person is called in Slack."""


@dataclass(frozen=True, slots=True)
class RevokeCredential:
    """Destroy a kept token."""

    credential_id: str
    view_id: str = ""
    """The dialog that shows it, to be shown anew; "" where it was clicked elsewhere."""


@dataclass(frozen=True, slots=True)
class OpenHome:
    """Show the person's Home tab."""


@dataclass(frozen=True, slots=True)
class ShowAudit:
    """Show who did what, newest first."""

    project: str


@dataclass(frozen=True, slots=True)
class AskRelease:
    """Look at a version, and ask the team for its release."""

    project: str
    version: str
    """A tag or a version, as typed."""
    index: str
    """"" for whichever index the project is on."""
    notes: str = ""
    act_at: datetime | None = None
    override: str = ""
    """Why it is asked for in spite of a freeze; "" where it is not."""
    channel: str = ""
    """"" for the project's own channel."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve what was shown."""

    release_id: str
    round: int


@dataclass(frozen=True, slots=True)
class Reject:
    """Reject what was shown."""

    release_id: str
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take one's approval back."""

    release_id: str
    round: int


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Release without the approvals that are wanting, for a reason that everybody hears."""

    release_id: str
    round: int
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRelease:
    """Give a release up before it acts, or after it failed."""

    project: str = ""
    version: str = ""
    release_id: str = ""
    """Set where it was clicked; then project and version are not needed."""


@dataclass(frozen=True, slots=True)
class RetryRelease:
    """Try a failed release again from where it failed."""

    project: str = ""
    version: str = ""
    release_id: str = ""


@dataclass(frozen=True, slots=True)
class ShowReleases:
    """Show the team's releases, or a project's."""

    project: str


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """Change who decides about releases; `project` "" is the whole team's."""

    project: str
    changes: Mapping[str, str]
    """Names of the policy's fields and their new values, as typed and checked."""


@dataclass(frozen=True, slots=True)
class ShowPolicy:
    """Show who decides about releases."""

    project: str


@dataclass(frozen=True, slots=True)
class SetFreeze:
    """Let nothing be released for a time: of one project (a lock), or of all."""

    project: str
    starts_at: datetime | None
    ends_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class LiftFreeze:
    """End every freeze of a project ("": of all) that stands."""

    project: str


@dataclass(frozen=True, slots=True)
class TellChannel:
    """Let the channel in which this is typed hear of the ends of a project's releases ("": of all)."""

    project: str
    hears: Hears


@dataclass(frozen=True, slots=True)
class ShowTold:
    """Show what the channel hears in which this is typed."""


@dataclass(frozen=True, slots=True)
class AskYank:
    """Look at a version that is on the index, and ask the team whether people shall yank it there."""

    project: str
    version: str
    reason: str
    index: str = ""
    """"" for whichever index the project is on."""


@dataclass(frozen=True, slots=True)
class ShowSetup:
    """Fill the dialog that was opened as "loading" with the pull request that would set a publisher up."""

    view_id: str
    publisher_id: str


@dataclass(frozen=True, slots=True)
class FillPublisherForm:
    """Fill in the dialog that registers a publisher, or say what the index would refuse of what stands there."""

    form: Form
    hash: str = ""
    """What Slack calls the dialog as it stands; "" for however it stands."""


@dataclass(frozen=True, slots=True)
class OpenSetupPull:
    """Open the pull request that was shown."""

    publisher_id: str
    digest: str
    """A name for exactly what was shown."""
    make_environment: bool = False
    reviewers: tuple[str, ...] = ()
    """Logins of whom one must agree before the environment's jobs run."""


@dataclass(frozen=True, slots=True)
class ConfirmNow:
    """Let the workflow's `confirm` job run, which makes a pending publisher real."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ToOrganization:
    """Say that a publisher which waits for a place goes to an organization's page, which has no such places."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ConnectGithub:
    """Find out who somebody is on the forge, by the link that was shown."""

    state_hash: str
    """Of the link's state: the state itself is in the link alone."""
    who: str
    """How the person is called in Slack."""


@dataclass(frozen=True, slots=True)
class ConnectIndex:
    """Get a grant of an index's OAuth facility, by the link that was shown."""

    index: str
    state_hash: str
    """Of the link's state: the state itself is in the link alone."""
    who: str
    """How the person is called in Slack."""


@dataclass(frozen=True, slots=True)
class DisconnectGithub:
    """Forget who somebody is on the forge."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Look after a publisher whose asker has left."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ImportOwner:
    """List an owner's Python repositories, with what each lacks, so that somebody may choose what is set up."""

    owner: str
    """"" for all that the forge's credential sees."""
    index: str
    dry_run: bool = False
    """Whether it stays a list."""


@dataclass(frozen=True, slots=True)
class ShowImport:
    """Fill the dialog that was opened as "loading" with the packages of an import."""

    view_id: str
    import_id: str


@dataclass(frozen=True, slots=True)
class SetUpImport:
    """Register the publishers of the packages that were chosen."""

    import_id: str
    chosen: tuple[int, ...]
    """Places in the list."""


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
)

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
    }
)
