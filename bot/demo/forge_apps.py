"""The forge's Apps: made from a manifest, installed on repositories, with tokens that end; and "sign in with GitHub".

Knows: JWTs, installations, manifests, the OAuth web flow with PKCE. Must not know: releases.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.demo.forge_answers import (
    Refusal,
    answer_json,
    created,
    found_repository,
    linked,
    page_of,
    read_object,
    sent_token,
)
from bot.demo.forge_code import ACTOR
from bot.demo.forge_state import Account, ForgeState
from bot.demo.forge_values import account_value, public_user_value

REPO = "/repos/{owner}/{name}"
TOKEN_LIFE = timedelta(hours=1)
CODE_LIFE = timedelta(minutes=10)
Json = dict[str, Any]


@dataclass(slots=True)
class App:
    """A GitHub App."""

    id: int
    slug: str
    owner: Account
    permissions: dict[str, str]
    events: list[str]
    callbacks: list[str]
    client_id: str
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    pem: str = field(repr=False)
    installations: dict[int, set[str]] = field(default_factory=dict)
    """Lower-case slugs of the repositories that each sees."""
    suspended: set[int] = field(default_factory=set)
    """Installations that grant nothing for now."""

    def verify(self, token: str, now: datetime) -> bool:
        """Whether a JWT is this App's, and in its time."""
        key = serialization.load_pem_private_key(self.pem.encode(), None).public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        try:
            claims = jwt.decode(
                token, key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.PyJWTError:
            return False
        unix, begun, ends = now.timestamp(), claims.get("iat", 0), claims.get("exp", 0)
        return str(claims.get("iss")) == str(self.id) and begun <= unix < ends <= unix + 600


@dataclass(slots=True)
class Scoped:
    """An installation's token."""

    app: App
    installation: int
    repositories: set[str]
    permissions: dict[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Code:
    """What a browser brings back after somebody signed in."""

    app: App
    user: Account
    redirect_uri: str
    challenge: str
    expires_at: datetime


class Apps:
    """The Apps of one forge. `person` is who is signed in in the browser."""

    def __init__(self, state: ForgeState) -> None:
        self._state = state
        self.apps: dict[int, App] = {}
        self.tokens: dict[str, Scoped] = {}
        """Every token that was given to an installation, ended ones too."""
        self.person = "ada"
        self.clock: Callable[[], datetime] = state.clock
        self._codes: dict[str, Code] = {}
        self._manifests: dict[str, Json] = {}
        self._users: dict[str, Account] = {}
        self.rights: dict[tuple[str, str], str] = {}
        """(slug, login), both lower-case -> `admin`, `write`, `read`, `none`; else `write` for a repository's own people."""

    def make(self, slug: str = "shipbell", permissions: Mapping[str, str] | None = None, **more: Any) -> App:
        """Make an App with a new key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()
        id_ = self._state.next_id()
        made = App(
            id_, slug, self._state.add_account("acme"), dict(permissions or {"metadata": "read"}), more.get("events", []),
            more.get("callbacks", []), f"Iv1.{secrets.token_hex(8)}", secrets.token_hex(20), secrets.token_hex(20), pem,
        )  # fmt: skip
        self.apps[id_] = made
        return made

    def install(self, app: App, *slugs: str) -> int:
        """Install an App on repositories; returns the installation's id."""
        id_ = self._state.next_id()
        app.installations[id_] = {slug.lower() for slug in slugs}
        return id_

    def knows(self, request: web.Request) -> bool:
        """Whether a token is one of an App, an installation or a person who signed in."""
        token = sent_token(request)
        scoped = self.tokens.get(token)
        if scoped is not None:
            return self.clock() < scoped.expires_at
        return token in self._users or self._speaks(token) is not None

    def hides(self, request: web.Request) -> bool:
        """Whether an installation's token can't see what is asked for."""
        scoped = self.tokens.get(sent_token(request))
        parts = request.path.lower().split("/")
        return scoped is not None and parts[1] == "repos" and "/".join(parts[2:4]) not in scoped.repositories

    def may_read(self, request: web.Request) -> bool:
        """Whether an installation's token has what looking at this takes."""
        scoped = self.tokens.get(sent_token(request))
        parts = request.path.split("/")
        if scoped is None or request.method != "GET" or parts[1] != "repos" or len(parts) < 5:
            return True
        wanted = {"actions": "actions", "contents": "contents", "pulls": "pull_requests", "git": "contents"}
        return wanted.get(parts[4], "metadata") in scoped.permissions

    def asker(self, request: web.Request) -> Account:
        """Return whom a token belongs to: a person who signed in, or the one whose plain token it is."""
        token = sent_token(request)
        if token in self.tokens:
            raise Refusal(403, "Resource not accessible by integration")
        if token in self._users:
            return self._users[token]
        if token not in self._state.tokens:
            raise Refusal(401, "Requires authentication")
        return self._state.add_account(ACTOR, "User")

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        router = app.router
        router.add_get("/app", self._app)
        router.add_get("/app/installations", self._installations)
        router.add_get(REPO + "/installation", self._installation)
        router.add_post("/app/installations/{id:[0-9]+}/access_tokens", self._token)
        router.add_post("/app-manifests/{code}/conversions", self._conversion)
        router.add_get("/user", self._user)
        router.add_get(REPO + "/collaborators/{login}/permission", self._permission)
        router.add_post("/web/settings/apps/new", self._new)
        router.add_get("/web/login/oauth/authorize", self._authorize)
        router.add_post("/web/login/oauth/access_token", self._exchange)

    def _speaks(self, token: str) -> App | None:
        if token.count(".") != 2:
            return None
        return next((one for one in self.apps.values() if one.verify(token, self.clock())), None)

    def _must_be_app(self, request: web.Request) -> App:
        found = self._speaks(sent_token(request))
        if found is None:
            raise Refusal(401, "A JSON web token could not be decoded")
        return found

    async def _app(self, request: web.Request) -> web.Response:
        return answer_json(request, self._app_value(self._must_be_app(request)))

    def _app_value(self, app: App) -> Json:
        at = "2026-01-01T00:00:00Z"
        return {
            "id": app.id, "slug": app.slug, "node_id": "A", "client_id": app.client_id, "name": app.slug, "description": "",
            "owner": account_value(app.owner, self._state), "external_url": "https://shipbell.example",
            "html_url": f"{self._state.web_url}/apps/{app.slug}", "created_at": at, "updated_at": at,
            "permissions": app.permissions, "events": app.events,
        }  # fmt: skip

    async def _installation(self, request: web.Request) -> web.Response:
        app, repository = self._must_be_app(request), found_repository(request, self._state)
        slug = repository.slug.lower()
        id_ = next((id_ for id_, slugs in app.installations.items() if slug in slugs), None)
        if id_ is None:
            raise Refusal(404, "Not Found")
        return answer_json(request, self._installation_value(app, id_, repository.owner))

    async def _installations(self, request: web.Request) -> web.Response:
        app = self._must_be_app(request)
        owners = {id_: self._owner(slugs, app.owner) for id_, slugs in app.installations.items()}
        found = [self._installation_value(app, id_, owner) for id_, owner in owners.items()]
        return linked(request, answer_json(request, page_of(request, found)), len(found))

    def _owner(self, slugs: set[str], owner: Account) -> Account:
        """Return the account that an installation is on; one that sees nothing is on the App's own."""
        return self._state.accounts[min(slugs).partition("/")[0]] if slugs else owner

    def _installation_value(self, app: App, id_: int, owner: Account) -> Json:
        url, at = self._state.url, "2026-01-01T00:00:00Z"
        return {
            "id": id_, "account": account_value(owner, self._state), "repository_selection": "selected",
            "access_tokens_url": f"{url}/app/installations/{id_}/access_tokens",
            "repositories_url": f"{url}/installation/repositories",
            "html_url": f"{self._state.web_url}/settings/installations/{id_}", "app_id": app.id, "app_slug": app.slug,
            "target_id": owner.id, "target_type": owner.kind, "permissions": app.permissions,
            "events": app.events, "created_at": at, "updated_at": at, "single_file_name": None,
            "suspended_at": at if id_ in app.suspended else None, "suspended_by": None,
        }  # fmt: skip

    async def _token(self, request: web.Request) -> web.Response:
        app, id_ = self._must_be_app(request), int(request.match_info["id"])
        if id_ not in app.installations:
            raise Refusal(404, "Not Found")
        if id_ in app.suspended:
            raise Refusal(403, "This installation has been suspended")
        body = await read_object(request)
        names, wanted = body.get("repositories"), body.get("permissions", app.permissions)
        owned = {slug.partition("/")[2]: slug for slug in app.installations[id_]}
        if names is not None and any(name.lower() not in owned for name in names):
            raise Refusal(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
        if any(app.permissions.get(name) not in {word, "write"} for name, word in wanted.items()):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
        repositories = {owned[name.lower()] for name in names} if names else set(owned.values())
        # GitHub's are called `ghs_`; to tests every one is marked alike.
        token = f"ghs_{secrets.token_hex(18)}"
        ends = self.clock() + TOKEN_LIFE
        self.tokens[token] = Scoped(app, id_, repositories, wanted, ends)
        self._state.tokens[token] = frozenset(f"{name}:{word}" for name, word in wanted.items())
        value = {
            "token": token,
            "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": wanted,
            "repository_selection": "selected",
        }
        return created(value)

    async def _permission(self, request: web.Request) -> web.Response:
        repository, login = found_repository(request, self._state), request.match_info["login"].lower()
        account = self._state.accounts.get(login)
        if account is None:
            raise Refusal(404, f"{login} is not a user")
        word = self.rights.get((repository.slug.lower(), login), "write")
        role = {
            "permission": word,
            "role_name": word,
            "user": {**account_value(account, self._state), "role_name": word},
        }
        return answer_json(request, role)

    async def _new(self, request: web.Request) -> web.Response:
        """Take a manifest, as somebody does who presses "Create GitHub App"."""
        form = await request.post()
        code = secrets.token_hex(20)
        self._manifests[code] = json.loads(str(form["manifest"]))
        query = urlencode({"code": code, "state": request.query.get("state", "")})
        raise web.HTTPFound(f"{self._manifests[code]['redirect_url']}?{query}")

    async def _conversion(self, request: web.Request) -> web.Response:
        manifest = self._manifests.pop(request.match_info["code"], None)
        if manifest is None:
            raise Refusal(404, "Not Found")
        made = self.make(
            str(manifest["name"]).lower().replace(" ", "-"),
            manifest["default_permissions"],
            events=manifest["default_events"],
            callbacks=manifest["callback_urls"],
        )
        more = {
            "client_secret": made.client_secret,
            "webhook_secret": made.webhook_secret,
            "pem": made.pem,
        }
        return created({**self._app_value(made), **more})

    async def _authorize(self, request: web.Request) -> web.Response:
        """Ask who is signed in; the button is a link, and leads back with a code."""
        query = request.query
        app = next((one for one in self.apps.values() if one.client_id == query.get("client_id")), None)
        back = query.get("redirect_uri", "")
        if app is None or back not in app.callbacks:
            raise Refusal(404, "Not Found")
        code = secrets.token_hex(20)
        user = self._state.add_account(self.person, "User")
        challenge = query.get("code_challenge", "") if query.get("code_challenge_method") == "S256" else ""
        self._codes[code] = Code(app, user, back, challenge, self.clock() + CODE_LIFE)
        target = f"{back}?{urlencode({'code': code, 'state': query.get('state', '')})}"
        page = f'<!doctype html><p>{escape(user.login)}: <a href="{escape(target)}">Authorize {app.slug}</a>'
        return web.Response(text=page, content_type="text/html")

    async def _exchange(self, request: web.Request) -> web.Response:
        """Give a person's token for a code, once; GitHub answers 200 whatever went wrong."""
        form = await request.post()
        code = self._codes.pop(str(form.get("code", "")), None)
        verifier = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        challenge = urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            code is None
            or self.clock() >= code.expires_at
            or (code.challenge and code.challenge != challenge)
            or form.get("redirect_uri") != code.redirect_uri
        ):
            return created(
                {"error": "bad_verification_code", "error_description": "The code is wrong."}, status=200
            )
        if form.get("client_secret") != code.app.client_secret:
            return created({"error": "incorrect_client_credentials"}, status=200)
        token = f"ghu_{secrets.token_hex(18)}"
        self._users[token] = code.user
        return created({"access_token": token, "scope": "", "token_type": "bearer"}, status=200)

    async def _user(self, request: web.Request) -> web.Response:
        return answer_json(request, public_user_value(self.asker(request), self._state))
