"""What the bot has to say of who somebody is on the forge, and of grants of an index, as facts.

Knows: the closed set of these notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GithubLinked:
    """Somebody has signed in on the forge, and is known as that account from now on."""

    login: str
    url: str


@dataclass(frozen=True, slots=True)
class GithubUnlinked:
    """Somebody is not known on the forge any more."""

    login: str
    """"" where nothing was known before."""


@dataclass(frozen=True, slots=True)
class IndexConnected:
    """An index lets the bot upload in somebody's name, from now on."""

    index: str
    user: str
    """Whose name on the index."""
    replaced: bool = False
    """Whether a grant that was kept before is destroyed here."""
