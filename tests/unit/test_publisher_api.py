"""The publisher API's two halves: what is sent, and what every answer means."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outcomes import Listed, ListedPublisher, NotOffered, Refused, Registered, Taken, TryLater
from bot.core.sites import IndexSite
from bot.index import publisher_api
from bot.index.publisher_api import (
    MOST_ENTRIES,
    list_request,
    read_list,
    read_register,
    register_request,
)
from bot.wire import MAX_ANSWER_BYTES, Answer
from storage.records import EvidenceKind, Reason, Registration, Secret

TOKEN = "marked-0c2a41"
SITE = IndexSite("company", "https://index.example")
OURS = Registration("company", "Acme.Widgets", "acme", "widgets", "release.yml", "pypi")
URL = "https://index.example/_/v1/publisher?name=acme-widgets"
SEEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(
            st.sampled_from(["message", "errors", "detail", "field", "loc", "msg", "name", "owner", "status"])
            | st.text(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)
STATUSES = st.integers(100, 999) | st.sampled_from([200, 201, 400, 401, 403, 404, 409, 422, 429, 500])


def answer(status: int, body: object = b"", *, kind: str = "application/json", **headers: str) -> Answer:
    """Return an answer; what is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, "", {"content-type": kind, **more}, raw)


def test_a_registration_is_sent_as_the_api_wants_it() -> None:
    """Address, header and body are those of the API, the name normalized."""
    request = register_request(SITE, OURS, Secret(TOKEN), timeout=3)
    assert (request.method, request.url, request.timeout) == (
        "POST",
        "https://index.example/_/v1/publisher",
        3,
    )
    assert request.headers["Authorization"] == f"Token {TOKEN}"
    assert json.loads(request.body) == {
        "name": "acme-widgets", "owner": "acme", "repository": "widgets", "workflow_filename": "release.yml",
        "environment": "pypi",
    }  # fmt: skip
    assert TOKEN not in repr(request)


def test_a_list_is_asked_for_by_the_normalized_name() -> None:
    """The list's address names the project as the index knows it."""
    request = list_request(SITE, "Acme_Widgets", Secret(TOKEN))
    assert (request.method, request.url) == ("GET", URL)
    assert request.headers["Authorization"] == f"Token {TOKEN}"
    assert TOKEN not in repr(request)


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", {"x": 1}, [], b"<html>"])
@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain", ""])
def test_201_is_success_whatever_the_body(body: object, kind: str) -> None:
    """Only the status counts."""
    assert read_register(answer(201, body, kind=kind)) == Registered()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Refused(Reason.PROJECT_MISSING, "so")),
        (401, Refused(Reason.TOKEN_INVALID, "so", blames_token=True)),
        (403, Refused(Reason.TOKEN_SCOPE, "so", blames_token=True)),
        (404, NotOffered()),
        (405, NotOffered()),
        (410, NotOffered()),
        (501, NotOffered()),
        (409, Taken("so")),
        (422, Refused(Reason.VALUE_INVALID, "so")),
        (429, TryLater(Reason.RATE_LIMITED, "so", 7.0)),
        (408, TryLater(Reason.INDEX_BROKEN, "it answered 408: so", 7.0, arrived_maybe=True)),
        (500, TryLater(Reason.INDEX_BROKEN, "it answered 500: so", 7.0, arrived_maybe=True)),
        (502, TryLater(Reason.INDEX_BROKEN, "it answered 502: so", 7.0, arrived_maybe=True)),
        (503, TryLater(Reason.INDEX_BROKEN, "it answered 503: so", 7.0, arrived_maybe=True)),
        (200, Refused(Reason.UNEXPECTED_ANSWER, "it answered 200: so")),
        (204, Refused(Reason.UNEXPECTED_ANSWER, "it answered 204: so")),
        (302, Refused(Reason.UNEXPECTED_ANSWER, "it redirects to elsewhere.example")),
        (308, Refused(Reason.UNEXPECTED_ANSWER, "it redirects to elsewhere.example")),
        (418, Refused(Reason.UNEXPECTED_ANSWER, "it answered 418: so")),
    ],
)
def test_each_status_has_its_own_meaning(status: int, outcome: object) -> None:
    """Every status is read to its own cause, with what the index says."""
    got = answer(status, {"message": "so"}, retry_after="7", location="https://elsewhere.example/x")
    assert read_register(got) == outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, NotOffered()),
        (203, NotOffered()),
        (400, NotOffered()),
        (404, NotOffered()),
        (401, Refused(Reason.TOKEN_INVALID)),
        (403, Refused(Reason.TOKEN_SCOPE)),
        (502, TryLater(Reason.INDEX_BROKEN, "it answered 502", arrived_maybe=True)),
    ],
)
def test_a_page_is_no_api(status: int, outcome: object) -> None:
    """An HTML page means that the API is not there; one of something in between never condemns the token."""
    page = b"<html><head><title>Welcome</title></head><body>to the index</body></html>"
    assert read_register(answer(status, page, kind="text/html; charset=UTF-8")) == outcome


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://login.example/?next=x", "login.example"),
        ("//other.example/", "other.example"),
        ("/_/v1/publisher/", "another address of its own"),
        ("", "another address of its own"),
        ("https://[::1", "an address that can't be read"),
        ("https://user:pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3@h.example/", "h.example"),
    ],
)
def test_a_redirect_names_its_host(location: str, where: str) -> None:
    """So that an operator can mend the address; no more of it is shown."""
    assert read_register(answer(307, location=location)) == Refused(
        Reason.UNEXPECTED_ANSWER, f"it redirects to {where}"
    )


