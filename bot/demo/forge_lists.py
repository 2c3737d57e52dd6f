"""The forge's lists of repositories: of an installation, of whom a token belongs to, of an owner.

Knows: who sees what, orders, pages. Must not know: what is in a repository.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.demo.forge_answers import Refusal, answer_json, invalid, linked, page_of, sent_token
from bot.demo.forge_apps import Apps
from bot.demo.forge_state import Account, ForgeState, Repository
from bot.demo.forge_values import Json, repository_value

ORDERS: dict[str, Callable[[Repository], Any]] = {
    "created": lambda one: one.made_at,
    "updated": lambda one: one.history.commits[one.head].at,
    "pushed": lambda one: one.history.commits[one.head].at,
    "full_name": lambda one: one.slug,
}


class ListRoutes:
    """Answers which repositories there are."""

    def __init__(self, state: ForgeState, apps: Apps) -> None:
        self._state = state
        self._apps = apps

    def add_routes(self, app: web.Application) -> None:
        """Offer them."""
        router = app.router
        router.add_get("/installation/repositories", self.of_installation)
        router.add_get("/user/repos", self.of_token)
        router.add_get("/orgs/{owner}/repos", self.of_organization)
        router.add_get("/users/{owner}/repos", self.of_user)

    async def of_installation(self, request: web.Request) -> web.Response:
        """Give what an installation's token sees."""
        scoped = self._apps.tokens.get(sent_token(request))
        if scoped is None:
            raise Refusal(403, "You must authenticate with an installation access token")
        found = [one for slug, one in self._all() if slug in scoped.repositories]
        value = {"total_count": len(found), "repository_selection": "selected"}
        answer = answer_json(request, {**value, "repositories": self._page(request, found)})
        return linked(request, answer, len(found))

    async def of_token(self, request: web.Request) -> web.Response:
        """Give what a person has a part in: of the owner's affiliation alone what is theirs, else all."""
        person = self._apps.asker(request)
        owned = request.query.get("affiliation") == "owner"
        found = [one for _, one in self._all() if not owned or one.owner == person]
        return self._sorted(request, found, "full_name")

    async def of_organization(self, request: web.Request) -> web.Response:
        """Give what an organization has, private ones to who is named."""
        owner = self._account(request)
        if owner.kind != "Organization":
            raise web.HTTPNotFound
        seen = [one for slug, one in self._all() if one.owner == owner and self._sees(request, slug, one)]
        return self._sorted(request, seen, "created")

    async def of_user(self, request: web.Request) -> web.Response:
        """Give what somebody has that is public."""
        owner = self._account(request)
        found = [one for _, one in self._all() if one.owner == owner and not one.private]
        return self._sorted(request, found, "full_name")

    def _all(self) -> list[tuple[str, Repository]]:
        return list(self._state.repositories.items())

    def _account(self, request: web.Request) -> Account:
        found = self._state.accounts.get(request.match_info["owner"].lower())
        if found is None:
            raise web.HTTPNotFound
        return found

    def _sees(self, request: web.Request, slug: str, repository: Repository) -> bool:
        token = sent_token(request)
        scoped = self._apps.tokens.get(token)
        seen = bool(token) if scoped is None else slug in scoped.repositories
        return seen or not repository.private

    def _page(self, request: web.Request, found: list[Repository]) -> list[Json]:
        return [repository_value(one, self._state) for one in page_of(request, found)]

    def _sorted(self, request: web.Request, found: list[Repository], order: str) -> web.Response:
        order = request.query.get("sort", order)
        usual = "asc" if order == "full_name" else "desc"
        if order not in ORDERS:
            raise invalid("Search", "invalid", "sort")
        down = request.query.get("direction", usual) == "desc"
        found = sorted(found, key=ORDERS[order], reverse=down)
        return linked(request, answer_json(request, self._page(request, found)), len(found))
