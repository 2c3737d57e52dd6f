"""What the bot has to say of its own install in Slack, as facts.

Knows: the closed set of these notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class InstallEnds:
    """Slack does not exchange the install's token any more: it ends, and with it all that the bot says."""

    ends_at: datetime
    url: str
    """Where the app is installed again."""
    detail: str = ""
    """Slack's word for it."""


@dataclass(frozen=True, slots=True)
class ScopesMissing:
    """The install has granted less than the bot needs by now."""

    scopes: tuple[str, ...]
    url: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """The three steps after an install, for whoever installed the app; each "" where it is still to do."""

    login: str
    """The first account on GitHub that somebody has linked."""
    channel: str
    """The first channel in which the bot has spoken."""
    project: str
    """The first package."""
    signs_in: bool = True
    """Whether people can sign in with GitHub here."""
    org_wide: bool = False


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """The bot can't speak in a channel any more, for whoever waits for something there."""

    channel: str
    why: str
    """Slack's name for the event."""
    waits: tuple[str, ...]
    """What of that person's waits there: a release as `NAME VERSION`, a publisher as `NAME`; for whoever installed the app, of all."""


InstallNotice = InstallEnds | ScopesMissing | Welcome | ChannelGone

INSTALL_KINDS: Mapping[str, type[InstallNotice]] = MappingProxyType(
    {
        "install.ends": InstallEnds,
        "install.scopes_missing": ScopesMissing,
        "install.welcome": Welcome,
        "channel.gone": ChannelGone,
    }
)