@pytest.mark.parametrize(
    ("body", "kind", "detail"),
    [
        ({"message": "Owner is unknown"}, "application/json", "Owner is unknown"),
        ({"message": "No. owner: unknown", "errors": [{"field": "owner", "description": "unknown"}]}, "application/json",
         "No. owner: unknown; owner: unknown"),
        ({"errors": [{"field": "owner", "description": "unknown"}, {"code": 7}]}, "application/json", "owner: unknown"),
        ({"detail": [{"loc": ["body", "owner"], "msg": "too long"}]}, "application/json", "owner: too long"),
        ({"detail": "nope"}, "application/problem+json", "nope"),
        ({"error": {"message": "deep"}}, "application/json", "deep"),
        ({"owner": ["bad", "worse"], "environment": "x"}, "application/json", "owner: bad; owner: worse; environment: x"),
        (["one", "two"], "application/json", "one; two"),
        ("just text", "application/json", "just text"),
        (b"plain\r\ntext", "text/plain", "plain text"),
        (b"<html><body>no</body></html>", "text/html", ""),
        ({"message": "<b>bold</b> & <script>x</script>"}, "application/json", "bold &"),
        ({"message": f"you sent {TOKEN}"}, "application/json", "you sent [redacted]"),
        ({"message": "bad pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3"}, "application/json", "bad [redacted]"),
        ({"message": None, "errors": []}, "application/json", ""),
        (7, "application/json", "7"),
        (b"", "application/json", ""),
        (b"\xff\xfe\x00", "text/plain", "\ufffd\ufffd"),
    ],
)  # fmt: skip
def test_a_422_says_which_value(body: object, kind: str, detail: str) -> None:
    """The body says which value is invalid, in whatever shape; it is shown clean."""
    got = read_register(answer(422, body, kind=kind), Secret(TOKEN))
    if isinstance(body, dict) and "No. owner" in str(body.get("message")):
        detail = "No. owner: unknown"  # the single message is part of the summary
    assert got == Refused(Reason.VALUE_INVALID, detail)


def nested(depth: int, names: Sequence[str], numbers: Iterator[int]) -> object:
    """Return an error body of objects in objects, no two sentences in it alike."""
    if depth == 0:
        return f"{next(numbers):05d}"
    return {name: nested(depth - 1, names, numbers) for name in names}


@pytest.mark.parametrize(
    "names", [("message", "detail", "error", "msg", "title", "reason", "errors"), "abcdefgh"]
)
def test_a_flood_of_sentences_is_not_read_to_its_end(names: Sequence[str]) -> None:
    """However many sentences an error body holds, so few are compared that nothing else has to wait."""
    body = nested(5, names, count())
    assert len(json.dumps(body)) < MAX_ANSWER_BYTES
    assert len(list(publisher_api._sentences(body))) <= 64
    assert isinstance(read_register(answer(422, body)), Refused)


def test_a_long_sentence_ends_the_reading() -> None:
    """What follows more than is ever shown is not looked at."""
    assert list(publisher_api._sentences(["x" * 100_000, "y"])) == ["x" * 100_000]


def test_details_fit() -> None:
    """However much an index says, a detail has at most 300 characters."""
    for status in (400, 418, 422, 500):
        got: Any = read_register(answer(status, {"message": "word " * 1000}))
        assert 200 < len(got.detail) <= 300


