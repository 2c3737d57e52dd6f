"""A file's attestations (PEP 740), verified: not the index's word that they are good, but their own signatures.

Knows: the shape of a provenance, Sigstore's rules, GitHub Actions' certificates. Must not know: httpx, the other
protocols.

Everything here stays offline. Certificates, log entries and keys are checked against a trust root that lies on the disk:
the one that comes with the `sigstore` library, or a `trusted_root.json` that the operator names. It is never refreshed
from the network (TUF), so when Sigstore rotates a key, files signed with the new one count as not attested until the
library is upgraded or the operator gives a newer trust root; what was signed with the old one still verifies. A key that
Sigstore revokes is trusted until then too.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from bot.core.cleaning import one_line
from bot.core.outcomes import Absent, AttestationOutcome, Attested, NotAttested, TryLater
from bot.index.statuses import GONE, later
from bot.wire import Answer
from storage.records import Reason

if TYPE_CHECKING:
    from pypi_attestations import Attestation, GitHubPublisher
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier
    from sigstore.verify.policy import VerificationPolicy

GITHUB = "https://github.com"
ISSUER = "https://token.actions.githubusercontent.com"
MOST_ATTESTATIONS = 10
"""Attestations of one file that are verified; an index has one of each kind for each publisher."""
_PRODUCTION = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
"""Where the library keeps the trust root of the public Sigstore."""

STATEMENT = "https://in-toto.io/Statement/v1"
STATEMENT_FORM = "application/vnd.in-toto+json"
PREDICATES = frozenset({"https://docs.pypi.org/attestations/publish/v1", "https://slsa.dev/provenance/v1"})
"""What an index takes: that it was published so, and that it was built so."""
_FULCIO = "1.3.6.1.4.1.57264.1"
"""What Fulcio writes into a certificate (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md)."""
SOURCE_REPOSITORY = f"{_FULCIO}.12"
SOURCE_DIGEST = f"{_FULCIO}.13"
SOURCE_REF = f"{_FULCIO}.14"


class _No(Exception):
    """Something does not verify; the text says what."""


@dataclass(frozen=True, slots=True)
class _File:
    """What must have been attested."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Trust:
    """Whose signatures count: those of the public Sigstore, or of the trust root in a file. Read when first needed."""

    root: Path | None = None
    """A Sigstore `trusted_root.json`; None: the one of the public Sigstore that comes with the library."""

    @cached_property
    def verifier(self) -> "Verifier":
        """Give what verifies; ValueError or OSError where the file is no trust root. Slow: read in a thread."""
        from sigstore.errors import Error  # noqa: PLC0415 - half a second, paid where something is attested
        from sigstore.models import TrustedRoot  # noqa: PLC0415 - the same
        from sigstore.verify import Verifier  # noqa: PLC0415 - the same

        try:
            return Verifier(trusted_root=self._read(TrustedRoot))
        except Error as error:
            raise ValueError(str(error)) from error

    def problem(self) -> str:
        """Return why the trust root can't be used; "" where it can. Slow: call it in a thread."""
        try:
            _ = self.verifier
        except (ValueError, OSError) as error:
            return one_line(f"Sigstore's trust root can't be read: {error}")
        return ""

    def _read(self, kind: "type[TrustedRoot]") -> "TrustedRoot":
        if self.root is not None:
            return kind.from_file(str(self.root))
        # Not the library's own way to it, which copies it into the home directory and from then on prefers that copy,
        # also to a newer one that an upgrade of the library brings.
        bundled = files("sigstore._store") / _PRODUCTION / "trusted_root.json"
        with as_file(bundled) as path:
            return kind.from_file(str(path))


def read_attested(answer: Answer, url: str, filename: str, sha256: str, trust: Trust) -> AttestationOutcome:
    """Read a file's provenance, fetched from `url`, and verify all it holds. Never raises; slow: call it in a thread."""
    if answer.status in GONE:
        return Absent()
    if answer.status != 200:
        return later(answer, "its provenance of a file")
    page = answer.json()
    if not isinstance(page, dict) or "attestation_bundles" not in page:
        return TryLater(Reason.UNEXPECTED_ANSWER, "its provenance of a file can't be read")
    if problem := trust.problem():
        return TryLater(Reason.UNEXPECTED_ANSWER, problem)
    try:
        return _verified(page, url, _File(filename, sha256.lower()), trust.verifier)
    except _No as no:
        return NotAttested(one_line(str(no)))


