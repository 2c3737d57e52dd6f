"""Slack's identity tokens: only one that Slack signed, for this app, in its time, for this very sign-in says who somebody is."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from bot.core.identity import Identity, IdentityOutcome, NotProven
from bot.slack import openid
from bot.slack.openid import App
from bot.slack.sign_in import KEPT, PAUSE, SlackSignIn
from bot.wire import Answer, Request
from storage.records import Secret
from tests.releases.fakes import Clock

KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
APP = App("https://slack.com/api/", "1.2", Secret("s3cret"), "https://bot.test/slack/openid/callback")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": "https://slack.com", "sub": "U1", "aud": "1.2", "exp": AT + 300, "iat": AT, "auth_time": AT, "nonce": "n",
    "at_hash": "tUbyWGBHe0V32FJEupkgVQ", "https://slack.com/team_id": "T1", "https://slack.com/user_id": "U1",
    "https://slack.com/team_image_default": True, "locale": "en-US",
}  # fmt: skip
"""As in https://docs.slack.dev/reference/methods/openid.connect.token."""
ALICE = Identity("U1", "T1")


def jwks(key: rsa.RSAPrivateKey = KEY, name: str = "k1") -> dict[str, Any]:
    """Return a key as Slack lists it."""
    return {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": name, "use": "sig", "alg": "RS256"}


def signed(key: Any = KEY, algorithm: str = "RS256", kid: Any = "k1", **changes: Any) -> Secret:
    """Return an identity token with these changes; what is None is left out."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return Secret(jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else {}))


def read(token: Secret, nonce: str = "n", now: datetime = NOW) -> IdentityOutcome:
    """Read it with Slack's key."""
    return openid.read_identity(token, jwt.PyJWK(jwks(), "RS256"), APP, nonce, now)


def answered(value: object, status: int = 200) -> Answer:
    """Return an answer."""
    return Answer(status, "", {"content-type": "application/json"}, json.dumps(value).encode())


def test_a_good_token_says_who_and_of_which_workspace() -> None:
    """User, workspace, and the org where Slack names it; one without a user's own claim by its subject."""
    assert read(signed()) == ALICE
    assert read(signed(**{"https://slack.com/enterprise_id": "E1"})) == Identity("U1", "T1", "E1")
    without: dict[str, Any] = {"https://slack.com/user_id": None}
    assert read(signed(**without)) == ALICE


WRONG: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "9.9"},
    "several audiences": {"aud": ["1.2", "9.9"]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://slack.example"},
    "an issuer that begins alike": {"iss": "https://slack.com.example"},
    "no issuer": {"iss": None},
    "no subject": {"sub": None},
    "another nonce": {"nonce": "m"},
    "no nonce": {"nonce": None},
    "a nonce that is no text": {"nonce": ["n"]},
    "over": {"exp": AT - 31},
    "no end": {"exp": None},
    "an end without end": {"exp": 1e30},
    "an end that is no number": {"exp": "tomorrow"},
    "of the future": {"iat": AT + 31},
    "no beginning": {"iat": None},
    "no workspace": {"https://slack.com/team_id": None},
    "a workspace that is no id": {"https://slack.com/team_id": "T1' OR ''='"},
    "a user that is no id": {"https://slack.com/user_id": "<script>"},
    "a user without end": {"https://slack.com/user_id": "U" * 99},
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_token_of_something_else_is_refused(name: str) -> None:
    """Rightly signed, and still for another app, issuer, time or sign-in, or without saying who: nobody is proven."""
    assert isinstance(read(signed(**WRONG[name])), NotProven)


def test_a_token_counts_in_its_time_alone() -> None:
    """Half a minute of difference between the clocks is taken, not a second more."""
    late = NOW + timedelta(seconds=329)
    assert read(signed(), now=late) == ALICE
    assert isinstance(read(signed(), now=late + timedelta(seconds=1)), NotProven)
    assert read(signed(), now=NOW - timedelta(seconds=30)) == ALICE


def _confused() -> Secret:
    """Return a token with HS256 over Slack's public key, made by hand, since PyJWT refuses to sign so."""
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = (json.dumps({"alg": "HS256", "kid": "k1", "typ": "JWT"}), json.dumps(CLAIMS))
    text = b".".join(urlsafe_b64encode(part.encode()).rstrip(b"=") for part in parts)
    mac = urlsafe_b64encode(hmac.new(public, text, hashlib.sha256).digest()).rstrip(b"=")
    return Secret((text + b"." + mac).decode())


def test_only_slacks_signature_counts() -> None:
    """Another key, no signature, Slack's public key as a shared secret, another algorithm, a changed word: none is taken."""
    head, _, end = signed().reveal().split(".")
    body = signed(**{"https://slack.com/user_id": "U2"}).reveal().split(".")[1]
    forged = {
        "Slack's public key as a secret": _confused(),
        "another key": signed(OTHER),
        "no signature": signed("", "none"),
        "cut off": Secret(f"{head}.{body}."),
        "a changed word": Secret(f"{head}.{body}.{end}"),
        "a shared secret": signed("x" * 64, "HS256"),
        "another kind of key": signed(ec.generate_private_key(ec.SECP256R1()), "ES256"),
        "another hash": signed(KEY, "RS512"),
        "no token": Secret("no.token.at-all"),
        "nothing": Secret(""),
    }
    for name, token in forged.items():
        assert isinstance(read(token), NotProven), name


def test_keys_are_rsa_and_named() -> None:
    """What else is in the list is passed over; an answer that is no list gives none."""
    listed = [
        jwks(),
        {"kty": "oct", "kid": "k2", "k": "c2VjcmV0"},
        {**jwks(), "kid": None},
        {"kty": "RSA", "kid": "k3"},
        7,
    ]
    found = openid.read_keys(answered({"keys": listed}))
    assert found is not None
    assert set(found) == {"k1"}
    for broken in (
        answered({"keys": 7}),
        answered([]),
        answered({"keys": []}, 500),
        Answer(200, "", {}, b"<html>"),
    ):
        assert openid.read_keys(broken) is None


def test_the_page_asks_for_the_least() -> None:
    """The scope `openid` alone, a code, our own address, state and nonce; and no secret in the address."""
    parts = urlsplit(openid.authorize_page(APP, "s", "n"))
    assert (parts.netloc, parts.path) == ("slack.com", "/openid/connect/authorize")
    assert parse_qs(parts.query) == {
        "response_type": ["code"], "scope": ["openid"], "client_id": ["1.2"], "redirect_uri": [APP.redirect_uri],
        "state": ["s"], "nonce": ["n"],
    }  # fmt: skip
    assert "s3cret" not in parts.query + repr(openid.exchange(APP, "c")) + repr(APP)


def test_addresses_follow_the_web_api() -> None:
    """Where the Web API is another host's, so are the page, the keys and the issuer."""
    other = App("http://127.0.0.1:9/api/", "1", Secret("s"), "")
    assert other.issuer == "http://127.0.0.1:9"
    assert openid.keys(other).url == "http://127.0.0.1:9/openid/connect/keys"
    assert openid.exchange(other, "c").url == "http://127.0.0.1:9/api/openid.connect.token"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("bad_client_secret", "SHIPBELL_SLACK_CLIENT_SECRET"),
        ("bad_redirect_uri", "redirect"),
        ("invalid_code", "Sign in"),
    ],
)
def test_what_slack_refuses_is_told_with_its_remedy(code: str, remedy: str) -> None:
    """What the operator has set wrong names the setting; whatever else: begin anew."""
    found = openid.read_exchange(answered({"ok": False, "error": code}))
    assert isinstance(found, NotProven)
    assert code in found.cause
    assert remedy in found.remedy


