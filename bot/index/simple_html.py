"""A project's page in the simple index as HTML (PEP 503, 592), as older private indexes have it.

Knows: the form of its links. Must not know: httpx, the other protocols.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from bot.core.names import normalize_project

MOST_LINKS = 20_000
_HASH = "sha256="


def page(body: bytes, project: str) -> dict[str, Any] | None:
    """Return the page as PEP 691 has it; None where no link is a file of the project. Never raises."""
    links = _Links()
    try:
        links.feed(body.decode("utf-8", "replace"))
    except (AssertionError, ValueError):  # what html.parser raises for a declaration that is none
        return None
    files = [file for file in _files(links) if _is_of(file["filename"], project)]
    return {"name": project, "files": files} if files else None


class _Links(HTMLParser):
    """Takes the links, each with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link."""
        if tag == "a" and len(self.found) < MOST_LINKS:
            self.found.append(dict(attrs))


def _files(links: _Links) -> Iterator[dict[str, Any]]:
    for link in links.found:
        url, fragment = urldefrag(link.get("href") or "")
        try:
            name = unquote(urlsplit(url).path.rpartition("/")[2])
        except ValueError:
            continue
        file: dict[str, Any] = {"filename": name, "url": url, "hashes": {}}
        if fragment.startswith(_HASH):
            file["hashes"] = {"sha256": fragment.removeprefix(_HASH)}
        if "data-yanked" in link:
            file["yanked"] = link["data-yanked"] or True
        yield file


def _is_of(filename: str, project: str) -> bool:
    try:
        found = (
            parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
        )
    except ValueError:
        return False
    return normalize_project(found[0]) == project
