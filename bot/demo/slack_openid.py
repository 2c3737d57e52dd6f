"""Sign in with Slack, as the stand-in workspace lets its people do it: the page, the code, the identity token, the keys.

Knows: OpenID Connect as Slack speaks it (https://docs.slack.dev/authentication/sign-in-with-slack). Must not know: what the
bot does with it.

What it lacks: other workspaces, scopes but `openid`, `openid.connect.userInfo`, refresh tokens, workspaces of an org.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from bot.demo.forge_oidc import Issuer
from bot.demo.index_render import render
from bot.demo.slack_config import TEAM_ID
from bot.demo.slack_workspace import SlackWorkspace

AUTHORIZE = "/openid/connect/authorize"
TERM = timedelta(minutes=10)
"""How long a code lasts."""
ASKED = ("client_id", "redirect_uri", "state", "nonce")


def real_time() -> datetime:
    """Return the time now."""
    return datetime.now(UTC)  # noqa: TID251 - as Slack's, the real time


@dataclass(frozen=True, slots=True)
class _Code:
    user: str
    nonce: str
    redirect_uri: str
    ends: datetime


@dataclass
class SignInDesk:
    """Where people of the workspace sign in. `client` is the app's id and secret."""

    workspace: SlackWorkspace
    client: tuple[str, str] = field(default_factory=lambda: ("1.2", secrets.token_hex(16)))
    clock: Callable[[], datetime] = real_time
    _codes: dict[str, _Code] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._issuer = Issuer(self.clock)

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        app.router.add_get(AUTHORIZE, self._ask)
        app.router.add_post(AUTHORIZE, self._allow)
        app.router.add_get("/openid/connect/keys", self._keys)
        app.router.add_post("/api/openid.connect.token", self._token)

    async def _ask(self, request: web.Request) -> web.Response:
        asked = {name: request.query.get(name, "") for name in ASKED}
        if asked["client_id"] != self.client[0] or request.query.get("response_type") != "code":
            return web.Response(status=400, text="This app is not known.")
        if request.query.get("scope") != "openid" or not asked["redirect_uri"]:
            return web.Response(status=400, text="Only the scope openid can be asked for here.")
        text = render("slack_openid.html", asked=asked, users=self.workspace.users, action=AUTHORIZE)
        return web.Response(text=text, content_type="text/html")

    async def _allow(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked, user = {name: str(form.get(name, "")) for name in ASKED}, str(form.get("user", ""))
        if not user:
            answer = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_hex(16)
            self._codes[code] = _Code(user, asked["nonce"], asked["redirect_uri"], self.clock() + TERM)
            answer = {"code": code, "state": asked["state"]}
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(answer)}")

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response(self._issuer.jwks())

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        told = {name: str(value) for name, value in form.items()}
        error = self._refusal(told)
        if error:
            return web.json_response({"ok": False, "error": error})
        code = self._codes.pop(told["code"])
        issuer = f"{request.scheme}://{request.host}"
        now = int(self.clock().timestamp())
        claims = {
            "iss": issuer, "sub": code.user, "aud": self.client[0], "iat": now, "exp": now + 300, "auth_time": now,
            "nonce": code.nonce, "https://slack.com/team_id": TEAM_ID, "https://slack.com/user_id": code.user,
        }  # fmt: skip
        signed = self._issuer.sign(claims)
        return web.json_response(
            {"ok": True, "access_token": "xoxp-stand-in", "token_type": "Bearer", "id_token": signed}
        )

    def _refusal(self, told: dict[str, str]) -> str:
        code = self._codes.get(told.get("code", ""))
        if told.get("client_id") != self.client[0]:
            return "invalid_client_id"
        if not hmac.compare_digest(told.get("client_secret", "").encode(), self.client[1].encode()):
            return "bad_client_secret"
        if code is None or code.ends <= self.clock():
            return "invalid_code"
        return "" if told.get("redirect_uri") == code.redirect_uri else "bad_redirect_uri"
