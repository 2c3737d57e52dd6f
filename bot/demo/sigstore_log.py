"""A transparency log as Rekor is one: entries that can't be taken out again, each with its proof.

Knows: Merkle trees (RFC 6962), checkpoints, entry timestamps, log keys. Must not know: what an entry says.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOG_NAME = "rekor.stand-in.example"


@dataclass(frozen=True)
class LogKey:
    """The key of one log: of entries, or of certificates."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    @property
    def public(self) -> bytes:
        """The public key in DER."""
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def id(self) -> bytes:
        """What the log is called by (RFC 6962, 3.2)."""
        return hashlib.sha256(self.public).digest()

    def sign(self, data: bytes) -> bytes:
        """Return an ECDSA signature with SHA-256."""
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))


def text64(data: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(data).decode()


def canonical(value: dict[str, Any]) -> bytes:
    """Return JSON in its canonical form (RFC 8785, for plain text and whole numbers)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class EntryLog:
    """Takes entries, and shows for each that it was taken, when, and where it stands."""

    def __init__(self) -> None:
        self.key = LogKey()
        self._leaves: list[bytes] = []

    def add(self, body: bytes, kind: str, version: str, seconds: int) -> dict[str, Any]:
        """Take an entry at a time (unix seconds) and return it as a bundle holds it, with proof and promise."""
        index = len(self._leaves)
        self._leaves.append(hashlib.sha256(b"\x00" + body).digest())
        root = tree_hash(self._leaves)
        promised = {
            "body": text64(body),
            "integratedTime": seconds,
            "logID": self.key.id.hex(),
            "logIndex": index,
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": text64(self.key.id)},
            "kindVersion": {"kind": kind, "version": version},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": text64(self.key.sign(canonical(promised)))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": text64(root),
                "treeSize": str(len(self._leaves)),
                "hashes": [text64(one) for one in path(index, self._leaves)],
                "checkpoint": {"envelope": self._checkpoint(root)},
            },
            "canonicalizedBody": text64(body),
        }

    def _checkpoint(self, root: bytes) -> str:
        """Return the log's signed word on how long it is and what it holds."""
        note = f"{LOG_NAME} - 1\n{len(self._leaves)}\n{text64(root)}\n"
        signature = text64(self.key.id[:4] + self.key.sign(note.encode()))
        return f"{note}\n— {LOG_NAME} {signature}\n"


def tree_hash(leaves: list[bytes]) -> bytes:
    """Return the hash of a Merkle tree of at least one leaf."""
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(leaves)
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:middle]) + tree_hash(leaves[middle:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """Return the hashes that lead from a leaf to the tree's own (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    middle = _split(leaves)
    left, right = leaves[:middle], leaves[middle:]
    if index < middle:
        return [*path(index, left), tree_hash(right)]
    return [*path(index - middle, right), tree_hash(left)]


def _split(leaves: list[bytes]) -> int:
    """Return the largest power of two that is less than the number of leaves."""
    power: int = 1 << ((len(leaves) - 1).bit_length() - 1)
    return power
