"""Signing in with GitHub: OAuth's web flow with PKCE, as values.

Knows: its addresses and answers (GitHub's "Generating a user access token for a GitHub App"). Must not know: httpx, what
follows from who somebody is.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import urlencode

from bot.core.cleaning import one_line
from bot.core.forge import AccountFacts, Nothing, Unsure
from bot.forge import asking, places, refusals
from bot.forge.asking import Ask
from bot.wire import Answer, Request
from storage.records import Secret

TIMEOUT = 10.0


def challenge(verifier: str) -> str:
    """Return what proves later that whoever brings the code has begun the flow (RFC 7636, S256)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_page(web_url: str, client_id: str, redirect_uri: str, state: str, verifier: str) -> str:
    """Return the page on which somebody signs in; it asks for no scope at all."""
    query = {
        "client_id": client_id, "redirect_uri": redirect_uri, "state": state, "code_challenge": challenge(verifier),
        "code_challenge_method": "S256", "allow_signup": "false",
    }  # fmt: skip
    return f"{web_url}/login/oauth/authorize?{urlencode(query)}"


def exchange(
    web_url: str, client: tuple[str, Secret], code: str, verifier: str, redirect_uri: str
) -> Request:
    """Return the request that turns a code into somebody's token."""
    fields = {
        "client_id": client[0], "client_secret": client[1].reveal(), "code": code, "code_verifier": verifier,
        "redirect_uri": redirect_uri,
    }  # fmt: skip
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    url = f"{web_url}/login/oauth/access_token"
    return Request("POST", url, headers, urlencode(fields).encode(), timeout=TIMEOUT)


def read_exchange(answer: Answer) -> Secret | Unsure:
    """Read the token; GitHub answers 200 whatever went wrong."""
    value = answer.json()
    told = value if isinstance(value, Mapping) else {}
    token = told.get("access_token")
    if answer.status == 200 and isinstance(token, str) and token.isascii() and token.isprintable() and token:
        return Secret(token)
    code = told.get("error")
    if code == "incorrect_client_credentials":
        return Unsure("GitHub does not accept SHIPBELL_GITHUB_CLIENT_ID and SHIPBELL_GITHUB_CLIENT_SECRET.")
    return Unsure(f"GitHub did not take the code ({one_line(str(code or answer.status), limit=60)}).")


def who_is(api_url: str, token: Secret) -> Request:
    """Return the request that asks whose a token is."""
    return asking.request(api_url, token, Ask("GET", "/user"))


def read_who(answer: Answer) -> AccountFacts | Nothing | Unsure:
    """Read whose the token is."""
    return refusals.read(answer, places.account)
