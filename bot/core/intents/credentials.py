"""What people can want of secrets and of who they are elsewhere.

Knows: their fields. Must not know: how they are carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from dataclasses import dataclass

from storage.records import CredentialKind


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
