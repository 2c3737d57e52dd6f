"""The figures of a history: what counts, what is left out, and what each comes to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.figures import Outcome, approval_time, figures, outcome, spans
from bot.status import charts, words
from storage.records import HistoryLine, ReleaseKind, ReleaseReason, ReleaseState

S, R = ReleaseState, ReleaseReason
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def line(
    took: int = 30, waited: int | None = 20, state: ReleaseState = S.PUBLISHED, **more: Any
) -> HistoryLine:
    """Return a release that took so many minutes and waited so many of them for approval."""
    asked = NOW - timedelta(days=1)
    usual: dict[str, Any] = {
        "id": uuid4(), "index": "pypi", "project": "widgets", "version": "1.0", "kind": ReleaseKind.RELEASE, "state": state,
        "reason": R.VERIFIED, "requested_by": "U1", "requested_at": asked, "state_at": asked + took * MINUTE, "asked_at": asked,
        "act_at": None, "voted_at": None if waited is None else asked + waited * MINUTE,
    }  # fmt: skip
    return HistoryLine(**(usual | more))


def test_every_state_has_an_outcome() -> None:
    """Each state counts somewhere, and the pictures know a sign and a word for it."""
    for state in ReleaseState:
        assert outcome(state) in words.OUTCOMES
        assert words.state(ReleaseKind.RELEASE, state)
        assert words.state(ReleaseKind.YANK, state)
    assert set(words.OUTCOMES) == set(Outcome)


def test_the_median_is_of_what_was_published() -> None:
    """Failed ones, yanks, and releases that were to wait for a moment do not count; an even number gives the middle."""
    published = [line(10), line(20), line(60), line(90)]
    others = [line(1, state=S.FAILED), line(1, state=S.YANKED, kind=ReleaseKind.YANK), line(999, act_at=NOW)]
    told = figures([*published, *others], 9)
    assert told.counted == 7
    assert told.to_published is not None
    assert (told.to_published.count, told.to_published.median, told.to_published.longest) == (
        4,
        40 * MINUTE,
        90 * MINUTE,
    )
    assert told.outcomes == {Outcome.DONE: 6, Outcome.FAILED: 1, Outcome.STOPPED: 0, Outcome.UNDER_WAY: 0}


def test_an_approval_counts_once_it_is_given() -> None:
    """Not while votes are missing, not of what failed before it, not where nobody had to approve."""
    assert approval_time(line(waited=20)) == 20 * MINUTE
    assert approval_time(line(waited=None)) is None
    assert approval_time(line(state=S.AWAITING_APPROVAL)) is None
    assert approval_time(line(state=S.FAILED)) is None
    assert approval_time(line(waited=-5)) == timedelta()


def test_causes_are_of_failures_alone() -> None:
    """Most frequent first, then by name; what people stopped is no failure."""
    causes = [R.RUN_FAILED, R.TAG_ELSEWHERE, R.TAG_ELSEWHERE, R.FILES_MISSING]
    lines = [line(state=S.FAILED, reason=one) for one in causes]
    told = figures([*lines, line(state=S.REJECTED, reason=R.REJECTED_BY_PERSON)], 9)
    assert told.causes == ((R.TAG_ELSEWHERE, 2), (R.FILES_MISSING, 1), (R.RUN_FAILED, 1))


def test_of_nothing_there_are_no_figures() -> None:
    """An empty history has counts of zero, no medians and no bars."""
    told = figures([], 9)
    assert (told.counted, told.to_published, told.approval, told.causes, told.timings) == (
        0,
        None,
        None,
        (),
        (),
    )
    assert charts.timeline([], NOW - timedelta(days=90), NOW).rows == ()
    assert (charts.timings(told).rows, charts.causes(told).rows) == ((), ())


@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(-100, 10**6), st.sampled_from(list(S)), st.integers(0, 10**6)), max_size=40
    )
)  # fmt: skip
def test_pictures_stay_inside_their_frames(given_lines: list[tuple[int, int, ReleaseState, int]]) -> None:
    """Whatever there was, each mark and each bar lies between 0 and 100 percent, and nothing is counted twice or lost."""
    lines = [
        line(took, waited, state, requested_at=NOW - ago * MINUTE, state_at=NOW - ago * MINUTE + took * MINUTE, project=f"p{ago % 12}")
        for took, waited, state, ago in given_lines
    ]  # fmt: skip
    told = figures(lines, 9)
    drawn = charts.timeline(lines, NOW - timedelta(days=90), NOW)
    assert sum(row.count for row in drawn.rows) == len(lines) == told.counted == sum(told.outcomes.values())
    assert all(0 <= mark.x <= 100 for row in drawn.rows for mark in row.marks)
    assert len(drawn.rows) <= charts.ROWS + 1
    for bar in (*charts.timings(told).rows, *charts.causes(told).rows):
        assert all(part.x >= 0 and part.width >= 0 and part.x + part.width <= 100.02 for part in bar.parts)
    for one in lines:
        parts = charts.spans(spans(one, None))
        assert sum(part.width for part in parts) <= 100.05


def test_a_picture_holds_so_much_and_no_more() -> None:
    """Of a huge history the newest are drawn, what is left out is told, and small projects share a row."""
    lines = [line(project=f"p{number}") for number in range(charts.MARKS + 50)]
    drawn = charts.timeline(lines, NOW - timedelta(days=90), NOW)
    assert (drawn.left_out, len(drawn.rows)) == (50, charts.ROWS + 1)
    assert drawn.rows[-1].label == f"{charts.MARKS - charts.ROWS} other projects"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (3_600, "1 h"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h"), (86_400, "1 d")],
)  # fmt: skip
def test_spans_are_said_in_two_units(seconds: int, said: str) -> None:
    """The two largest units that matter, and none of zero."""
    assert words.span(timedelta(seconds=seconds)) == said


def test_where_the_time_of_a_release_went() -> None:
    """Its parts follow each other without a gap from request to published; of one that is not published there are none."""
    one = line(took=60, waited=20, asked_at=NOW - timedelta(days=1) + MINUTE)
    parts = spans(one, one.requested_at + 50 * MINUTE)
    assert [part.name for part in parts] == ["look", "approval", "work", "verify"]
    assert [before.end for before in parts[:-1]] == [after.start for after in parts[1:]]
    assert (parts[0].start, parts[-1].end) == (one.requested_at, one.state_at)
    assert spans(line(state=S.FAILED), None) == ()
