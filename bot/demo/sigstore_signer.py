"""A Sigstore of one's own: signs attestations (PEP 740) of files as a workflow run does, and is its root of trust.

Knows: statements, envelopes, bundles, `trusted_root.json`. Must not know: who asks for a signature, who checks it.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bot.demo.index_state import utc_now
from bot.demo.sigstore_ca import BEGIN, END, Authority, der, pem
from bot.demo.sigstore_log import EntryLog, LogKey, canonical, text64

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PUBLISHED = "https://docs.pypi.org/attestations/publish/v1"
PERIOD = {"start": BEGIN.strftime("%Y-%m-%dT%H:%M:%SZ"), "end": END.strftime("%Y-%m-%dT%H:%M:%SZ")}


class Tamper(StrEnum):
    """What may be wrong with an attestation."""

    NOTHING = ""
    SIGNATURE = "signature"
    """The signature is another statement's."""
    STATEMENT = "statement"
    """The statement was changed after it was signed."""
    CERTIFICATE = "certificate"
    """A bit of the certificate is another one."""
    UNLOGGED = "unlogged"
    """The certificate is not in the certificates' log."""
    LATE = "late"
    """It was signed when the certificate was not good any more."""
    ENTRY = "entry"
    """The log's entry is about another statement."""
    PROOF = "proof"
    """The log's proof leads elsewhere."""
    CHECKPOINT = "checkpoint"
    """The log did not sign its checkpoint."""
    PROMISE = "promise"
    """The log did not sign the time."""


class Signer:
    """One private Sigstore: an authority, its certificates' log and a log of signatures."""

    def __init__(self, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._authority = Authority()
        self._log = EntryLog()

    def attest_file(self, filename: str, content: bytes, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attestation of a file by the run that makes these claims."""
        return self.attest(filename, hashlib.sha256(content).hexdigest(), claims)

    def attest(
        self, filename: str, sha256: str, claims: Mapping[str, Any], tamper: Tamper = Tamper.NOTHING
    ) -> dict[str, Any]:
        """Return a file's attestation by the run that makes these claims, which are those of its identity token."""
        now = self._clock().replace(microsecond=0)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._authority.certify(
            key.public_key(), claims, now, logged=tamper is not Tamper.UNLOGGED
        )
        statement = _statement(filename, sha256)
        signature = key.sign(_pae(statement), ec.ECDSA(hashes.SHA256()))
        said = _statement(filename, "0" * 64) if tamper is Tamper.ENTRY else statement
        late = timedelta(hours=1) if tamper is Tamper.LATE else timedelta()
        entry = self._log.add(
            _entry_body(said, signature, pem(certificate)), "dsse", "0.0.1", int((now + late).timestamp())
        )
        attestation = {
            "version": 1,
            "verification_material": {
                "certificate": text64(der(certificate)),
                "transparency_entries": [entry],
            },
            "envelope": {"statement": text64(statement), "signature": text64(signature)},
        }
        _tampered(attestation, entry, tamper)
        return attestation

    def trusted_root(self) -> dict[str, Any]:
        """Return the root of trust as Sigstore's clients read it."""
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_instance("https://rekor.stand-in.example", self._log.key)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "stand-in.example", "commonName": "sigstore-stand-in"},
                    "uri": "https://fulcio.stand-in.example",
                    "certChain": {
                        "certificates": [{"rawBytes": text64(der(one))} for one in self._authority.chain]
                    },
                    "validFor": PERIOD,
                }
            ],
            "ctlogs": [_log_instance("https://ctfe.stand-in.example", self._authority.log)],
            "timestampAuthorities": [],
        }

    def write_trusted_root(self, path: Path) -> Path:
        """Write the root of trust into a file and return its path."""
        path.write_text(json.dumps(self.trusted_root(), indent=1))
        return path


def _statement(filename: str, sha256: str) -> bytes:
    value = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": filename, "digest": {"sha256": sha256}}],
        "predicateType": PUBLISHED,
        "predicate": None,
    }
    return json.dumps(value, separators=(",", ":")).encode()


def _pae(payload: bytes) -> bytes:
    """Return what is signed of a payload (DSSE)."""
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def _entry_body(statement: bytes, signature: bytes, certificate: bytes) -> bytes:
    """Return what the log keeps of a signed statement."""
    envelope = {
        "payload": text64(statement),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": text64(signature)}],
    }
    value = {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {
            "envelopeHash": _sha256(json.dumps(envelope).encode()),
            "payloadHash": _sha256(statement),
            "signatures": [{"signature": text64(signature), "verifier": text64(certificate)}],
        },
    }
    return canonical(value)


def _sha256(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def _log_instance(url: str, key: LogKey) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": text64(key.public),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": PERIOD,
        },
        "logId": {"keyId": text64(key.id)},
    }


def _tampered(attestation: dict[str, Any], entry: dict[str, Any], tamper: Tamper) -> None:
    """Change what somebody in between could change."""
    proof, envelope = entry["inclusionProof"], attestation["envelope"]
    other = LogKey()
    match tamper:
        case Tamper.SIGNATURE:
            envelope["signature"] = text64(other.sign(_pae(base64.b64decode(envelope["statement"]))))
        case Tamper.STATEMENT:
            envelope["statement"] = text64(base64.b64decode(envelope["statement"]).replace(b"-", b"_"))
        case Tamper.CERTIFICATE:
            material = attestation["verification_material"]
            certificate = bytearray(base64.b64decode(material["certificate"]))
            certificate[-1] ^= 1
            material["certificate"] = text64(bytes(certificate))
        case Tamper.PROOF:
            proof["rootHash"] = text64(bytes(32))
        case Tamper.CHECKPOINT:
            note, _, signed = proof["checkpoint"]["envelope"].rpartition(" ")
            forged = base64.b64decode(signed)[:4] + other.sign(note.encode())
            proof["checkpoint"]["envelope"] = f"{note} {text64(forged)}\n"
        case Tamper.PROMISE:
            entry["inclusionPromise"]["signedEntryTimestamp"] = text64(other.sign(b"promise"))
        case _:
            return
