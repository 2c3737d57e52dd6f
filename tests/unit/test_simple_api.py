"""The simple index's two halves, compared with a real index's recorded answers."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outcomes import Absent, Present, Provenance, SimpleFile, TryLater, Unchanged
from bot.core.sites import IndexSite
from bot.index.simple_api import (
    ACCEPT,
    provenance_request,
    read_provenance,
    read_simple,
    simple_request,
)
from bot.wire import Answer
from storage.records import EvidenceKind, Reason

RECORDED = json.loads((Path(__file__).parents[1] / "data" / "warehouse_answers.json").read_text())["answers"]
SITE = IndexSite("company", "https://index.example")
URL = "https://index.example/simple/acme-widgets/"
SEEN = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def answer(status: int, body: object = b"", *, kind: str = ACCEPT, **headers: str) -> Answer:
    """Return an answer; what is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, "Because", {"content-type": kind, **more}, raw)


def page(*files: object, **more: object) -> dict[str, object]:
    """Return a project's page."""
    return {"name": "Acme.Widgets", "files": list(files), "meta": {"api-version": "1.4"}, **more}


def recorded(name: str) -> Answer:
    """Return a real index's answer."""
    got = next(one["response"] for one in RECORDED if one["name"] == name)
    body = got["body"] if isinstance(got["body"], str) else json.dumps(got["body"])
    return Answer(got["status"], got["reason"], got["headers"], body.encode())


def test_a_project_is_asked_for_in_json() -> None:
    """The request names the normalized project, the form and what we have already."""
    request = simple_request(SITE, "Acme_Widgets", '"abc"')
    assert (request.method, request.url) == ("GET", URL)
    assert request.headers == {"Accept": ACCEPT, "If-None-Match": '"abc"'}
    assert "If-None-Match" not in simple_request(SITE, "x").headers


def test_a_simple_index_may_be_elsewhere() -> None:
    """The settings may say where it is, as for devpi."""
    elsewhere = IndexSite(
        "x", "https://index.example/root/dev", simple_url="https://index.example/root/dev/+simple"
    )
    assert (
        simple_request(elsewhere, "Acme_Widgets").url
        == "https://index.example/root/dev/+simple/acme-widgets/"
    )


def test_an_older_index_answers_in_html() -> None:
    """Its links are files with versions, digests and whole addresses; what is yanked says so."""
    body = b'<a href="../../f/acme_widgets-1.0.tar.gz#sha256=' + b"a" * 64 + b'" data-yanked="">x</a>'
    url = "https://index.example/simple/acme-widgets/"
    found = read_simple(answer(200, body, kind="text/html; charset=utf-8"), url, SEEN)
    assert isinstance(found, Present)
    (file,) = found.files
    assert (file.filename, file.version, file.sha256) == ("acme_widgets-1.0.tar.gz", "1.0", "a" * 64)
    assert (file.url, file.yanked) == ("https://index.example/f/acme_widgets-1.0.tar.gz", "")


def test_a_real_index_before_and_after_the_exchange() -> None:
    """An unknown project is absent; one made by a token exchange is there, without files."""
    url = "https://index.example/simple/claimed-pkg/"
    assert read_simple(recorded("simple of an unknown project"), url, SEEN) == Absent()
    there = read_simple(recorded("simple after the exchange, nothing uploaded"), url, SEEN)
    assert isinstance(there, Present)
    assert (there.files, there.status) == ((), "active")
    assert there.etag
    assert (there.evidence.kind, there.evidence.url) == (EvidenceKind.APPEARED, url)


