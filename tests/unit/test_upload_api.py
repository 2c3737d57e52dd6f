"""The upload API's two halves: the form that is sent, and what every answer means."""

import io
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.archives import look_through
from bot.core.distributions import Distribution
from bot.core.outcomes import FileThere, Login, TryLater, Uploaded, UploadRefused
from bot.core.sites import IndexSite
from bot.index.upload import (
    NEW_PROJECTS_WAIT,
    SLOWEST,
    TIMEOUT,
    fields,
    read_upload,
    timeout,
    upload_request,
)
from bot.slack.blocks.release_reasons import About, explain
from bot.wire import Answer
from storage.records import Reason, ReleaseReason, Secret
from tests.unit.packed import SDIST_NAME, WHEEL_NAME, sdist, wheel

MARKED = "marked-9d41c7"
LOGIN = Login(Secret("__token__"), Secret(MARKED))
SITE = IndexSite("company", "https://index.example", "https://upload.index.example/legacy/")
R = ReleaseReason
ABOUT = About("gearbox", "1.4.0", "company")


def looked(content: bytes, filename: str) -> Distribution:
    """Return a sound file."""
    found = look_through(io.BytesIO(content), filename, "gearbox", "1.4.0")
    assert isinstance(found, Distribution)
    return found


def said(status: int, reason: str = "", body: bytes = b"", headers: dict[str, str] | None = None) -> object:
    """Return what an answer means."""
    return read_upload(SITE, Answer(status, reason, headers or {}, body), LOGIN)


def test_a_file_is_sent_as_the_api_wants_it() -> None:
    """Address, credential and form are those of the API; nothing secret shows in a repr."""
    content = io.BytesIO(wheel())
    request = upload_request(SITE, looked(wheel(), WHEEL_NAME), content, LOGIN, 9)
    assert (request.method, request.url, request.timeout) == ("POST", SITE.upload_url, 9)
    kind, _, pair = request.headers["Authorization"].partition(" ")
    assert (kind, b64decode(pair).decode()) == ("Basic", f"__token__:{MARKED}")
    assert request.form is not None
    assert (request.form.part, request.form.filename, request.form.content) == (
        "content",
        WHEEL_NAME,
        content,
    )
    assert MARKED not in repr((request, LOGIN))


def test_a_token_of_devpi_goes_without_a_user() -> None:
    """Such tokens name their user themselves, and devpi refuses another one beside them; PyPI wants its own word."""
    for token, pair in (("pypi-x", "__token__:pypi-x"), ("devpi-x", ":devpi-x")):
        whose = Login(Secret("__token__"), Secret(token))
        request = upload_request(SITE, looked(wheel(), WHEEL_NAME), io.BytesIO(), whose, 9)
        assert b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == pair


def test_the_form_says_what_the_file_is() -> None:
    """Kind, Python and digests come from the file itself."""
    for content, name, kind, python in (
        (wheel(), WHEEL_NAME, "bdist_wheel", "py3"),
        (sdist(), SDIST_NAME, "sdist", "source"),
    ):
        file = looked(content, name)
        found = dict(fields(file))
        assert (found[":action"], found["protocol_version"]) == ("file_upload", "1")
        assert (found["name"], found["version"], found["metadata_version"]) == ("gearbox", "1.4.0", "2.1")
        assert (found["filetype"], found["pyversion"]) == (kind, python)
        assert found["sha256_digest"] == file.digests.sha256
        assert found["blake2_256_digest"] == file.digests.blake2_256
        assert found["md5_digest"] == file.digests.md5
        assert "attestations" not in found


def test_a_larger_file_has_more_time() -> None:
    """Time grows with the file, at the pace of a slow line."""
    assert (timeout(0), timeout(SLOWEST * 100)) == (TIMEOUT, TIMEOUT + 100)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_taken_file_is_taken(status: int) -> None:
    """Also the very same file again, which the index answers alike."""
    assert said(status) == Uploaded()


