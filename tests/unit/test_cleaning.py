"""What others send is made fit to be shown and counted with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.cleaning import LONGEST, LONGEST_WAIT, one_line, seconds_to_wait
from storage.records import Secret

NOW = "Fri, 20 Nov 2026 22:00:00 GMT"


@given(st.text() | st.text(alphabet="<>&;lgt# /script\n\u202e\u200b", max_size=200))
def test_whatever_comes_is_one_short_clean_line(text: str) -> None:
    """No markup, line break, control or invisible sign is left, and no more than the limit."""
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= LONGEST
    assert not set("<>") & set(line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<p>Not <b>that</b>\n one</p>", "Not that one"),
        ("<html><head><title>x</title><style>a{}</style></head><body>Sorry</body>", "Sorry"),
        ("<script>alert(1)</script>no", "no"),
        ("&lt;script&gt;no&lt;/script&gt; &amp; so", "& so"),
        ("1 < 2 > 0", "1 0"),
        ("a\u202eb\x00c\u200bd", "abcd"),
        ("token pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3 bad", "token [redacted] bad"),
    ],
)
def test_markup_and_tokens_are_taken_out(text: str, line: str) -> None:
    """What is left is what a person would read."""
    assert one_line(text) == line


def test_a_secret_of_unknown_form_is_hidden_too() -> None:
    """What the sender was given does not come back, whatever it looks like."""
    assert one_line("your secret hunter2 is bad", hide=[Secret("hunter2")]) == "your secret [redacted] is bad"


def test_a_long_line_is_cut_where_it_shows() -> None:
    """The end of a cut line says so."""
    assert one_line("x" * 400, limit=10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("raw", "date", "seconds"),
    [
        (None, NOW, None), ("0", None, 0.0), ("7", None, 7.0), (" 120 ", None, 120.0), ("86401", None, LONGEST_WAIT),
        ("999999999", None, LONGEST_WAIT), ("9" * 400, None, None), ("-1", None, None), ("1.5", None, None),
        ("soon", None, None), ("", None, None), ("٣", None, None), ("1e3", None, None), ("nan", None, None),
        ("Fri, 20 Nov 2026 22:01:30 GMT", NOW, 90.0), ("Fri, 20 Nov 2026 22:01:30 GMT", None, None),
        ("Fri, 20 Nov 2026 21:00:00 GMT", NOW, None), ("Fri, 20 Nov 2099 21:00:00 GMT", NOW, LONGEST_WAIT),
        ("Fri, 20 Nov 2026 22:01:30 GMT", "yesterday", None), ("Fri, 99 Nov 2026 22:01:30 GMT", NOW, None),
    ],
)  # fmt: skip
def test_waiting_times_are_read(raw: str | None, date: str | None, seconds: float | None) -> None:
    """Seconds and dates count, up to a day; anything else is ignored."""
    assert seconds_to_wait(raw, date) == seconds


@given(st.text(), st.text())
def test_no_waiting_time_raises(raw: str, date: str) -> None:
    """Whatever stands there, it is a time of at most a day, or none."""
    found = seconds_to_wait(raw, date)
    assert found is None or 0 <= found <= LONGEST_WAIT
