"""What the bot knows of a package index before it asks it anything.

Knows: the fields of the setting `SHIPBELL_INDEXES`. Must not know: where settings come from.
"""

from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from storage.records import Secret

APPEND = "append"
"""The word of `one_time_code` for a code right behind the password."""


@dataclass(frozen=True, slots=True)
class OAuth1Consumer:
    """The consumer that an index's operator gave out for its OAuth 1.0a facility."""

    consumer_key: str
    consumer_secret: Secret = field(repr=False)


@dataclass(frozen=True, slots=True)
class IndexSite:
    """One package index. `url` and `upload_url` have no slash at the end (`upload_url` keeps its own)."""

    name: str
    url: str
    upload_url: str = ""
    publisher_api: bool | None = None
    """Whether it has `POST /_/v1/publisher`; None: found out by asking."""
    token_location: str = ""
    """The host that its API tokens name."""
    oauth1: OAuth1Consumer | None = None
    pending_days: int = 30
    """Days that a pending publisher lives there."""
    feeds: bool = True
    simple_url: str = ""
    """Where its simple index is; "" for `simple` below `url`."""
    one_time_code: str = ""
    """How it takes a one-time code beside a password: `append`ed to that, or in the header of this name; "": it takes none."""

    @property
    def host(self) -> str:
        """The index's host name, which its tokens carry unless `token_location` says otherwise."""
        return self.token_location or urlsplit(self.url).hostname or ""


class Sites(Protocol):
    """The indexes that are served, by name."""

    def names(self) -> tuple[str, ...]:
        """Return their names."""

    def site(self, name: str) -> IndexSite:
        """Return what is known of one; KeyError for an unknown name."""


def take_codes(sites: Sites) -> bool:
    """Return whether any index takes one-time codes."""
    return any(sites.site(name).one_time_code for name in sites.names())


def token_page(site: IndexSite) -> str:
    """Return where a person makes and revokes the index's API tokens."""
    return f"{site.url}/manage/account/token/"
