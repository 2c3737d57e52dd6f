"""An index's OAuth 1.0a facility as values: a token with its secret, and every way to say no, with cause and remedy.

Knows: meanings (`docs/oauth1.md`). Must not know: HTTP, addresses, how a request is signed, Slack.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from bot.core.outcomes import TryLater
from storage.records import Secret


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A token and its secret: a request token for minutes, or an access token, which does not expire."""

    token: Secret
    secret: Secret


class Fault(StrEnum):
    """Why the facility said no."""

    CONSUMER = "consumer"
    REQUEST_TOKEN = "request_token"  # noqa: S105 - a word, not a secret
    ACCESS_TOKEN = "access_token"  # noqa: S105 - a word, not a secret
    CLOCK = "clock"
    NONCE = "nonce"
    METHOD = "method"
    UNSIGNED = "unsigned"
    SIGNATURE = "signature"
    NOT_AUTHORISED = "not_authorised"
    HEADER = "header"
    VERSION = "version"
    PARAMETER = "parameter"
    NOT_ALLOWED = "not_allowed"
    FORM = "form"
    NOT_OFFERED = "not_offered"
    REDIRECTS = "redirects"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class Denied:
    """The facility said no, and asking the same again won't change that."""

    fault: Fault
    detail: str = ""
    """What the index itself said, cleaned, where that is neither known nor may hold a token."""
    seconds: int | None = None
    """By how much our clock is behind the index's, where it told; negative: ahead."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Access is granted, in the name of this user of the index."""

    user: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The index took the release."""


TokenOutcome = TokenPair | Denied | TryLater
AccessOutcome = Allowed | Denied | TryLater
AddedOutcome = Accepted | Denied | TryLater


@dataclass(frozen=True, slots=True)
class ReleaseFields:
    """What is told of a release: name, version, summary, and further fields by the facility's names for them."""

    name: str
    version: str
    summary: str = ""
    more: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Fields of PEP 345; those that the facility does not know are left out."""


@dataclass(frozen=True, slots=True)
class FileFields:
    """What is told of a file that is uploaded."""

    filename: str
    filetype: str
    """`sdist`, `bdist_wheel`, `bdist_wininst`, ..."""
    pyversion: str = ""
    """Needed unless it is an sdist."""
    comment: str = ""
    md5_digest: str = ""
    gpg_signature: str = ""


_OPERATOR = "Whoever runs Shipbell compares the index's `oauth1` setting with what its operator gave out."
_ANEW = "Type /shipbell connect and the index's name in Slack to begin anew."
_OURS = "This is a fault between Shipbell and the index; tell whoever runs Shipbell."
_WORDS: Mapping[Fault, tuple[str, str]] = MappingProxyType(
    {
        Fault.CONSUMER: ("The index does not know the consumer key.", _OPERATOR),
        Fault.REQUEST_TOKEN: ("The index does not know the request token: it is used up or too old.", _ANEW),
        Fault.ACCESS_TOKEN: ("The index does not know the access token any more.", _ANEW),
        Fault.CLOCK: ("The index takes no request that is more than five minutes old.", ""),
        Fault.NONCE: ("The index has seen this very request before: it arrived twice.", _ANEW),
        Fault.METHOD: ("The index does not take HMAC-SHA1 signatures.", _OURS),
        Fault.UNSIGNED: ("The index saw no signature: something on the way took it off.", _OURS),
        Fault.SIGNATURE: (
            "The index computed another signature: the consumer secret is wrong, or it sees another address.",
            _OPERATOR,
        ),
        Fault.NOT_AUTHORISED: ("The request token was not authorised on the index's page.", _ANEW),
        Fault.HEADER: ("The index saw no Authorization header: something on the way took it off.", _OURS),
        Fault.VERSION: ("The index does not speak OAuth 1.0.", _OURS),
        Fault.PARAMETER: ("The index misses a parameter of the signature.", _OURS),
        Fault.NOT_ALLOWED: (
            "The index's user who granted the access may not change this project.",
            "Let an owner of the project grant it, or add that user on the index.",
        ),
        Fault.FORM: (
            "The index refuses a value.",
            "Correct it in the project's metadata, and release again.",
        ),
        Fault.NOT_OFFERED: (
            "The index has no OAuth 1.0a facility at this address.",
            "Whoever runs Shipbell looks at the index's `url`, or takes its `oauth1` setting out.",
        ),
        Fault.REDIRECTS: (
            "The index redirects, and nothing signed is sent elsewhere.",
            "Whoever runs Shipbell corrects the index's `url`.",
        ),
        Fault.UNEXPECTED: ("The index answered something that means nothing here.", _OURS),
    }
)


def cause_and_remedy(denied: Denied) -> tuple[str, str]:
    """Return why it was refused and what a person can do, each a sentence or two."""
    cause, remedy = _WORDS[denied.fault]
    if denied.fault is Fault.CLOCK:
        return (
            f"{cause}{_skew(denied.seconds)}",
            "Whoever runs Shipbell sets the clocks of its machine and its database server (NTP).",
        )
    return f"{cause} It said: {denied.detail}" if denied.detail else cause, remedy


def _skew(seconds: int | None) -> str:
    if seconds is None:
        return ""
    where = "behind" if seconds >= 0 else "ahead of"
    return f" Shipbell's clock is {abs(seconds)} s {where} the index's."


def packed(pair: TokenPair) -> Secret:
    """Return token and secret as one text, to be sealed together."""
    return Secret(json.dumps({"token": pair.token.reveal(), "secret": pair.secret.reveal()}))


@dataclass(frozen=True, slots=True)
class Grant:
    """What files are uploaded by: an access token, and whether the index was told of the release already."""

    pair: TokenPair
    told: bool = False


def unpacked(sealed: Secret) -> TokenPair:
    """Return what `packed` made one text of."""
    found = json.loads(sealed.reveal())
    return TokenPair(Secret(found["token"]), Secret(found["secret"]))