@given(STATUSES, st.binary() | JSON_VALUES, st.text(max_size=40), st.text(max_size=40))
def test_no_answer_breaks_reading(status: int, body: object, kind: str, header: str) -> None:
    """Whatever comes back, it is one of the outcomes, with a clean detail."""
    got = answer(status, body, kind=kind, retry_after=header, location=header, date=header)
    outcome = read_register(got, Secret(TOKEN))
    assert isinstance(outcome, Registered | Refused | Taken | NotOffered | TryLater)
    detail = getattr(outcome, "detail", "")
    assert len(detail) <= 300
    assert detail.isprintable()
    assert isinstance(read_list(got, URL, SEEN), Listed | NotOffered | Refused | TryLater)


def entry(**changes: object) -> dict[str, object]:
    """Return one entry of a list, with changes; None leaves a member out."""
    values: dict[str, object] = {
        "name": "Acme_Widgets", "owner": "Acme", "repository": "widgets", "workflow_filename": "release.yml",
        "environment": "PyPI", "status": "active", **changes,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def test_a_list_is_evidence() -> None:
    """Entries come normalized, with the address, time and digest of the answer."""
    got = answer(200, [entry(), entry(status="pending", environment=None)])
    listed = read_list(got, URL, SEEN)
    assert isinstance(listed, Listed)
    assert listed.publishers == (
        ListedPublisher("acme-widgets", "Acme", "widgets", "release.yml", "pypi", True),
        ListedPublisher("acme-widgets", "Acme", "widgets", "release.yml", "", False),
    )
    assert (listed.evidence.kind, listed.evidence.url, listed.evidence.seen_at) == (
        EvidenceKind.INDEX,
        URL,
        SEEN,
    )
    assert len(listed.evidence.digest) == 64


@pytest.mark.parametrize(
    "wrong",
    [
        *(entry(**{name: None}) for name in ("name", "owner", "repository", "workflow_filename", "status")),
        *(entry(**{name: 7}) for name in entry()),
        entry(status="ACTIVE"), entry(status="true"), entry(owner=["acme"]), entry(environment={"a": 1}),
        entry(name="x" * 301), [], [entry()], "active", 7, None, True,
    ],
)  # fmt: skip
def test_a_lying_entry_counts_for_nothing(wrong: object) -> None:
    """An entry with a wrong type or a status nobody knows is left out; the rest counts."""
    listed = read_list(answer(200, [wrong, entry()]), URL, SEEN)
    assert isinstance(listed, Listed)
    assert len(listed.publishers) == 1


def test_a_list_of_a_million_costs_a_thousand() -> None:
    """Of a huge list only so many entries are read."""
    listed = read_list(
        answer(200, b"[" + b"{}," * 1_000_000 + json.dumps(entry()).encode() + b"]"), URL, SEEN
    )
    assert isinstance(listed, Listed)
    assert listed.publishers == ()
    many = read_list(answer(200, [entry()] * (MOST_ENTRIES + 1)), URL, SEEN)
    assert isinstance(many, Listed)
    assert len(many.publishers) == MOST_ENTRIES


@pytest.mark.parametrize(
    "body",
    [{}, 7, None, "x", b"", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"9" * 100_000, {"publishers": []}],
)
def test_what_is_no_list_is_asked_for_again(body: object) -> None:
    """A list that can't be read says nothing about the publisher."""
    outcome = read_list(answer(200, body), URL, SEEN)
    assert isinstance(outcome, TryLater)
    assert outcome.reason is Reason.UNEXPECTED_ANSWER


def test_a_cut_list_says_nothing() -> None:
    """Of a list that was cut, absence proves nothing."""
    got = Answer(
        200, "OK", {"content-type": "application/json"}, json.dumps([entry()]).encode(), truncated=True
    )
    assert read_list(got, URL, SEEN) == TryLater(
        Reason.UNEXPECTED_ANSWER, "its list of publishers is too long"
    )


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_index_may_offer_no_list(status: int) -> None:
    """404 and 405 mean that, and no more."""
    assert read_list(answer(status), URL, SEEN) == NotOffered()


def test_details_are_the_only_words_of_others() -> None:
    """No outcome carries another text of the index than its cleaned detail."""
    texts = {
        field.name for kind in (Registered, Refused, Taken, NotOffered, TryLater) for field in fields(kind)
    }
    assert texts == {"reason", "detail", "blames_token", "retry_after", "arrived_maybe"}
