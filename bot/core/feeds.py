"""What follows from an index's feeds: who is to be looked at now, and whether something was missed.

Knows: what was seen before, how far a feed may be relied on. Must not know: how it is fetched, rows, the clock.

A feed nudges and proves nothing: whatever it names is looked at by itself. It holds a fixed number of entries; where
none of those known before is in it any more, others may have come and gone unseen between two looks.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bot.core.outcomes import Absent, Fed, FeedEntry, FeedName, FeedOutcome, TryLater
from bot.core.polling import LONGEST_WAIT, STEADY_LOOKS, next_look
from storage.records import Feed

RELIED_ON = 20
"""Base periods for which what was read last counts: ten minutes at the default of 30 s."""
AT_ONCE = 100
"""Publishers that are made due in one base period where something may have been missed."""

_NOBODY = UUID(int=0)
"""There is one look for all: none to be spread out from."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was last seen of one feed. Written words: fields may be added."""

    etag: str = ""
    modified: str = ""
    entries: tuple[str, ...] = ()
    read: bool = False
    """Whether it was ever read: what was there before is not known to be missed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at an index's feeds comes to."""

    ask_at: datetime
    pages: Mapping[FeedName, Page]
    fresh: Mapping[FeedName, tuple[FeedEntry, ...]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the feeds' row."""

    @property
    def names(self) -> frozenset[str]:
        """Return the projects that were not in the feeds before."""
        return frozenset(entry.project for entries in self.fresh.values() for entry in entries)

    def without(self, names: Collection[str]) -> "Look":
        """Return the look as if these projects had not been in the feeds, so that they are fresh the next time too."""
        left = {
            key: {_known_by(one) for one in entries if one.project in names}
            for key, entries in self.fresh.items()
        }
        pages = {
            key: replace(page, etag="", modified="", entries=tuple(one for one in page.entries if one not in left[key]))
            if left.get(key)
            else page
            for key, page in self.pages.items()
        }  # fmt: skip
        return replace(self, pages=pages)


def waiting(feed: Feed | None, now: datetime, base: timedelta) -> int | None:
    """Return for how many publishers an index's feeds are read; None where they can't be relied on now."""
    if feed is None or feed.looked_at is None or now - feed.looked_at > base * RELIED_ON:
        return None
    return feed.waiting


def after_look(
    feed: Feed,
    pages: Mapping[FeedName, Page],
    outcomes: Mapping[FeedName, FeedOutcome],
    now: datetime,
    base: timedelta,
) -> Look:
    """Say what is new in an index's feeds since the look before."""
    if any(isinstance(outcome, Absent) for outcome in outcomes.values()):
        # There are none, or not any more: whoever waits is asked about one by one, as if there had never been any.
        gone = {"faults": 0, "looked_at": None, "missed_at": now if feed.looked_at else feed.missed_at}
        return Look(now + max(LONGEST_WAIT, base), {}, values=gone)
    fresh = {name: _fresh(pages.get(name, Page()), outcome) for name, outcome in outcomes.items()}
    after = {name: _page(pages.get(name, Page()), outcome) for name, outcome in outcomes.items()}
    missed = any(overflowed(pages.get(name, Page()), outcome) for name, outcome in outcomes.items())
    troubles = [outcome for outcome in outcomes.values() if isinstance(outcome, TryLater)]
    if troubles:
        ask_at, values = _after_trouble(feed, troubles, now, base)
    else:
        ask_at, values = now + base, {"faults": 0, "looked_at": now, "missed_at": feed.missed_at}
    return Look(ask_at, after, fresh, {**values, "missed_at": now} if missed else values)


def overflowed(page: Page, outcome: FeedOutcome) -> bool:
    """Whether entries may have come and gone since the look before: nothing that was known then is there any more."""
    if not isinstance(outcome, Fed) or not page.read:
        return False
    return bool(outcome.entries or page.entries) and not _ids(outcome) & set(page.entries)


def _after_trouble(
    feed: Feed, troubles: Collection[TryLater], now: datetime, base: timedelta
) -> tuple[datetime, dict[str, Any]]:
    asked = max(trouble.retry_after or 0 for trouble in troubles)
    backoff = next_look(base, STEADY_LOOKS + feed.faults + 1, _NOBODY)
    values: dict[str, Any] = {"faults": feed.faults + 1, "missed_at": feed.missed_at}
    if feed.looked_at is not None and waiting(feed, now, base) is None:
        values |= {"looked_at": None, "missed_at": now}
    return now + max(backoff, timedelta(seconds=asked)), values


def _fresh(page: Page, outcome: FeedOutcome) -> tuple[FeedEntry, ...]:
    if not isinstance(outcome, Fed):
        return ()
    known = set(page.entries)
    return tuple(entry for entry in outcome.entries if _known_by(entry) not in known)


def _page(page: Page, outcome: FeedOutcome) -> Page:
    if not isinstance(outcome, Fed):
        return page
    return Page(
        outcome.etag, outcome.modified, tuple(_known_by(entry) for entry in outcome.entries), read=True
    )


def _ids(fed: Fed) -> set[str]:
    return {_known_by(entry) for entry in fed.entries}


def _known_by(entry: FeedEntry) -> str:
    # With its time: a project that was deleted and made anew is another one.
    return f"{entry.project} {entry.version} {entry.at}"
