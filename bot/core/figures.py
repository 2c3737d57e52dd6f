"""A team's history in figures: how releases ended, how long they took, what made them fail.

Knows: what is counted, and what is left out. Must not know: SQL, wording, pictures.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from storage.records import HistoryLine, ReleaseKind, ReleaseReason, ReleaseState

S = ReleaseState


class Outcome(StrEnum):
    """How a release has ended, in few words."""

    DONE = "done"
    """Published, or yanked where that was asked for."""
    FAILED = "failed"
    STOPPED = "stopped"
    """By people, or because nobody decided."""
    UNDER_WAY = "under_way"


_ENDS = {
    S.PUBLISHED: Outcome.DONE,
    S.YANKED: Outcome.DONE,
    S.FAILED: Outcome.FAILED,
    S.REJECTED: Outcome.STOPPED,
    S.CANCELLED: Outcome.STOPPED,
    S.EXPIRED: Outcome.STOPPED,
}
_APPROVED = frozenset({S.APPROVED, S.TAGGING, S.BUILDING, S.PUBLISHING, S.VERIFYING, S.PUBLISHED, S.YANKED})
"""States that nobody reaches but by approval, where it was asked for."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Some spans of time, in short."""

    count: int
    median: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one published release went."""

    line: HistoryLine
    waited: timedelta
    """From the request to the last approval; none where nobody had to approve."""
    worked: timedelta
    """From then to the verified end."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a number of releases come to."""

    counted: int
    outcomes: dict[Outcome, int]
    to_published: Spread | None
    """From request to published, of releases that were not to wait for a given moment; None: there are none."""
    approval: Spread | None
    """From asking for approval to the last one that counts."""
    causes: tuple[tuple[ReleaseReason, int], ...]
    """What made releases fail, most frequent first."""
    timings: tuple[Timing, ...]
    """Of the newest that were published, newest first."""


def outcome(state: ReleaseState) -> Outcome:
    """Return how a release has ended that is in this state."""
    return _ENDS.get(state, Outcome.UNDER_WAY)


def figures(lines: Sequence[HistoryLine], timings: int) -> Figures:
    """Return what these releases come to, with the timings of so many of them at most."""
    outcomes = Counter(outcome(line.state) for line in lines)
    causes = Counter(line.reason for line in lines if line.state is S.FAILED)
    timed = [_timing(line) for line in lines if _is_timed(line)]
    return Figures(
        len(lines),
        {one: outcomes[one] for one in Outcome},
        _spread(one.waited + one.worked for one in timed),
        _spread(waited for line in lines if (waited := approval_time(line)) is not None),
        tuple(sorted(causes.items(), key=lambda pair: (-pair[1], pair[0]))),
        tuple(timed[:timings]),
    )


def approval_time(line: HistoryLine) -> timedelta | None:
    """Return how long people took to approve; None where nobody did, or not enough have yet."""
    if line.state not in _APPROVED or line.voted_at is None or line.asked_at is None:
        return None
    return max(line.voted_at - line.asked_at, timedelta())


def _is_timed(line: HistoryLine) -> bool:
    # What was to wait for a given moment says nothing about how fast anybody is.
    return line.state is S.PUBLISHED and line.kind is ReleaseKind.RELEASE and line.act_at is None


def _timing(line: HistoryLine) -> Timing:
    turned = line.requested_at if line.voted_at is None else max(line.voted_at, line.requested_at)
    turned = min(turned, line.state_at)
    return Timing(line, turned - line.requested_at, line.state_at - turned)


def _spread(spans: Iterable[timedelta]) -> Spread | None:
    seconds = [span.total_seconds() for span in spans]
    if not seconds:
        return None
    return Spread(len(seconds), timedelta(seconds=median(seconds)), timedelta(seconds=max(seconds)))


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the time that one release took."""

    name: str
    """`look`, `approval`, `work`, `verify`."""
    start: datetime
    end: datetime


def spans(line: HistoryLine, accepted_at: datetime | None) -> tuple[Span, ...]:
    """Return what the time of a published release went into, in order; none for any other.

    `accepted_at` is when the index had a file of it for the first time, as far as that was seen.
    """
    if line.state is not S.PUBLISHED:
        return ()
    stops = [
        ("look", line.asked_at),
        ("approval", line.voted_at),
        ("work", accepted_at),
        ("verify", line.state_at),
    ]
    found, last = [], line.requested_at
    for name, stop in stops:
        if stop is not None and last <= stop <= line.state_at:
            found.append(Span(name, last, stop))
            last = stop
    return tuple(found)
