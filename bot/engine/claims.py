"""The rows that this process works on, and those that it may have taken and does not.

Knows: when the ledger was away in the midst of something, which rows processes may have died of. Must not know: what a row is.

A claim whose answer was lost is made, though nobody works on it; a step that could not write its end down leaves its claim
behind. The process lives, so nobody buries it: it has to give such rows back itself, once the ledger is there again, or
they would rest until their leases run out.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

LetGo = Callable[[Collection[Hashable]], Awaitable[int]]
"""Gives back all that this process has taken, but for rows with these keys; returns how many."""


async def nothing_taken(_busy: Collection[Hashable]) -> int:
    """Give nothing back, where nothing outlives the process."""
    return 0


@dataclass(frozen=True, slots=True)
class Deaths:
    """What the ledger knows of rows in whose steps processes died."""

    suspected: Callable[[], Awaitable[Collection[tuple[str, Hashable]]]]
    """Returns kind and key of each."""
    survived: Callable[[str, Hashable], Awaitable[None]]
    """Strikes one off."""


class Claims:
    """One process's own."""

    def __init__(
        self,
        let_go: LetGo = nothing_taken,
        away: Callable[[BaseException], bool] = lambda _error: False,
        deaths: Deaths | None = None,
    ) -> None:
        """Take how rows are given back, what tells that the ledger was away from other faults, and what is known of deaths."""
        self.under_way: set[tuple[str, Hashable]] = set()
        """Kind and key of each row that is worked on."""
        self.away = away
        self._let_go = let_go
        self._deaths = deaths
        self._suspects: frozenset[tuple[str, Hashable]] = frozenset()
        self._doubtful = False
        self._takers = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._open = asyncio.Event()
        self._open.set()

    def doubt(self) -> None:
        """Let it be looked, at the next occasion, for rows that are taken and that nobody works on."""
        self._doubtful = True

    async def suspect(self) -> None:
        """Ask which rows processes died of, perhaps."""
        if self._deaths is not None:
            self._suspects = frozenset(await self._deaths.suspected())

    async def survived(self, key: tuple[str, Hashable]) -> None:
        """Say that a step of a row has ended, and this process lives."""
        if self._deaths is not None and key in self._suspects:
            self._suspects -= {key}
            await self._deaths.survived(*key)

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """Take rows, and note them before this ends."""
        while not self._open.is_set():
            await self._open.wait()
        self._takers += 1
        self._idle.clear()
        try:
            yield
        except BaseException:
            self.doubt()  # its answer may have been lost alone
            raise
        finally:
            self._takers -= 1
            if not self._takers:
                self._idle.set()

    async def settle(self) -> None:
        """Give back what is taken and not worked on, where there may be such; nobody takes anything meanwhile."""
        if not self._doubtful or not self._open.is_set():
            return
        self._open.clear()
        try:
            await self._idle.wait()
            self._doubtful = False
            if found := await self._let_go({key for _, key in self.under_way}):
                log.warning("given back what was taken while the ledger was away", rows=found)
        except BaseException:
            self._doubtful = True
            raise
        finally:
            self._open.set()
