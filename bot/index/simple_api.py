"""The simple index in JSON (PEP 592, 691, 700, 740, 792) and the provenance of a file (PEP 740).

Knows: addresses, statuses, the shapes of bodies. Must not know: httpx, the other protocols.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

from bot.core.cleaning import one_line
from bot.core.names import normalize_project
from bot.core.outcomes import (
    Absent,
    Present,
    Provenance,
    ProvenanceOutcome,
    SimpleFile,
    SimpleOutcome,
    TryLater,
    Unchanged,
)
from bot.core.sites import IndexSite
from bot.index import simple_html
from bot.index.statuses import GONE, later
from bot.index.urls import joined, may_hold_files, on_index, redirected
from bot.wire import Answer, Request
from storage.records import Evidence, EvidenceKind, Reason

ACCEPT = "application/vnd.pypi.simple.v1+json"
ACCEPT_PROVENANCE = "application/vnd.pypi.integrity.v1+json"
TIMEOUT = 15.0
MOST_BYTES = 8 * 1_048_576
"""A project with ten thousand files comes close; of a longer page only that it is there is read."""
MOST_FILES = 20_000
_LONGEST_ETAG = 255
_LARGEST = 2**53
"""Bytes of a file; what JSON can count."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_STATUS = re.compile(r"[a-z][a-z-]{0,30}")


def simple_request(site: IndexSite, project: str, etag: str = "", timeout: float = TIMEOUT) -> Request:
    """Return the request for a project's page; with `etag` only if it has changed since. `timeout` in seconds."""
    url = f"{site.simple_url or f'{site.url}/simple'}/{quote(normalize_project(project), safe='')}/"
    conditional = {"If-None-Match": etag} if etag else {}
    return Request(
        "GET", url, headers={"Accept": ACCEPT, **conditional}, timeout=timeout, max_bytes=MOST_BYTES
    )


def read_simple(answer: Answer, url: str, seen_at: datetime) -> SimpleOutcome:
    """Read the answer about a project, fetched from `url` at `seen_at`. Never raises.

    Only a page in the asked-for form about that very project counts as one, or an older index's page that lists a file of
    it: a landing page proves nothing.
    """
    if answer.status == 304:
        return Unchanged()
    if answer.status in GONE or _passes_on(answer, url):
        return Absent()
    if answer.status != 200:
        return later(answer, "its simple index")
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    page = answer.json() if kind != "text/html" else simple_html.page(answer.body, _project_of(url))
    if answer.truncated and kind == ACCEPT:
        page = {"name": _project_of(url)}
    if not isinstance(page, dict) or not _is_about(page, url):
        return TryLater(
            Reason.UNEXPECTED_ANSWER, "its simple index did not answer in JSON about this project"
        )
    evidence = Evidence(EvidenceKind.APPEARED, url, hashlib.sha256(answer.body).hexdigest(), seen_at)
    return Present(tuple(_files(page, url)), _status(page), _etag(answer), evidence, _attests(page))


def provenance_request(site: IndexSite, url: str, timeout: float = TIMEOUT) -> Request | None:
    """Return the request for a file's provenance; None where the address is not on the index itself."""
    if not on_index(site.url, url):
        return None
    return Request("GET", url, headers={"Accept": ACCEPT_PROVENANCE}, timeout=timeout)


def read_provenance(answer: Answer, url: str, seen_at: datetime) -> ProvenanceOutcome:
    """Read who published a file, as the index says that it has verified. Never raises."""
    if answer.status in GONE:
        return Absent()
    if answer.status != 200:
        return later(answer, "its provenance of a file")
    publisher = next(_publishers(answer.json()), None)
    if publisher is None:
        return TryLater(Reason.UNEXPECTED_ANSWER, "its provenance of a file names no publisher")
    evidence = Evidence(EvidenceKind.PROVENANCE, url, hashlib.sha256(answer.body).hexdigest(), seen_at)
    return Provenance(
        kind=_text(publisher, "kind"),
        repository=_text(publisher, "repository"),
        workflow=_text(publisher, "workflow"),
        environment=_text(publisher, "environment"),
        evidence=evidence,
    )


