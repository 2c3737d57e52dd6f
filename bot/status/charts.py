"""The pictures of the status page: where each mark and bar lies, in percent of the width, so that they fit every screen.

Knows: places. Must not know: HTML, colours.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.core.figures import Figures, Outcome, Span, outcome
from bot.status import words
from storage.records import HistoryLine

ROWS = 8
"""Projects that have a row of their own."""
MARKS = 400
"""Marks of a picture; more would only cover each other."""
ROW = 46
"""Height of a row in pixels: a line of text, and the marks below it."""
LANE, LANES = 14, 4
"""How far below each other marks lie that would cover each other, in pixels, and how many do at most."""
APART = 2.5
"""How near marks may lie beside each other, in percent of the width: more than a mark, but on a narrow phone."""
LEFT, RIGHT = 2.0, 98.0
"""Where the time begins and ends, in percent of the width."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One release."""

    x: float
    y: int
    """Pixels below the row's line."""
    kind: str
    """The outcome's name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One project."""

    label: str
    y: int
    marks: tuple[Mark, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """When what was released."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    height: int
    left_out: int
    """Releases that are not drawn."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar."""

    name: str
    x: float
    width: float
    words: str
    """How long or how many."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its label and what it comes to."""

    label: str
    total: str
    y: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, one below the other."""

    rows: tuple[Bar, ...]
    height: int


def timeline(lines: Sequence[HistoryLine], since: datetime, now: datetime) -> Timeline:
    """Return when each of the newest releases was asked for, a row a project, the busiest first."""
    shown = lines[:MARKS]
    counts = Counter(line.project for line in shown)
    order = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    own, others = order[:ROWS], order[ROWS:]
    groups: list[tuple[str, set[str]]] = [(name, {name}) for name in own]
    if others:
        groups.append((words.counted(len(others), "other project"), set(others)))
    rows, height = [], 0
    for label, names in groups:
        marks = _apart(
            (_x(line.requested_at, since, now), outcome(line.state))
            for line in reversed(shown)
            if line.project in names
        )
        rows.append(Row(words.short(label), height, marks, len(marks)))
        height += ROW + max((mark.y for mark in marks), default=0)
    return Timeline(tuple(rows), _ticks(since, now), height, len(lines) - len(shown))


def _apart(found: Iterable[tuple[float, str]]) -> tuple[Mark, ...]:
    """Return marks in the order of time, each in the first lane where it covers none, or in the one that is free first."""
    ends = [-APART] * LANES
    marks = []
    for x, kind in found:
        lane = next((place for place, end in enumerate(ends) if x - end >= APART), ends.index(min(ends)))
        ends[lane] = x
        marks.append(Mark(x, lane * LANE, kind))
    # What is no success is drawn last: nothing covers it where marks still meet.
    return tuple(sorted(marks, key=lambda mark: mark.kind != Outcome.DONE))


def _x(moment: datetime, since: datetime, now: datetime) -> float:
    share = (moment - since) / (now - since)
    return round(LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0), 2)


def _ticks(since: datetime, now: datetime) -> tuple[tuple[float, str], ...]:
    """Return the first days of the months, as far as their labels fit."""
    found = []
    at = since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while at <= now:
        if since <= at and 8 <= _x(at, since, now) <= 92:
            found.append((_x(at, since, now), words.day(at)))
        at = (at + timedelta(days=32)).replace(day=1)
    return tuple(found)


def timings(told: Figures) -> Bars:
    """Return where the time of the newest published releases went, by the scale of the longest."""
    longest = max((one.waited + one.worked for one in told.timings), default=timedelta(seconds=1))
    rows = []
    for place, one in enumerate(told.timings):
        waited, worked = (_share(span, longest) for span in (one.waited, one.worked))
        parts = (
            Part("waited", 0, waited, words.span(one.waited)), Part("worked", waited, worked, words.span(one.worked)),
        )  # fmt: skip
        label = words.short(f"{one.line.project} {one.line.version}")
        rows.append(Bar(label, words.span(one.waited + one.worked), place * ROW, parts))
    return Bars(tuple(rows), len(rows) * ROW)


def causes(told: Figures) -> Bars:
    """Return what made releases fail, by the scale of the most frequent."""
    most = max((count for _, count in told.causes), default=1)
    rows = [
        Bar(words.cause(reason), words.counted(count, "release"), place * ROW, (Part("cause", 0, _percent(count / most), f"{count:,}"),))
        for place, (reason, count) in enumerate(told.causes[:ROWS])
    ]  # fmt: skip
    return Bars(tuple(rows), len(rows) * ROW)


def spans(found: Sequence[Span]) -> tuple[Part, ...]:
    """Return the parts of the time that one release took."""
    if not found:
        return ()
    whole, begin = found[-1].end - found[0].start, found[0].start
    return tuple(
        Part(one.name, _share(one.start - begin, whole), _share(one.end - one.start, whole), words.span(one.end - one.start))
        for one in found
    )  # fmt: skip


def _share(span: timedelta, whole: timedelta) -> float:
    return _percent(span / whole) if whole else 0.0


def _percent(share: float) -> float:
    return round(100 * share, 2)
