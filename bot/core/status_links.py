"""The addresses of the status page.

Knows: paths. Must not know: routes, who may see what.
"""

import re
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

STATUS = "/status"
CALLBACK = "/slack/openid/callback"
"""Where Slack sends a browser back that has signed in: it stands in the Slack app's redirect addresses."""
_OURS = re.compile(r"/status(/[A-Za-z0-9._/-]{0,250})?")
_RELEASE = re.compile(r"/status/releases/([0-9a-f-]{36})")


def status_url(public_url: str) -> str:
    """Return where a team sees its releases."""
    return f"{public_url.rstrip('/')}{STATUS}"


def project_url(public_url: str, project: str) -> str:
    """Return where a team sees one project."""
    return f"{status_url(public_url)}/projects/{quote(project, safe='')}"


def release_url(public_url: str, release_id: UUID) -> str:
    """Return where a team sees one release."""
    return f"{status_url(public_url)}/releases/{release_id}"


def release_in(public_url: str, url: str) -> UUID | None:
    """Return which release an address of ours shows; None where it shows none."""
    base = public_url.rstrip("/")
    found = _RELEASE.fullmatch(url.removeprefix(base)) if url.startswith(f"{base}/") else None
    try:
        return UUID(found[1]) if found else None
    except ValueError:
        return None


def own_path(path: str) -> str:
    """Return the path of a status page as it came; the first one's for whatever else came."""
    return path if _OURS.fullmatch(path) and ".." not in path and "//" not in path else STATUS


def cursor(moment: datetime, last: UUID) -> str:
    """Return where the next page of a list begins, as it stands in an address."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S.%f}_{last}"


def read_cursor(text: str) -> tuple[datetime, UUID] | None:
    """Return where a page begins; None where that makes no sense: then it is the first page."""
    moment, _, last = text.partition("_")
    try:
        return datetime.strptime(moment, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC), UUID(last)
    except ValueError:
        return None
