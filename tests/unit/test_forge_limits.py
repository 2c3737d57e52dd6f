"""GitHub's rate limits are read right, whatever else it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.forge.limits import LONGEST, UNTOLD, hold, is_limit
from bot.wire import Answer

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"
AT = 1_795_255_200
"""That date in seconds."""
USED_UP = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT + 600), "date": DATE}


def answer(status: int, headers: dict[str, str], body: bytes = b"{}") -> Answer:
    """Return an answer."""
    return Answer(status, "", headers, body)


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (200, {}, b"", None), (403, {}, b"{}", None), (404, {"x-ratelimit-remaining": "7"}, b"", None),
        (200, USED_UP, b"", 601.0), (304, USED_UP, b"", 601.0), (403, USED_UP, b"", 601.0), (429, USED_UP, b"", 601.0),
        (200, {**USED_UP, "x-ratelimit-resource": "search"}, b"", None),
        (200, {**USED_UP, "x-ratelimit-reset": "soon"}, b"", None), (403, {**USED_UP, "x-ratelimit-reset": "1e9"}, b"", UNTOLD),
        (403, {**USED_UP, "x-ratelimit-reset": str(AT - 5)}, b"", 1.0), (403, {**USED_UP, "x-ratelimit-reset": "9" * 11}, b"", LONGEST),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT)}, b"", UNTOLD),
        (403, {"retry-after": "30"}, b"", 30.0), (429, {"retry-after": "0"}, b"", 1.0), (429, {"retry-after": "999999"}, b"", LONGEST),
        (429, {}, b"", UNTOLD), (403, {}, b'{"message": "You have exceeded a secondary rate limit"}', UNTOLD),
        (403, {**USED_UP, "retry-after": "30"}, b"", 30.0), (500, {"retry-after": "30"}, b"", None),
    ],
)  # fmt: skip
def test_how_long_nothing_may_be_sent(
    status: int, headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    """Both kinds of limits hold us until their end, a minute where none is named, an hour at most."""
    assert hold(answer(status, headers, body)) == seconds


NAMES = ["x-ratelimit-remaining", "x-ratelimit-reset", "retry-after", "date", "x-ratelimit-resource"]


@given(
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=20) | st.integers().map(str) | st.just(DATE)),
    st.binary(),
)
def test_no_header_breaks_the_reading(status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever the headers say, a hold is between a second and an hour, and a limit always has one."""
    seconds = hold(answer(status, headers, body))
    assert seconds is None or 1 <= seconds <= LONGEST
    assert seconds is not None or not is_limit(answer(status, headers, body))
