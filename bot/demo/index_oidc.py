"""The token exchange of trusted publishing: a forge's signed claims in, a short-lived API token out.

Knows: warehouse's `oidc/views.py` and `oidc/models/github.py`, as recorded. Must not know: pages, uploads.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import jwt
from aiohttp import web
from pydantic import BaseModel, StrictStr, ValidationError

from bot.demo.index_answers import STATE, json_answer, tagged
from bot.demo.index_model import ActivePublisher, PendingPublisher
from bot.demo.index_state import IndexState

Jwks = Mapping[str, Any]
JwksSource = Jwks | Callable[[], Jwks | Awaitable[Jwks]]
TOKEN_SECONDS = 900
LEEWAY_SECONDS = 30
REQUIRED_CLAIMS = (
    "sub",
    "repository",
    "repository_owner",
    "repository_owner_id",
    "job_workflow_ref",
    "jti",
    "ref",
    "sha",
    "event_name",
)
WORKFLOW_IN_REF = re.compile(r"([^/]+\.ya?ml)(?=@)")
Claims = dict[str, Any]
Kind = TypeVar("Kind", PendingPublisher, ActivePublisher)


class TokenPayload(BaseModel):
    """The exchange's request body."""

    token: StrictStr


class Invalid(Exception):
    """The exchange's no, with the code and description of its 422."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class Exchange:
    """The two routes under `/_/oidc/`."""

    def __init__(self, issuers: Mapping[str, JwksSource]) -> None:
        self.issuers = dict(issuers)

    def add_routes(self, app: web.Application) -> None:
        """Offer the exchange."""
        app.router.add_get("/_/oidc/audience", self.audience)
        app.router.add_post("/_/oidc/mint-token", self.mint)

    async def audience(self, request: web.Request) -> web.Response:
        """Tell what the claims' `aud` must be; 403 where trusted publishing is switched off."""
        state = request.app[STATE]
        if not state.oidc_enabled:
            return json_answer({"message": "Trusted publishing functionality not enabled"}, 403)
        return tagged(request, json_answer({"audience": state.audience}))

    async def mint(self, request: web.Request) -> web.Response:
        """Give a token for good claims, making a pending publisher real on the way; else 422."""
        state = request.app[STATE]
        try:
            claims = await self._claims(state, await request.read())
            publisher = find_publisher(state, claims)
        except Invalid as no:
            errors = [{"code": no.code, "description": no.description}]
            return json_answer({"message": "Token request failed", "errors": errors}, 422)
        state.used_jtis.add(claims["jti"])
        expires = state.now + TOKEN_SECONDS
        token = state.tokens.for_publisher(state.location, publisher, state.now, expires)
        return json_answer({"success": True, "token": token, "expires": expires})

    async def _claims(self, state: IndexState, body: bytes) -> Claims:
        """Return the claims, signature, audience and times verified."""
        if not state.oidc_enabled:
            raise Invalid("not-enabled", "Trusted publishing functionality not enabled")
        try:
            text = TokenPayload.model_validate_json(body).token
        except ValidationError as broken:
            raise Invalid("invalid-payload", str(broken)) from broken
        try:
            unverified = jwt.decode(text, options={"verify_signature": False})
        except jwt.PyJWTError as broken:
            raise Invalid("invalid-payload", "malformed JWT") from broken
        issuer = unverified.get("iss")
        source = self.issuers.get(issuer) if isinstance(issuer, str) else None
        if source is None:
            raise Invalid("invalid-payload", "unknown trusted publishing issuer")
        claims = verified(text, await fetched(source), state)
        if claims is None:
            raise Invalid("invalid-token", "malformed or invalid token")
        return claims


async def fetched(source: JwksSource) -> Jwks:
    """Return an issuer's keys from where they are now."""
    if not callable(source):
        return source
    found = source()
    return await found if inspect.isawaitable(found) else found


def verified(text: str, jwks: Jwks, state: IndexState) -> Claims | None:
    """Return the claims of a token that one of the keys signed for this index and that is in time, else None."""
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        key = jwt.PyJWKSet.from_dict(dict(jwks))[kid or ""]
        claims = jwt.decode(
            text,
            key,
            algorithms=["RS256"],
            audience=state.audience,
            # The times are checked below, by this index's own clock.
            options={
                "require": ["iss", "iat", "exp", "aud"],
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, KeyError):
        return None
    return claims if in_time(claims, state.now) else None


def in_time(claims: Claims, now: int) -> bool:
    """Whether the claims are valid at a time, give or take the leeway."""
    times = [claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(time, int | float) for time in times):
        return False
    issued, expires, begins = map(float, times)
    return max(issued, begins) - LEEWAY_SECONDS <= now < expires + LEEWAY_SECONDS


def find_publisher(state: IndexState, claims: Claims) -> ActivePublisher:
    """Return the publisher that the claims are for; a pending one becomes real. Invalid where there is none."""
    missing = next((name for name in REQUIRED_CLAIMS if claims.get(name) is None), None)
    if missing:
        raise no_publisher(f"Missing claim {missing!r}")
    state.drop_expired()
    pending = matching([one for one in state.pending if not one.by_api], claims)
    if pending is not None:
        check(pending, claims, state)
        if state.project(pending.project) is not None:
            state.pending.remove(pending)
            raise Invalid("invalid-pending-publisher", "valid token, but project already exists")
        return state.activate(pending)
    active = matching(state.active, claims)
    if active is None:
        raise no_publisher("Publisher with matching claims was not found")
    check(active, claims, state)
    return active


def matching(publishers: list[Kind], claims: Claims) -> Kind | None:
    """Return the publisher for the claims' repository, workflow and environment, the most specific first."""
    repository = str(claims["repository"]).lower()
    found = WORKFLOW_IN_REF.search(str(claims["job_workflow_ref"]))
    workflow = found.group(1) if found else ""
    fitting = [
        one
        for one in publishers
        if one.values.slug.lower() == repository
        and one.values.workflow_filename == workflow
        and one.owner_id in {"", str(claims["repository_owner_id"])}
    ]
    environment = str(claims.get("environment") or "").lower()
    for wanted in (environment, ""):
        for one in fitting:
            if one.values.environment == wanted:
                return one
    return None


def check(publisher: PendingPublisher | ActivePublisher, claims: Claims, state: IndexState) -> None:
    """Check what the look-up did not: the event, the workflow's reference, that the token is new."""
    if claims["event_name"] == "pull_request_target":
        raise no_publisher("Publishing from a workflow invoked via 'pull_request_target' is not supported.")
    if claims["repository_owner"] != publisher.values.owner:
        raise no_publisher("Check failed for required claim 'repository_owner'")
    workflow = f"{publisher.values.slug}/.github/workflows/{publisher.values.workflow_filename}"
    expected = sorted(f"{workflow}@{claims[name]}" for name in ("ref", "sha") if claims[name])
    if not expected:
        raise no_publisher("The ref and sha claims are empty")
    if claims["job_workflow_ref"] not in expected:
        raise no_publisher(
            "The job_workflow_ref claim does not match, expecting one of "
            f"{expected!r}, got {claims['job_workflow_ref']!r}"
        )
    if claims["jti"] in state.used_jtis:
        raise Invalid("invalid-reuse-token", "invalid token: already used")


def no_publisher(why: str) -> Invalid:
    """Return the refusal for claims that fit no publisher."""
    return Invalid("invalid-publisher", f"valid token, but no corresponding publisher ({why})")
