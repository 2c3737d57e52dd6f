"""Several of `emulate`'s workspaces as the one Slack that a bot of many workspaces speaks to, with what `emulate` lacks.

Each process of `emulate` is one workspace, always of the same id, without orgs and without expiring tokens. This stands before them: the
browser's `team` says which workspace an install is for, a token says which one a call is for, and what a token may not do any
more is refused as Slack refuses it. Tokens are exchanged here (https://docs.slack.dev/authentication/using-token-rotation): each refresh
token once.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web

from bot.demo.slack_methods import read_arguments

Json = dict[str, Any]
LIFE = 43_200


@dataclass(frozen=True)
class Site:
    """One workspace, or one org, and the `emulate` behind it."""

    id: str
    name: str
    behind: str
    """Address of its `emulate`."""
    org: str = ""
    """The org that a workspace is in; for an org-wide install the same as `id`."""

    @property
    def org_wide(self) -> bool:
        """Whether the app is installed for a whole org here."""
        return bool(self.org) and self.org == self.id


@dataclass
class Grant:
    """What a token is good for."""

    site: Site
    upstream: str
    """The token that `emulate` knows."""
    scope: str
    ends: datetime
    bot: Json


@dataclass
class Fleet:
    """The Slack that stands before them all."""

    sites: list[Site]
    clock: Callable[[], datetime]
    rotates: bool = True
    states: dict[str, Site] = field(default_factory=dict)
    codes: dict[str, Site] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    refreshes: dict[str, Grant] = field(default_factory=dict)
    calls: list[tuple[str, str, Json]] = field(default_factory=list)
    """(site, method, arguments) of what was let through."""
    _session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """Return it as a web application."""
        app = web.Application()
        app.router.add_get("/oauth/v2/authorize", self.authorize)
        app.router.add_post("/oauth/v2/authorize/callback", self.agreed)
        app.router.add_post("/api/oauth.v2.access", self.access)
        app.router.add_route("*", "/api/{method}", self.call)
        app.cleanup_ctx.append(self._open)
        return app

    async def _open(self, _app: web.Application) -> Any:
        async with aiohttp.ClientSession() as session:
            self._session = session
            yield

    @property
    def session(self) -> aiohttp.ClientSession:
        """What asks the workspaces."""
        assert self._session is not None, "it runs"
        return self._session

    async def authorize(self, request: web.Request) -> web.Response:
        """Show the page of the workspace that the browser wants."""
        site = next(one for one in self.sites if one.id == request.query.get("team", self.sites[0].id))
        self.states[request.query.get("state", "")] = site
        async with self.session.get(f"{site.behind}/oauth/v2/authorize", params=request.query) as page:
            return web.Response(text=await page.text(), status=page.status, content_type="text/html")

    async def agreed(self, request: web.Request) -> web.Response:
        """Take what somebody chose on that page."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        site = self.states[form.get("state", "")]
        address = f"{site.behind}/oauth/v2/authorize/callback"
        async with self.session.post(address, data=form, allow_redirects=False) as answer:
            back = answer.headers.get("location", "")
        self.codes[parse_qs(urlsplit(back).query)["code"][0]] = site
        return web.Response(status=302, headers={"location": back})

    async def access(self, request: web.Request) -> web.Response:
        """Give tokens for a code, or for a refresh token."""
        body = await request.read()
        args = read_arguments(request.query, request.content_type, body)
        if args.get("grant_type") == "refresh_token":
            return web.json_response(self._exchanged(str(args.get("refresh_token", ""))))
        site = self.codes.pop(str(args.get("code", "")), None)
        if site is None:
            return web.json_response({"ok": False, "error": "invalid_code"})
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in request.headers
        }
        async with self.session.post(
            f"{site.behind}/api/oauth.v2.access", data=body, headers=headers
        ) as answer:
            said = await answer.json()
        if not said.get("ok"):
            return web.json_response(said)
        grant = Grant(site, said["access_token"], said["scope"], self.clock(), said)
        return web.json_response(self._granted(grant))  # fmt: skip

    def _exchanged(self, refresh: str) -> Json:
        grant = self.refreshes.pop(refresh, None)
        return {"ok": False, "error": "invalid_refresh_token"} if grant is None else self._granted(grant)

    def _granted(self, grant: Grant) -> Json:
        """Return new tokens; those before live on until they end."""
        site = grant.site
        told = {
            **grant.bot,
            "team": None if site.org_wide else {"id": site.id, "name": site.name},
            "enterprise": {"id": site.org, "name": f"{site.name} Org"} if site.org else None,
            "is_enterprise_install": site.org_wide,
        }
        if not self.rotates:
            self.grants[grant.upstream] = grant
            return told
        token, refresh = f"xoxe.xoxb-1-{secrets.token_hex(12)}", f"xoxe-1-{secrets.token_hex(12)}"
        ends = self.clock() + timedelta(seconds=LIFE)
        self.grants[token] = self.refreshes[refresh] = Grant(
            site, grant.upstream, grant.scope, ends, grant.bot
        )
        return told | {"access_token": token, "refresh_token": refresh, "expires_in": LIFE}

    async def call(self, request: web.Request) -> web.Response:
        """Pass a call on to the workspace whose token it has."""
        method, body = request.match_info["method"], await request.read()
        grant = self.grants.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if grant is None:
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if self.rotates and grant.ends <= self.clock():
            return web.json_response({"ok": False, "error": "token_expired"})
        args = read_arguments(request.query, request.content_type, body)
        self.calls.append((grant.site.id, method, args))
        # The SDK sends some arguments in the address, where `emulate` does not look for them.
        headers = {"Authorization": f"Bearer {grant.upstream}"}
        async with self.session.post(
            f"{grant.site.behind}/api/{method}", json=args, headers=headers
        ) as answer:
            return web.Response(
                body=await answer.read(), status=answer.status, content_type="application/json"
            )
