"""What the index's OAuth facility remembers: consumers, tokens, nonces; and whether a request is signed as it must be.

Knows: Authlib's server side, the facility's refusals and their order (pypi/legacy `oauth.py`, `store.py`). Must not know:
routes, projects.

The client signs with oauthlib: what both get wrong alike would not show with one library.
"""

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from authlib.oauth1.rfc5849.base_server import BaseServer
from authlib.oauth1.rfc5849.errors import (
    InvalidNonceError,
    InvalidRequestError,
    InvalidSignatureError,
    MissingRequiredParameterError,
    OAuth1Error,
    UnsupportedSignatureMethodError,
)
from authlib.oauth1.rfc5849.signature import construct_base_string
from authlib.oauth1.rfc5849.wrapper import OAuth1Request

from bot.demo.index_model import User

LETTERS = string.ascii_letters + string.digits
TOKEN_SIGNS, SECRET_SIGNS = 32, 64
OLDEST = 300
"""Seconds that a timestamp may be old."""


class OAuthRefusal(Exception):
    """The facility's no, in its own words."""


@dataclass(slots=True)
class Consumer:
    """A site that the index's operator has given a key and a secret."""

    key: str
    secret: str = field(repr=False)
    description: str

    def get_client_secret(self) -> str:
        """Return the secret, as Authlib asks for it."""
        return self.secret


@dataclass(slots=True)
class Token:
    """A request token or an access token."""

    key: str
    secret: str = field(repr=False)
    consumer: Consumer
    user: User | None = None
    """Who agreed; None as long as nobody has."""

    def get_oauth_token_secret(self) -> str:
        """Return the secret, as Authlib asks for it."""
        return self.secret

    @property
    def form(self) -> Mapping[str, str]:
        """What the client gets of it."""
        return {"oauth_token": self.key, "oauth_token_secret": self.secret}


class Consumers:
    """All consumers of one index, and what they were given."""

    def __init__(self) -> None:
        self.known: dict[str, Consumer] = {}
        self.request_tokens: dict[str, Token] = {}
        self.access_tokens: dict[str, Token] = {}

    def add(self, description: str, key: str = "") -> Consumer:
        """Give a new site its key and secret."""
        made = Consumer(key or generated(12), generated(TOKEN_SIGNS), description)
        self.known[made.key] = made
        return made

    def ask(self, consumer: Consumer) -> Token:
        """Make a request token."""
        made = Token(generated(TOKEN_SIGNS), generated(SECRET_SIGNS), consumer)
        self.request_tokens[made.key] = made
        return made

    def grant(self, consumer: Consumer, user: User) -> Token:
        """Return the one access token of a consumer and a user, made if there is none."""
        for token in self.access_tokens.values():
            if token.consumer is consumer and token.user is user:
                return token
        made = Token(generated(TOKEN_SIGNS), generated(SECRET_SIGNS), consumer, user)
        self.access_tokens[made.key] = made
        return made

    def withdraw(self, user: User) -> None:
        """Forget every access token of a user."""
        for token in [one for one in self.access_tokens.values() if one.user is user]:
            del self.access_tokens[token.key]


class Verifier(BaseServer):
    """Says whether a request is signed as it must be; Authlib computes, these are the facility's rules around it."""

    EXPIRY_TIME = 0  # Authlib would go by the machine's clock, the index has one of its own

    def __init__(self, consumers: Consumers, clock: Callable[[], datetime]) -> None:
        self._consumers = consumers
        self._clock = clock
        self._seen: set[tuple[str, str, str, str]] = set()

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        """Say whether (timestamp, consumer, token, nonce) was there before, and keep it."""
        name = (str(request.timestamp), str(request.client_id), str(request.token or ""), nonce)
        known = name in self._seen
        self._seen.add(name)
        return known

    def consumer(self, seen: Any) -> Consumer:
        """Return who signed without a token; OAuthRefusal otherwise."""
        return self._verified(seen, None)

    def token(self, seen: Any, kind: str, tokens: Mapping[str, Token]) -> Token:
        """Return the token that a request was signed with; OAuthRefusal otherwise."""
        consumer = self._consumer(seen)
        name = parameter(seen, "oauth_token")
        found = tokens.get(name)
        if found is None or found.consumer is not consumer:
            raise OAuthRefusal(f"Invalid {kind} token: {name}")
        self._verified(seen, found)
        return found

    def _consumer(self, seen: Any) -> Consumer:
        version = seen.oauth_params.get("oauth_version", "1.0")
        if version != "1.0":
            raise OAuthRefusal(f"OAuth version {version} not supported.")
        found = self._consumers.known.get(parameter(seen, "oauth_consumer_key"))
        if found is None:
            raise OAuthRefusal("Invalid consumer.")
        return found

    def _verified(self, seen: Any, token: Token | None) -> Consumer:
        seen.client, seen.credential = self._consumer(seen), token
        self._check_timestamp(parameter(seen, "oauth_timestamp"))
        try:
            self.validate_timestamp_and_nonce(seen)
            self.validate_oauth_signature(seen)
        except OAuth1Error as error:
            raise OAuthRefusal(worded(error, seen)) from error
        return seen.client  # type: ignore[no-any-return]  # Authlib's request has no types

    def _check_timestamp(self, text: str) -> None:
        now = int(self._clock().timestamp())
        given = int(text) if text.isascii() and text.isdecimal() and len(text) < 15 else 0
        if now - given > OLDEST:
            raise OAuthRefusal(
                f"Expired timestamp: given {given} and now {now} has a greater difference than threshold {OLDEST}"
            )


def parameter(seen: Any, name: str) -> str:
    """Return a parameter of the header; OAuthRefusal where it is not there."""
    value = seen.oauth_params.get(name)
    if not value:
        raise OAuthRefusal(f"Parameter not found: {name}")
    return str(value)


def worded(error: OAuth1Error, seen: Any) -> str:
    """Return Authlib's no in the facility's words."""
    match error:
        case InvalidNonceError():
            return "Nonce already used: True"
        case UnsupportedSignatureMethodError():
            return (
                f"Signature method {seen.signature_method} not supported try one of the following: HMAC-SHA1"
            )
        case MissingRequiredParameterError() if not seen.signature and seen.signature_method:
            return "Missing signature."
        case InvalidSignatureError():
            base = construct_base_string(seen.method, seen.uri, seen.params)
            return f"Invalid signature. Expected signature base string: {base}"
        case InvalidRequestError() | MissingRequiredParameterError():
            return f"Parameter not found: {error.description}"
    return str(error.description)


def read_request(method: str, uri: str, authorization: str, form: str | None) -> Any:
    """Return a request as Authlib reads it; OAuthRefusal where its header is missing or no OAuth header.

    What is empty in query or form is not seen, as Python's `cgi` module dropped it.
    """
    if not authorization:
        raise OAuthRefusal("PyPI OAuth requires header authorization")
    try:
        seen = OAuth1Request(method, uri, form, {"Authorization": authorization})
    except (OAuth1Error, ValueError) as error:
        raise OAuthRefusal("Unable to parse OAuth parameters from Authorization header.") from error
    seen.params = [(name, value) for name, value in seen.params if value]
    return seen


def generated(signs: int) -> str:
    """Return a random text of letters and digits."""
    return "".join(secrets.choice(LETTERS) for _ in range(signs))
