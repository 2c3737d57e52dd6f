"""Tokens are recognised wherever they stand, and nothing else is."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import secrets
from bot.core.secrets import (
    GITHUB_TOKEN,
    GITLAB_TOKEN,
    INDEX_TOKEN,
    OTHER_TOKEN,
    PRIVATE_KEY,
    REDACTED,
    SLACK_HOOK,
    SLACK_TOKEN,
    TokenKind,
    looks_like_token,
    redact,
)

BODY = "AgEIcHlwaS5vcmcCJDU0ZTJmYzA3LWQ2Zjk0"
TOKENS: list[tuple[str, TokenKind]] = [
    (f"pypi-{BODY}", INDEX_TOKEN),
    (f"devpi-{BODY}", INDEX_TOKEN),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345", GITHUB_TOKEN),
    ("gho_0123456789abcdefghijABCDEFGHIJ012345", GITHUB_TOKEN),
    ("ghu_0123456789abcdefghijABCDEFGHIJ012345", GITHUB_TOKEN),
    ("ghs_0123456789abcdefghijABCDEFGHIJ012345", GITHUB_TOKEN),
    ("ghr_0123456789abcdefghijABCDEFGHIJ012345", GITHUB_TOKEN),
    ("github_pat_11AAAAAAA0abcdefghijkl_mnopqrstuvwxyz", GITHUB_TOKEN),
    ("glpat-abcdefghij0123456789", GITLAB_TOKEN),
    ("xoxb-123456789012-abcdefABCDEF", SLACK_TOKEN),
    ("xoxp-123456789012-abcdefABCDEF", SLACK_TOKEN),
    ("xoxa-2-123456789012", SLACK_TOKEN),
    ("xoxe.xoxb-1-MS0yLTE", SLACK_TOKEN),
    ("xoxe-1-My0xLTE", SLACK_TOKEN),
    ("xapp-1-A012-123-abcdef", SLACK_TOKEN),
    ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl", OTHER_TOKEN),
    ("Bearer abcDEF123456", OTHER_TOKEN),
    ("bearer abcDEF123456", OTHER_TOKEN),
    ("Token dGhpcyBpcyBh", OTHER_TOKEN),
    ("Basic X190b2tlbl9fOnB5cGk=", OTHER_TOKEN),
    ("access_token=abcdef", OTHER_TOKEN),
    ("https://hooks.slack.com/services/T0/B0/abcdef", SLACK_HOOK),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", PRIVATE_KEY),
]
AROUND = st.text(alphabet=string.punctuation.replace("-", "").replace("_", "") + " \n\t\u00fc", max_size=20)


PIECES = (
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glptt-", "gldt-", "glrt-", "gloas-", "glsoat-", "glcbt-", "glft-",
    "glagent-", "pypi-", "devpi-", "Ag", "xoxb-", "xoxe.", "xapp-", "eyJ", "Bearer ", "BASIC ", "toKen ", "Token=", "SECRET=", "Passwd=",
    "PASSWORD=", "Api_key=", "ApiKey=", "Authorization: ", "AUTHORIZATION=", "https://", "hooks.slack.com/", "hooks.slack-gov.com/",
    "-----BEGIN RSA PRIVATE KEY-----", "-----END PRIVATE KEY-----", "@", ":", "/", ".", " ", "\n", "",
    "\u212a", "\u0130",
)  # fmt: skip
"""What tokens and their surroundings are made of; the last two are letters whose lower case is another's."""


BODIES = st.sampled_from(["AgEIcHlwaS5vcmcCJDU0ZTJmYzA3LWQ2Zjk0", "0123456789abcdefABCDEF", "plainwords", ""])
TEXTS = st.lists(st.tuples(st.sampled_from(PIECES), BODIES).map("".join), max_size=8).map("".join)


@settings(max_examples=1_000)
@given(TEXTS)
def test_no_pattern_is_passed_over(text: str) -> None:
    """Where none of a pattern's signs stands it finds nothing: the text is what all of them together would have made of it."""
    whole = secrets._USERINFOS.sub(REDACTED, secrets._HEADERS.sub(rf"\1{REDACTED}", text))
    for form in secrets._FORMS:
        whole = form.pattern.sub(REDACTED, whole)
    assert redact(text) == whole


