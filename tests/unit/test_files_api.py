"""A file's address and what came of a download."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outcomes import Absent, Downloaded, TooLarge, TryLater
from bot.core.sites import IndexSite
from bot.index.files import MOST_BYTES, TIMEOUT, file_request, onward_request, read_file
from bot.wire import Answer, Hashed, Request
from storage.records import Reason

SITE = IndexSite("company", "https://index.example")


def hashed(status: int, *, truncated: bool = False) -> Hashed:
    """Return what the transport gives for a download."""
    return Hashed(Answer(status, "Because", {"retry-after": "5"}, b"", truncated=truncated), "ab" * 32, 7)


def test_a_file_is_asked_for_where_it_is() -> None:
    """Files may be on any host of https, and have time and room of their own."""
    request = file_request(SITE, "https://files.example/packages/x.whl")
    assert request is not None
    assert (request.method, request.url) == ("GET", "https://files.example/packages/x.whl")
    assert (request.timeout, request.max_bytes) == (TIMEOUT, MOST_BYTES)


@pytest.mark.parametrize(
    "url",
    ["", "http://files.example/x", "ftp://files.example/x", "https://", "https://me@files.example/", "https://[",
     "https://files.example/" + "x" * 8000, "/packages/x", "https://files.example/a b", "https://files.example:0x/"],
)  # fmt: skip
def test_nothing_else_is_asked(url: str) -> None:
    """No other scheme, user name or relative address is followed."""
    assert file_request(SITE, url) is None


def test_an_index_of_http_may_keep_its_files_so() -> None:
    """Where the index itself is asked by http, its files may be too."""
    assert file_request(IndexSite("company", "http://127.0.0.1:1"), "http://127.0.0.1:2/x") is not None


@pytest.mark.parametrize(
    ("got", "outcome"),
    [
        (hashed(200), Downloaded("ab" * 32, 7)),
        (hashed(200, truncated=True), TooLarge(MOST_BYTES)),
        (hashed(404, truncated=True), Absent()),
        (hashed(410), Absent()),
        (hashed(429), TryLater(Reason.RATE_LIMITED, "its file host answered 429 Because", 5.0)),
        (hashed(503), TryLater(Reason.INDEX_BROKEN, "its file host answered 503 Because", 5.0)),
        (hashed(206), TryLater(Reason.UNEXPECTED_ANSWER, "its file host answered 206 Because", 5.0)),
        (hashed(302), TryLater(Reason.UNEXPECTED_ANSWER, "its file host answered 302 Because", 5.0)),
    ],
)
def test_each_end_of_a_download_has_its_own_meaning(got: Hashed, outcome: object) -> None:
    """A host that lags behind is told from one that is broken, and from a file that is too long."""
    assert read_file(got) == outcome


@pytest.mark.parametrize(
    ("location", "onward"),
    [
        ("https://store.example/x?signature=" + "s" * 3000, True),
        ("../x.whl", True),
        ("http://store.example/x", False),
        ("file:///etc/passwd", False),
        ("https://me@store.example/x", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_a_redirect_leads_only_where_files_may_be(location: str, *, onward: bool) -> None:
    """A store elsewhere is asked by https, with the room and time of the first request."""
    request = Request("GET", "https://files.example/a/x.whl", timeout=7, max_bytes=9)
    found = onward_request(SITE, request, Answer(302, "", {"location": location}, b""))
    assert (found is not None) == onward
    if found is not None:
        assert (found.timeout, found.max_bytes, dict(found.headers)) == (7, 9, {})
    assert onward_request(SITE, request, Answer(200, "", {"location": location}, b"")) is None


@given(st.text() | st.text().map("https://".__add__))
def test_no_address_breaks_asking(url: str) -> None:
    """Whatever an index writes, it is asked or it is not."""
    request = file_request(SITE, url)
    assert request is None or request.url == url
    asked = Request("GET", "https://files.example/a/x.whl")
    onward = onward_request(SITE, asked, Answer(302, "", {"location": url}, b""))
    assert onward is None or onward.url.startswith("https://")
