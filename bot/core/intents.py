"""What people can want of the bot, as they lie in the inbox between the ack and the work.

Knows: the closed set of intents. Must not know: Slack's payloads, how an intent is carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from storage.records import Registration


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
    """Keep a token; the token itself lies sealed beside this."""

    index: str


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


Intent = (
    AddPublisher
    | ListPublishers
    | CheckPublisher
    | RemovePublisher
    | SubmittedByHand
    | TryAgain
    | ShowCredentials
    | AddCredential
    | RevokeCredential
    | OpenHome
    | ShowAudit
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
        "credential.revoke": RevokeCredential,
        "home.open": OpenHome,
        "audit.show": ShowAudit,
    }
)
