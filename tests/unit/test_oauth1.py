"""The OAuth 1.0a facility's two halves: what is sent, and what every answer means."""

import io
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.distributions import Digests, Distribution, Kind, Named
from bot.core.oauth1 import (
    Accepted,
    Allowed,
    Denied,
    Fault,
    FileFields,
    ReleaseFields,
    TokenPair,
    cause_and_remedy,
    packed,
    unpacked,
)
from bot.core.outcomes import FileThere, TryLater, Uploaded, UploadRefused
from bot.core.sites import IndexSite
from bot.index import oauth1
from bot.index.oauth1 import read_added, read_sent, read_test, read_token
from bot.wire import Answer
from storage.records import Reason, ReleaseReason, Secret

SITE = IndexSite("company", "https://index.example")
SENT = datetime(2026, 11, 27, 1, tzinfo=UTC)
TOKEN, SECRET = Secret("marked-token-2"), Secret("marked-secret-3")
HIDDEN = (TOKEN, SECRET)
HEADING = "Error processing OAuth request\n\n"
BASE = "GET&https%3A%2F%2Findex.example%2Foauth%2Ftest&oauth_token%3Dmarked-token-2"
RELEASE = ReleaseFields(
    "spam", "1.0", "Spam",
    {
        "description": "long\nä", "keywords": "", "home_page": "https://x.example", "license": " ", "requires_python": ">=3",
        "classifiers": ["A :: B", "", "C"], "requires_dist": ["eggs>1", "ham"], "project_url": [], "requires": "one",
        "author": ["first", "second"], "_pypi_hidden": "1", "bugtrack_url": "https://bugs.example", "metadata_version": "2.1",
        "oauth_token": "x", "platform": "any",
    },
)  # fmt: skip


def answer(
    status: int, body: str | bytes = b"", *, kind: str = "text/plain", reason: str = "", **headers: str
) -> Answer:
    """Return an answer."""
    raw = body if isinstance(body, bytes) else body.encode()
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, reason, {"content-type": kind, **more}, raw)


def test_what_is_asked_for_tokens() -> None:
    """Both tokens and the test are plain GETs below /oauth/, each sent once, since a signature is good for one use."""
    asked = [
        oauth1.request_token_request(SITE),
        oauth1.access_token_request(SITE),
        oauth1.whose_request(SITE, 3),
    ]
    assert [(one.method, one.url, one.once) for one in asked] == [
        ("GET", "https://index.example/oauth/request_token", True),
        ("GET", "https://index.example/oauth/access_token", True),
        ("GET", "https://index.example/oauth/test?client=shipbell", True),
    ]
    assert [one.timeout for one in asked] == [15, 15, 3]


def test_the_page_on_which_somebody_agrees() -> None:
    """It names the request token and where to come back to, and nothing else: no secret, no verifier."""
    page = urlsplit(oauth1.authorise_page(SITE, TOKEN, "https://bot.example/indexes/company/callback/a-b_c"))
    assert (page.netloc, page.path) == ("index.example", "/oauth/authorise")
    assert parse_qsl(page.query) == [
        ("oauth_token", "marked-token-2"), ("oauth_callback", "https://bot.example/indexes/company/callback/a-b_c"),
    ]  # fmt: skip


def test_a_releases_fields() -> None:
    """In the facility's order, one pair for each element of a list, nothing empty, nothing that it does not know."""
    assert oauth1.release_pairs(RELEASE) == [
        ("name", "spam"), ("version", "1.0"), ("summary", "Spam"), ("description", "long\nä"),
        ("home_page", "https://x.example"), ("author", "first"), ("license", " "), ("requires_python", ">=3"),
        ("metadata_version", "1.2"), ("requires", "one"), ("requires_dist", "eggs>1"), ("requires_dist", "ham"),
        ("classifiers", "A :: B"), ("classifiers", "C"), ("_pypi_hidden", "1"), ("bugtrack_url", "https://bugs.example"),
    ]  # fmt: skip
    asked = oauth1.add_release_request(SITE, RELEASE)
    assert (asked.method, asked.url) == ("POST", "https://index.example/oauth/add_release")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(asked.body.decode(), strict_parsing=True) == oauth1.release_pairs(RELEASE)


