"""One-time codes: the RFC's own, read as authenticators are handed them, sent where the index's settings say."""

import io
from base64 import b32encode, b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outcomes import Login
from bot.core.sites import IndexSite
from bot.index import intake, one_time
from bot.index.intake import Intake
from bot.index.upload import read_upload, upload_request
from bot.wire import Answer
from storage.records import CredentialKind, Secret
from tests.unit.packed import WHEEL_NAME, wheel
from tests.unit.test_upload_api import looked

SITE = IndexSite("company", "https://pkg.example", "https://pkg.example/legacy/")
BEHIND, HEADER = (replace(SITE, one_time_code=how) for how in ("append", "X-OTP"))
NOW = datetime(2026, 11, 20, 12, 0, 7, tzinfo=UTC)
SEED = b"12345678901234567890"
PACKED = b32encode(SEED).decode()


@pytest.mark.parametrize(
    ("seconds", "algorithm", "code"),
    [
        (59, "SHA1", "94287082"), (1111111109, "SHA1", "07081804"), (20000000000, "SHA1", "65353130"),
        (59, "SHA256", "46119246"), (59, "SHA512", "90693936"),
    ],
)  # fmt: skip
def test_the_vectors_of_the_rfc(seconds: int, algorithm: str, code: str) -> None:
    """RFC 6238, appendix B: its secrets at its moments make its codes."""
    length = {"SHA1": 20, "SHA256": 32, "SHA512": 64}[algorithm]
    secret = b32encode((SEED * 4)[:length]).decode()
    found = one_time.read(Secret(f"otpauth://totp/x:ada?secret={secret}&digits=8&algorithm={algorithm}"))
    assert found is not None
    assert found.code(datetime.fromtimestamp(seconds, UTC)).reveal() == code


def test_a_code_is_good_for_its_own_time() -> None:
    """A code begins and ends with its half minute; neither it nor what makes it shows in a repr."""
    found = one_time.read(Secret(f" {PACKED[:8].lower()} {PACKED[8:]} "))
    assert found is not None
    assert (found.since(NOW), found.until(NOW)) == (NOW.replace(second=0), NOW.replace(second=30))
    assert found.code(NOW) == found.code(NOW + timedelta(seconds=22)) != found.code(found.until(NOW))
    assert "12345" not in repr(found)


@pytest.mark.parametrize("text", ["", "123456", "not base 32!", "AAAA", f"otpauth://hotp/x?secret={PACKED}",
    "otpauth://totp/x", f"otpauth://totp/x?secret={PACKED}&digits=99", f"otpauth://totp/x?secret={PACKED}&period=0",
    f"otpauth://totp/x?secret={PACKED}&algorithm=MD5", "otpauth://[", PACKED * 99])  # fmt: skip
def test_what_makes_no_codes(text: str) -> None:
    """A code itself, a counter's address, other digits, periods or algorithms are not taken."""
    assert one_time.read(Secret(text)) is None


@given(st.text(max_size=80) | st.text(max_size=60).map(lambda text: f"otpauth://totp/x?{text}"))
def test_anything_may_be_typed(text: str) -> None:
    """Whatever is typed makes codes or doesn't; nothing raises."""
    found = one_time.read(Secret(text))
    assert found is None or found.code(NOW).reveal().isdigit()


def test_it_goes_where_the_settings_say() -> None:
    """Behind the password or in the header of that name, and in nothing that the index says of it afterwards."""
    login = Login(Secret("ada"), Secret("pass-word"), Secret("492039"))
    file = looked(wheel(), WHEEL_NAME)
    behind, header = (upload_request(site, file, io.BytesIO(), login, 9) for site in (BEHIND, HEADER))
    plain = [b64decode(one.headers["Authorization"].split()[1]) for one in (behind, header)]
    assert plain == [b"ada:pass-word492039", b"ada:pass-word"]
    assert ("X-OTP" in behind.headers, header.headers["X-OTP"]) == (False, "492039")
    assert "492039" not in repr(read_upload(HEADER, Answer(403, "No: 492039", {}, b""), login))


def entered(site: IndexSite = HEADER, **typed: str) -> Intake | str:
    """Return what was entered, or the problem's field and words."""
    found = intake.take({"index": "company", "token": "pass-word", **typed}, {"company": site}, NOW)
    return found if isinstance(found, Intake) else f"{found[0].field}: {found[0].message}"


def test_it_is_taken_beside_a_password_alone() -> None:
    """What makes codes is kept with the password, with a warning; without a place for it, or beside a token, it is refused."""
    found = entered(username="ada", one_time=PACKED)
    assert isinstance(found, Intake)
    assert (found.kind, set(found.secrets)) == (CredentialKind.PASSWORD, {"secret", "username", "one_time"})
    assert any("one-time codes" in limit for limit in intake.limits(found))
    assert PACKED not in repr(found)
    assert "Nobody has said how company takes" in str(entered(SITE, username="ada", one_time=PACKED))
    assert "a token needs none" in str(entered(one_time=PACKED))
    assert "one_time: This makes no one-time codes" in str(entered(username="ada", one_time="123456"))
