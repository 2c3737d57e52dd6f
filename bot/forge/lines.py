"""With which credential the forge is asked for what: one token for all, or an App's token for each repository.

Knows: what is kept for how long, in memory alone. Must not know: httpx, what an answer means for a release.

Tokens of installations are asked for one repository and the least permissions, used until shortly before their end, and
neither stored nor logged. Each installation has one sender, and so one cache of answers and one rate limit.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.forge import Repo
from bot.errors import TransportError
from bot.forge import app_auth, asking, limits, refusals
from bot.forge.app_auth import AppKey, Granted, Installation, NoLine
from bot.forge.asking import Ask
from bot.forge.sending import Send, Sender, Shared
from bot.forge.shapes import Misshapen, needed
from bot.wire import Answer
from storage.records import Secret

MOST_KEPT = 1_000
"""Repositories whose installation is remembered."""
MOST_PAGES = 3
"""Pages of installations that are read."""

_Key = tuple[str, tuple[tuple[str, str], ...]]
"""What a token is for, and its permissions."""


Share = Callable[[str], Shared | None]
"""Gives a credential's limits as all processes keep them; None where there is one process."""


def nobody_else(_name: str) -> None:
    """Share with nobody."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one request is sent with."""

    sender: Sender
    token: Secret | None


class Lines(Protocol):
    """Gives what a request is sent with."""

    @property
    def with_token(self) -> bool:
        """Whether anybody is named when asking."""

    async def hello(self) -> str | NoLine:
        """Return as whom we are known; "" where that is told by nothing but the token's limit."""

    async def line(self, ask: Ask) -> Line | NoLine:
        """Return what this is asked with, or why it can't be asked."""

    def refused(self, line: Line) -> None:
        """Hear that the forge did not take a line's token."""


class OneToken:
    """One token for everything; without it only what is public is seen."""

    def __init__(
        self, send: Send, token: Secret | None, write_gap: float, share: Share = nobody_else
    ) -> None:
        self._line = Line(Sender(send, write_gap, share("token")), token)

    @property
    def with_token(self) -> bool:
        """Whether there is one."""
        return bool(self._line.token)

    async def hello(self) -> str | NoLine:
        """Return nothing: a token's own page is not asked for."""
        return ""

    async def line(self, ask: Ask) -> Line | NoLine:  # noqa: ARG002 - one for all
        """Return the one line."""
        return self._line

    def refused(self, line: Line) -> None:
        """Hear it: there is no other token to take."""