@pytest.mark.parametrize(
    ("status", "reason", "why", "blames"),
    [
        (400, "Uploading new files to releases older than 14 days is not allowed.", R.UPLOAD_LATE, False),
        (400, "Non-user identities cannot create new projects. This was ..", R.UPLOAD_NO_NEW_PROJECT, False),
        (400, "Invalid attestations supplied during upload: x", R.UPLOAD_ATTESTATIONS, False),
        (400, "Invalid distribution file. ZIP archive not accepted", R.UPLOAD_FILE_REFUSED, False),
        (400, "File too large. Limit for project is 100 MB.", R.UPLOAD_TOO_LARGE, False),
        (400, "'x' is invalid for Requires-Python.", R.UPLOAD_REFUSED, False),
        (401, "Unauthorized", R.UPLOAD_TOKEN_UNKNOWN, True),
        (403, "Invalid or non-existent authentication information. See ..", R.UPLOAD_TOKEN_UNKNOWN, True),
        (403, "Invalid API Token: signatures do not match", R.UPLOAD_TOKEN_BROKEN, True),
        (403, "Invalid API Token: token is expired", R.UPLOAD_TOKEN_EXPIRED, True),
        (403, "Invalid API Token: project-scoped token is not valid for project: 'x'", R.UPLOAD_TOKEN_OTHER_PROJECT, False),
        (403, "The user 'U' isn't allowed to upload to project 'P'. See ..", R.UPLOAD_NOT_ALLOWED, False),
        (403, "User 'U' does not have two-factor authentication enabled. ..", R.UPLOAD_NO_SECOND_FACTOR, False),
        (403, "Username/Password authentication is no longer supported. ..", R.UPLOAD_NO_PASSWORDS, True),
        (404, "Not Found", R.UPLOAD_NO_SUCH_API, False),
        (405, "Method Not Allowed", R.UPLOAD_NO_SUCH_API, False),
        (410, "Gone", R.UPLOAD_NO_SUCH_API, False),
        (413, "Request Entity Too Large", R.UPLOAD_TOO_LARGE, False),
        (418, "", R.UPLOAD_REFUSED, False),
        (501, "Not Implemented", R.UPLOAD_NO_SUCH_API, False),
    ],
)  # fmt: skip
def test_each_refusal_has_its_own_cause_and_remedy(
    status: int, reason: str, why: ReleaseReason, blames: bool
) -> None:
    """The reason in the status line decides; only a credential that is good for nothing is blamed."""
    found = said(status, reason)
    assert isinstance(found, UploadRefused)
    assert (found.reason, found.blames_token) == (why, blames)
    cause, remedy = explain(found.reason, ABOUT, found.detail)
    assert cause.endswith((".", "..", "!"))
    assert remedy.endswith(".")


def test_the_body_says_why_where_the_status_line_does_not() -> None:
    """A private index has the standard's words in the status line, and its own in the body."""
    found = said(400, "Bad Request", b"<h1>Bad</h1><p>releases older than 14 days</p>")
    assert isinstance(found, UploadRefused)
    assert found.reason is R.UPLOAD_LATE
    assert found.detail == "Bad releases older than 14 days"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "File already exists ('gearbox-1.4.0.tar.gz', with blake2_256 hash 'ab'). See .."),
        (400, "This filename has already been used, use a different version. File already exists"),
        (409, "Conflict"),
    ],
)
def test_a_name_that_is_taken_must_be_looked_at(status: int, reason: str) -> None:
    """Whether it is the same file, the answer does not say."""
    assert isinstance(said(status, reason), FileThere)


def test_an_address_that_leads_elsewhere_is_not_followed() -> None:
    """A 308 for the missing slash names where it leads, so that the address can be mended."""
    found = said(308, "Permanent Redirect", headers={"location": "https://upload.index.example/legacy/"})
    assert found == UploadRefused(R.UPLOAD_MOVED, "https://upload.index.example/legacy/")


@pytest.mark.parametrize(
    ("status", "reason", "headers", "why", "wait", "maybe"),
    [
        (429, "Too many new projects created", {}, Reason.RATE_LIMITED, NEW_PROJECTS_WAIT, False),
        (429, "Too Many Requests", {"retry-after": "7"}, Reason.RATE_LIMITED, 7, False),
        (500, "Internal Server Error", {}, Reason.INDEX_BROKEN, None, True),
        (503, "Service Unavailable", {"retry-after": "30"}, Reason.INDEX_BROKEN, 30, True),
        (408, "Request Timeout", {}, Reason.INDEX_BROKEN, None, True),
    ],
)
def test_what_passes_is_tried_later(
    status: int, reason: str, headers: dict[str, str], why: Reason, wait: float | None, maybe: bool
) -> None:
    """Limits and disorder are waited out; where a gateway answered, the file may have arrived."""
    found = said(status, reason, headers=headers)
    assert isinstance(found, TryLater)
    assert (found.reason, found.retry_after, found.arrived_maybe) == (why, wait, maybe)


def test_what_was_sent_is_not_repeated() -> None:
    """An index may quote the password, the user's name or the header in whatever it answers: nothing of them is kept."""
    whose = Login(Secret("MARK-name"), Secret(f"{MARKED} with spaces"))
    pair = b64encode(f"MARK-name:{MARKED} with spaces".encode()).decode()
    for quoted in (pair, "MARK-name", f"{MARKED} with spaces"):
        for status in (303, 400, 403, 409, 429, 503):
            for got in (
                Answer(status, f"No: {quoted}.", {}, b""),
                Answer(status, "Forbidden", {"location": f"/{quoted}/"}, f"<p>No: {quoted}.</p>".encode()),
            ):
                assert quoted not in repr(read_upload(SITE, got, whose)), (quoted, status)
    assert "__token__" in repr(said(403, "__token__ is the user of every token"))


@given(
    st.integers(100, 999) | st.sampled_from([200, 308, 400, 403, 409, 429]),
    st.text(max_size=80) | st.just(f"Invalid API Token: {MARKED}"),
    st.binary(max_size=120) | st.just(MARKED.encode()),
)
@settings(max_examples=200)
def test_any_answer_has_a_cause(status: int, reason: str, body: bytes) -> None:
    """Whatever is answered, the outcome is a value that shows nothing secret and can be told."""
    found = said(status, reason, body)
    assert MARKED not in repr(found)
    if isinstance(found, UploadRefused):
        assert explain(found.reason, ABOUT, found.detail)[0]
        assert "\n" not in found.detail
    else:
        assert isinstance(found, Uploaded | FileThere | TryLater)
