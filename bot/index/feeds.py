"""The index's RSS feeds: what is new there, told once for everybody who waits.

Knows: addresses, statuses, RSS 2.0 as a warehouse writes it. Must not know: httpx, the other protocols.

A feed is read by expat as the standard library has it, event by event, and one with a document type is refused before
anything is declared: without a declared entity there is nothing to expand, and nothing outside to fetch
(https://docs.python.org/3/library/xml.html#xml-security).
"""

import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from bot.core.names import normalize_project
from bot.core.outcomes import Absent, Fed, FeedEntry, FeedName, FeedOutcome, TryLater, Unchanged
from bot.core.sites import IndexSite
from bot.index.statuses import GONE, later
from bot.wire import Answer, Request
from storage.records import Reason

TIMEOUT = 15.0
MOST_BYTES = 2 * 1_048_576
"""A hundred releases with the longest summaries are a tenth of it."""
MOST_ENTRIES = 1_000
MOST_DEEP = 16
LONGEST = 1_000
"""Characters of an entry's text that are kept; a longer one is cut."""
PATHS = {FeedName.PACKAGES: "/rss/packages.xml", FeedName.UPDATES: "/rss/updates.xml"}

_LONGEST_VALIDATOR = 255
_ITEM = ["rss", "channel", "item"]
_WANTED = frozenset({"link", "guid", "pubDate"})
_PAGE = re.compile(r"/project/([A-Za-z0-9][A-Za-z0-9._-]{0,199})/(?:([^/\s]{1,200})/?)?")


def feed_request(
    site: IndexSite, name: FeedName, etag: str = "", modified: str = "", timeout: float = TIMEOUT
) -> Request:
    """Return the request for a feed; with what an earlier answer gave only if it has changed since."""
    conditional = {"If-None-Match": etag, "If-Modified-Since": modified}
    headers = {
        "Accept": "application/rss+xml, text/xml",
        **{key: text for key, text in conditional.items() if text},
    }
    return Request("GET", site.url + PATHS[name], headers=headers, timeout=timeout, max_bytes=MOST_BYTES)


def read_feed(answer: Answer) -> FeedOutcome:
    """Read a feed. Never raises; whatever is no feed, or not all of one, is trouble and not an empty feed."""
    if answer.status == 304:
        return Unchanged()
    if answer.status in GONE:
        return Absent()
    if answer.status != 200:
        return later(answer, "its feed")
    if answer.truncated:
        return TryLater(Reason.UNEXPECTED_ANSWER, "its feed is too long")
    reader = _Reader()
    try:
        reader.read(answer.body)
    except (expat.ExpatError, _NotAFeed):
        return TryLater(Reason.UNEXPECTED_ANSWER, "its feed is not RSS")
    return Fed(tuple(_entries(reader.items)), _validator(answer, "etag"), _validator(answer, "last-modified"))


class _NotAFeed(Exception):
    """The document is not what a feed is, or would cost more than one."""


class _Reader:
    """Gathers the wanted texts of each item."""

    def __init__(self) -> None:
        self.items: list[dict[str, str]] = []
        self._path: list[str] = []
        self._text = ""

    def read(self, body: bytes) -> None:
        """Read a whole document; ExpatError or _NotAFeed where it is none."""
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._hear
        parser.Parse(body, True)  # noqa: FBT003 - "this is all of it"; expat takes no keywords

    def _refuse(self, *_: Any) -> None:
        raise _NotAFeed

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if len(self._path) >= MOST_DEEP or (not self._path and name != "rss"):
            raise _NotAFeed
        self._path.append(name)
        self._text = ""
        if self._path == _ITEM:
            if len(self.items) >= MOST_ENTRIES:
                raise _NotAFeed
            self.items.append({})

    def _end(self, name: str) -> None:
        if name in _WANTED and self._path[:-1] == _ITEM:
            self.items[-1].setdefault(name, self._text.strip())
        self._path.pop()
        self._text = ""

    def _hear(self, text: str) -> None:
        self._text += text[: LONGEST - len(self._text)]


def _entries(items: list[dict[str, str]]) -> Iterator[FeedEntry]:
    for item in items:
        found = _PAGE.fullmatch(_path(item.get("link", ""))) or _PAGE.fullmatch(_path(item.get("guid", "")))
        if found is not None:
            version = unquote(found[2] or "")
            # A lone surrogate or a control sign could not be kept; the name alone is what counts.
            shown = version if version.isascii() and version.isprintable() else ""
            yield FeedEntry(normalize_project(found[1]), shown, _moment(item.get("pubDate", "")))


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _moment(text: str) -> str:
    """Return a feed's time as ISO 8601 in UTC; "" where it is none."""
    try:
        moment = parsedate_to_datetime(text[:64])
        # A time without a zone is one in UTC (RFC 5322, 3.3: "-0000").
        return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _validator(answer: Answer, name: str) -> str:
    value = answer.headers.get(name, "")
    return value if len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else ""
