"""Filters on tags mean what they mean to GitHub."""

import re
from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.core.repositories import Filters, WorkflowFacts
from bot.forge.tag_filters import matches_tag, starts_on_tag


@pytest.mark.parametrize(
    ("pattern", "tag", "matches"),
    [
        ("v1", "v1", True), ("v1", "v10", False), ("v*", "v1.0", True), ("v*", "v", True), ("v*", "v1/0", False),
        ("v**", "v1/0", True), ("*", "a/b", False), ("**", "a/b", True), ("v[0-9]+.[0-9]+", "v10.2", True),
        ("v[0-9]+.[0-9]+", "v10.x", False), ("v[0-9]+.[0-9]+", "v.1", False), ("v[12].x", "v2.x", True),
        ("v[12].x", "v3.x", False), ("v1?", "v", True), ("v1?", "v1", True), ("v1?", "v11", False),
        ("a+b", "aaab", True), ("a+b", "b", False), ("**-release", "x/y-release", True), ("**/v1", "v1", True),
        ("**/v1", "a/b/v1", True), ("**/v1", "av1", False), ("a/**/v1", "a/v1", True), ("a/**/v1", "a/b/c/v1", True),
        (r"v\*", "v*", True), (r"v\*", "v1", False), (r"v1\.0", "v1.0", True), ("v[1", "v1", False), ("v1.0", "v1x0", False),
        ("+v", "+v", True), ("[CB]at", "Bat", True), ("v[a-c-]", "v-", True), ("", "", True), ("", "v", False),
        ("v\n", "v\n", True), ("V1", "v1", False),
    ],
)  # fmt: skip
def test_one_pattern(pattern: str, tag: str, matches: bool) -> None:
    """Each sign of GitHub's cheat sheet means what it says there."""
    assert matches_tag((pattern,), tag) is matches


@pytest.mark.parametrize(
    ("patterns", "tag", "matches"),
    [
        ((), "v1", False), (("a", "v*"), "v1", True), (("v*", "!v*rc*"), "v1rc1", False), (("v*", "!v*rc*"), "v1", True),
        (("v*", "!v*rc*", "v1rc*"), "v1rc1", True), (("!v1",), "v2", False), (("!v1", "v*"), "v1", True),
    ],
)  # fmt: skip
def test_the_last_pattern_that_fits_decides(patterns: tuple[str, ...], tag: str, matches: bool) -> None:
    """What is let in may be kept out again, and the other way round."""
    assert matches_tag(patterns, tag) is matches


@pytest.mark.parametrize(
    ("triggers", "push", "starts"),
    [
        (("push",), Filters(), True), (("release",), Filters(), False), (("push",), Filters(branches=("main",)), False),
        (("push",), Filters(tags=("v*",), branches=("main",)), True), (("push",), Filters(tags=("x*",)), False),
        (("push",), Filters(tags_ignore=("v*",)), False), (("push",), Filters(tags_ignore=("x*",), branches=("m",)), True),
    ],
)  # fmt: skip
def test_what_a_push_of_a_tag_starts(triggers: tuple[str, ...], push: Filters, starts: bool) -> None:
    """Without filters every tag starts a workflow; with those of branches alone, none."""
    facts = WorkflowFacts(True, triggers=triggers, push=push)
    assert starts_on_tag(facts, "v1") is starts


SIGNS = "av1./-"


@given(
    st.lists(st.sampled_from(["*", "**", "?", "+", *SIGNS, "[a-v]", "[1.]"]), max_size=8),
    st.text(alphabet=SIGNS, max_size=8),
)
def test_it_agrees_with_a_regular_expression(parts: list[str], tag: str) -> None:
    """The walk finds what a regular expression of the same meaning finds."""
    pattern = "".join(parts)
    # What the two would not take for the same: stars side by side, counts of nothing, `**/`.
    assume(not re.search(r"\*{3}|\*[?+]|^[?+]|[?+]{2}|(?:^|/)\*\*/", pattern))
    assume(not any(one == two == "*" for one, two in pairwise(parts)))
    wanted = "".join(
        {"*": "[^/]*", "**": ".*", "?": "?", "+": "+", ".": r"\."}.get(part, part) for part in parts
    )
    assert matches_tag((pattern,), tag) is (re.fullmatch(wanted, tag) is not None)


def test_no_pattern_takes_long() -> None:
    """What would keep a regular expression busy for ever is answered at once."""
    began = perf_counter()
    assert not matches_tag(("*a" * 100 + "b",), "a" * 255)
    assert not matches_tag(("a+" * 200 + "b",), "a" * 255)
    assert perf_counter() - began < 5


@given(st.lists(st.text(max_size=20), max_size=4), st.text(max_size=20))
def test_no_pattern_raises(patterns: list[str], tag: str) -> None:
    """Any text is a pattern of some kind."""
    assert matches_tag(patterns, tag) in {True, False}