def test_files_come_with_version_time_and_provenance() -> None:
    """What a release's page says of its files, in UTC, is kept."""
    wheel = {
        "filename": "acme_widgets-1.0-py3-none-any.whl", "upload-time": "2026-11-20T10:00:00+02:00",
        "provenance": "/integrity/acme-widgets/1.0/x/provenance",
    }  # fmt: skip
    sdist = {
        "filename": "acme_widgets-1.0rc1.tar.gz",
        "upload-time": "2026-11-20T10:00:00.5Z",
        "provenance": None,
    }
    there = read_simple(answer(200, page(wheel, sdist), etag='"e"'), URL, SEEN)
    assert isinstance(there, Present)
    assert there.etag == '"e"'
    assert there.files == (
        SimpleFile(
            wheel["filename"], "1.0", "https://index.example/integrity/acme-widgets/1.0/x/provenance",
            "2026-11-20T08:00:00+00:00",
        ),
        SimpleFile(str(sdist["filename"]), "1.0rc1", "", "2026-11-20T10:00:00.500000+00:00"),
    )  # fmt: skip


def test_an_index_that_says_nothing_of_provenance_has_none() -> None:
    """A file without provenance tells of a token only where the index says so of its files."""
    bare = {"filename": "acme_widgets-1.0.tar.gz"}
    for files, attests in (
        ([bare, {**bare, "provenance": None}], True),
        ([bare], False),
        ([], False),
        (["odd"], False),
    ):
        there = read_simple(answer(200, page(*files)), URL, SEEN)
        assert isinstance(there, Present)
        assert there.attests is attests


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/x", "//elsewhere.example/x", "http://index.example/x", "https://index.example:444/x",
        "https://index.example@elsewhere.example/", "https://me@index.example/", "https://[::1", "javascript:alert(1)",
        "file:///etc/passwd", "https://index.example/a b", "https://index.example/\n", "x" * 2000, 7, {"a": 1}, ["x"],
        "https://index.example.elsewhere.example/", "https://index.example:99999/",
    ],
)  # fmt: skip
def test_a_provenance_elsewhere_is_ignored(url: object) -> None:
    """No answer sends us to another host, scheme or port."""
    there = read_simple(answer(200, page({"filename": "x-1.tar.gz", "provenance": url})), URL, SEEN)
    assert isinstance(there, Present)
    found = there.files[0].provenance_url
    assert found == "" or found.startswith("https://index.example/")
    if isinstance(url, str):
        assert provenance_request(SITE, url) is None


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (304, Unchanged()),
        (404, Absent()),
        (410, Absent()),
        (429, TryLater(Reason.RATE_LIMITED, "its simple index answered 429 Because", 5.0)),
        (503, TryLater(Reason.INDEX_BROKEN, "its simple index answered 503 Because", 5.0)),
        (302, TryLater(Reason.UNEXPECTED_ANSWER, "its simple index answered 302 Because", 5.0)),
        (403, TryLater(Reason.UNEXPECTED_ANSWER, "its simple index answered 403 Because", 5.0)),
    ],
)
def test_each_status_has_its_own_meaning(status: int, outcome: object) -> None:
    """Of the bare statuses only 404 and 410 mean that the project is not there."""
    assert read_simple(answer(status, retry_after="5"), URL, SEEN) == outcome


@pytest.mark.parametrize(
    ("status", "to", "absent"),
    [
        (303, "https://pypi.org/simple/acme-widgets/", True),
        (303, "http://index.example:3141/root/pypi/+simple/Acme_Widgets", True),
        (302, "https://pypi.org/simple/acme-widgets/", False),
        (301, "https://new.example/simple/acme-widgets/", False),
        (303, "https://index.example/simple/acme-widgets/", False),
        (303, "https://login.example/?next=/simple/acme-widgets/", False),
        (303, "https://login.example/next/acme-widgets/?why=1", False),
        (303, "https://pypi.org/simple/widgets/", False),
        (303, "https://[/simple/acme-widgets/", False),
        (303, "", False),
    ],
)
def test_an_index_that_passes_on_to_another_has_not_the_project(status: int, to: str, absent: bool) -> None:
    """Only a "see other" to the very project's page elsewhere says that it is not here, as pypiserver says it."""
    assert isinstance(read_simple(answer(status, location=to), URL, SEEN), Absent if absent else TryLater)