def _passes_on(answer: Answer, url: str) -> bool:
    """Return whether it sends pip to the project's page on another index, as pypiserver does with what it has not itself.

    Other redirects say nothing of the project: a moved index, a page to sign in.
    https://github.com/pypiserver/pypiserver#usage (`--fallback-url`)
    """
    if answer.status != 303:
        return False
    target = redirected(url, answer.headers.get("location", ""))
    elsewhere = bool(target) and not on_index(url, target) and not urlsplit(target).query
    return elsewhere and _project_of(target) == _project_of(url)


def _project_of(url: str) -> str:
    return normalize_project(unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]))


def _is_about(page: Mapping[str, object], url: str) -> bool:
    name = page.get("name")
    return isinstance(name, str) and normalize_project(name) == _project_of(url)


def _files(page: Mapping[str, object], url: str) -> Iterator[SimpleFile]:
    files = page.get("files")
    for file in files[:MOST_FILES] if isinstance(files, list) else ():
        if isinstance(file, dict) and (filename := _text(file, "filename")):
            provenance, at = joined(url, file.get("provenance")), joined(url, file.get("url"))
            yield SimpleFile(
                filename=filename,
                version=_version(filename),
                provenance_url=provenance if on_index(url, provenance) else "",
                uploaded_at=_utc(_text(file, "upload-time")),
                sha256=_sha256(file.get("hashes")),
                url=at if may_hold_files(url, at) else "",
                size=_size(file.get("size")),
                yanked=_yanked(file.get("yanked")),
            )


def _attests(page: Mapping[str, object]) -> bool:
    """Return whether some file says what provenance it has, be it none: an index without attestations says nothing."""
    files = page.get("files")
    said = files[:MOST_FILES] if isinstance(files, list) else ()
    return any(isinstance(file, dict) and "provenance" in file for file in said)


def _version(filename: str) -> str:
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""


def _sha256(hashes: object) -> str:
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    digest = value.lower() if isinstance(value, str) else ""
    return digest if _SHA256.fullmatch(digest) else ""


def _size(value: object) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if known and isinstance(value, int) else None


def _yanked(value: object) -> str | None:
    """Return why a file was yanked (PEP 592: true, or a text that says why); None where it was not."""
    if isinstance(value, str) and value:
        return one_line(value)
    return "" if value is True else None


def _utc(text: str) -> str:
    """Return the moment as ISO 8601 in UTC, so that moments compare as text; "" where it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).isoformat() if moment.tzinfo else ""
    except (ValueError, OverflowError):
        return ""


def _status(page: Mapping[str, object]) -> str:
    project_status = page.get("project-status")
    status = project_status.get("status") if isinstance(project_status, dict) else None
    return status if isinstance(status, str) and _STATUS.fullmatch(status) else "active"


def _etag(answer: Answer) -> str:
    etag = answer.headers.get("etag", "")
    return etag if len(etag) <= _LONGEST_ETAG and etag.isascii() and etag.isprintable() else ""


def _publishers(value: object) -> Iterator[Mapping[str, object]]:
    """Give the publishers of a provenance's bundles."""
    bundles = value.get("attestation_bundles") if isinstance(value, dict) else None
    for bundle in bundles[:100] if isinstance(bundles, list) else ():
        publisher = bundle.get("publisher") if isinstance(bundle, dict) else None
        if isinstance(publisher, dict) and _text(publisher, "kind"):
            yield publisher


def _text(value: Mapping[str, object], name: str) -> str:
    """Return a member that is a short text; "" where it isn't."""
    text = value.get(name)
    return text if isinstance(text, str) and len(text) <= 300 else ""