def test_an_answer_without_an_identity_proves_nothing() -> None:
    """Not `ok`, another status, no token, no JSON: nobody is proven; an access token is never taken for one."""
    token = signed().reveal()
    for broken in (
        answered({"ok": False, "id_token": token}), answered({"id_token": token}), answered({"ok": True, "id_token": token}, 500),
        answered({"ok": True, "access_token": token}), answered({"ok": True, "id_token": 7}), answered([]), Answer(200, "", {}, b"<html>"),
    ):  # fmt: skip
        assert isinstance(openid.read_exchange(broken), NotProven)


class Slack:
    """Answers for Slack, and counts."""

    def __init__(self) -> None:
        self.keys = [jwks()]
        self.token = signed()
        self.asked: list[str] = []

    async def send(self, request: Request) -> Answer:
        """Answer."""
        self.asked.append(request.url.rpartition("/")[2])
        return answered(
            {"keys": self.keys} if request.method == "GET" else {"ok": True, "id_token": self.token.reveal()}
        )


async def test_keys_are_kept_and_looked_up_anew() -> None:
    """Asked for once an hour, and at once for a name that is not known; but not again and again for one that stays unknown."""
    slack, clock = Slack(), Clock(NOW)
    signing_in = SlackSignIn(slack.send, APP, clock)
    for _ in range(3):
        assert await signing_in.who("c", "n") == ALICE
    assert slack.asked.count("keys") == 1
    clock.forward(PAUSE * 2)
    slack.keys, slack.token = [jwks(OTHER, "k2")], signed(OTHER, kid="k2")
    assert await signing_in.who("c", "n") == ALICE
    assert slack.asked.count("keys") == 2
    slack.token = signed(kid="k9")
    for _ in range(3):
        assert isinstance(await signing_in.who("c", "n"), NotProven)
    assert slack.asked.count("keys") == 2
    clock.forward(KEPT * 2)
    slack.token = signed(OTHER, kid="k2", exp=AT + 9_999, iat=AT + 1)
    assert await signing_in.who("c", "n") == ALICE
    assert slack.asked.count("keys") == 3
    slack.token = signed(kid=None)
    assert isinstance(await signing_in.who("c", "n"), NotProven)
