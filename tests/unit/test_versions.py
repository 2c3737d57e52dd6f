"""Tags and versions, in the spellings that people and indexes use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.core.versions import is_older, is_prerelease, is_version, new_tag, newest, prefix, read

LONG = "1" * 5_000
"""More digits than Python reads as a number."""
HOSTILE = st.one_of(
    st.text(st.characters(), max_size=40),
    st.sampled_from(
        [LONG, f"v{LONG}", "", "-", "/", "@", "\ud800", "1.4.0\n", "1!", "v", "\u0661.4", "a/" * 300]
    ),
)
VERSIONS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "1!"]),
    st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts))),
    st.sampled_from(["", "a1", "b2", "rc3", ".post1", ".dev4", "rc1.dev2"]),
    st.sampled_from(["", "+local.1"]),
)


@pytest.mark.parametrize(
    ("typed", "version"),
    [
        ("1.4.0", "1.4.0"), ("v1.4.0", "1.4.0"), ("V1.4", "1.4"), ("1.4.0-rc.1", "1.4.0rc1"), ("v1.4.0RC1", "1.4.0rc1"),
        ("1.4.0-1", "1.4.0.post1"), ("acme-widgets-1.4.0", "1.4.0"), ("acme_widgets-v1.4.0", "1.4.0"),
        ("widgets/v1.4.0", "1.4.0"), ("acme-widgets@1.4.0", "1.4.0"), ("1!2.0", "1!2.0"), ("1.4+linux", "1.4+linux"),
        ("2026.11.20", "2026.11.20"), ("01.04", "1.4"),
    ],
)  # fmt: skip
def test_a_tag_means_its_version(typed: str, version: str) -> None:
    """The version is PEP 440's own spelling, and the tag as typed is looked for first."""
    wanted = read(typed, "acme-widgets")
    assert (wanted.version, wanted.valid, wanted.tags[0]) == (version, True, typed)


@pytest.mark.parametrize(
    "typed", ["", "latest", "v", "1.4.0-final", "other-1.4.0x", "main", LONG, f"v{LONG}", "1..4"]
)
def test_what_is_no_version_is_kept_as_typed(typed: str) -> None:
    """Nothing is guessed: what PEP 440 does not know is no version."""
    wanted = read(typed, "acme-widgets")
    assert (wanted.version, wanted.valid, wanted.tags) == (typed, False, (typed,))


def test_a_version_is_looked_for_with_and_without_its_v() -> None:
    """A bare version may be tagged either way, also in the normalized spelling; a whole tag is meant as it is."""
    assert set(read("1.4.0-rc1", "x").tags) == {"1.4.0-rc1", "v1.4.0-rc1", "v1.4.0rc1", "1.4.0rc1"}
    assert read("v1.4", "x").tags == ("v1.4", "1.4", "v1.4.0", "1.4.0")
    assert read("x-1.4", "x").tags == ("x-1.4",)


@pytest.mark.parametrize(
    ("typed", "earlier", "tag"),
    [
        ("1.4.0", "", "v1.4.0"), ("1.4.0", "v1.3.0", "v1.4.0"), ("1.4.0", "1.3.0", "1.4.0"), ("v1.4.0", "1.3.0", "v1.4.0"),
        ("1.4.0", "widgets/v1.3.0", "widgets/v1.4.0"), ("1.4.0", "boto3-1.3.0", "boto3-1.4.0"),
        ("1.4.0", "widgets2/v1.3.0", "widgets2/v1.4.0"), ("1.4.0", "py3-widgets@1.3", "py3-widgets@1.4.0"),
        ("1.4.0", "release-1.3", "release-1.4.0"), ("1.4.0", "V1.3", "V1.4.0"), ("1.4.0", "nightly", "v1.4.0"),
        ("1.4.0", "v1.4.0rc1", "v1.4.0"), ("widgets/v1.4.0", "v1.3.0", "widgets/v1.4.0"),
    ],
)  # fmt: skip
def test_a_new_tag_is_like_the_one_before(typed: str, earlier: str, tag: str) -> None:
    """A tag as typed is made as typed; a version gets the earlier tag's prefix, digits in it included."""
    assert new_tag(read(typed, "acme-widgets"), earlier) == tag


@given(
    st.sampled_from(["", "v", "V", "widgets/v", "widgets-", "a_b@"]),
    VERSIONS.filter(lambda text: "!" not in text),
)
def test_prefix_and_version_make_the_tag(before: str, version: str) -> None:
    """The prefix of a tag is what stands before its version."""
    assert prefix(before + version) == before


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.4", "1.4.0", True), ("v1.4.0", "1.4", True), ("1.4.0RC1", "1.4rc1", True), ("1.4.0-1", "1.4.post1", True),
        ("1!1.4", "1.4", False), ("1.4+local", "1.4", False), ("1.4.1", "1.4", False), ("what", "what", True),
        ("1.4.0-final", "1.4.0", False), (LONG, LONG, True), (LONG, "1", False),
    ],
)  # fmt: skip
def test_spellings_of_one_version_are_one(one: str, other: str, same: bool) -> None:
    """Two spellings are the same version exactly where PEP 440 says so."""
    assert is_version(one, other) is same
    assert is_version(other, one) is same


def test_the_newest_is_final_where_there_is_one() -> None:
    """Pre-releases count only where there is nothing else, and what is no version never."""
    assert newest(["1.9", "1.10", "2.0rc1", "junk", LONG]) == "1.10"
    assert newest(["2.0a1", "2.0rc1"]) == "2.0rc1"
    assert newest([]) == newest(["junk"]) == ""
    assert newest(["1.3", "1.4", "1.5"], "1.4.0") == "1.3"
    assert newest(["1.3", "1.4"], "junk") == ""


@given(st.lists(VERSIONS, min_size=1), VERSIONS)
def test_nothing_is_newer_than_the_newest(versions: list[str], before: str) -> None:
    """The newest is one of them, and older than the bound."""
    found = newest(versions, before)
    if found:
        assert any(is_version(found, one) for one in versions)
        assert is_older(found, before)
        assert not any(
            is_older(found, one) and is_older(one, before) and not is_prerelease(one) for one in versions
        )
    else:
        assert not any(Version(one) < Version(before) for one in versions)


@given(HOSTILE, HOSTILE, st.sampled_from(["acme-widgets", "", "a"]))
def test_no_text_breaks_it(one: str, other: str, project: str) -> None:
    """Whatever a tag, a file name or a person says, there is an answer."""
    wanted = read(one, project)
    assert wanted.tags[0] == one
    assert isinstance(new_tag(wanted, other) + prefix(one) + newest([one, other], other), str)
    assert not (is_older(one, other) and is_older(other, one))
    assert is_version(one, one)
    assert is_prerelease(one) in {True, False}