@pytest.mark.parametrize(
    ("asked", "sent"), [("1.0", "1.0"), ("1.2", "1.2"), ("2.4", "1.2"), ("", "1.2"), ("x", "1.2")]
)
def test_the_metadata_version_is_one_of_two(asked: str, sent: str) -> None:
    """The facility knows 1.0 and 1.2; everything else is told as 1.2, its default."""
    pairs = oauth1.release_pairs(ReleaseFields("spam", "1", more={"metadata_version": asked}))
    assert pairs == [("name", "spam"), ("version", "1"), ("metadata_version", sent)]


def test_a_files_fields_are_in_the_query() -> None:
    """Name, version, file and type with their protocol version, then what is given; a file of a known kind only."""
    short = ReleaseFields("spam", "1.0")
    url = oauth1.upload_address(
        SITE, short, FileFields("spam-1.0.tar.gz", "sdist", md5_digest="ab", gpg_signature="-----\n+/=")
    )
    assert url.startswith("https://index.example/oauth/upload?name=spam&version=1.0&")
    assert parse_qsl(urlsplit(url).query) == [
        ("name", "spam"), ("version", "1.0"), ("metadata_version", "1.2"), ("filename", "spam-1.0.tar.gz"), ("filetype", "sdist"),
        ("protocol_version", "1"), ("md5_digest", "ab"), ("gpg_signature", "-----\n+/="),
    ]  # fmt: skip
    wheel = FileFields("spam-1.0-py3-none-any.whl", "bdist_wheel", "py3", comment="hm")
    assert ("pyversion", "py3") in parse_qsl(urlsplit(oauth1.upload_address(SITE, RELEASE, wheel)).query)
    assert ("classifiers", "C") in parse_qsl(urlsplit(oauth1.upload_address(SITE, RELEASE, wheel)).query)
    with pytest.raises(ValueError, match="Python version"):
        oauth1.upload_address(SITE, short, FileFields("spam-1.0-py3-none-any.whl", "bdist_wheel"))


def test_tokens_are_read() -> None:
    """A form of token and secret, whatever else is in it; neither shows in a repr, and both are sealed as one text."""
    pair = read_token(
        answer(200, "oauth_token=abc&oauth_token_secret=d%2Bf&oauth_callback_confirmed=true"), SENT
    )
    assert pair == TokenPair(Secret("abc"), Secret("d+f"))
    assert "abc" not in repr(pair)
    assert isinstance(pair, TokenPair)
    assert unpacked(packed(pair)) == pair


@pytest.mark.parametrize(
    ("body", "kind", "fault"),
    [
        ("", "text/plain", Fault.UNEXPECTED),
        ("oauth_token=abc", "text/plain", Fault.UNEXPECTED),
        ("oauth_token=&oauth_token_secret=x", "text/plain", Fault.UNEXPECTED),
        ("oauth_token=a&oauth_token=b&oauth_token_secret=x", "text/plain", Fault.UNEXPECTED),
        ("oauth_token=a%20b&oauth_token_secret=x", "text/plain", Fault.UNEXPECTED),
        ("oauth_token=a%0Ab&oauth_token_secret=x", "text/plain", Fault.UNEXPECTED),
        (f"oauth_token={'a' * 201}&oauth_token_secret=x", "text/plain", Fault.UNEXPECTED),
        ("oauth_token=\xff&oauth_token_secret=x", "text/plain", Fault.UNEXPECTED),
        ("<html><body>Welcome</body></html>", "text/html; charset=UTF-8", Fault.NOT_OFFERED),
    ],
)
def test_what_is_no_token(body: str, kind: str, fault: Fault) -> None:
    """Half a token, one twice, one that no header can carry, or a page is no token."""
    assert read_token(answer(200, body, kind=kind), SENT) == Denied(fault)


