"""Which addresses an index's answers may lead us to.

Knows: schemes, hosts, ports. Must not know: httpx, any one protocol.
"""

from urllib.parse import urldefrag, urljoin, urlsplit

LONGEST = 1_000
"""Characters of an address on a page; a longer one is left out."""
LONGEST_ASKED = 8_000
"""Characters of an address that is asked: a redirect to a store of files carries its signature."""


def joined(page_url: str, value: object) -> str:
    """Return what a link on a page leads to, without its fragment; "" where it is none."""
    if not isinstance(value, str) or not value or len(value) > LONGEST:
        return ""
    try:
        url = urldefrag(urljoin(page_url, value)).url
    except ValueError:
        return ""
    return url if len(url) <= LONGEST else ""


def redirected(url: str, location: str) -> str:
    """Return where a redirect from an address leads to; "" where that can't be read."""
    try:
        return urldefrag(urljoin(url, location)).url if location else ""
    except ValueError:
        return ""


def on_index(index_url: str, url: str) -> bool:
    """Whether an address is on the index itself: its answers must not choose whom else we ask."""
    there = _place(url)
    return there is not None and there == _place(index_url)


def may_hold_files(index_url: str, url: str) -> bool:
    """Whether files may be there: on any host, by https or as the index itself is asked."""
    there, index = _place(url), _place(index_url)
    return there is not None and index is not None and there[0] in {"https", index[0]}


def _place(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port; None where the address can't be asked, or names a user."""
    try:
        parts = urlsplit(url)
        place = (parts.scheme, parts.hostname or "", parts.port)
    except ValueError:
        return None
    fine = bool(place[1]) and "@" not in parts.netloc and url.isprintable() and " " not in url
    return place if fine and len(url) <= LONGEST_ASKED else None
