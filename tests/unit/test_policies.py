"""What people type to change a policy."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import MOST_SEATS, Policy, Tell
from bot.core.policies import FIELDS, LONGEST, MOST_NAMES, SHORTEST, changed

INDEXES = ("pypi", "testpypi")
START = Policy(
    2, ("U0123456",), ("S0123456",), ("U9999999",), break_glass=("U1234567",), rehearsal="testpypi"
)


@pytest.mark.parametrize(
    ("word", "text", "value"),
    [
        ("quorum", "3", 3), ("quorum", " 0 ", 0),
        ("approvers", "<@U012ABC|ann>,<!subteam^S012ABC|@core>", ("U012ABC", "S012ABC")),
        ("approvers", "@U012ABCDE, W012ABCDE,U012ABCDE", ("U012ABCDE", "W012ABCDE")),
        ("approvers", "everybody", ()), ("approvers", "", ()), ("groups", "none", ()), ("deny", "Nobody", ()),
        ("glass", "admins", ()), ("glass", "default", ()),
        ("groups", "<!subteam^S012ABC>", ("S012ABC",)),
        ("requester", "YES", True), ("requester", "off", False),
        ("expires", "24", 86_400), ("expires", "90m", 5_400), ("expires", "2 d", 172_800), ("expires", "10s", 10),
        ("rehearsal", "pypi", "pypi"), ("rehearsal", "none", ""), ("rehearsal", "", ""),
        ("deployments", "no", False), ("tell", "Final", Tell.FINAL), ("watch", "true", True),
    ],
)  # fmt: skip
def test_values_are_read(word: str, text: str, value: object) -> None:
    """Each word sets its own field, and no other."""
    after = changed(START, {word: text}, INDEXES)
    assert isinstance(after, Policy)
    field = FIELDS[word][0]
    others = [name for name in Policy.__dataclass_fields__ if name != field]
    assert getattr(after, field) == value
    assert all(getattr(after, name) == getattr(START, name) for name in others)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("quorum", ""), ("quorum", "-1"), ("quorum", "11"), ("quorum", "two"), ("quorum", "\u0662"), ("quorum", "1.0"),
        ("quorum", "00000000099"), ("quorum", "0" * 1_000 + "99"), ("quorum", "9" * 1_900),
        ("approvers", "ann"), ("approvers", "@ann"), ("approvers", "<@U012ABC>,"), ("approvers", "nobody"),
        ("approvers", "none"), ("approvers", "admins"), ("deny", "everybody"), ("glass", "nobody"), ("glass", "none"),
        ("glass", "everybody"), ("groups", "<@U012ABC>"), ("groups", "everybody"), ("approvers", "<!here>"),
        ("approvers", ",".join(f"U{number:07}" for number in range(MOST_NAMES + 1))),
        ("requester", "maybe"), ("requester", ""), ("expires", "9s"), ("expires", "31d"), ("expires", "1w"),
        ("expires", ""), ("expires", "\u0661h"), ("expires", "-1h"), ("expires", "9999999d"),
        ("rehearsal", "nowhere"), ("tell", "nothing"), ("tell", ""), ("watch", "1"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_used_are_refused(word: str, text: str) -> None:
    """The problem names the word, and nothing is changed."""
    found = changed(START, {word: text}, INDEXES)
    assert not isinstance(found, Policy)
    assert [problem.field for problem in found] == [word]
    assert len(found[0].message) < 300


def test_all_problems_come_at_once() -> None:
    """Each wrong value is told, in the order typed."""
    found = changed(Policy(), {"quorum": "x", "expires": "y", "watch": "yes", "rehearsal": "z"}, INDEXES)
    assert not isinstance(found, Policy)
    assert [problem.field for problem in found] == ["quorum", "expires", "rehearsal"]


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(st.characters(), max_size=30)))
def test_whatever_is_typed_leaves_a_policy_within_its_bounds(changes: dict[str, Any]) -> None:
    """No text breaks it, and what it takes is never out of bounds."""
    after = changed(Policy(), changes, INDEXES)
    if isinstance(after, Policy):
        assert 0 <= after.quorum <= MOST_SEATS
        assert SHORTEST <= after.expires_seconds <= LONGEST
        assert after.rehearsal in {"", *INDEXES}