def test_whose_access_it_is() -> None:
    """The user's name is read out of the sentence, and nothing of what was sent with it."""
    said = "Access allowed for richard (ps. I got params={'client': 'shipbell'})"
    assert read_test(answer(200, said), SENT) == Allowed("richard")
    assert read_test(answer(200, "Access allowed"), SENT) == Denied(Fault.UNEXPECTED)
    assert read_test(
        answer(200, "<html>Access allowed for x (ps. I got params={})", kind="text/html"), SENT
    ) == Denied(Fault.NOT_OFFERED)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("Invalid consumer.", Fault.CONSUMER),
        ("Invalid request token: marked-token-2", Fault.REQUEST_TOKEN),
        ("Invalid access token: marked-token-2", Fault.ACCESS_TOKEN),
        (
            "Expired timestamp: given 1795741200 and now 1795741900 has a greater difference than threshold 300",
            Fault.CLOCK,
        ),
        ("Nonce already used: True", Fault.NONCE),
        ("Signature method PLAINTEXT not supported try one of the following: HMAC-SHA1", Fault.METHOD),
        ("Missing signature.", Fault.UNSIGNED),
        (f"Invalid signature. Expected signature base string: {BASE}", Fault.SIGNATURE),
        ("Request Token not authorised", Fault.NOT_AUTHORISED),
        ("PyPI OAuth requires header authorization", Fault.HEADER),
        ("OAuth version 2.0 not supported.", Fault.VERSION),
        ("Parameter not found: oauth_nonce", Fault.PARAMETER),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        (400, HEADING + "{}", "text/plain; charset=utf-8", ""),
        (400, "<strong>Error processing OAuth request</strong><br /><br />\n\n{}", "text/html; charset=utf-8", ""),
        (400, "", "text/plain", "{}"),
        (500, "<strong>Error...</strong>\n\nThere's been a problem <class 'oauth.OAuthError'>: OAuthError({})", "text/html", ""),
    ],
)  # fmt: skip
def test_each_refusal_is_its_own_cause(said: str, fault: Fault, form: tuple[int, str, str, str]) -> None:
    """In plain text, on a page, in the status line or as a server's fault: each has its cause, and no token is repeated."""
    status, body, kind, reason = form
    got = answer(status, body.format(said), kind=kind, reason=reason.format(said))
    for outcome in (
        read_token(got, SENT, HIDDEN),
        read_test(got, SENT, HIDDEN),
        read_added(got, SENT, HIDDEN),
    ):
        assert isinstance(outcome, Denied)
        assert (outcome.fault, outcome.detail) == (fault, "")
        assert "marked" not in repr(outcome) + repr(cause_and_remedy(outcome))


def test_the_clock_is_told_by_how_much() -> None:
    """The answer's date says it, else the index's own words; without either it is left open."""
    said = f"{HEADING}Expired timestamp: given 1000 and now 1700 has a greater difference than threshold 300"
    late = format_datetime(SENT + timedelta(minutes=10), usegmt=True)
    assert read_token(answer(400, said, date=late), SENT) == Denied(Fault.CLOCK, seconds=600)
    assert read_token(answer(400, said), SENT) == Denied(Fault.CLOCK, seconds=700)
    assert read_token(answer(400, f"{HEADING}Expired timestamp", date="yesterday"), SENT) == Denied(
        Fault.CLOCK
    )
    assert "600 s behind" in cause_and_remedy(Denied(Fault.CLOCK, seconds=600))[0]
    assert "30 s ahead" in cause_and_remedy(Denied(Fault.CLOCK, seconds=-30))[0]
    assert "clock is" not in cause_and_remedy(Denied(Fault.CLOCK))[0]


