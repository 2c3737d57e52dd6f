"""Asks the forge.

Knows: gidgethub on our transport, what is asked in which order. Must not know: what an answer means.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import gidgethub
from gidgethub.abc import GitHubAPI

from bot.core.repositories import RepositoryFacts
from bot.errors import AnswerLost, ShipbellError
from bot.forge import github
from bot.transport import Transport
from bot.wire import Request
from storage.records import Secret

TIMEOUT = 15.0
_SET_BELOW = frozenset({"user-agent", "content-length"})
"""Headers that the transport sets itself."""


class ForgeClient:
    """One forge that speaks GitHub's API; without a token it sees what is public."""

    def __init__(self, transport: Transport, api_url: str, web_url: str, token: Secret | None = None) -> None:
        self._api_url = api_url.rstrip("/")
        self._web_url = web_url.rstrip("/")
        self._with_token = bool(token)
        self._api = _Api(transport, self._api_url, token)

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Look at a repository and one of its workflow files; whatever can't be seen is told by the facts."""
        try:
            names = github.named(owner, repository, workflow)
            found = await self._get(github.REPOSITORY, names)
        except ShipbellError as error:
            return github.unseen(error, with_token=self._with_token)
        text: str | ShipbellError
        try:
            text = str(await self._get(github.WORKFLOW, names, accept=github.RAW) or "")
        except ShipbellError as error:
            text = error
        return github.seen(found, self._web_url, text)

    async def ping(self) -> str:
        """Say how the forge answers; ShipbellError with cause and remedy where it doesn't, or refuses the token."""
        return github.pinged(
            await self._get(github.RATE_LIMIT, {}), self._api_url, with_token=self._with_token
        )

    async def _get(
        self, path: str, names: Mapping[str, str], accept: str = "application/vnd.github+json"
    ) -> Any:
        try:
            return await self._api.getitem(path, names, accept=accept)
        except (gidgethub.GitHubException, *github.UNREADABLE) as error:
            raise github.refusal(error, with_token=self._with_token) from error


class _Api(GitHubAPI):
    """gidgethub, sending through our transport."""

    def __init__(self, transport: Transport, api_url: str, token: Secret | None) -> None:
        super().__init__("shipbell", base_url=api_url)
        self._transport = transport
        self._token = token

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        sent = {name: value for name, value in headers.items() if name.lower() not in _SET_BELOW}
        if self._token:
            # Added here and not handed to gidgethub, which would keep it as plain text.
            sent["authorization"] = f"Bearer {self._token.reveal()}"
        answer = await self._transport.send(Request(method, url, sent, body, timeout=TIMEOUT))
        if answer.truncated:
            raise AnswerLost("The forge's answer is too long to be read.", host="")
        return answer.status, answer.headers, answer.body

    async def sleep(self, seconds: float) -> None:
        """Wait, where gidgethub wants to."""
        await asyncio.sleep(seconds)
