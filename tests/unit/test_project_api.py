"""The project JSON's two halves, compared with a real index's recorded answers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outcomes import Absent, ProjectVersion, TryLater
from bot.core.sites import IndexSite
from bot.index.project_api import MOST_FILES, read_version, version_request
from bot.wire import Answer
from storage.records import Reason

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "warehouse_answers.json").read_text())["answers"]
SITE = IndexSite("company", "https://index.example")


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    """Return an answer; what is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, "Because", {"content-type": "application/json", **more}, raw)


def page(*filenames: object, name: object = "Acme.Widgets", version: object = "1.0") -> dict[str, object]:
    """Return a version's page."""
    return {"info": {"name": name, "version": version}, "urls": [{"filename": one} for one in filenames]}


@pytest.mark.parametrize(
    ("version", "asked"), [("1.0", "1.0"), ("v1.0-RC1", "1.0rc1"), ("1.0+a/b", "1.0%2Ba%2Fb")]
)
def test_a_version_is_asked_for_by_its_canonical_name(version: str, asked: str) -> None:
    """The address names the normalized project and the version as the index spells it."""
    request = version_request(SITE, "Acme_Widgets", version)
    assert (request.method, request.url) == ("GET", f"https://index.example/pypi/acme-widgets/{asked}/json")


def test_a_real_index_names_the_files() -> None:
    """A recorded page of a real index is read; a version that it does not know is absent."""
    got = next(
        one
        for one in RECORDED
        if one["request"]["path"].startswith("/pypi/") and one["response"]["status"] == 200
    )
    body = got["response"]["body"]
    info = body["info"]
    read = read_version(answer(200, body), info["name"], info["version"])
    assert isinstance(read, ProjectVersion)
    assert (read.version, read.filenames) == (info["version"], tuple(one["filename"] for one in body["urls"]))


def test_a_page_about_this_version_counts() -> None:
    """Spelling does not matter, files that are none are left out, and nothing is said of the newest version."""
    body = page("a.whl", 7, "", None, "x" * 301, "b.tar.gz", version="1.0RC1")
    read = read_version(answer(200, body), "acme-widgets", "1.0rc1")
    assert read == ProjectVersion("1.0rc1", ("a.whl", "b.tar.gz"), latest="")
    many = read_version(answer(200, page(*["a.whl"] * (MOST_FILES + 5))), "acme-widgets", "1.0")
    assert isinstance(many, ProjectVersion)
    assert len(many.filenames) == MOST_FILES


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"", [], 7, {}, {"info": 7}, page(name="other"), page(version="2.0"), page(name=7), page(version=None),
        page(name="x" * 400), page(version="1" * 400),
    ],
)  # fmt: skip
def test_another_page_proves_nothing(body: object) -> None:
    """A 200 that is not about this version is not taken for it."""
    read = read_version(answer(200, body), "acme-widgets", "1.0")
    assert isinstance(read, TryLater)
    assert read.reason is Reason.UNEXPECTED_ANSWER


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Absent()),
        (410, Absent()),
        (429, TryLater(Reason.RATE_LIMITED, "its project JSON answered 429 Because", 5.0)),
        (408, TryLater(Reason.INDEX_BROKEN, "its project JSON answered 408 Because", 5.0)),
        (503, TryLater(Reason.INDEX_BROKEN, "its project JSON answered 503 Because", 5.0)),
        (301, TryLater(Reason.UNEXPECTED_ANSWER, "its project JSON answered 301 Because", 5.0)),
    ],
)
def test_each_status_has_its_own_meaning(status: int, outcome: object) -> None:
    """Only 404 and 410 mean that the version is not there."""
    assert read_version(answer(status, retry_after="5"), "x", "1") == outcome


@given(
    st.integers(100, 999) | st.just(200),
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.just("1.0") | st.just("x"),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["info", "urls", "filename", "name", "version"]), inner)
        ),
        max_leaves=20,
    ),
    st.text(max_size=20),
)
def test_no_answer_breaks_reading(status: int, body: object, text: str) -> None:
    """Whatever comes back, and whatever was asked for, it is one of the outcomes."""
    read = read_version(answer(status, body, retry_after="x"), "x", text)
    assert isinstance(read, Absent | ProjectVersion | TryLater)
    assert version_request(SITE, text, text).url.startswith("https://index.example/pypi/")