@pytest.mark.parametrize(
    ("got", "outcome"),
    [
        (answer(200, "OK\n"), Accepted()),
        (answer(200, "Fine"), Denied(Fault.UNEXPECTED, "Fine")),
        (answer(200, "<p>OK", kind="text/html"), Denied(Fault.NOT_OFFERED)),
        (answer(400, "Error processing form\n\nName and version are required"), Denied(Fault.FORM, "Name and version are required")),
        (answer(400, f"{HEADING}Something new"), Denied(Fault.UNEXPECTED, "it answered 400: Error processing OAuth request Something new")),
        (answer(400, "<h1>Bad gateway</h1>", kind="text/html"), Denied(Fault.UNEXPECTED, "it answered 400")),
        (answer(403, "Forbidden\n\nYou are not allowed"), Denied(Fault.NOT_ALLOWED, "Forbidden You are not allowed")),
        (answer(404, "HTTPS must be used"), Denied(Fault.NOT_OFFERED, "HTTPS must be used")),
        (answer(404, "<h1>x</h1>", kind="text/html"), Denied(Fault.NOT_OFFERED)),
        (answer(405), Denied(Fault.NOT_OFFERED)),
        (answer(501), Denied(Fault.NOT_OFFERED)),
        (answer(307, location="https://other.example/x"), Denied(Fault.REDIRECTS, "to other.example")),
        (answer(302, location="https://[::1"), Denied(Fault.REDIRECTS, "to an address that can't be read")),
        (answer(401, "who?"), Denied(Fault.UNEXPECTED, "it answered 401: who?")),
        (answer(429, "slow", retry_after="7"), TryLater(Reason.RATE_LIMITED, "it answered 429: slow", 7.0)),
        (answer(503, "down", retry_after="7"), TryLater(Reason.INDEX_BROKEN, "it answered 503: down", 7.0, arrived_maybe=True)),
        (answer(500, "<h1>x</h1>", kind="text/html"), TryLater(Reason.INDEX_BROKEN, "it answered 500", arrived_maybe=True)),
        (answer(500, "token marked-token-2"), TryLater(Reason.INDEX_BROKEN, "it answered 500: token [redacted]", arrived_maybe=True)),
    ],
)  # fmt: skip
def test_what_comes_of_a_release(got: Answer, outcome: object) -> None:
    """OK alone is success; every other answer is read to its cause, or to "later"."""
    assert read_added(got, SENT, HIDDEN) == outcome


def test_a_file_that_is_there() -> None:
    """The facility refuses a name that is there, same or not: that is told apart from every other refusal."""
    said = 'Error processing form\n\nA file named "x.tar.gz" already exists for  x-1. To fix problems with that file'
    assert read_sent(answer(400, said), SENT) == FileThere(said.partition("\n\n")[2].replace("  ", " "))
    assert read_sent(answer(200, "OK"), SENT) == Uploaded()
    assert isinstance(read_sent(answer(503), SENT), TryLater)


@pytest.mark.parametrize(
    ("got", "outcome"),
    [
        (answer(400, "Error processing form\n\ninvalid upload"), UploadRefused(ReleaseReason.UPLOAD_FILE_REFUSED, "invalid upload")),
        (answer(403, "Forbidden"), UploadRefused(ReleaseReason.UPLOAD_NOT_ALLOWED, "Forbidden")),
        (answer(404), UploadRefused(ReleaseReason.UPLOAD_NO_SUCH_API, cause_and_remedy(Denied(Fault.NOT_OFFERED))[0])),
        (answer(307, location="https://x.example/"), UploadRefused(ReleaseReason.UPLOAD_MOVED, "to x.example")),
        (answer(400, f"{HEADING}Invalid consumer."),
         UploadRefused(ReleaseReason.UPLOAD_REFUSED, "The index does not know the consumer key.")),
    ],
)  # fmt: skip
def test_what_a_refusal_is_to_a_release(got: Answer, outcome: UploadRefused) -> None:
    """Each refusal is one of the reasons that releases know, with what the index said or what it means."""
    assert read_sent(got, SENT) == outcome


