"""The key ring, sealing and opening: AES-256-GCM envelopes.

Knows: keys, nonces, associated data. Must not know: tables, sessions, where keys come from.

A team has one data key; every secret of the team is sealed with it, and the data key itself is wrapped by
the operator's master key. The associated data of a sealed value names team, table, column and row, so that a
ciphertext that was moved to another place does not open. (NIST SP 800-38D for GCM; the layout is our own.)
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.records import DoesNotOpen, KeyMissing, Secret, StorageError

_VERSION = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER = len(_VERSION) + _ID_BYTES + _NONCE_BYTES
_KEY_BYTES = 32
_CHAIN = b"shipbell audit chain 1"


def generate_master_key() -> str:
    """Return a new master key: 32 random bytes, URL-safe base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lies; bound into the ciphertext."""

    team_id: UUID
    table: str
    column: str
    row_id: UUID

    def associated(self, key_id: bytes) -> bytes:
        """Return the associated data of a value at this place under this key."""
        return "|".join(
            ("seal", str(self.team_id), self.table, self.column, str(self.row_id), key_id.hex())
        ).encode()


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as stored: readable only with the master key `master_key_id`."""

    id: str
    blob: bytes
    master_key_id: str


@dataclass(frozen=True, slots=True)
class DataKey:
    """A team's data key, in memory."""

    id: str
    team_id: UUID
    _bytes: bytes = field(repr=False)

    def seal(self, place: Place, secret: Secret) -> bytes:
        """Return `version | key id | nonce | ciphertext` of the secret, bound to its place."""
        if place.team_id != self.team_id:
            raise StorageError("A secret of one team was about to be sealed with another team's key.")
        return _encrypt(self._bytes, bytes.fromhex(self.id), place.associated, secret.reveal().encode())

    def sealed(self, value: bytes) -> bool:
        """Whether a sealed value says that it is of this key."""
        return value[len(_VERSION) : len(_VERSION) + _ID_BYTES] == bytes.fromhex(self.id)

    def open(self, place: Place, sealed: bytes) -> Secret:
        """Return the secret; DoesNotOpen where anything was changed or moved."""
        return Secret(_decrypt(self._bytes, bytes.fromhex(self.id), place.associated, sealed).decode())

    def chain(self) -> "ChainKey":
        """Return the key of the team's audit chain, derived from this one (RFC 5869)."""
        return ChainKey(HKDF(SHA256(), _KEY_BYTES, salt=None, info=_CHAIN).derive(self._bytes))


@dataclass(frozen=True, slots=True)
class ChainKey:
    """What links a chain of texts: each MAC covers the text and the head before it, HMAC-SHA256.

    The head is kept apart and is itself a MAC of the last one, so that whoever can write rows but has no key
    can't make the head of a shorter chain from the rows that he left.
    """

    _bytes: bytes = field(repr=False)

    def reveal(self) -> bytes:
        """Return the key itself, to be wrapped at once."""
        return self._bytes

    def link(self, head: bytes, text: bytes) -> bytes:
        """Return the MAC of the next text of the chain that ends with this head."""
        return hmac.digest(self._bytes, head + text, "sha256")

    def head(self, mac: bytes = b"") -> bytes:
        """Return the head of the chain whose last MAC this is; of the empty chain without."""
        return hmac.digest(self._bytes, b"head" + mac, "sha256")

    def checked(self, number: int, mac: bytes) -> bytes:
        """Return what says that the chain was found whole up to this number, where this MAC lies."""
        return hmac.digest(self._bytes, b"checked" + number.to_bytes(8) + mac, "sha256")


class Wrapping(Protocol):
    """What wraps data keys: the local key ring, later a key management service."""

    @property
    def current(self) -> str:
        """The id of the master key that wraps now."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the master keys that unwrap."""

    def wrap(self, team_id: UUID, key_id: str, data_key: bytes) -> WrappedKey:
        """Wrap a new data key with the current master key."""

    def unwrap(self, team_id: UUID, wrapped: WrappedKey) -> bytes:
        """Return the data key; KeyMissing or DoesNotOpen."""


