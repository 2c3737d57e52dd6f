"""Pending publishers on a real database, an index in memory with its feeds, and a clock that is moved by hand."""

# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from uuid import uuid4

from sqlalchemy import insert, select
from sqlmodel import col

from bot.core.outcomes import (
    Absent,
    Fed,
    FeedEntry,
    FeedName,
    FeedOutcome,
    Present,
    SimpleOutcome,
    TryLater,
    Unchanged,
)
from bot.core.sites import IndexSite
from bot.workflow.feeds import Feeding
from bot.workflow.ports import Clock as AnyClock
from bot.workflow.ports import Index, IndexFeeds
from bot.workflow.publishers import Publishers
from storage.database import Database
from storage.ledger import leases, teams
from storage.ledger.sql import table
from storage.records import Evidence, EvidenceKind, PublisherState, Reason
from storage.tables import FeedRow, ProjectRow, PublisherRow
from tests.releases.fakes import Clock, FakeIndex

BASE = timedelta(seconds=30)
TERM = timedelta(days=30)
LENGTHS = {FeedName.PACKAGES: 40, FeedName.UPDATES: 100}
BROKEN = TryLater(Reason.INDEX_BROKEN, "it answered 500")


@dataclass
class FeedIndex(FakeIndex):
    """An index to which projects come, each with its first release; it counts what it is asked."""

    feeds: bool = True
    """What the settings say."""
    fails: FeedOutcome | None = None
    """What the feeds answer instead of what they tell."""
    news: list[FeedEntry] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    hidden: set[str] = field(default_factory=set)
    """What the feeds tell of and the simple index does not show yet."""

    def appear(self, *names: str, told: bool = True) -> None:
        """Let projects appear; `told` says whether the feeds tell of them."""
        self.there |= set(names)
        if told:
            self.news += [FeedEntry(name, "1.0", self.clock().isoformat()) for name in names]

    async def feed(self, index: str, name: FeedName, etag: str = "", modified: str = "") -> FeedOutcome:
        """Return what is new, newest first."""
        if not self.feeds:
            return Absent()
        self.asked["feed"] += 1
        await asyncio.sleep(0)
        known_by = f'"{len(self.news)}"'
        if self.fails is not None:
            return self.fails
        newest = tuple(islice(reversed(self.news), LENGTHS[name]))
        return Unchanged() if etag == known_by else Fed(newest, known_by)

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Say whether a project is there."""
        self.asked["simple"] += 1
        await asyncio.sleep(0)
        if self.down:
            return BROKEN
        seen = Evidence(EvidenceKind.APPEARED, f"https://{index}/simple/{project}/", "0" * 64, self.clock())
        return Present((), "active", "", seen) if project in self.there - self.hidden else Absent()

    def site(self, name: str) -> IndexSite:
        """Return what is known of it."""
        return IndexSite(name, f"https://{name}.example", publisher_api=False, feeds=self.feeds)


@dataclass
class Waiting:
    """One bot that waits for publishers to be confirmed."""

    database: Database
    index: FeedIndex
    clock: Clock
    at_once: int = 4
    gap: timedelta = timedelta(milliseconds=1)
    """The clock moves at least so far."""

    def life(
        self, database: Database | None = None, index: Index | None = None
    ) -> tuple[Feeding, Publishers]:
        """Return a process: the lane of the feeds and that of the publishers."""
        clock: AnyClock = self.clock
        of, owner, base = database or self.database, uuid4(), BASE
        feeder: IndexFeeds = self.index
        return Feeding(of, feeder, clock, base, owner), Publishers(
            of, index or self.index, clock, base, owner
        )

    async def pend(self, number: int, *, polls: int = 0, spread: timedelta = BASE) -> list[str]:
        """Make so many publishers pending, that were looked at so often and are due within so long; return their projects."""
        now, chance = self.clock(), Random(number)
        names = [f"p{place}" for place in range(number)]
        async with self.database.transaction() as session:
            team = await teams.ensure(session, "T1", "", now)
            for part in (names[start : start + 5_000] for start in range(0, number, 5_000)):
                made = [_rows(name, team.id, now) for name in part]
                await session.execute(insert(table(ProjectRow)), [project for project, _ in made])
                looked = {"polls": polls, "looked_at": now if polls else None}
                due = [now + spread * chance.random() for _ in part]
                rows = [{**row, **looked, "next_at": at} for (_, row), at in zip(made, due, strict=True)]
                await session.execute(insert(table(PublisherRow)), rows)
        return names

    async def run(
        self, span: timedelta, *, feeds: bool = True, each: Callable[[], None] | None = None
    ) -> None:
        """Let so much time pass, doing all that is due as the engine does, the feeds first."""
        feeding, waiting = self.life()
        until = self.clock() + span
        while True:
            if each is not None:
                each()
            while await self.step(feeding if feeds else None, waiting):
                pass
            dues = [await waiting.next_due("pypi"), await feeding.next_due("pypi") if feeds else None]
            due = min((one for one in dues if one is not None), default=until)
            if due >= until:
                self.clock.now = until
                return
            self.clock.now = max(due, self.clock() + self.gap)

    async def step(self, feeding: Feeding | None, waiting: Publishers) -> bool:
        """Do what is due now, once; returns whether there was anything."""
        found = False
        if feeding is not None and await self._due(feeding.next_due):
            for feed in await feeding.claim("pypi", 1):
                found = True
                await feeding.look(feed)
        if await self._due(waiting.next_due):
            claimed = await waiting.claim("pypi", self.at_once)
            await asyncio.gather(*(waiting.advance(publisher) for publisher in claimed))
            return found or bool(claimed)
        return found

    async def _due(self, next_due: Callable[[str], Awaitable[datetime | None]]) -> bool:
        due = await next_due("pypi")
        return due is not None and due <= self.clock()

    async def restart(self) -> None:
        """Begin anew, as the only process does."""
        async with self.database.transaction() as session:
            await leases.retake(session)

    async def confirmed(self) -> set[str]:
        """Return the projects whose publishers are confirmed."""
        query = select(col(PublisherRow.project)).where(col(PublisherRow.state) == PublisherState.CONFIRMED)
        async with self.database.reading() as session:
            return set((await session.scalars(query)).all())

    async def latest_due(self) -> datetime:
        """Return when the last of those that wait is due."""
        async with self.database.reading() as session:
            rows = (await session.scalars(select(PublisherRow))).all()
        return max(row.next_at for row in rows if row.next_at is not None)

    async def feed_row(self) -> FeedRow:
        """Return what is kept of the feeds."""
        async with self.database.reading() as session:
            return (await session.scalars(select(FeedRow))).one()


def waiting_on(database: Database) -> Waiting:
    """Return a bot that waits for nothing yet."""
    clock = Clock()
    return Waiting(database, FeedIndex(clock), clock)


def _rows(name: str, team_id: object, now: datetime) -> tuple[dict[str, object], dict[str, object]]:
    shared = {
        "team_id": team_id, "index_name": "pypi", "owner": "acme", "repository": name, "workflow": "release.yml",
        "environment": "pypi", "channel": "C1",
    }  # fmt: skip
    project: dict[str, object] = {
        "id": uuid4(),
        "name": name,
        "created_by": "U1",
        "created_at": now,
        **shared,
    }
    publisher: dict[str, object] = {
        "id": uuid4(), "project_id": project["id"], "project": name, "requested_by": "U1", "state": PublisherState.PENDING,
        "reason": Reason.REGISTERED, "detail": "", "existed_before": False, "attempts": 1, "unanswered": False, "etag": "",
        "requested_at": now, "state_at": now, "pending_at": now, "expires_at": now + TERM, **shared,
    }  # fmt: skip
    return project, publisher
