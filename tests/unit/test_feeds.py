"""What follows from an index's feeds: who is fresh, what may have been missed, how far they are relied on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from bot.core import polling
from bot.core.feeds import RELIED_ON, Look, Page, after_look, overflowed, waiting
from bot.core.outcomes import Absent, Fed, FeedEntry, FeedName, FeedOutcome, TryLater, Unchanged
from storage.records import Feed, Reason

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BASE = timedelta(seconds=30)
NEVER = Feed("company", {}, 0, 0, None, None, NOW)
GOOD = replace(NEVER, waiting=7, looked_at=NOW - BASE)
PACKAGES, UPDATES = FeedName
BROKEN = TryLater(Reason.INDEX_BROKEN, "its feed answered 500")


def fed(*names: str, etag: str = '"x"') -> Fed:
    """Return a feed of these projects, newest first."""
    return Fed(tuple(FeedEntry(name, "1.0", "") for name in names), etag)


def seen(*names: str) -> Page:
    """Return a feed that was read with these projects in it."""
    return Page('"x"', "", tuple(f"{name} 1.0 " for name in names), read=True)


def look(feed: Feed, pages: Mapping[FeedName, Page], *outcomes: FeedOutcome) -> Look:
    """Look once, at both feeds."""
    return after_look(feed, pages, dict(zip(FeedName, outcomes, strict=True)), NOW, BASE)


def test_what_was_not_there_before_is_fresh() -> None:
    """Names come once, from both feeds; the next look compares with what is there now, and asks by its tag."""
    found = look(GOOD, {PACKAGES: seen("a"), UPDATES: seen("a", "b")}, fed("c", "a"), fed("d", "c", "a"))
    assert found.names == {"c", "d"}
    assert found.pages == {PACKAGES: seen("c", "a"), UPDATES: seen("d", "c", "a")}
    assert found.values == {"faults": 0, "looked_at": NOW, "missed_at": None}
    assert found.ask_at == NOW + BASE
    again = look(GOOD, found.pages, Unchanged(), Unchanged())
    assert not again.names
    assert again.pages == found.pages


def test_a_project_made_anew_is_fresh() -> None:
    """The same name at another time is another entry."""
    page = look(NEVER, {}, Fed((FeedEntry("a", "", "then"),)), fed()).pages
    assert look(GOOD, page, Fed((FeedEntry("a", "", "now"),)), fed()).names == {"a"}


def test_an_overflow_is_noticed() -> None:
    """Where nothing known is left, others may have come and gone; a first look, or one known entry, says otherwise."""
    assert overflowed(seen("a", "b"), fed("c", "d"))
    assert overflowed(seen("a"), fed())
    assert not overflowed(seen("a", "b"), fed("c", "b"))
    assert not overflowed(Page(), fed("c"))
    assert not overflowed(seen(), fed())
    assert not any(overflowed(seen("a"), outcome) for outcome in (Unchanged(), Absent(), BROKEN))
    found = look(GOOD, {PACKAGES: seen("a"), UPDATES: seen("a")}, fed("a"), fed("b"))
    assert found.values["missed_at"] == NOW
    assert found.names == {"b"}
    earlier = replace(GOOD, missed_at=NOW - BASE)
    assert look(earlier, found.pages, Unchanged(), Unchanged()).values["missed_at"] == NOW - BASE


def test_feeds_are_relied_on_while_they_are_read() -> None:
    """What was read counts for a while, so that one fault changes nothing; never read, gone or old counts for nothing."""
    assert waiting(GOOD, NOW, BASE) == 7
    assert waiting(GOOD, NOW + BASE * (RELIED_ON - 1), BASE) == 7
    assert waiting(GOOD, NOW + BASE * RELIED_ON, BASE) is None
    assert waiting(NEVER, NOW, BASE) is None
    assert waiting(None, NOW, BASE) is None


def test_a_fault_is_borne_and_many_are_not() -> None:
    """A feed that fails is asked again, more and more rarely, as the index wants; in the end all are asked about one by one."""
    pages = {PACKAGES: seen("a"), UPDATES: seen("a")}
    first = look(GOOD, pages, fed("b", "a"), BROKEN)
    assert first.names == {"b"}
    assert first.pages[UPDATES] == pages[UPDATES]
    assert first.values == {"faults": 1, "missed_at": None}
    told = look(GOOD, pages, Unchanged(), replace(BROKEN, retry_after=900))
    assert told.ask_at >= NOW + timedelta(seconds=900)
    late = replace(GOOD, looked_at=NOW - BASE * (RELIED_ON + 1), faults=9)
    assert look(late, pages, BROKEN, BROKEN).values == {"faults": 10, "looked_at": None, "missed_at": NOW}
    after = replace(late, looked_at=None, faults=60)
    given_up = look(after, pages, BROKEN, BROKEN)
    assert given_up.values == {"faults": 61, "missed_at": None}
    assert NOW + timedelta(minutes=50) < given_up.ask_at < NOW + timedelta(minutes=70)


def test_feeds_that_are_gone_leave_nothing_behind() -> None:
    """Where there are no feeds (any more) each is looked at by itself: made up for once, and asked for again in an hour."""
    gone = look(GOOD, {PACKAGES: seen("a"), UPDATES: seen("a")}, Absent(), fed("b"))
    assert gone.values == {"faults": 0, "looked_at": None, "missed_at": NOW}
    assert (gone.names, gone.pages, gone.ask_at) == (frozenset(), {}, NOW + polling.LONGEST_WAIT)
    assert look(NEVER, {}, Absent(), Absent()).values["missed_at"] is None


def test_a_name_that_was_left_is_fresh_again() -> None:
    """What could not be made due is read anew the next time, whether or not the feed changes until then."""
    found = look(GOOD, {PACKAGES: seen("a"), UPDATES: seen("a")}, fed("b", "a"), fed("c", "a"))
    assert found.without([]) == found
    left = found.without(["c", "unknown"])
    assert left.pages[PACKAGES] == seen("b", "a")
    assert left.pages[UPDATES] == Page("", "", seen("a").entries, read=True)
    assert look(GOOD, left.pages, Unchanged(), fed("c", "a")).names == {"c"}


@given(st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=30), st.integers(1, 8))
def test_every_entry_is_fresh_once_or_known_to_be_missed(arrivals: list[list[int]], length: int) -> None:
    """However many entries come between two looks, each is told, or the look says that something may be missed."""
    log, told, pages, feed = list[str](), list[str](), dict[FeedName, Page](), NEVER
    found = look(feed, pages, fed(), fed())
    for arrived in arrivals:
        before = len(log)
        log += [f"p{before + place}" for place in range(len(arrived))]
        shown = fed(*reversed(log[-length:]))
        feed = replace(feed, looked_at=NOW, missed_at=None)
        found = look(feed, found.pages, fed(), shown)
        told += [entry.project for entry in found.fresh[UPDATES]]
        assert set(log[before:]) <= set(told) or found.values["missed_at"] == NOW
    assert len(told) == len(set(told))


@given(st.integers(0, 10_000), st.uuids(), st.floats(0.1, 600), st.integers(0, 1_000_000))
def test_rare_looks_stay_within_their_share(looks: int, seed: UUID, base: float, rows: int) -> None:
    """A wait grows up to an hour, or to what keeps all together within their looks an hour; never sooner than the base."""
    wait = polling.rare_look(timedelta(seconds=base), looks, seed, rows)
    longest = max(polling.LONGEST_WAIT, timedelta(hours=rows / polling.RARE_LOOKS))
    assert timedelta(seconds=base * 0.89) <= wait <= longest * 1.11
    if looks > 40:
        assert wait >= min(longest, timedelta(seconds=base) * 1.5**40) * 0.89
