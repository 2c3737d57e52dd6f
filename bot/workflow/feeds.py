"""Feeds: one look per index for all that wait there; whoever is named is looked at now.

Knows: what is asked in a look, what is written together. Must not know: what a feed looks like, who waits for what.

A feed only nudges: it makes rows due, and their own looks decide. What was read is written in the same transaction as
whom it made due, under the lease: killed at any await, the next look finds the same entries fresh.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import measuring
from bot.core import feeds as decide
from bot.core.feeds import Look, Page
from bot.core.outcomes import FeedName
from bot.workflow.hands import packed, unpacked
from bot.workflow.ports import Clock, IndexFeeds
from storage.database import Database
from storage.ledger import feeds as ledger
from storage.ledger.feeds import Missed
from storage.records import Feed

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
AFTER_A_FAULT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Feeding:
    """The feeds' workflow on its concrete parts."""

    database: Database
    index: IndexFeeds
    clock: Clock
    base: timedelta
    """Base period of the pollers."""
    owner: UUID
    """This process, as it signs its claims."""

    async def claim(self, index: str, _limit: int) -> Sequence[Feed]:
        """Take the feeds of one index, if they are due."""
        now = self.clock()
        async with self.database.transaction() as session:
            return await ledger.claim(session, index, self.owner, (now, now + LEASE))

    async def next_due(self, index: str) -> datetime | None:
        """Return when the feeds of an index are due; None where nobody waits for anything there."""
        async with self.database.reading() as session:
            return await ledger.next_due(session, index, self.clock())

    async def look(self, feed: Feed) -> None:
        """Look once at the feeds of an index. A fault costs them a minute, never another index anything."""
        try:
            await self._look(feed)
        except Exception:
            log.exception("feeds failed", index=feed.index)
            async with self.database.transaction() as session:
                measuring.held(
                    "feeds", await ledger.seen(session, feed, self.owner, self.clock() + AFTER_A_FAULT)
                )

    async def _look(self, feed: Feed) -> None:
        pages = {name: unpacked(Page, feed.pages.get(name, {})) for name in FeedName}
        look = await self._asked(feed, pages) if self.clock() >= feed.ask_at else Look(feed.ask_at, pages)
        async with self.database.transaction() as session:
            if not await self._write(session, feed, look):
                log.info("claim lost", feeds=feed.index)

    async def _asked(self, feed: Feed, pages: Mapping[FeedName, Page]) -> Look:
        outcomes = {
            name: await self.index.feed(feed.index, name, page.etag, page.modified)
            for name, page in pages.items()
        }
        return decide.after_look(feed, pages, outcomes, self.clock(), self.base)

    async def _write(self, session: AsyncSession, feed: Feed, look: Look) -> bool:
        now = self.clock()
        left = await ledger.nudge(session, feed.index, look.names, now) if look.names else set()
        missed_at = look.values.get("missed_at", feed.missed_at)
        more = missed_at is not None and await ledger.make_up(
            session, feed.index, Missed(missed_at, decide.AT_ONCE), now
        )
        pages = {str(name): packed(page) for name, page in look.without(left).pages.items()}
        values = {
            **look.values, "pages": pages, "ask_at": look.ask_at, "missed_at": missed_at if more else None,
            "waiting": await ledger.waiting(session, feed.index),
        }  # fmt: skip
        next_at = min(look.ask_at, now + self.base) if more else look.ask_at
        return measuring.held("feeds", await ledger.seen(session, feed, self.owner, next_at, **values))