class KeyRing:
    """Master keys held by this process: the first wraps, all unwrap.

    `again` gives the keys as they are configured now, none where that can't be told: so a process that runs learns of a
    rotation when it needs to, before it wraps and where a key is missing.
    """

    def __init__(
        self, master_keys: Sequence[Secret], again: Callable[[], Sequence[Secret]] | None = None
    ) -> None:
        self._keys: dict[str, bytes] = {}
        self._current = ""
        self._again = again
        self._take(master_keys)

    def _take(self, master_keys: Sequence[Secret]) -> None:
        keys = [_master_key_bytes(position, key) for position, key in enumerate(master_keys, start=1)]
        if not keys:
            raise KeyMissing("No master key is configured.", "Make one with `shipbell keys generate`.")
        # One that is configured no more stays here: a rotation may not have come to everything yet.
        self._keys |= {_key_id(key): key for key in keys}
        self._current = _key_id(keys[0])

    def _look_again(self) -> None:
        keys = self._again() if self._again else ()
        if keys:
            self._take(keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, hex; an id is the start of the key's sha256 and tells nothing of it."""
        return tuple(self._keys)

    @property
    def current(self) -> str:
        """The id of the first key."""
        return self._current

    def wrap(self, team_id: UUID, key_id: str, data_key: bytes) -> WrappedKey:
        """Wrap a data key with the first master key."""
        self._look_again()
        master = bytes.fromhex(self._current)
        blob = _encrypt(self._keys[self._current], master, _wrap_context(team_id, key_id), data_key)
        return WrappedKey(id=key_id, blob=blob, master_key_id=self._current)

    def unwrap(self, team_id: UUID, wrapped: WrappedKey) -> bytes:
        """Return the data key; KeyMissing where its master key isn't here, DoesNotOpen where it was changed."""
        if wrapped.master_key_id not in self._keys:
            self._look_again()
        key = self._keys.get(wrapped.master_key_id)
        if key is None:
            raise KeyMissing(
                f"A data key is sealed with master key {wrapped.master_key_id}, and the configured ones are "
                f"{', '.join(self._keys)}.",
                "Put that key back into SHIPBELL_MASTER_KEYS (or the key file). Nothing was changed.",
            )
        return _decrypt(
            key, bytes.fromhex(wrapped.master_key_id), _wrap_context(team_id, wrapped.id), wrapped.blob
        )


class Vault:
    """Data keys by team, unwrapped once a process. Shared by all sessions of a database."""

    def __init__(self, wrapping: Wrapping) -> None:
        self.wrapping = wrapping
        self._keys: dict[UUID, DataKey] = {}
        self._chains: dict[UUID, ChainKey] = {}

    def known(self, team_id: UUID) -> DataKey | None:
        """Return the team's data key if this process has unwrapped it already."""
        return self._keys.get(team_id)

    def make(self, team_id: UUID) -> WrappedKey:
        """Make and wrap a new data key; it is not known here until `learn` after the commit."""
        return self.wrapping.wrap(team_id, secrets.token_hex(_ID_BYTES), secrets.token_bytes(_KEY_BYTES))

    def learn(self, team_id: UUID, wrapped: WrappedKey) -> DataKey:
        """Unwrap the team's stored data key and keep it."""
        key = DataKey(wrapped.id, team_id, self.wrapping.unwrap(team_id, wrapped))
        self._keys[team_id] = key
        return key

    def keep_chain(self, key: DataKey) -> WrappedKey:
        """Wrap the key of a team's audit chain by itself, so that it outlives the data key."""
        return self.wrapping.wrap(key.team_id, secrets.token_hex(_ID_BYTES), key.chain().reveal())

    def known_chain(self, team_id: UUID) -> ChainKey | None:
        """Return the key of the team's audit chain if this process has it already; it is the same for ever."""
        return self._chains.get(team_id)

    def learn_chain(self, team_id: UUID, kept: WrappedKey | DataKey) -> ChainKey:
        """Keep the key of the team's audit chain: the one that was wrapped by itself, or the data key's."""
        key = kept.chain() if isinstance(kept, DataKey) else ChainKey(self.wrapping.unwrap(team_id, kept))
        self._chains[team_id] = key
        return key

    def forget(self, team_id: UUID) -> None:
        """Drop the team's data key from memory."""
        self._keys.pop(team_id, None)


class _Context(Protocol):
    def __call__(self, key_id: bytes, /) -> bytes: ...


def _wrap_context(team_id: UUID, key_id: str) -> _Context:
    return lambda master: "|".join(("wrap", str(team_id), key_id, master.hex())).encode()


def _master_key_bytes(position: int, key: Secret) -> bytes:
    try:
        raw = base64.b64decode(key.reveal().strip().encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise KeyMissing(
            f"Master key number {position} is not 32 bytes of URL-safe base64.",
            "Make one with `shipbell keys generate`.",
        )
    return raw


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"shipbell master key id" + key).hexdigest()[: 2 * _ID_BYTES]


def _encrypt(key: bytes, key_id: bytes, context: _Context, plain: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + key_id + nonce + AESGCM(key).encrypt(nonce, plain, context(key_id))


def _decrypt(key: bytes, key_id: bytes, context: _Context, blob: bytes) -> bytes:
    if blob[:1] != _VERSION or blob[1 : 1 + _ID_BYTES] != key_id:
        raise DoesNotOpen(
            "A sealed value was made with another key or format.", "Restore the row from a backup."
        )
    try:
        return AESGCM(key).decrypt(blob[1 + _ID_BYTES : _HEADER], blob[_HEADER:], context(key_id))
    except (InvalidTag, ValueError):
        # `from None`: the library's error says nothing, and its traceback would hold the key.
        raise DoesNotOpen(
            "A sealed value does not open: it was changed or moved.",
            "Restore the row from a backup, or enter it anew.",
        ) from None
