"""API tokens as an index makes them: macaroons, verified truly.

Knows: pymacaroons, the caveats of protocols section 3. Must not know: HTTP, where projects are kept.
"""

import base64
import binascii
import json
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pymacaroons import Macaroon, Verifier
from pymacaroons.exceptions import MacaroonException
from pymacaroons.macaroon import MACAROON_V2

from bot.demo.index_model import ActivePublisher, Project, User, new_id

PREFIX = "pypi-"
UNREADABLE = (
    MacaroonException,
    ValueError,
    IndexError,
    TypeError,
    AttributeError,
    struct.error,
    binascii.Error,
)
"""What pymacaroons lets out of its reader for bytes that are no macaroon."""

EXPIRATION, PROJECT_NAMES, PROJECT_IDS, REQUEST_USER, PUBLISHER = range(5)


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What a token is used for; caveats are judged against it."""

    now: int
    """Unix seconds."""
    project: Project | None = None
    """None: something that concerns no single project."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a token in one use; nothing if all is empty."""

    signature_ok: bool
    expired: bool = False
    reasons: tuple[str, ...] = ()
    """The refusals' words, as warehouse has them, in the order of the caveats."""

    @property
    def allowed(self) -> bool:
        """Whether the token may be used so."""
        return self.signature_ok and not self.reasons


@dataclass(slots=True)
class IssuedToken:
    """A token that this index made. The text itself is not kept."""

    holder: User | ActivePublisher
    description: str
    scope: tuple[str, ...] = ()
    """Normalized names of the projects it is bound to; empty: all of the user's."""
    id: str = field(default_factory=new_id)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)


class Tokens:
    """All tokens of one index."""

    def __init__(self) -> None:
        self.issued: dict[str, IssuedToken] = {}

    def for_user(
        self, location: str, user: User, projects: Sequence[Project] | None, *, expires_at: int | None = None
    ) -> str:
        """Return a new token for all of a user's projects (None) or for the given ones; `expires_at` in unix seconds."""
        issued = IssuedToken(user, "API token", tuple(project.normalized for project in projects or ()))
        caveats: list[list[Any]] = [[REQUEST_USER, user.id]]
        if projects is not None:
            caveats = [
                [PROJECT_NAMES, [project.normalized for project in projects]],
                [PROJECT_IDS, [project.id for project in projects]],
            ]
        if expires_at is not None:
            caveats.append([EXPIRATION, expires_at, 0])
        return self._make(location, issued, caveats)

    def for_publisher(self, location: str, publisher: ActivePublisher, now: int, expires_at: int) -> str:
        """Return a token as the OIDC exchange mints it."""
        issued = IssuedToken(publisher, f"OpenID token: {publisher.values.workflow_filename}")
        ids = [project.id for project in publisher.projects]
        caveats: list[list[Any]] = [
            [PUBLISHER, publisher.id, None],
            [PROJECT_IDS, ids],
            [EXPIRATION, expires_at, now],
        ]
        return self._make(location, issued, caveats)

    def revoke(self, token_id: str) -> None:
        """Forget a token, so that it is unknown from now on."""
        self.issued.pop(token_id, None)

    def find(self, text: str) -> tuple[Macaroon, IssuedToken] | None:
        """Return a token's macaroon and its record, nothing verified yet; None for what this index never made."""
        macaroon = _read(text)
        if macaroon is None:
            return None
        try:
            issued = self.issued.get(macaroon.identifier_bytes.decode())
        except UnicodeDecodeError:
            return None
        return None if issued is None else (macaroon, issued)

    def verify(self, macaroon: Macaroon, issued: IssuedToken, use: TokenUse) -> Verdict:
        """Judge a token: its signature over all caveats, then each caveat."""
        expired, reasons = False, []
        for caveat in macaroon.caveats:
            reason = caveat_refusal(_load(caveat.caveat_id_bytes), issued, use)
            expired = expired or reason == "token is expired"
            if reason:
                reasons.append(reason)
        return Verdict(_signature_ok(macaroon, issued.key), expired, tuple(reasons))

    def _make(self, location: str, issued: IssuedToken, caveats: Sequence[Sequence[Any]]) -> str:
        macaroon = Macaroon(location=location, identifier=issued.id, key=issued.key, version=MACAROON_V2)
        for caveat in caveats:
            macaroon.add_first_party_caveat(json.dumps(caveat))
        self.issued[issued.id] = issued
        return PREFIX + str(macaroon.serialize())


def caveat_refusal(caveat: Any, issued: IssuedToken, use: TokenUse) -> str:
    """Return why a caveat does not hold in this use, in warehouse's words; "" if it does."""
    refusal = "caveat must be an array with a known tag"
    match caveat:
        case [0, int(expires_at), int(not_before)]:
            refusal = "" if not_before <= use.now < expires_at else "token is expired"
        case [1, [*names]]:
            refusal = _project_refusal(
                use.project, use.project is not None and use.project.normalized in names
            )
        case [2, [*ids]]:
            refusal = _project_refusal(use.project, use.project is not None and use.project.id in ids)
        case [3, str(user_id)]:
            refusal = _user_refusal(issued.holder, user_id)
        case [4, str(publisher_id), *_]:
            refusal = _publisher_refusal(issued.holder, publisher_id, use.project)
        case {"version": 1, "permissions": "user"}:
            refusal = ""
    return refusal


def _project_refusal(project: Project | None, within: bool) -> str:  # noqa: FBT001 - private, named at both calls
    if project is None:
        return "project-scoped token used outside of a project context"
    return "" if within else f"project-scoped token is not valid for project: {project.name!r}"


def _user_refusal(holder: User | ActivePublisher, user_id: str) -> str:
    if not isinstance(holder, User):
        return "token with user restriction without a user"
    return "" if holder.id == user_id else "current user does not match user restriction in token"


def _publisher_refusal(holder: User | ActivePublisher, publisher_id: str, project: Project | None) -> str:
    if not isinstance(holder, ActivePublisher):
        return "OIDC scoped token used outside of an OIDC identified request"
    if holder.id != publisher_id:
        return "current OIDC publisher does not match publisher restriction in token"
    if project is None:
        return "OIDC scoped token used outside of a project context"
    return (
        "" if project in holder.projects else f"OIDC scoped token is not valid for project {project.name!r}"
    )


def _signature_ok(macaroon: Macaroon, key: bytes) -> bool:
    """Whether the chain of signatures is right; the caveats' meanings are judged elsewhere."""
    verifier = Verifier()
    verifier.satisfy_general(lambda _predicate: True)
    try:
        return bool(verifier.verify(macaroon, key))
    except UNREADABLE:
        return False


def _read(text: str) -> Macaroon | None:
    if not text.startswith(PREFIX):
        return None
    body = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        return Macaroon.deserialize(base64.urlsafe_b64encode(raw).decode())
    except UNREADABLE:
        return None


def _load(caveat: bytes) -> Any:
    """Read a caveat; the older forms, JSON objects, in today's shape."""
    try:
        loaded = json.loads(caveat)
    except ValueError:
        return None
    match loaded:
        case {"exp": expires_at, "nbf": not_before}:
            return [EXPIRATION, expires_at, not_before]
        case {"version": 1, "permissions": {"projects": names}}:
            return [PROJECT_NAMES, names]
    return loaded
