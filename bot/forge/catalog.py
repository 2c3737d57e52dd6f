"""Asks the forge which repositories there are.

Knows: which credential is asked for which list, how far lists are read. Must not know: httpx, what an answer means.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from bot.core.forge import Nothing, RepositoriesOutcome, Unsure
from bot.core.repositories import Repositories, RepositorySummary
from bot.errors import TransportError
from bot.forge import asking, listing, refusals
from bot.forge.app_auth import Installation, NoLine
from bot.forge.asking import Ask
from bot.forge.lines import AppTokens, Line, OneToken

MOST_PAGES = 20
"""Pages of one answer to "which are there?", each of up to 100 repositories."""
NAME_AN_OWNER = (
    "Without a credential nobody can say which repositories are yours. "
    "Name an owner, or set up a GitHub App or SHIPBELL_GITHUB_TOKEN."
)
ONLY_SO_MANY = "Only the first {:,} repositories were read."

_Found = tuple[RepositorySummary, ...]
_Outcome = Repositories | Nothing | Unsure
One = TypeVar("One")


class TokenCatalog:
    """The repositories of whom a token belongs to, or what is public. It fulfils `bot.workflow.ports.Catalog`."""

    def __init__(self, api_url: str, lines: OneToken, most_pages: int = MOST_PAGES) -> None:
        self._pages = _Pages(api_url.rstrip("/"), lines)
        self._most = most_pages
        self._lines = lines

    async def repositories(self, owner: str = "") -> RepositoriesOutcome:
        """Return the repositories that our credential sees, of one owner or of all, newest push first."""
        line = await self._lines.line(listing.who())
        if isinstance(line, NoLine):
            return line.reading()
        if not owner:
            return await self._own(line) if self._lines.with_token else Unsure(NAME_AN_OWNER)
        found = await self._list(line, partial(listing.of_organization, owner))
        if not isinstance(found, Nothing):
            return found
        # A person's private repositories are shown by their own list alone.
        if self._lines.with_token and await self._is_ours(line, owner):
            return await self._own(line, "owner")
        return await self._list(line, partial(listing.of_user, owner))

    async def _own(self, line: Line, *affiliation: str) -> _Outcome:
        return await self._list(line, lambda page: listing.of_token(page, *affiliation))

    async def _list(self, line: Line, ask: Callable[[int], Ask | None]) -> _Outcome:
        return await self._pages.read(line, ask, listing.repositories, self._most)

    async def _is_ours(self, line: Line, owner: str) -> bool:
        login = await self._pages.one(line, listing.who(), listing.login)
        return isinstance(login, str) and login.lower() == owner.lower()


class AppCatalog:
    """The repositories that an App is installed on. It fulfils `bot.workflow.ports.Catalog`."""

    def __init__(self, api_url: str, lines: AppTokens, most_pages: int = MOST_PAGES) -> None:
        self._pages = _Pages(api_url.rstrip("/"), lines)
        self._most = most_pages
        self._lines = lines

    async def repositories(self, owner: str = "") -> RepositoriesOutcome:
        """Return the repositories that our credential sees, of one owner or of all, newest push first."""
        installed = await self._lines.installations()
        if isinstance(installed, NoLine):
            return installed.reading()
        wanted = [one for one in installed if owner.lower() in {"", one.account.lower()} and one.permissions]
        if not wanted:
            return (await self._lines.not_installed(owner or "any repository")).reading()
        return await self._of_all(wanted)

    async def _of_all(self, wanted: list[Installation]) -> _Outcome:
        found: _Found = ()
        missing: list[str] = []
        for one in wanted:
            left = self._most - -(-len(found) // asking.PER_PAGE)
            if left < 1:
                missing.append(f"{ONLY_SO_MANY.format(len(found))} Name an owner.")
                break
            more = await self._of_one(one, left)
            match more:
                case Repositories():
                    found += more.found
                    missing += [more.missing] if more.missing else []
                case Nothing() | Unsure():
                    detail = more.detail if isinstance(more, Unsure) else "It was uninstalled."
                    missing.append(f"{one.account or 'An account'} is left out. {detail}")
        if not found and missing:
            return Unsure(missing[0])
        return Repositories(_newest_first(found), missing[0] if missing else "")

    async def _of_one(self, installation: Installation, most: int) -> _Outcome:
        line = await self._lines.over_all(installation)
        if isinstance(line, NoLine):
            return line.reading()
        return await self._pages.read(line, listing.of_installation, listing.inside, most)


class _Pages:
    """Reads lists page by page."""

    def __init__(self, api_url: str, lines: OneToken | AppTokens) -> None:
        self._api_url = api_url
        self._lines = lines

    async def read(
        self,
        line: Line,
        ask: Callable[[int], Ask | None],
        reader: Callable[[Any], _Found],
        most: int,
    ) -> _Outcome:
        """Return a list as far as it is read; a page that can't be had leaves the whole list unsure."""
        found: _Found = ()
        for page in range(1, most + 1):
            more = await self.one(line, ask(page), reader)
            if not isinstance(more, tuple):
                return more
            found += more
            if len(more) < asking.PER_PAGE:
                return Repositories(_newest_first(found))
        return Repositories(_newest_first(found), ONLY_SO_MANY.format(len(found)))

    async def one(self, line: Line, ask: Ask | None, reader: Callable[[Any], One]) -> One | Nothing | Unsure:
        """Ask one thing; what can't be asked for is not there."""
        if ask is None:
            return Nothing()
        try:
            answer = await line.sender.get(asking.request(self._api_url, line.token, ask))
        except TransportError as error:
            return refusals.unanswered(error, acting=False)
        if answer.status == 401:
            self._lines.refused(line)
        return refusals.read(answer, reader)


def _newest_first(found: _Found) -> _Found:
    once = {one.full_name.lower(): one for one in found}
    never = datetime.min.replace(tzinfo=UTC)
    return tuple(sorted(once.values(), key=lambda one: one.pushed_at or never, reverse=True))
