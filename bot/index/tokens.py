"""API tokens, read offline and narrowed: macaroons (version 2) behind a prefix.

Knows: what caveats say (warehouse `macaroons/caveats/__init__.py`; devpi-tokens `restrictions.py`). Must not know: any
index's key, httpx, the other protocols.

Whoever holds a macaroon may add caveats to it, and nobody can take one off; only the index can verify it, so nothing that
is read here is proven. devpi takes the caveats of PyPI's tokens beside its own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bot.core.cleaning import one_line
from bot.core.names import normalize_project
from storage.records import Secret

LONGEST = 10_000
"""Characters of a token; no index makes such ones."""
_SHOWN = 160
_FORM = re.compile(r"(pypi|devpi)-([A-Za-z0-9_-]*)=*", re.ASCII)
_PREFIX = re.compile(r"(pypi|devpi)-", re.ASCII)
_DEVPI_PREFIX = "devpi-"
_VERSION_2 = "Ag"
"""Base64 of the first byte, 2. pymacaroons does not come back from some texts of version 1."""
_SIGNATURE_HEX = 64
_PUBLISHER = 4
"""The tag of trusted publishing's own tokens, which pypitoken 7.1 does not read."""


@dataclass(frozen=True, slots=True)
class Expires:
    """Good from `not_before` until before `expires_at`; None: no such end."""

    not_before: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Projects:
    """Good for the projects with these normalized names alone."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProjectIds:
    """Good for the projects with these ids of the index alone."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class User:
    """Good for its user alone, and for all that the user may do."""

    id: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """Made by trusted publishing, for the projects of that publisher."""

    id: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A caveat of a form that is not known here; only the index knows what it asks."""

    shown: str
    """One line, cleaned."""


Caveat = Expires | Projects | ProjectIds | User | Publisher | Unknown


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a macaroon says of itself, nothing verified."""

    location: str
    """Host name of its index; "" where it names none (devpi)."""
    caveats: tuple[Caveat, ...]

    @property
    def account_wide(self) -> bool:
        """Whether nothing binds it to projects, as far as can be read."""
        return not any(isinstance(caveat, Projects | ProjectIds | Publisher) for caveat in self.caveats)

    @property
    def projects(self) -> tuple[str, ...] | None:
        """Normalized names of the projects it is good for, sorted; None where it names none."""
        named = [set(caveat.names) for caveat in self.caveats if isinstance(caveat, Projects)]
        return tuple(sorted(set.intersection(*named))) if named else None

    @property
    def expires_at(self) -> datetime | None:
        """When it ends by its own caveats; None: never."""
        ends = [caveat.expires_at for caveat in self.caveats if isinstance(caveat, Expires)]
        return min((end for end in ends if end is not None), default=None)

    def serves(self, project: str) -> bool:
        """Say whether it may be good for a project: ids and unknown caveats can't be told."""
        return self.projects is None or normalize_project(project) in self.projects


@dataclass(frozen=True, slots=True)
class Opaque:
    """No macaroon: what it may do can't be read, and it can't be narrowed."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It begins like a macaroon and is none."""

    cause: str
    """Follows "This token"."""


TokenRead = TokenFacts | Opaque | Unreadable


@dataclass(frozen=True, slots=True)
class Sendable:
    """A token to be sent."""

    secret: Secret = field(repr=False)
    narrowed: bool
    """False: it is no macaroon, so it is the kept one itself."""


def read(token: Secret) -> TokenRead:
    """Read what a token says of itself. Never raises, whatever the text is."""
    text = token.reveal()
    if not _PREFIX.match(text):
        return Opaque()
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return Unreadable("has signs that no token has, or is far too long")
    if not found[2].startswith(_VERSION_2):
        return Unreadable("is not a macaroon of version 2")
    macaroon = _macaroon(found[2])
    if macaroon is None:
        return Unreadable("is cut off or changed")
    try:
        location = str(macaroon.location)
    except UnicodeDecodeError:
        return Unreadable("names an index that can't be read")
    return TokenFacts(one_line(location, limit=255), tuple(map(_caveat, macaroon.caveats)))


