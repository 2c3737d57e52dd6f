"""One-time codes by time, for indexes that want one beside a password: made here, each used once.

Knows: RFC 6238, the addresses in which authenticators are handed their secret. Must not know: httpx, who asks.
An index that follows the RFC (5.2) takes no code twice, so whoever uses one writes down when, and waits for the next.
"""

import re
from base64 import b32decode
from binascii import Error
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from storage.records import Secret

LONGEST = 1_000
_HASHES: dict[str, SHA1 | SHA256 | SHA512] = {"SHA1": SHA1(), "SHA256": SHA256(), "SHA512": SHA512()}  # noqa: S303 - the RFC's own default
_DIGITS = re.compile(r"[6-8]", re.ASCII)
_PERIOD = re.compile(r"[1-9]\d{1,2}", re.ASCII)
_SHORTEST = 10
"""Bytes of a secret; RFC 4226 wants 16, and many give 10."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What makes an account's codes."""

    key: bytes = field(repr=False)
    digits: int = 6
    period: int = 30
    """Seconds for which a code is good."""
    algorithm: str = "SHA1"

    def code(self, now: datetime) -> Secret:
        """Return the code of this moment."""
        maker = TOTP(self.key, self.digits, _HASHES[self.algorithm], self.period, enforce_key_length=False)
        return Secret(maker.generate(int(now.timestamp())).decode())

    def since(self, now: datetime) -> datetime:
        """Return since when the code of this moment is good: one used since then is used up."""
        seconds = int(now.timestamp())
        return datetime.fromtimestamp(seconds - seconds % self.period, UTC)

    def until(self, now: datetime) -> datetime:
        """Return when the next code begins."""
        return self.since(now) + timedelta(seconds=self.period)


def read(text: Secret) -> Codes | None:
    """Read an authenticator's secret, in base 32 or as `otpauth://totp/...` (Google's Key URI Format); None: it is none."""
    said = text.reveal().strip()
    if len(said) > LONGEST:
        return None
    if not said.lower().startswith("otpauth:"):
        key = _key(said)
        return Codes(key) if key else None
    try:
        found = urlsplit(said)
        values = {name.lower(): value[0] for name, value in parse_qs(found.query, max_num_fields=20).items()}
    except ValueError:
        return None
    return _of_address(values) if found.netloc.lower() == "totp" else None


def _of_address(values: dict[str, str]) -> Codes | None:
    key, digits, period = (
        _key(values.get("secret", "")),
        values.get("digits", "6"),
        values.get("period", "30"),
    )
    algorithm = values.get("algorithm", "SHA1").upper().replace("-", "")
    fits = _DIGITS.fullmatch(digits) and _PERIOD.fullmatch(period) and algorithm in _HASHES
    return Codes(key, int(digits), int(period), algorithm) if key and fits else None


def _key(text: str) -> bytes:
    """Return the key's bytes; none where this is no base 32, or too short."""
    packed = re.sub(r"[\s-]", "", text).upper().rstrip("=")
    try:
        key = b32decode(packed + "=" * (-len(packed) % 8))
    except (Error, ValueError):
        return b""
    return key if len(key) >= _SHORTEST else b""
