"""A distribution file's own bytes, wherever the index says that they are.

Knows: which addresses may be asked, statuses, the largest file. Must not know: httpx, the other protocols.
"""

from bot.core.outcomes import Absent, Downloaded, DownloadOutcome, TooLarge
from bot.core.sites import IndexSite
from bot.index.statuses import GONE, later
from bot.index.urls import may_hold_files
from bot.wire import Hashed, Request

TIMEOUT = 120.0
"""Seconds for a whole file."""
MOST_BYTES = 200 * 1_048_576


def file_request(
    site: IndexSite, url: str, timeout: float = TIMEOUT, limit: int = MOST_BYTES
) -> Request | None:
    """Return the request for a file; None where its address is neither https nor of the index's own scheme."""
    if not may_hold_files(site.url, url):
        return None
    return Request("GET", url, timeout=timeout, max_bytes=limit)


def read_file(hashed: Hashed, limit: int = MOST_BYTES) -> DownloadOutcome:
    """Read what came of a download; `limit` is the request's. Never raises."""
    status = hashed.answer.status
    if status in GONE:
        return Absent()
    if status != 200:
        return later(hashed.answer, "its file host")
    if hashed.answer.truncated:
        return TooLarge(limit)
    return Downloaded(hashed.sha256, hashed.size)