def narrowed(
    token: Secret, project: str = "", until: datetime | None = None, not_before: datetime | None = None
) -> Sendable:
    """Return a copy that is good for one project ("": for whichever the token is) and until a moment (None: without end).

    Needs no key. A token that is no macaroon comes back as it is, and the result says so.
    """
    if not isinstance(read(token), TokenFacts):
        return Sendable(token, narrowed=False)
    if token.reveal().startswith(_DEVPI_PREFIX):
        return _narrowed_devpi(token.reveal(), project, until, not_before)
    from pypitoken import Token  # noqa: PLC0415 - a third of a second, paid where a token is used

    copy = Token.load(token.reveal().rstrip("="))
    limits: dict[str, Any] = {"project_names": [normalize_project(project)]} if project else {}
    if until is not None:
        # The second before which a token is good must be given with the one until which it is; 1970 is always past.
        begins = int(not_before.timestamp()) if not_before is not None else 1
        limits |= {"not_before": begins, "not_after": int(until.timestamp())}
    return Sendable(Secret(copy.restrict(**limits).dump()), narrowed=bool(limits))


def _narrowed_devpi(text: str, project: str, until: datetime | None, not_before: datetime | None) -> Sendable:
    """Narrow a token of devpi by its own caveats: 1.1 of devpi-tokens verifies PyPI's, and then fails to list them."""
    macaroon = _macaroon(text.removeprefix(_DEVPI_PREFIX).rstrip("="))
    caveats = [f"projects={normalize_project(project)}"] if project else []
    if until is not None:
        begins = [f"not_before={int(not_before.timestamp())}"] if not_before is not None else []
        caveats += [f"expires={int(until.timestamp())}", *begins]
    for caveat in caveats:
        macaroon.add_first_party_caveat(caveat)
    return Sendable(Secret(f"{_DEVPI_PREFIX}{macaroon.serialize()}"), narrowed=bool(caveats))


def _macaroon(body: str) -> Any:
    """Return the macaroon; None where it is none, or would not come out as it went in."""
    from pymacaroons import Macaroon  # noqa: PLC0415 - slow, paid where a token is read

    try:
        found = Macaroon.deserialize(body)
        whole = len(found.signature_bytes) == _SIGNATURE_HEX and found.serialize() == body
    except Exception:  # noqa: BLE001 - the library lets out whatever the bytes provoke (its issue 50)
        return None
    return found if whole else None


def _caveat(caveat: Any) -> Caveat:
    raw: bytes = caveat.caveat_id_bytes
    text = raw.decode("utf-8", "replace")
    shown = one_line(text, limit=_SHOWN)
    if caveat.verification_key_id:
        return Unknown(f"third party: {shown}")
    return _devpi(text) or _pypi(text) or Unknown(shown)


def _pypi(text: str) -> Caveat | None:
    """Read a caveat as warehouse writes it, today's form or an older one."""
    from pypitoken import LoaderError, restrictions  # noqa: PLC0415 - a third of a second, as above

    try:
        found = restrictions.Restriction.load_json(text)
    except (LoaderError, RecursionError):
        return _minted(text)
    match found:
        case restrictions.DateRestriction() | restrictions.LegacyDateRestriction():
            return _expires(found.not_before, found.not_after)
        case restrictions.ProjectNamesRestriction() | restrictions.LegacyProjectNamesRestriction():
            return Projects(tuple(normalize_project(_line(name)) for name in found.project_names))
        case restrictions.ProjectIDsRestriction():
            return ProjectIds(tuple(map(_line, found.project_ids)))
        case restrictions.UserIDRestriction():
            return User(_line(found.user_id))
    return None


def _minted(text: str) -> Publisher | None:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match loaded:
        case [int(tag), str(publisher), *_] if tag == _PUBLISHER:
            return Publisher(_line(publisher))
    return None


def _devpi(text: str) -> Caveat | None:
    name, _, value = text.partition("=")
    make = _DEVPI.get(name)
    return make(value) if make else None


def _devpi_projects(value: str) -> Projects:
    return Projects(tuple(normalize_project(_line(name.strip())) for name in value.split(",")))


def _devpi_expires(value: str) -> Expires | None:
    if value == "never":
        return Expires(None, None)
    return _expires(None, int(value)) if _is_second(value) else None


def _devpi_not_before(value: str) -> Expires | None:
    return _expires(int(value), None) if _is_second(value) else None


_DEVPI: Mapping[str, Any] = MappingProxyType(
    {"projects": _devpi_projects, "expires": _devpi_expires, "not_before": _devpi_not_before}
)


def _is_second(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 12


def _expires(not_before: int | None, expires_at: int | None) -> Expires | None:
    """Return the term; None where its seconds are no times."""
    try:
        begin, end = (
            None if second is None else datetime.fromtimestamp(second, UTC)
            for second in (not_before, expires_at)
        )
    except (ValueError, OverflowError, OSError):
        return None
    return Expires(begin, end)


def _line(text: str) -> str:
    return one_line(text, limit=_SHOWN)