@pytest.mark.parametrize(
    "got",
    [
        answer(200, b"<html>welcome</html>", kind="text/html"),
        answer(200, b"<!DOCTYPE html>", kind=ACCEPT),
        answer(200, {"message": "ok"}),
        answer(200, {"name": "other", "files": []}),
        answer(200, {"name": 7, "files": []}),
        answer(200, []),
        answer(200, b""),
        Answer(200, "OK", {"content-type": "text/html"}, b"x" * 100, truncated=True),
    ],
)
def test_a_landing_page_proves_nothing(got: Answer) -> None:
    """A 200 that is not this project's page in JSON is not taken for the project."""
    outcome = read_simple(got, URL, SEEN)
    assert isinstance(outcome, TryLater)
    assert outcome.reason is Reason.UNEXPECTED_ANSWER


def test_a_page_too_long_to_be_read_is_there_all_the_same() -> None:
    """Of a huge project's page it still counts that it is there."""
    got = Answer(200, "OK", {"content-type": ACCEPT}, b'{"files": [', truncated=True)
    there = read_simple(got, URL, SEEN)
    assert isinstance(there, Present)
    assert there.files == ()


def test_a_lying_page_is_read_as_far_as_it_makes_sense() -> None:
    """Entries of other shapes are left out, odd members are empty."""
    lies: list[object] = [
        7, None, [], {}, {"filename": 7}, {"filename": "x" * 301}, {"filename": "nonsense", "upload-time": "yesterday"},
        {"filename": "x-y.whl", "upload-time": "2026-11-20T10:00:00"}, {"filename": "a-1.tar.gz", "upload-time": 7},
    ]  # fmt: skip
    there = read_simple(
        answer(200, page(*lies, **{"project-status": {"status": "<b>"}}), etag="x" * 300), URL, SEEN
    )
    assert isinstance(there, Present)
    assert [(file.filename, file.version, file.uploaded_at) for file in there.files] == [
        ("nonsense", "", ""),
        ("x-y.whl", "", ""),
        ("a-1.tar.gz", "1", ""),
    ]
    assert (there.status, there.etag) == ("active", "")


@pytest.mark.parametrize("status", ["active", "archived", "quarantined"])
def test_the_projects_status_is_kept(status: str) -> None:
    """Archived and quarantined projects take no uploads, so it counts (PEP 792)."""
    there = read_simple(answer(200, page(**{"project-status": {"status": status}})), URL, SEEN)
    assert isinstance(there, Present)
    assert there.status == status


HEX = "0123456789abcdef" * 4


def read_file(**members: object) -> SimpleFile:
    """Return what a page with one file of these members is read as."""
    there = read_simple(answer(200, page({"filename": "x-1.tar.gz", **members})), URL, SEEN)
    assert isinstance(there, Present)
    return there.files[0]


def test_a_file_comes_with_digest_address_and_size() -> None:
    """What is needed to fetch and check a file's bytes is kept; its address may be on another host."""
    file = read_file(
        hashes={"md5": "x", "sha256": HEX.upper()},
        url="https://files.example/x.gz#sha256=1",
        size=7,
        yanked=False,
    )
    assert (file.sha256, file.url, file.size, file.yanked) == (HEX, "https://files.example/x.gz", 7, None)
    assert read_file(url="../../packages/x.gz").url == "https://index.example/packages/x.gz"


@pytest.mark.parametrize(
    "url",
    [
        "http://index.example/x", "http://files.example/x", "ftp://files.example/x", "file:///etc/passwd",
        "https://me@files.example/x", "https://index.example@elsewhere.example/", "https://", "https://[::1",
        "https://files.example/a b", "https://files.example/\n", "https://files.example:99999/", "javascript:alert(1)",
        "x" * 2000, "", 7, None, ["x"],
    ],
)  # fmt: skip
def test_an_address_that_can_not_be_asked_is_none(url: object) -> None:
    """Nothing but https leads from an index of https, and never with a user's name in it."""
    found = read_file(url=url).url
    assert found == "" or found.startswith(("https://index.example/", "https://files.example/"))
    assert "@" not in found
    assert "\n" not in found


