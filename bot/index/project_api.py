"""The project JSON, `GET {index}/pypi/{project}/{version}/json`: the first place where an upload shows.

Knows: its address, its statuses, the shape of its body. Must not know: httpx, the other protocols.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from packaging.version import InvalidVersion, Version

from bot.core.names import normalize_project
from bot.core.outcomes import Absent, ProjectVersion, TryLater, VersionOutcome
from bot.core.sites import IndexSite
from bot.index.statuses import GONE, later
from bot.wire import Answer, Request
from storage.records import Reason

TIMEOUT = 15.0
MOST_BYTES = 8 * 1_048_576
MOST_FILES = 5_000
_LONGEST_NAME = 300


def version_request(site: IndexSite, project: str, version: str, timeout: float = TIMEOUT) -> Request:
    """Return the request for one version of a project; `timeout` in seconds."""
    parts = (quote(part, safe="") for part in (normalize_project(project), _canonical(version)))
    url = f"{site.url}/pypi/{'/'.join(parts)}/json"
    return Request("GET", url, headers={"Accept": "application/json"}, timeout=timeout, max_bytes=MOST_BYTES)


def read_version(answer: Answer, project: str, version: str) -> VersionOutcome:
    """Read the answer about one version of a project. Never raises.

    `latest` stays empty: this page does not say it, and the page that does grows with the project's whole history.
    """
    if answer.status in GONE:
        return Absent()
    if answer.status != 200:
        return later(answer, "its project JSON")
    page = answer.json()
    if not isinstance(page, dict) or not _is_about(page.get("info"), project, version):
        return TryLater(Reason.UNEXPECTED_ANSWER, "its project JSON did not answer about this version")
    return ProjectVersion(_canonical(version), tuple(_filenames(page)), latest="")


def _canonical(version: str) -> str:
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def _is_about(info: object, project: str, version: str) -> bool:
    if not isinstance(info, dict):
        return False
    name, found = info.get("name"), info.get("version")
    if not isinstance(name, str) or not isinstance(found, str):
        return False
    if len(name) > _LONGEST_NAME or len(found) > _LONGEST_NAME:
        return False
    return normalize_project(name) == normalize_project(project) and _canonical(found) == _canonical(version)


def _filenames(page: Mapping[str, object]) -> Iterator[str]:
    urls = page.get("urls")
    for file in urls[:MOST_FILES] if isinstance(urls, list) else ():
        filename = file.get("filename") if isinstance(file, dict) else None
        if isinstance(filename, str) and 0 < len(filename) <= _LONGEST_NAME:
            yield filename
