"""A forge to play with: the few GitHub addresses the bot reads, its rate limits, its OIDC issuer.

Knows: routes, tokens, ETags, limits as GitHub has them. Must not know: the index.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from bot.demo.forge_oidc import Issuer
from bot.demo.forge_state import (
    GOOD_WORKFLOW,
    ForgeState,
    Quota,
    Repository,
    account_value,
    file_value,
    repository_value,
)
from bot.demo.index_render import render
from bot.demo.index_state import utc_now
from bot.demo.standin import Handler, StandIn

JSON = "application/json; charset=utf-8"
RAW = "application/vnd.github.raw"
WORKFLOWS = ".github/workflows"
DOCS = "https://docs.github.com/rest"
UNCOUNTED = ("/rate_limit", "/meta", "/.well-known/", "/web/")


class ForgeStandIn(StandIn):
    """A forge on 127.0.0.1 with `acme/widgets` (a good workflow, environment `pypi`) and `acme/gadgets` (without).

    Asked without a token it answers too, 60 times an hour; a token it does not know gets 401.
    """

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self.state = ForgeState(clock)
        self._issuer = Issuer(clock)
        self.state.add_repository("acme/widgets", {f"{WORKFLOWS}/release.yml": GOOD_WORKFLOW}, ["pypi"])
        self.state.add_repository("acme/gadgets", {"README.md": b"# Gadgets\n"})

    @property
    def web_url(self) -> str:
        """Where people look at repositories."""
        return f"{self.url}/web"

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens."""
        return self.url

    def make_token(self) -> str:
        """Return a new token that is accepted from now on."""
        return self.state.make_token()

    def add_repository(
        self, slug: str, files: Mapping[str, bytes] | None = None, environments: list[str] | None = None
    ) -> Repository:
        """Make a repository (`owner/name`), or replace it, and its owner where there is none."""
        return self.state.add_repository(slug, dict(files or {}), environments)

    def jwks(self) -> dict[str, Any]:
        """Return the issuer's public keys."""
        return self._issuer.jwks()

    def id_token(
        self,
        repository: str = "acme/widgets",
        *,
        workflow: str = "release.yml",
        environment: str = "pypi",
        **claims: object,
    ) -> str:
        """Return the signed JWT of a run; `claims` replace what such a run says, None leaves a claim out.

        LookupError for an owner that is not here.
        """
        account = self.state.accounts.get(repository.partition("/")[0].lower())
        if account is None:
            raise LookupError(f"no owner of {repository!r}")
        run = self._issuer.run_claims(self.issuer, repository, account.id, workflow, environment)
        return self._issuer.sign({**run, **claims})

    def use_up_limit(self, token: str = "") -> None:
        """Leave a caller ("": all without a token) nothing to ask in this hour."""
        self.state.quota(token).remaining = 0

    def _routes(self, app: web.Application) -> None:
        app.middlewares.append(self._limits())
        router = app.router
        router.add_get("/rate_limit", self._rate_limit)
        router.add_get("/meta", self._meta)
        router.add_get("/users/{owner}", self._user)
        router.add_get("/repos/{owner}/{name}", self._repository)
        router.add_get("/repos/{owner}/{name}/contents/{path:.+}", self._contents)
        router.add_get("/repos/{owner}/{name}/environments", self._environments)
        router.add_get("/repos/{owner}/{name}/environments/{environment}", self._environment)
        router.add_get("/.well-known/openid-configuration", self._openid)
        router.add_get("/.well-known/jwks", self._jwks)
        router.add_get("/web/{owner}/{name}", self._page)

    def _limits(self) -> Any:
        @web.middleware
        async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
            token = sent_token(request)
            if token and token not in self.state.tokens:
                return refusal(401, "Bad credentials")
            quota = self.state.quota(token)
            counted = not request.path.startswith(UNCOUNTED)
            if counted and quota.remaining <= 0:
                return with_quota(refusal(403, "API rate limit exceeded"), quota)
            answer = await self._or_json_404(request, handler)
            if counted and answer.status != 304:
                quota.remaining -= 1
            return with_quota(answer, quota)

        return limited

    async def _or_json_404(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return refusal(404, "Not Found")

    async def _rate_limit(self, request: web.Request) -> web.Response:
        quota = self.state.quota(sent_token(request))
        core = {"limit": quota.limit, "remaining": quota.remaining, "reset": quota.reset, "used": quota.used}
        return answer_json(request, {"resources": {"core": core}, "rate": core})

    async def _meta(self, request: web.Request) -> web.Response:
        return answer_json(request, {"verifiable_password_authentication": False, "hooks": ["127.0.0.1/32"]})

    async def _user(self, request: web.Request) -> web.Response:
        account = self.state.accounts.get(request.match_info["owner"].lower())
        if account is None:
            raise web.HTTPNotFound
        return answer_json(request, account_value(account, self.url, self.web_url))

    async def _repository(self, request: web.Request) -> web.Response:
        return answer_json(request, repository_value(self._found(request), self.url, self.web_url))

    async def _contents(self, request: web.Request) -> web.Response:
        repository, path = self._found(request), request.match_info["path"].strip("/")
        if request.query.get("ref", repository.default_branch) != repository.default_branch:
            raise web.HTTPNotFound
        if path in repository.files:
            if RAW in request.headers.get("Accept", ""):
                headers = {"Content-Type": "application/vnd.github.raw+json; charset=utf-8"}
                return tagged(request, repository.files[path], headers)
            return answer_json(request, file_value(repository, path, self.url, self.web_url))
        inside = sorted(name for name in repository.files if name.rpartition("/")[0] == path)
        if not inside:
            raise web.HTTPNotFound
        listing = [file_value(repository, name, self.url, self.web_url, listed=True) for name in inside]
        return answer_json(request, listing)

    async def _environments(self, request: web.Request) -> web.Response:
        found = [{"name": name, "protection_rules": []} for name in self._found(request).environments]
        return answer_json(request, {"total_count": len(found), "environments": found})

    async def _environment(self, request: web.Request) -> web.Response:
        wanted = request.match_info["environment"].lower()
        for name in self._found(request).environments:
            if name.lower() == wanted:
                return answer_json(request, {"name": name, "protection_rules": []})
        raise web.HTTPNotFound

    async def _openid(self, request: web.Request) -> web.Response:
        value = {
            "issuer": self.issuer,
            "jwks_uri": f"{self.url}/.well-known/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }
        return answer_json(request, value)

    async def _jwks(self, request: web.Request) -> web.Response:
        return answer_json(request, self.jwks())

    async def _page(self, request: web.Request) -> web.Response:
        repository = self._found(request)
        files = {path: content.decode(errors="replace") for path, content in sorted(repository.files.items())}
        return web.Response(
            text=render("repository.html", slug=repository.slug, files=files), content_type="text/html"
        )

    def _found(self, request: web.Request) -> Repository:
        slug = f"{request.match_info['owner']}/{request.match_info['name']}".lower()
        repository = self.state.repositories.get(slug)
        if repository is None or (repository.private and not sent_token(request)):
            raise web.HTTPNotFound
        return repository


def sent_token(request: web.Request) -> str:
    """Return the token that a request carries; "" where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"token", "bearer"} else ""


def refusal(status: int, message: str) -> web.Response:
    """Answer no, in GitHub's shape."""
    value = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return web.Response(status=status, headers={"Content-Type": JSON}, body=json.dumps(value).encode())


def with_quota(answer: web.StreamResponse, quota: Quota) -> web.StreamResponse:
    """Tell the caller what is left to ask."""
    answer.headers["x-ratelimit-limit"] = str(quota.limit)
    answer.headers["x-ratelimit-remaining"] = str(max(quota.remaining, 0))
    answer.headers["x-ratelimit-used"] = str(quota.used)
    answer.headers["x-ratelimit-reset"] = str(quota.reset)
    answer.headers["x-ratelimit-resource"] = "core"
    return answer


def answer_json(request: web.Request, value: Any) -> web.Response:
    """Answer JSON with its ETag, or 304."""
    return tagged(request, json.dumps(value).encode(), {"Content-Type": JSON})


def tagged(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Answer a body with its ETag, or 304 where the client has it already."""
    etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
    known = {tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")}
    common = {"ETag": etag, "Cache-Control": "private, max-age=60, s-maxage=60"}
    if etag in known:
        return web.Response(status=304, headers=common)
    return web.Response(headers={**headers, **common}, body=body)
