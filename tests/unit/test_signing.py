"""Signatures: published vectors, and a verifier of another library that must agree whatever is signed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from authlib.oauth1.rfc5849.signature import construct_base_string, verify_hmac_sha1
from authlib.oauth1.rfc5849.wrapper import OAuth1Request
from hypothesis import given, settings
from hypothesis import strategies as st
from oauthlib.common import Request as LibraryRequest
from oauthlib.oauth1 import Client
from oauthlib.oauth1.rfc5849 import signature

from bot.core.oauth1 import FileFields, ReleaseFields, TokenPair
from bot.core.sites import IndexSite, OAuth1Consumer
from bot.index import oauth1
from bot.index.signing import FORM, Stamp, signed
from bot.wire import Request
from storage.records import Secret

CONSUMER = OAuth1Consumer("key", Secret("marked-consumer-1"))
PAIR = TokenPair(Secret("marked-token-2"), Secret("marked-secret-3"))
STAMP = Stamp(datetime(2026, 11, 27, 1, tzinfo=UTC), "once")
SITE = IndexSite("company", "https://index.example:8443/pypi", oauth1=CONSUMER)
BASE_STRING = (
    "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D"
    "%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
    "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
)
"""RFC 5849, section 3.4.1.1, without its line breaks."""
EXAMPLE_HEADER = (
    'OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", '
    'oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", '
    'oauth_signature="bYT5CMsGcbgUdFHObYMEfcx6bsw%3D"'
)
EXAMPLE_URL = "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"


class AsPrinted(Client):
    """The library's signer without `oauth_version`, which RFC 5849's examples leave out."""

    def get_oauth_params(self, request: LibraryRequest) -> list[tuple[str, str]]:
        """Return the parameters that the examples have."""
        pairs: Any = super().get_oauth_params(request)  # type: ignore[no-untyped-call]  # the stubs' gap
        return [pair for pair in pairs if pair[0] != "oauth_version"]


def header(request: Request) -> dict[str, str]:
    """Return the parameters of a signed request's header, as they were before they were escaped."""
    return dict(OAuth1Request("GET", "https://x.example/", None, dict(request.headers)).oauth_params)


def agrees(request: Request, consumer: OAuth1Consumer, pair: TokenPair | None) -> bool:
    """Say whether Authlib's verifier computes the same signature."""

    class Known:
        def get_client_secret(self) -> str:
            return consumer.consumer_secret.reveal()

        def get_oauth_token_secret(self) -> str:
            return pair.secret.reveal() if pair else ""

    is_form = request.headers.get("Content-Type") == FORM
    body = request.body.decode() if is_form else None
    seen: Any = OAuth1Request(request.method, request.url, body, dict(request.headers))
    seen.client, seen.credential = Known(), Known()
    return bool(verify_hmac_sha1(seen))


def test_the_base_string_of_rfc_5849() -> None:
    """Both libraries, the signer's and the verifier's, make section 3.4.1.1's base string of its request."""
    # Authlib takes no plain http, whatever is only computed: the example's own address goes into the base string.
    theirs = OAuth1Request(
        "POST", EXAMPLE_URL.replace("http", "https", 1), "c2&a3=2+q", {"Authorization": EXAMPLE_HEADER}
    )
    assert construct_base_string("POST", EXAMPLE_URL, theirs.params) == BASE_STRING
    query = EXAMPLE_URL.partition("?")[2]
    found: Any = signature.collect_parameters(query, "c2&a3=2+q", {"Authorization": EXAMPLE_HEADER})
    normal, place = signature.normalize_parameters(found), signature.base_string_uri(EXAMPLE_URL)
    assert signature.signature_base_string("POST", place, normal) == BASE_STRING


