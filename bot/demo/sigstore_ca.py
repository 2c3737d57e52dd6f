"""A certificate authority as Fulcio is one: certificates of minutes that say which workflow run holds a key.

Knows: X.509, the extensions of GitHub Actions' certificates, the certificates' log. Must not know: what is signed.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from bot.demo.sigstore_log import LogKey

GITHUB = "https://github.com"
ISSUER = "https://token.actions.githubusercontent.com"
FULCIO = "1.3.6.1.4.1.57264.1"
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2050, 1, 1, tzinfo=UTC)
LIFE = timedelta(minutes=10)


def fulcio_values(claims: Mapping[str, Any]) -> dict[int, str]:
    """Return what a run's certificate says, by the last number of the extension (Fulcio's `oid-info.md`)."""

    def claim(name: str, otherwise: str = "") -> str:
        return str(claims.get(name) or otherwise)

    repository, sha, ref = claim("repository"), claim("sha"), claim("ref")
    workflow = claim("workflow_ref", claim("job_workflow_ref"))
    run = f"{repository}/actions/runs/{claim('run_id', '1')}/attempts/{claim('run_attempt', '1')}"
    return {
        8: ISSUER,
        9: f"{GITHUB}/{claim('job_workflow_ref', workflow)}",
        10: claim("job_workflow_sha", sha),
        11: claim("runner_environment", "github-hosted"),
        12: f"{GITHUB}/{repository}",
        13: sha,
        14: ref,
        15: claim("repository_id", "1"),
        16: f"{GITHUB}/{repository.partition('/')[0]}",
        17: claim("repository_owner_id", "1"),
        18: f"{GITHUB}/{workflow}",
        19: claim("workflow_sha", sha),
        20: claim("event_name", "push"),
        21: f"{GITHUB}/{run}",
        22: claim("repository_visibility", "public"),
    }


@dataclass(frozen=True)
class _Authority:
    """A certificate that signs others, with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Authority:
    """A root, an intermediate that signs for runs, and the log of all that it signs."""

    def __init__(self) -> None:
        self.log = LogKey()
        root = _authority("sigstore-stand-in", None)
        self._signing = _authority("sigstore-stand-in-intermediate", root)
        self.chain = [self._signing.certificate, root.certificate]

    def certify(
        self, key: ec.EllipticCurvePublicKey, claims: Mapping[str, Any], now: datetime, *, logged: bool = True
    ) -> x509.Certificate:
        """Return a run's certificate for a key, good from `now` on for minutes.

        `logged` off: the log's signature in it is about another moment, and so wrong.
        """
        plain = self._builder(key, claims, now)
        before = plain.sign(self._signing.key, hashes.SHA256()).tbs_certificate_bytes
        timestamp = self._timestamp(before, now, now if logged else now - LIFE)
        oid = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
        return plain.add_extension(x509.UnrecognizedExtension(oid, timestamp), critical=False).sign(
            self._signing.key, hashes.SHA256()
        )

    def _builder(
        self, key: ec.EllipticCurvePublicKey, claims: Mapping[str, Any], now: datetime
    ) -> x509.CertificateBuilder:
        values = fulcio_values(claims)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._signing.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + LIFE)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(_issued_by(self._signing.certificate), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(values[9])]), critical=True
            )
        )
        for extension in _extensions(values):
            builder = builder.add_extension(extension, critical=False)
        return builder

    def _timestamp(self, before: bytes, named: datetime, signed: datetime) -> bytes:
        """Return the log's signature on a certificate that has none yet, as an extension holds it (RFC 6962, 3.2)."""
        issuer = LogKey(self._signing.key).id
        entry = issuer + len(before).to_bytes(3, "big") + before
        data = struct.pack(f"!BBQH{len(entry)}sH", 0, 0, _milliseconds(signed), 1, entry, 0)
        signature = self.log.sign(data)
        sct = struct.pack("!B32sQH", 0, self.log.id, _milliseconds(named), 0)
        sct += struct.pack(f"!BBH{len(signature)}s", 4, 3, len(signature), signature)
        listed = struct.pack(f"!HH{len(sct)}s", len(sct) + 2, len(sct), sct)
        return _der(0x04, listed)


def _authority(name: str, above: _Authority | None) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "stand-in.example"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if above else None), critical=True)
        .add_extension(_usage(digital_signature=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if above:
        builder = builder.add_extension(_issued_by(above.certificate), critical=False)
    return _Authority(builder.sign(above.key if above else key, hashes.SHA256()), key)


def _usage(*, digital_signature: bool) -> x509.KeyUsage:
    """Return the usage of a run's key, or of an authority's."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=not digital_signature,
        crl_sign=not digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued_by(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _extensions(values: Mapping[int, str]) -> Iterator[x509.UnrecognizedExtension]:
    """Give the extensions; the first one is of the old form, text without DER."""
    yield x509.UnrecognizedExtension(x509.ObjectIdentifier(f"{FULCIO}.1"), ISSUER.encode())
    for number, value in values.items():
        yield x509.UnrecognizedExtension(
            x509.ObjectIdentifier(f"{FULCIO}.{number}"), _der(0x0C, value.encode())
        )


def _der(tag: int, data: bytes) -> bytes:
    """Return a DER value."""
    size = len(data)
    if size < 0x80:
        return bytes([tag, size]) + data
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + data


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate's bytes."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)
