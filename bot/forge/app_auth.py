"""How a GitHub App proves who it is, and what it asks for: signatures, installations, the least permissions.

Knows: the App's endpoints, which permission each request of ours needs. Must not know: httpx, how anything is sent or kept.

Sources: GitHub's "Generating a JSON Web Token (JWT) for a GitHub App", "Permissions required for GitHub Apps".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

import jwt

from bot.core.forge import Forbidden, Repo, Unsure
from bot.forge.asking import PER_PAGE, Ask, installation_of
from bot.forge.shapes import Misshapen, entries, member, moment, number, words
from storage.records import Secret

DRIFT = timedelta(minutes=1)
"""How far GitHub's clock may be behind ours."""
SIGNED_FOR = timedelta(minutes=9)
"""GitHub takes at most ten minutes."""
EARLY = timedelta(minutes=5)
"""How long before its end a token is not used any more."""

READING: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(
        ("actions", "checks", "contents", "deployments", "metadata", "pull_requests", "statuses"), "read"
    )
)
"""What looking needs."""
WAITING: Mapping[str, str] = MappingProxyType({"actions": "read", "deployments": "write", "metadata": "read"})
"""What asking for waiting deployments needs: GitHub says there whether *this* credential may approve them."""
PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        **READING,
        **dict.fromkeys(("actions", "contents", "deployments", "pull_requests", "workflows"), "write"),
    }
)
"""What an App of ours asks for: `administration`, which making an environment needs, is left to whoever wants that."""

LISTING: Mapping[str, str] = MappingProxyType({"metadata": "read"})
"""What listing repositories needs."""

_WRITING: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("git/", ("contents",)),
    ("releases", ("contents",)),
    ("contents/.github/workflows/", ("contents", "workflows")),
    ("contents/", ("contents",)),
    ("actions/", ("actions",)),
    ("issues/", ("pull_requests",)),
    ("pulls", ("pull_requests",)),
    ("environments/", ("administration",)),
)
"""What an order needs, by how its address goes on behind the repository; the first that fits."""


@dataclass(frozen=True, slots=True)
class AppKey:
    """Which App we are, and how we prove it."""

    app_id: str
    private_key: Secret


@dataclass(frozen=True, slots=True)
class Installation:
    """Where an App is installed, and what it was granted there."""

    id: int
    permissions: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    """Whose repositories it sees; "" where that is not told."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A token of one installation, for one repository and a few permissions."""

    token: Secret
    expires_at: datetime

    def fresh(self, now: datetime) -> bool:
        """Whether it may still be used."""
        return now < self.expires_at - EARLY


@dataclass(frozen=True, slots=True)
class NoLine:
    """There is no credential for what is to be asked: nothing was asked."""

    status: int
    """GitHub's, 0 where it did not say."""
    detail: str
    """Cause and remedy, one line."""
    retry_after: float | None = None

    def reading(self) -> Unsure:
        """Return it as the outcome of a question."""
        return Unsure(self.detail, self.retry_after)

    def ordering(self) -> Forbidden | Unsure:
        """Return it as the outcome of an order."""
        return Forbidden(self.detail) if 400 <= self.status < 500 else self.reading()


def signed(key: AppKey, now: datetime) -> Secret | NoLine:
    """Return the App's own token, which proves who it is for some minutes."""
    claims = {
        "iat": int((now - DRIFT).timestamp()),
        "exp": int((now + SIGNED_FOR).timestamp()),
        "iss": key.app_id,
    }
    try:
        return Secret(jwt.encode(claims, key.private_key.reveal(), algorithm="RS256"))
    except (ValueError, TypeError, jwt.PyJWTError):
        return NoLine(401, "SHIPBELL_GITHUB_APP_PRIVATE_KEY can't be read. Make a new key on the App's page.")


def needs(ask: Ask) -> Mapping[str, str]:
    """Return the permissions without which GitHub refuses what is asked; looking always takes the same ones."""
    behind = "/".join(ask.path.partition("?")[0].split("/")[4:])
    waiting = behind.endswith("/pending_deployments")
    if ask.method == "GET":
        return WAITING if waiting else READING
    if waiting:
        return {"deployments": "write"}
    found = next((names for start, names in _WRITING if behind.startswith(start)), ())
    return dict.fromkeys(found, "write")


def narrowed(wanted: Mapping[str, str], installation: Installation) -> Mapping[str, str] | tuple[str, ...]:
    """Return what to ask for; or the names of what an order needs and the App was not granted.

    Looking makes do with what there is: each question that needs more is refused by itself.
    """
    granted = installation.permissions
    if wanted in (READING, WAITING):
        both = {name: (word, granted.get(name)) for name, word in wanted.items()}
        return {name: word if had == "write" else "read" for name, (word, had) in both.items() if had}
    return tuple(name for name in wanted if granted.get(name) != "write") or wanted


def app() -> Ask:
    """Ask who we are."""
    return Ask("GET", "/app")


def where(repo: Repo) -> Ask | None:
    """Ask for the installation that sees a repository."""
    return installation_of(repo)


def token(installation: Installation, repo: Repo, permissions: Mapping[str, str]) -> Ask:
    """Order a token for one repository and these permissions."""
    value = {"repositories": [repo.name], "permissions": dict(permissions)}
    path = f"/app/installations/{installation.id}/access_tokens"
    return Ask("POST", path, body=json.dumps(value).encode())


def token_of_all(installation: Installation) -> Ask:
    """Order a token that sees which repositories an installation has, and nothing in them."""
    path = f"/app/installations/{installation.id}/access_tokens"
    return Ask("POST", path, body=json.dumps({"permissions": dict(LISTING)}).encode())


def installations(page: int) -> Ask:
    """Ask where our App is installed."""
    return Ask("GET", f"/app/installations?per_page={PER_PAGE}&page={page}")


def read_installation(value: object) -> Installation:
    """Read an installation; one that is suspended grants nothing."""
    granted, account = member(value, "permissions"), member(value, "account")
    kept = granted if isinstance(granted, Mapping) and member(value, "suspended_at") is None else {}
    return Installation(
        number(value, "id"),
        {str(name): str(word) for name, word in kept.items()},
        words(account, "login", limit=60) if isinstance(account, Mapping) else "",
    )


def read_installations(value: object) -> tuple[Installation, ...]:
    """Read one page of installations."""
    return tuple(map(read_installation, entries(value)))


def read_token(value: object) -> Granted:
    """Read a token that was just made."""
    text = member(value, "token")
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
        raise Misshapen
    return Granted(Secret(text), moment(value, "expires_at"))


def install_page(web_url: str, slug: str) -> str:
    """Return where people install the App; "" where its name is not known."""
    return f"{web_url}/apps/{quote(slug, safe='')}/installations/new" if slug else ""
