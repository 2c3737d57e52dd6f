"""A distribution file's own bytes, wherever the index says that they are.

Knows: which addresses may be asked, statuses, the largest file. Must not know: httpx, the other protocols.
"""

from bot.core.outcomes import Absent, Downloaded, DownloadOutcome, TooLarge
from bot.core.sites import IndexSite
from bot.index.statuses import GONE, later
from bot.index.urls import may_hold_files, redirected
from bot.wire import Answer, Hashed, Request

TIMEOUT = 120.0
"""Seconds for a whole file."""
MOST_BYTES = 200 * 1_048_576
MOST_HOPS = 3
"""Redirects that are followed: private indexes keep their files in a store elsewhere."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def file_request(
    site: IndexSite, url: str, timeout: float = TIMEOUT, limit: int = MOST_BYTES
) -> Request | None:
    """Return the request for a file; None where its address is neither https nor of the index's own scheme."""
    if not may_hold_files(site.url, url):
        return None
    return Request("GET", url, timeout=timeout, max_bytes=limit)


def onward_request(site: IndexSite, request: Request, answer: Answer) -> Request | None:
    """Return the request for where a file really is; None where the answer sends nowhere that may be asked.

    Following is safe here as it isn't elsewhere: the request carries no secret, and its answer is only hashed.
    """
    if answer.status not in _REDIRECTS:
        return None
    url = redirected(request.url, answer.headers.get("location", ""))
    return file_request(site, url, request.timeout, request.max_bytes)


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
