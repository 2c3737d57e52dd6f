"""Times as people type them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.moments import FURTHEST, moment

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+2h", NOW + timedelta(hours=2)), ("90m", NOW + timedelta(minutes=90)), ("+5MIN", NOW + timedelta(minutes=5)),
        ("+3d", NOW + timedelta(days=3)), ("17:00", NOW.replace(hour=17)), (" 17:00 UTC ", NOW.replace(hour=17)),
        ("9:30z", datetime(2026, 11, 21, 9, 30, tzinfo=UTC)), ("12:00", NOW + timedelta(days=1)),
        ("2026-12-01T17:00Z", datetime(2026, 12, 1, 17, tzinfo=UTC)),
        ("2026-12-01 17:00", datetime(2026, 12, 1, 17, tzinfo=UTC)),
        ("2026-12-01T17:00+02:00", datetime(2026, 12, 1, 15, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_times_are_read(text: str, found: datetime) -> None:
    """Spans, times of day and ISO 8601 mean what they say; without an offset a time is UTC."""
    assert moment(text, NOW) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "+0h", "+9999d", "-2h", "24:00", "12:60", "2026-11-20T12:00Z", "2026-11-19", "2028-01-01", "+2w", "2h3m",
        "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "\u0661\u0667:00", "+\u0662h", "2026-02-30", "17", "1" * 500,
    ],
)  # fmt: skip
def test_what_is_no_time_to_come_within_a_year_is_refused(text: str) -> None:
    """Nothing is guessed."""
    assert moment(text, NOW) is None


@given(
    st.text(st.characters(), max_size=40),
    st.timedeltas(timedelta(0), timedelta(days=3_650)),
    st.integers(-14, 14),
)
def test_no_text_breaks_it(text: str, later: timedelta, offset: int) -> None:
    """Whatever is typed, and whatever the clock's zone, a time found is to come, within a year, aware."""
    now = (NOW + later).astimezone(timezone(timedelta(hours=offset)))
    for typed in (text, f"+{text}h", f"{text}:00", now.isoformat() + text):
        found = moment(typed, now)
        assert found is None or now < found <= now + FURTHEST


@given(st.timedeltas(timedelta(seconds=1), FURTHEST))
def test_a_moment_survives_being_written(after: timedelta) -> None:
    """What ISO 8601 writes is read again."""
    assert moment((NOW + after).isoformat(), NOW) == NOW + after