class AppTokens:
    """A GitHub App's lines: a token for each repository and set of permissions."""

    def __init__(
        self,
        send: Send,
        addresses: tuple[str, str],
        key: AppKey,
        clock: Callable[[], datetime],
        *,
        write_gap: float,
        share: Share = nobody_else,
    ) -> None:
        """Take how to send, the addresses of API and pages, the App's key, the clock, and what other processes share."""
        self._send = send
        self._api_url, self._web_url = (address.rstrip("/") for address in addresses)
        self._key = key
        self._clock = clock
        self._write_gap = write_gap
        self._share = share
        self._own = Sender(send, 0.0, share("app"))
        self._nobody = Line(Sender(send, write_gap, share("nobody")), None)
        self._senders: dict[int, Sender] = {}
        self._installed: dict[str, Installation] = {}
        self._granted: dict[_Key, Granted] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._newest: tuple[Granted, Line] | None = None
        self._slug = ""

    @property
    def with_token(self) -> bool:
        """Whether anybody is named when asking: the App."""
        return True

    async def hello(self) -> str | NoLine:
        """Return the App's name, as the forge knows it."""
        answer = await self._ask(app_auth.app())
        if isinstance(answer, NoLine):
            return answer
        try:
            self._slug = needed(answer.json(), "slug", limit=100)
        except Misshapen:
            return _ODD
        return f"{self._api_url} knows the App {self._slug}"

    async def line(self, ask: Ask) -> Line | NoLine:
        """Return a line for the repository that this is about; what is about none is asked as anybody."""
        if ask.repo is None:
            return self._anybody()
        wanted = app_auth.needs(ask)
        # One after the other for each repository: what one has found out the next need not ask.
        async with self._asking.setdefault(_name(ask.repo), asyncio.Lock()):
            installation = await self._where(ask.repo)
            if isinstance(installation, NoLine):
                return installation
            permissions = app_auth.narrowed(wanted, installation)
            if isinstance(permissions, tuple):
                return self._lacking(installation, permissions)
            granted = await self._token(installation, ask.repo, permissions)
        if isinstance(granted, NoLine):
            return granted
        line = Line(self._sender(installation), granted.token)
        if wanted is app_auth.READING:
            self._newest = granted, line
        return line

    async def installations(self) -> tuple[Installation, ...] | NoLine:
        """Return where the App is installed, the first few hundred."""
        found: tuple[Installation, ...] = ()
        for page in range(1, MOST_PAGES + 1):
            answer = await self._ask(app_auth.installations(page))
            if isinstance(answer, NoLine):
                return answer
            try:
                more = app_auth.read_installations(answer.json())
            except Misshapen:
                return _ODD
            found += more
            if len(more) < asking.PER_PAGE:
                break
        return found

    async def over_all(self, installation: Installation) -> Line | NoLine:
        """Return a line that sees which repositories an installation has, and nothing in them."""
        now, key = self._clock(), (f"installation {installation.id}", tuple(app_auth.LISTING.items()))
        async with self._asking.setdefault(key[0], asyncio.Lock()):
            kept = self._granted.get(key)
            granted = (
                kept
                if kept is not None and kept.fresh(now)
                else await self._new_token(key, app_auth.token_of_all(installation))
            )
        if isinstance(granted, NoLine):
            return granted
        return Line(self._sender(installation), granted.token)

    async def not_installed(self, whose: str) -> NoLine:
        """Return that the App sees nothing of these, and where it can be installed."""
        if not self._slug:
            await self.hello()
        where = app_auth.install_page(self._web_url, self._slug) or "from the App's page"
        return NoLine(404, f"The GitHub App can't see {whose}. Install the App there: {where}")

    def _sender(self, installation: Installation) -> Sender:
        kept = self._senders.get(installation.id)
        if kept is None:
            shared = self._share(f"installation {installation.id}")
            kept = self._senders[installation.id] = Sender(self._send, self._write_gap, shared)
        return kept

    def _anybody(self) -> Line:
        """Return a line for what is about no repository: any token will do, and without one less may be asked."""
        granted, line = self._newest or (None, self._nobody)
        return line if granted is None or granted.fresh(self._clock()) else self._nobody

    def refused(self, line: Line) -> None:
        """Forget a token that the forge did not take, and what it was granted for."""
        if self._newest is not None and self._newest[1].token == line.token:
            self._newest = None
        gone = {key for key, granted in self._granted.items() if granted.token == line.token}
        for key in gone:
            del self._granted[key]
            self._installed.pop(key[0], None)

    def _as_app(self) -> Line | NoLine:
        token = app_auth.signed(self._key, self._clock())
        return token if isinstance(token, NoLine) else Line(self._own, token)

    async def _where(self, repo: Repo) -> Installation | NoLine:
        name = _name(repo)
        if name in self._installed:
            return self._installed[name]
        answer = await self._ask(app_auth.where(repo))
        if isinstance(answer, NoLine):
            if answer.status == 404:
                return await self.not_installed(repo.slug)
            return answer
        try:
            found = app_auth.read_installation(answer.json())
        except Misshapen:
            return _ODD
        if len(self._installed) >= MOST_KEPT:
            self._installed.clear()
            self._asking.clear()
        self._installed[name] = found
        return found

    async def _token(
        self, installation: Installation, repo: Repo, permissions: Mapping[str, str]
    ) -> Granted | NoLine:
        now, key = self._clock(), (_name(repo), tuple(sorted(permissions.items())))
        kept = self._granted.get(key)
        if kept is not None and kept.fresh(now):
            return kept
        granted = await self._new_token(key, app_auth.token(installation, repo, permissions))
        if isinstance(granted, NoLine) and granted is not _ODD:
            # Uninstalled, or other permissions since we looked: look again the next time.
            self._installed.pop(_name(repo), None)
            return await self.not_installed(repo.slug) if granted.status in {404, 422} else granted
        return granted

    async def _new_token(self, key: _Key, ask: Ask) -> Granted | NoLine:
        answer = await self._ask(ask)
        if isinstance(answer, NoLine):
            return answer
        try:
            granted = app_auth.read_token(answer.json())
        except Misshapen:
            return _ODD
        now = self._clock()
        self._granted = {one: token for one, token in self._granted.items() if token.fresh(now)}
        self._granted[key] = granted
        return granted

    def _lacking(self, installation: Installation, permissions: tuple[str, ...]) -> NoLine:
        self._installed = {name: one for name, one in self._installed.items() if one.id != installation.id}
        names = " and ".join(permissions)
        return NoLine(
            403,
            f"The GitHub App was not granted {names} (write). Ask for it on the App's page, and accept it where it is installed.",
        )

    async def _ask(self, ask: Ask | None) -> Answer | NoLine:
        """Ask as the App itself."""
        if ask is None:
            return NoLine(404, "The forge can't have a repository of that name.")
        line = self._as_app()
        if isinstance(line, NoLine):
            return line
        try:
            answer = await line.sender.post(asking.request(self._api_url, line.token, ask))
        except TransportError as error:
            unsure = refusals.unanswered(error, acting=False)
            return NoLine(0, unsure.detail, unsure.retry_after)
        return answer if answer.status in {200, 201} else _refused(answer)


def _refused(answer: Answer) -> NoLine:
    if limits.is_limit(answer):
        limited = refusals.limited(answer)
        return NoLine(0, limited.detail, limited.retry_after)
    if answer.status == 401:
        return NoLine(401, f"GitHub does not accept the App's signature. {_KEY_REMEDY}")
    if 300 <= answer.status < 400:
        return NoLine(answer.status, refusals.MOVED)
    broken = refusals.broken(answer)
    return NoLine(answer.status, broken.detail, broken.retry_after)


def _name(repo: Repo) -> str:
    return f"{repo.owner}/{repo.name}".lower()


_KEY_REMEDY = "Check SHIPBELL_GITHUB_APP_ID, SHIPBELL_GITHUB_APP_PRIVATE_KEY, and the clocks of this machine and the database server."
_ODD = NoLine(
    0, "The forge's answer is not GitHub's. Check SHIPBELL_GITHUB_API_URL and what stands in between."
)