@pytest.mark.parametrize(
    ("keys", "stamp", "asked", "wanted"),
    [
        # Section 1.2: the resource, then the token request with its verifier.
        (("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"), ("chapoH", "137131202", None),
         ("http://photos.example.net/photos?file=vacation.jpg&size=original", "GET", None), "MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"),
        (("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "hh5s93j4hdidpola", "hdhd0244k9j7ao03"), ("walatlh", "137131201", "hfdp7dh39dks9884"),
         ("https://photos.example.net/token", "POST", None), "gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D"),
        # Section 3.4.1.1's request; what is printed there belongs to no known secrets, this is the known correction.
        (("9djdj82h48djs9d2", "j49sk3j29djd", "kkk9d7dh3k39sjv7", "dh893hdasih9"), ("7d8f3e4a", "137131201", None),
         ("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", "POST", "c2&a3=2+q"), "r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"),
    ],
)  # fmt: skip
def test_the_examples_of_rfc_5849(keys: Any, stamp: Any, asked: Any, wanted: str) -> None:
    """The library that signs gives the signatures that the standard prints."""
    nonce, timestamp, verifier = stamp
    key, secret, token, token_secret = keys
    signer = AsPrinted(key, secret, token, token_secret, nonce=nonce, timestamp=timestamp, verifier=verifier)
    url, method, body = asked
    _, headers, _ = signer.sign(url, method, body, {"Content-Type": FORM} if body else {})
    assert f'oauth_signature="{wanted}"' in headers["Authorization"]


@pytest.mark.parametrize(
    ("consumer", "pair", "stamp", "request_", "wanted"),
    [
        # OAuth Core 1.0, appendix A.5.
        (("dpf43f3p2l4k3l03", "kd94hf93k423kf44"), ("nnch734d00sl2jdk", "pfkkdhi9sl3r4s00"), (1191242096, "kllo9940pd9333jh"),
         Request("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original"), "tR3+Ty81lMeYAr/Fid0kMTYa/WM="),
        # Twitter's "Creating a signature": a form, and a query beside it.
        (("xvz1evFS4wEEPTGEFPHBog", "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
         ("370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
         (1318622958, "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"),
         Request("POST", "https://api.twitter.com/1.1/statuses/update.json?include_entities=true", {"Content-Type": FORM},
                 b"status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21"), "hCtSmYh+iHYCEqBWrE7C7hYmtUk="),
    ],
)  # fmt: skip
def test_published_vectors_with_a_version(
    consumer: tuple[str, str], pair: tuple[str, str], stamp: tuple[int, str], request_: Request, wanted: str
) -> None:
    """Our own signer gives the signatures of the specification of 2007 and of a large service's manual."""
    done = signed(
        request_,
        OAuth1Consumer(consumer[0], Secret(consumer[1])),
        TokenPair(*map(Secret, pair)),
        Stamp(datetime.fromtimestamp(stamp[0], UTC), stamp[1]),
    )
    assert header(done)["oauth_signature"] == wanted


def test_what_goes_into_the_header() -> None:
    """Time, nonce, method and version as given; the token where there is one; no secret, there or in a repr."""
    alone = header(signed(oauth1.request_token_request(SITE), CONSUMER, None, STAMP))
    assert alone == alone | {
        "oauth_consumer_key": "key", "oauth_nonce": "once", "oauth_timestamp": "1795741200",
        "oauth_signature_method": "HMAC-SHA1", "oauth_version": "1.0",
    }  # fmt: skip
    assert "oauth_token" not in alone
    done = signed(oauth1.whose_request(SITE), CONSUMER, PAIR, STAMP)
    assert header(done)["oauth_token"] == "marked-token-2"
    assert "marked-consumer" not in str(dict(done.headers))
    assert "marked-secret" not in str(dict(done.headers))
    assert "marked" not in repr((done, CONSUMER, PAIR))
    assert done.once
    assert done.url == "https://index.example:8443/pypi/oauth/test?client=shipbell"


def test_a_file_is_not_signed() -> None:
    """Of an upload the query is signed; whatever its body is, the signature is the same."""
    url = oauth1.upload_address(SITE, ReleaseFields("spam", "1.0"), FileFields("spam-1.0.tar.gz", "sdist"))
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    one, other = (
        signed(Request("POST", url, kind, body), CONSUMER, PAIR, STAMP) for body in (b"\xff\x00", b"a=b")
    )
    assert one.headers["Authorization"] == other.headers["Authorization"]
    assert agrees(one, CONSUMER, PAIR)
    assert "oauth_body_hash" not in header(one)


WORDS = st.text(max_size=12) | st.sampled_from(
    ["", " ", "a b", "+", "%", "%41", "&=", "é", "\ud800", "\x00", "~-._", "\n", "𝄞"]
)


@settings(max_examples=150)
@given(
    WORDS,
    WORDS,
    st.dictionaries(
        st.sampled_from([*oauth1.SINGLE, *oauth1.OWN, "unknown", "oauth_token"]), WORDS, max_size=5
    ),
    st.dictionaries(st.sampled_from(oauth1.LISTS), st.lists(WORDS, max_size=3), max_size=3),
    st.text("abcXYZ019+/=%&~ é", min_size=1, max_size=8),
)
def test_another_library_agrees_whatever_is_signed(
    name: str, version: str, single: dict[str, str], lists: dict[str, list[str]], secret: str
) -> None:
    """Any signs in any field, in a form or in a query, are signed so that Authlib's verifier computes the same."""
    consumer = OAuth1Consumer("key", Secret(secret))
    pair = TokenPair(Secret("token"), Secret(secret[::-1]))
    release = ReleaseFields(name, version, name, {**single, **lists})
    file = FileFields(f"{name}.whl", "bdist_wheel", "py3", comment=version)
    form = oauth1.add_release_request(SITE, release)
    for asked in (form, Request("POST", oauth1.upload_address(SITE, release, file))):
        assert agrees(signed(asked, consumer, pair, STAMP), consumer, pair)
        assert not agrees(signed(asked, consumer, pair, STAMP), consumer, None)
        assert agrees(signed(asked, consumer, None, STAMP), consumer, None)
