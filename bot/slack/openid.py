"""Sign in with Slack: OpenID Connect's code flow, as values.

Knows: its addresses, answers and identity tokens (https://docs.slack.dev/authentication/sign-in-with-slack). Must not know:
httpx, sessions, what follows from who somebody is.

PKCE is left out on purpose: an app that uses it becomes a public client in Slack's books, for good
(https://docs.slack.dev/authentication/using-pkce). The nonce, which only the browser's own secret gives, does the same here.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

from bot.core.cleaning import one_line
from bot.core.identity import Identity, IdentityOutcome, NotProven
from bot.wire import Answer, Request
from storage.records import Secret

TIMEOUT = 10.0
LEEWAY = timedelta(seconds=30)
"""How far Slack's clock and ours may be apart."""
SCOPE = "openid"
"""The least: user and workspace, and neither mail address nor picture."""
CLAIM = "https://slack.com/"
"""What Slack's own claims begin with."""
WANTED = ("iss", "sub", "aud", "exp", "iat", "nonce")
_AGAIN = "Sign in once more."
_REFUSED: Mapping[str, str] = {
    "bad_client_secret": "SHIPBELL_SLACK_CLIENT_SECRET is not this app's: the operator copies it from the app's page.",
    "invalid_client_id": "SHIPBELL_SLACK_CLIENT_ID is no app of Slack's: the operator copies it from the app's page.",
    "bad_redirect_uri": "The operator adds the bot's address to the app's redirect addresses, as docs/status.md says.",
}
"""What Slack says where the bot's own settings are wrong, and who can mend it."""


@dataclass(frozen=True, slots=True)
class App:
    """The Slack app, as its own page and SHIPBELL_SLACK_API_URL tell it."""

    api_url: str
    """With a slash at the end."""
    client_id: str
    client_secret: Secret
    redirect_uri: str

    @property
    def issuer(self) -> str:
        """Who signs: the host of the Web API, which answers on every path."""
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.netloc}"


def authorize_page(app: App, state: str, nonce: str) -> str:
    """Return the page on which somebody signs in."""
    query = {
        "response_type": "code", "scope": SCOPE, "client_id": app.client_id, "redirect_uri": app.redirect_uri,
        "state": state, "nonce": nonce,
    }  # fmt: skip
    return f"{app.issuer}/openid/connect/authorize?{urlencode(query)}"


def exchange(app: App, code: str) -> Request:
    """Return the request that turns a code into somebody's identity token."""
    fields = {
        "grant_type": "authorization_code", "client_id": app.client_id, "client_secret": app.client_secret.reveal(),
        "code": code, "redirect_uri": app.redirect_uri,
    }  # fmt: skip
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{app.api_url}openid.connect.token"
    return Request("POST", url, headers, urlencode(fields).encode(), timeout=TIMEOUT, once=True)


def read_exchange(answer: Answer) -> Secret | NotProven:
    """Read the identity token; whatever else is in the answer, an access token too, is not kept."""
    value = answer.json()
    told = value if isinstance(value, Mapping) else {}
    token = told.get("id_token")
    if answer.status == 200 and told.get("ok") is True and isinstance(token, str) and token.isascii():
        return Secret(token)
    code = one_line(str(told.get("error") or answer.status), limit=60)
    return NotProven(f"Slack did not take the sign-in ({code}).", _REFUSED.get(code, _AGAIN))


def keys(app: App) -> Request:
    """Return the request for the keys by which identity tokens are signed."""
    return Request(
        "GET", f"{app.issuer}/openid/connect/keys", {"Accept": "application/json"}, timeout=TIMEOUT
    )


def read_keys(answer: Answer) -> Mapping[str, jwt.PyJWK] | None:
    """Read the RSA keys by name; None where the answer is none."""
    value = answer.json()
    listed = value.get("keys") if answer.status == 200 and isinstance(value, Mapping) else None
    if not isinstance(listed, list):
        return None
    found = {}
    for one in listed:
        if isinstance(one, Mapping) and one.get("kty") == "RSA" and isinstance(one.get("kid"), str):
            key = _key({**one})
            if key is not None:
                found[one["kid"]] = key
    return found


def _key(value: dict[str, Any]) -> jwt.PyJWK | None:
    try:
        return jwt.PyJWK(value, "RS256")
    except jwt.PyJWTError:
        return None


def key_name(token: Secret) -> str:
    """Return which key a token says that it is signed by; "" where it says none, or is no token."""
    try:
        return str(jwt.get_unverified_header(token.reveal()).get("kid") or "")
    except jwt.PyJWTError:
        return ""


def read_identity(token: Secret, key: jwt.PyJWK, app: App, nonce: str, now: datetime) -> IdentityOutcome:
    """Return whose identity token it is: signed by the key, of this issuer, for this app, in its time, with this nonce."""
    checks = {"require": list(WANTED), "strict_aud": True}
    # Times are compared below, by the clock that was passed.
    checks |= dict.fromkeys(("verify_exp", "verify_iat", "verify_nbf"), False)
    try:
        claims = jwt.decode(
            token.reveal(), key, algorithms=["RS256"], audience=app.client_id, issuer=app.issuer, options=checks  # type: ignore[arg-type]
        )  # fmt: skip
    except jwt.PyJWTError as error:
        return NotProven(f"Slack's answer is not to be trusted ({type(error).__name__}).", _AGAIN)
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        return NotProven("Slack's answer belongs to another sign-in.", _AGAIN)
    if not _in_time(claims, now):
        return NotProven(
            "Slack's answer is out of date.",
            "If that happens again, the clock of the bot's machine, or of its database server, is wrong.",
        )
    return _identity(claims)


def _in_time(claims: Mapping[str, Any], now: datetime) -> bool:
    begin, end = claims["iat"], claims["exp"]
    numbers = all(isinstance(one, int | float) and 0 <= one < 1e11 for one in (begin, end))
    if not numbers:
        return False
    return datetime.fromtimestamp(begin, UTC) <= now + LEEWAY and now - LEEWAY < datetime.fromtimestamp(
        end, UTC
    )


def _identity(claims: Mapping[str, Any]) -> IdentityOutcome:
    user, team, org = (claims.get(f"{CLAIM}{name}") for name in ("user_id", "team_id", "enterprise_id"))
    user = user or claims["sub"]
    if not all(isinstance(one, str) and one.isalnum() and len(one) <= 32 for one in (user, team)):
        return NotProven("Slack did not say who you are, and of which workspace.", _AGAIN)
    return Identity(str(user), str(team), org if isinstance(org, str) and org.isalnum() else "")