def _verified(page: Mapping[str, Any], url: str, file: _File, verifier: "Verifier") -> Attested:
    """Return what all attestations agree on; _No where one does not verify, or there is none."""
    signed = list(_attestations(page))
    if not signed:
        raise _No("its provenance holds no attestation")
    if len(signed) > MOST_ATTESTATIONS:
        raise _No(f"its provenance holds more than {MOST_ATTESTATIONS} attestations")
    found = {_one(publisher, attestation, url, file, verifier) for publisher, attestation in signed}
    if len(found) > 1:
        raise _No("its attestations name different sources")
    return found.pop()


def _attestations(page: Mapping[str, Any]) -> Iterator[tuple["GitHubPublisher", "Attestation"]]:
    from pypi_attestations import GitHubPublisher, Provenance  # noqa: PLC0415 - slow, paid where it is used

    try:
        provenance = Provenance.model_validate(page)
    except (ValueError, RecursionError) as error:
        raise _No("its provenance is not in the form of PEP 740") from error
    for bundle in provenance.attestation_bundles:
        for attestation in bundle.attestations:
            if not isinstance(bundle.publisher, GitHubPublisher):
                raise _No(f"it was published from {bundle.publisher.kind}, and only GitHub's are verified")
            yield bundle.publisher, attestation


def _one(
    publisher: "GitHubPublisher", attestation: "Attestation", url: str, file: _File, verifier: "Verifier"
) -> Attested:
    """Verify one attestation: signature, certificate, log, and that the publisher made it of this very file."""
    try:
        claims = attestation.certificate_claims
        form, payload = verifier.verify_dsse(attestation.to_bundle(), _policy(publisher, claims))
    except Exception as error:
        # What follows `expected` is the library's view of whole structures.
        raise _No(str(error).partition(": expected")[0] or type(error).__name__) from error
    _check_statement(form, payload, file)
    if not claims.get(SOURCE_DIGEST):
        raise _No("its certificate names no commit")
    return Attested(
        repository=claims[SOURCE_REPOSITORY].removeprefix(f"{GITHUB}/"),
        workflow=publisher.workflow,
        environment=one_line(publisher.environment or ""),
        commit=claims[SOURCE_DIGEST],
        ref=claims.get(SOURCE_REF, ""),
        url=url,
    )


def _policy(publisher: "GitHubPublisher", claims: Mapping[str, str]) -> "VerificationPolicy":
    """Return what the certificate must say for the publisher: the same that PyPI asks for.

    The publisher knows neither commit nor ref, so those are the certificate's own.
    """
    from sigstore.verify import policy  # noqa: PLC0415 - slow, paid where it is used

    repository = f"{GITHUB}/{publisher.repository}"
    workflow = f"{repository}/.github/workflows/{publisher.workflow}"
    made_at = [claims[name] for name in (SOURCE_REF, SOURCE_DIGEST) if name in claims]
    return policy.AllOf(
        [
            policy.OIDCIssuerV2(ISSUER),
            policy.OIDCSourceRepositoryURI(repository),
            policy.AnyOf([policy.OIDCBuildConfigURI(f"{workflow}@{at}") for at in made_at]),
        ]
    )


def _check_statement(form: str, payload: bytes, file: _File) -> None:
    """Raise _No where what was signed is not about this file alone."""
    try:
        statement = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise _No("what was signed is not JSON") from error
    if form != STATEMENT_FORM or not isinstance(statement, dict) or statement.get("_type") != STATEMENT:
        raise _No("what was signed is no statement about files")
    if statement.get("predicateType") not in PREDICATES:
        raise _No("what was signed says neither that it was published nor how it was built")
    match statement.get("subject"):
        case [{"name": str(name), "digest": {"sha256": str(sha256)}}]:
            if not _same_name(name, file.name):
                raise _No(f"it is about another file, {name[:100]}")
            if sha256 != file.sha256:
                raise _No("it is about other content: the sha256 differs")
        case _:
            raise _No("it is not about one file")


def _same_name(one: str, other: str) -> bool:
    """Whether two file names mean the same file: spelling may differ, as PyPI has it."""
    try:
        return one == other or _parsed(one) == _parsed(other)
    except ValueError:
        return False


def _parsed(name: str) -> tuple[object, ...]:
    return parse_wheel_filename(name) if name.endswith(".whl") else parse_sdist_filename(name)
