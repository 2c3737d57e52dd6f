"""Fetches what a run or a release of the forge keeps, whole, into files.

Knows: which address leads to a file, with and without a token. Must not know: httpx, what is inside of a file.
"""

from collections.abc import Awaitable, Callable
from typing import BinaryIO

from bot.core.forge import Fetched, FetchOutcome, Invalid, Nothing, Repo, Unsure
from bot.errors import TransportError
from bot.forge import asking, refusals
from bot.forge.asking import FILE, Ask
from bot.forge.lines import Line, Lines
from bot.wire import Hashed, Request

Save = Callable[[Request, BinaryIO], Awaitable[Hashed]]
"""Sends one request and writes the body of a 200 into a file; TransportError where no answer was read."""


class Files:
    """The files of one forge."""

    def __init__(self, save: Save, api_url: str, lines: Lines) -> None:
        self._save = save
        self._api_url = api_url.rstrip("/")
        self._lines = lines

    async def save_artifact(self, repo: Repo, artifact_id: int, into: BinaryIO) -> FetchOutcome:
        """Fetch what a run has kept, a zip, into a file."""
        return await self._saved(asking.archive(repo, artifact_id), into)

    async def save_asset(self, repo: Repo, asset_id: int, into: BinaryIO) -> FetchOutcome:
        """Fetch what is attached to a release into a file."""
        return await self._saved(asking.asset(repo, asset_id), into)

    async def _saved(self, ask: Ask | None, into: BinaryIO) -> FetchOutcome:
        """Fetch a file from where the forge has it, or leads to, once and without the token."""
        if ask is None:
            return Nothing()
        line = await self._lines.line(ask)
        if not isinstance(line, Line):
            return line.reading()
        asked = asking.request(self._api_url, line.token, ask)
        first = Request(
            asked.method, asked.url, asked.headers, timeout=FILE.timeout, max_bytes=FILE.max_bytes
        )
        try:
            got = await self._save(first, into)
            if got.answer.status == 401:
                self._lines.refused(line)
            if got.answer.status != 302:
                return _read(got)
            there = asking.elsewhere(asked.url, got.answer.headers.get("location", ""), FILE)
            if there is None:
                return Unsure("GitHub leads to an address that can't be read.")
            return _read(await self._save(there, into))
        except TransportError as error:
            return refusals.unanswered(error, acting=False)


def _read(got: Hashed) -> FetchOutcome:
    if got.answer.status == 410:
        return Nothing()
    if got.answer.status != 200:
        return refusals.refused(got.answer)
    if got.answer.truncated:
        return Invalid(f"A file is larger than {FILE.max_bytes >> 20} MB.")
    return Fetched(got.sha256, got.size)