def test_an_index_of_http_may_keep_its_files_so() -> None:
    """An index in a private network is asked by http, and so are its files."""
    got = answer(200, page({"filename": "x-1.tar.gz", "url": "http://files.example/x"}))
    there = read_simple(got, "http://index.example/simple/acme-widgets/", SEEN)
    assert isinstance(there, Present)
    assert there.files[0].url == "http://files.example/x"


@pytest.mark.parametrize(
    "hashes", [None, 7, [], {}, {"sha256": 7}, {"sha256": "x" * 64}, {"sha256": HEX[1:]}]
)
def test_a_digest_that_is_none_is_left_out(hashes: object) -> None:
    """Only 64 hexadecimal digits are a sha256."""
    assert read_file(hashes=hashes).sha256 == ""


@pytest.mark.parametrize(
    ("size", "kept"),
    [(0, 0), (2**53, 2**53), (-1, None), (2**53 + 1, None), (True, None), ("7", None), (1.0, None)],
)
def test_a_size_counts_bytes(size: object, kept: int | None) -> None:
    """A size is a whole number of bytes that a file could have."""
    assert read_file(size=size).size == kept


@pytest.mark.parametrize(
    ("yanked", "kept"),
    [
        (True, ""),
        (False, None),
        (None, None),
        ("", None),
        ("bad  <b>wheel</b>\n", "bad wheel"),
        (1, None),
        ([], None),
    ],
)
def test_a_yanked_file_says_why(yanked: object, kept: str | None) -> None:
    """PEP 592: true, or a reason, which is shown on one line without markup."""
    assert read_file(yanked=yanked).yanked == kept


PROVENANCE_URL = "https://index.example/integrity/x/1/x-1.tar.gz/provenance"


def bundle(**publisher: object) -> dict[str, object]:
    """Return a provenance with one publisher."""
    return {"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": []}]}


def test_provenance_names_the_publisher() -> None:
    """Who published a file comes with the evidence that it is so; no environment is an empty one."""
    request = provenance_request(SITE, PROVENANCE_URL)
    assert request is not None
    got = answer(
        200, bundle(kind="GitHub", repository="acme/widgets", workflow="release.yml", environment=None)
    )
    found = read_provenance(got, request.url, SEEN)
    assert isinstance(found, Provenance)
    assert (found.kind, found.repository, found.workflow, found.environment) == (
        "GitHub",
        "acme/widgets",
        "release.yml",
        "",
    )
    assert found.evidence.kind is EvidenceKind.PROVENANCE


@pytest.mark.parametrize(
    "body",
    [
        {}, [], 7, b"", bundle(), bundle(kind=""), bundle(kind=7), {"attestation_bundles": {}},
        {"attestation_bundles": [7, None, {"publisher": "x"}]},
    ],
)  # fmt: skip
def test_provenance_without_a_publisher_is_none(body: object) -> None:
    """What names nobody proves nothing."""
    assert isinstance(read_provenance(answer(200, body), PROVENANCE_URL, SEEN), TryLater)


def test_a_file_may_have_no_provenance() -> None:
    """404 says that there is none."""
    assert read_provenance(answer(404), PROVENANCE_URL, SEEN) == Absent()


@given(
    st.integers(100, 999) | st.just(200),
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "name",
                        "files",
                        "filename",
                        "provenance",
                        "upload-time",
                        "project-status",
                        "status",
                        "publisher",
                        "hashes",
                        "sha256",
                        "url",
                        "size",
                        "yanked",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=20,
    ).map(lambda value: {"name": "acme-widgets", "files": value, "attestation_bundles": value}),
    st.text(max_size=40),
)
def test_no_answer_breaks_reading(status: int, body: object, header: str) -> None:
    """Whatever comes back, it is one of the outcomes."""
    got = answer(
        status,
        body,
        kind=header if len(header) % 2 else ACCEPT,
        etag=header,
        retry_after=header,
        location=header,
    )
    assert isinstance(read_simple(got, URL, SEEN), Absent | Present | Unchanged | TryLater)
    assert isinstance(read_provenance(got, URL, SEEN), Absent | Provenance | TryLater)