def test_a_grant_that_is_gone_is_blamed() -> None:
    """An access token that the index does not know any more is good for nothing, and so not used again."""
    found = read_sent(answer(400, f"{HEADING}Invalid access token: marked-token-2"), SENT)
    assert isinstance(found, UploadRefused)
    assert (found.reason, found.blames_token) == (ReleaseReason.UPLOAD_TOKEN_UNKNOWN, True)
    assert "marked" not in found.detail


def test_a_file_tells_its_release() -> None:
    """Today's metadata in the facility's names, and what it does not know left out; the file itself names its release alone."""
    metadata = (
        ("metadata_version", "2.4"), ("name", "spam"), ("version", "1.0"), ("summary", "Spam"), ("license_expression", "MIT"),
        ("classifiers", "A :: B"), ("classifiers", "C"), ("project_urls", "Docs, https://x.example"), ("dynamic", "x"),
    )  # fmt: skip
    digests = Digests("s", "b", "m" * 32, 3)
    wheel = Distribution(Named("spam-1.0-py3-none-any.whl", Kind.WHEEL, "py3"), digests, metadata)
    assert oauth1.release_pairs(oauth1.release_fields(wheel)) == [
        ("name", "spam"), ("version", "1.0"), ("summary", "Spam"), ("metadata_version", "1.2"),
        ("project_url", "Docs, https://x.example"), ("classifiers", "A :: B"), ("classifiers", "C"),
    ]  # fmt: skip
    content = io.BytesIO(b"xyz")
    asked = oauth1.upload_request(SITE, wheel, content, 30)
    assert parse_qsl(urlsplit(asked.url).query) == [
        ("name", "spam"), ("version", "1.0"), ("metadata_version", "1.2"), ("filename", "spam-1.0-py3-none-any.whl"),
        ("filetype", "bdist_wheel"), ("protocol_version", "1"), ("pyversion", "py3"), ("md5_digest", "m" * 32),
    ]  # fmt: skip
    assert asked.form is not None
    assert (asked.form.part, asked.form.fields, asked.form.content, asked.timeout) == (
        "content",
        (),
        content,
        30,
    )
    sdist = Distribution(Named("spam-1.0.tar.gz", Kind.SDIST, "source"), digests, metadata)
    assert "pyversion" not in oauth1.upload_request(SITE, sdist, content, 30).url


def test_every_fault_has_cause_and_remedy() -> None:
    """Each is a sentence of its own, and says what a person can do."""
    told = [cause_and_remedy(Denied(fault)) for fault in Fault]
    assert len({cause for cause, _ in told}) == len(Fault)
    assert all(cause.endswith(".") and remedy.endswith(".") for cause, remedy in told)
    assert "It said: so" in cause_and_remedy(Denied(Fault.FORM, "so"))[0]


@settings(max_examples=150)
@given(
    st.integers(100, 999) | st.sampled_from([200, 307, 400, 403, 404, 429, 500]),
    st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f"{HEADING}{text}".encode())
    | st.sampled_from(oauth1._SAYS).map(lambda pair: f"{HEADING}{pair[0]} marked-token-2 marked-secret-3".encode()),
    st.sampled_from(["text/plain", "text/html", ""]),
    st.text(max_size=40),
)  # fmt: skip
def test_no_answer_breaks_reading(status: int, body: bytes, kind: str, header: str) -> None:
    """Whatever comes back is one of the outcomes, its detail short and clean, and what must not be repeated is not."""
    got = answer(status, body, kind=kind, reason=header, retry_after=header, location=header, date=header)
    for read in (read_token, read_test, read_added, read_sent):
        outcome = read(got, SENT, HIDDEN)
        assert isinstance(
            outcome, TokenPair | Allowed | Accepted | Uploaded | FileThere | UploadRefused | Denied | TryLater
        )
        detail = getattr(outcome, "detail", "")
        assert len(detail) <= 300
        assert detail.isprintable()
        assert "marked" not in detail
        if isinstance(outcome, Denied):
            assert all(cause_and_remedy(outcome))
