"""Which repositories somebody can choose from: searched in a list that is read once in a while.

Knows: how long a list is kept, who may see it. Must not know: Slack, HTTP, wording.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.core.approvals import Refusal, member
from bot.core.forge import Nothing, RepositoriesOutcome, Unsure
from bot.core.repositories import Repositories, RepositorySummary
from bot.workflow.ports import Catalog, Clock, People

KEPT = timedelta(seconds=60)
"""How long a list is searched before it is read anew."""
SECONDS = 2.0
"""How long somebody waits for the list; it goes on being read, for the next letter that is typed."""
MOST = 99
"""Repositories that are offered at once."""
LATE = Unsure("The list of repositories is still being read.")


@dataclass(slots=True)
class Menu:
    """The repositories of one workspace's credential; for nobody but its full members, since names may be private."""

    catalog: Catalog
    people: People
    clock: Clock
    seconds: float = SECONDS
    _read_at: datetime | None = None
    _reading: asyncio.Task[RepositoriesOutcome] | None = field(default=None, repr=False)
    _known: RepositoriesOutcome = LATE

    async def search(self, slack_team_id: str, user: str, text: str) -> tuple[RepositorySummary, ...] | str:
        """Return what fits best to what is typed, newest push first; or why there is no list, cause and remedy."""
        try:
            async with asyncio.timeout(self.seconds):
                refused = member(await self.people.person(slack_team_id, user))
                if isinstance(refused, Refusal):
                    return "Only full members of the workspace see the list."
                known = await self._list()
        except TimeoutError:
            known = self._known
        match known:
            case Repositories(found):
                return matching(found, text)
            case Unsure(detail):
                return detail
            case Nothing():
                return "The forge shows no repositories."

    async def _list(self) -> RepositoriesOutcome:
        """Return the list; many who ask at once wait for one reading, which goes on when nobody waits any more."""
        now = self.clock()
        if self._read_at is not None and now < self._read_at + KEPT:
            return self._known
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(now))
        return await asyncio.shield(self._reading)

    async def _read(self, now: datetime) -> RepositoriesOutcome:
        found = await self.catalog.repositories()
        if isinstance(found, Repositories):
            self._read_at, self._known = now, found
        elif not isinstance(self._known, Repositories):
            self._known = found
        return self._known

    async def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)


def matching(found: tuple[RepositorySummary, ...], text: str) -> tuple[RepositorySummary, ...]:
    """Return those whose name holds what is typed, archived ones last, names that begin so first."""
    wanted = text.strip().lower()
    fits = [one for one in found if wanted in one.full_name.lower()]
    fits.sort(key=lambda one: (one.archived, not _begins(one.full_name.lower(), wanted)))
    return tuple(fits[:MOST])


def _begins(name: str, wanted: str) -> bool:
    return name.startswith(wanted) or name.partition("/")[2].startswith(wanted)
