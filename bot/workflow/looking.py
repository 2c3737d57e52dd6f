"""What a team's pages show: read within one transaction, each page in a fixed number of questions.

Knows: how much is shown at once, what belongs on which page. Must not know: HTML, routes, wording.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from bot.core.figures import Figures, figures
from bot.core.people import Person
from bot.core.progress import Progress
from bot.workflow.hands import unpacked
from bot.workflow.ports import Clock, People
from bot.workflow.visiting import Viewer
from storage.database import Database
from storage.ledger import approvals, history, releases
from storage.ledger.history import Part
from storage.records import Approval, Evidence, HistoryLine, KnownProject, Release

WINDOW = timedelta(days=90)
"""How far back the figures look."""
MOST = 1_000
"""Releases that the figures are made of at most; a question never reads more."""
PAGE = 25
"""Rows of a list."""
TIMINGS = 8
"""Published releases whose time is shown part by part."""
MOST_NAMES = 20
"""People of a page that Slack is asked about."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cut:
    """A page of a list."""

    lines: tuple[HistoryLine, ...]
    older: tuple[datetime, UUID] | None
    """Where the next page begins; None: there is none."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A team's history, or one project's."""

    now: datetime
    since: datetime
    recent: tuple[HistoryLine, ...]
    """The newest of the window, newest first."""
    figures: Figures
    cut_off: bool
    """Whether the window holds more than the figures count."""
    listed: Cut
    first_page: bool
    projects: tuple[KnownProject, ...] = ()
    """Of a project's page: the project, on each index."""


@dataclass(frozen=True, slots=True)
class ReleaseStory:
    """One release, whole."""

    now: datetime
    release: Release
    progress: Progress
    line: HistoryLine
    votes: tuple[Approval, ...]
    evidence: tuple[Evidence, ...]
    names: dict[str, str]
    """Slack user -> how they are called."""


@dataclass(frozen=True, slots=True)
class PublisherList:
    """A page of a team's projects with their publishers."""

    now: datetime
    projects: tuple[KnownProject, ...]
    more: tuple[str, str] | None
    """(index, name) after which the next page begins; None: there is none."""


@dataclass(frozen=True, slots=True)
class Looking:
    """The questions of the pages, on concrete parts."""

    database: Database
    people: People
    clock: Clock

    async def overview(
        self, team_id: UUID, project: str = "", before: tuple[datetime, UUID] | None = None
    ) -> Overview | None:
        """Return a team's history, or one project's; None where the team has no such project."""
        now = self.clock()
        since = now - WINDOW
        async with self.database.reading(steady=True) as session:
            known = await history.projects(session, team_id, PAGE, project) if project else ()
            if project and not known:
                return None
            recent = await history.lines(session, team_id, Part(MOST + 1, project, since))
            listed = await history.lines(session, team_id, Part(PAGE + 1, project, before=before))
        counted, (lines, more) = tuple(recent[:MOST]), _cut(listed)
        older = (lines[-1].requested_at, lines[-1].id) if more else None
        told = figures(counted, TIMINGS)
        return Overview(
            now, since, counted, told, len(recent) > MOST, Cut(lines, older), before is None, tuple(known)
        )

    async def release(self, viewer: Viewer, release_id: UUID) -> ReleaseStory | None:
        """Return one release; None where the viewer's team has no such one."""
        async with self.database.reading(steady=True) as session:
            found = await releases.get(session, viewer.team_id, release_id)
            if found is None:
                return None
            votes = await approvals.all_votes(session, found)
            evidence = await releases.evidence(session, found)
        names = await self._names(viewer, (found.requested_by, *(vote.user for vote in votes)))
        line = _line(found, votes)
        progress = unpacked(Progress, found.progress)
        return ReleaseStory(self.clock(), found, progress, line, tuple(votes), tuple(evidence), names)

    async def publishers(self, team_id: UUID, after: tuple[str, str] | None = None) -> PublisherList:
        """Return a page of the team's projects with their publishers."""
        async with self.database.reading(steady=True) as session:
            found = await history.projects(session, team_id, PAGE + 1, after=after)
        shown, more = _cut(found)
        last = shown[-1].project.registration if more else None
        return PublisherList(self.clock(), shown, (last.index, last.project) if last else None)

    async def _names(self, viewer: Viewer, users: Iterable[str]) -> dict[str, str]:
        wanted = tuple(dict.fromkeys(users))[:MOST_NAMES]
        found = await asyncio.gather(*(self.people.person(viewer.slack_team_id, user) for user in wanted))
        return {one.user: one.name for one in found if isinstance(one, Person) and one.name}


def _cut(found: Sequence[T]) -> tuple[tuple[T, ...], bool]:
    return tuple(found[:PAGE]), len(found) > PAGE


def _line(release: Release, votes: Sequence[Approval]) -> HistoryLine:
    cast = [
        vote.at
        for vote in votes
        if vote.round == release.round and vote.withdrawn_at is None and vote.verdict != "rejected"
    ]
    target = release.target
    return HistoryLine(
        release.id, target.index, target.project, release.version, release.kind, release.state, release.reason,
        release.requested_by, release.requested_at, release.state_at, release.asked_at, release.act_at, max(cast, default=None),
    )  # fmt: skip