@pytest.mark.parametrize(("token", "kind"), TOKENS)
def test_each_kind_is_named(token: str, kind: TokenKind) -> None:
    """A token is recognised as what it is, in the middle of a sentence too."""
    assert looks_like_token(token) is kind
    assert looks_like_token(f"add widgets `{token}`, please") is kind
    assert kind.revoke.endswith(".")


@given(st.sampled_from([token for token, _ in TOKENS[:14]]), AROUND, AROUND)
def test_a_token_is_taken_out_whatever_stands_around(token: str, before: str, after: str) -> None:
    """No token is left in redacted text."""
    assert token not in redact(before + token + after)


@pytest.mark.parametrize(
    "text",
    [
        "pypi", "pypi-", "devpi-server", "devpi-tokens", "pypi-publish", "pypi-attestations", "pypi-simple-index-mirror-tool", "gh-action-pypi-publish",
        "pypa/gh-action-pypi-publish@0123456789abcdef0123456789abcdef01234567", "laughs_aloud_again", "xoxb-", "xoxb-...",
        "Token page", "token authentication", "the bearer of bad news", "Basic authentication", "tokens: none",
        "https://github.com/acme/widgets", "acme/widgets workflow=release.yml environment=pypi",
        "Make a new token at https://pypi.example/manage/account/token/", "me@example.org",
    ],
)  # fmt: skip
def test_what_is_no_token_stays(text: str) -> None:
    """Project names, actions, prose and addresses are left as they are."""
    assert redact(text) == text
    assert looks_like_token(text) is None


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("postgresql://bot:p@ss@db.example/x", f"postgresql://{REDACTED}@db.example/x"),
        ("https://me@git.example/o/r", f"https://{REDACTED}@git.example/o/r"),
        ("postgresql://bot:p/s?s#s@db.example/x", f"postgresql://{REDACTED}@db.example/x"),
        ("http://index.example:8080/?mail=me@example.org", "http://index.example:8080/?mail=me@example.org"),
        ("Authorization: Token x", f"Authorization: {REDACTED}"),
        ("HTTP_AUTHORIZATION=Token x", f"HTTP_AUTHORIZATION={REDACTED}"),
        ("{'Authorization': 'Basic x'}", f"{{'Authorization': '{REDACTED}'}}"),
        ("[(b'authorization', b'Bearer x')]", f"[(b'authorization', b'{REDACTED}')]"),
        ("/cb?oauth_token=abc&x=1", f"/cb?oauth_token={REDACTED}&x=1"),
        ("https://hooks.slack.com/commands/T0/1/a b", f"https://hooks.slack.com/{REDACTED} b"),
    ],
)
def test_what_holds_a_secret_is_shown_around_it(text: str, clean: str) -> None:
    """Of an address or a header, only the secret part goes."""
    assert redact(text) == clean


@given(st.text())
def test_redacting_never_raises_and_is_done_at_once(text: str) -> None:
    """Any text is taken, and redacting twice changes nothing more."""
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet="pyi-AgEIhox_.b:/@ =eyJTok1\nBasc"))
def test_near_misses_never_raise(text: str) -> None:
    """Text made of tokens' pieces is taken too, and what looked like a token no longer does."""
    assert looks_like_token(text) is None or REDACTED in redact(text)


@pytest.mark.parametrize(
    "piece",
    [
        "pypi-", "pypi-a", "pypi-Ag", "eyJ", "eyJaaaaaaaa.", "gh", "ghp_", "github_pat_", "glpat-", "xoxe.", "xox", "xapp-",
        "://", "a://a@", "://a", "://a:", "://a:a/", "@", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "Bearer ", "Bearer a",
        "Authorization:", "authorization ", "token=", "Token \t", " ", "a", "A1",
    ],
)  # fmt: skip
def test_no_text_makes_redacting_slow(piece: str) -> None:
    """Time grows with the length and not its square: with the square this would run into the suite's time limit."""
    text = piece * (400_000 // len(piece))
    assert len(redact(text)) <= len(text) + len(REDACTED) * (len(text) // len(piece) + 1)
