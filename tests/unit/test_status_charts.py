"""The status page's timeline: where its marks lie."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from bot.core.figures import Outcome
from bot.status import charts
from storage.records import HistoryLine, ReleaseKind, ReleaseReason, ReleaseState

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)


def line(minutes: int, state: ReleaseState) -> HistoryLine:
    """Return a release that was asked for so long ago."""
    at = NOW - timedelta(minutes=minutes)
    return HistoryLine(
        id=UUID(int=minutes), kind=ReleaseKind.RELEASE, project="acme-widgets", version="1.0", index="pypi", state=state,
        reason=ReleaseReason.ASKED, requested_by="U1", requested_at=at, state_at=at, asked_at=None, act_at=None, voted_at=None,
    )  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.integers(0, 90 * 24 * 60), st.sampled_from([ReleaseState.PUBLISHED, ReleaseState.FAILED])
        ),
        max_size=40,
    )
)
def test_marks_lie_apart_as_long_as_there_is_a_lane(found: list[tuple[int, ReleaseState]]) -> None:
    """Every release has its mark; two in one lane are apart unless every lane is taken there; failures are drawn last."""
    lines = [line(*one) for one in sorted(found)]
    (row,) = charts.timeline(lines, SINCE, NOW).rows or (charts.Row("", 0, (), 0),)
    assert len(row.marks) == len(found)
    kinds = [mark.kind == Outcome.DONE for mark in row.marks]
    assert kinds == sorted(kinds, reverse=True)
    for mark in row.marks:
        near = [
            other
            for other in row.marks
            if other is not mark and 0 <= mark.x - other.x < charts.APART and other.y == mark.y
        ]
        around = {other.y for other in row.marks if abs(mark.x - other.x) < charts.APART}
        assert not near or len(around) == charts.LANES
