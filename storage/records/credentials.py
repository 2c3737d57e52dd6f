"""Credentials, how they come in, and who somebody is on the forge.

Knows: shapes, units. Must not know: SQL, ciphers, Slack.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from storage.records.basis import Secret
from storage.records.words import CredentialKind


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
    one_time: Secret | None = field(default=None, repr=False)
    """What makes the one-time codes that go with the password; None where the index wants none."""


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
    one_time: Secret | None = field(default=None, repr=False)


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
