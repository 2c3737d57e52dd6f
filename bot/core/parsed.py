"""What a slash command's text can mean, before anything is done.

Knows: the closed set of meanings. Must not know: the grammar, Slack.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.core import intents
from bot.core.names import Problem
from bot.core.secrets import TokenKind

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ShowHelp:
    """Explain the command."""

    command: str


@dataclass(frozen=True, slots=True)
class OpenPublisherForm:
    """Open the dialog that registers a publisher, with what was typed so far."""

    typed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenReleaseForm:
    """Open the dialog that asks for a release, with what was typed so far."""

    typed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenPolicyForm:
    """Open the dialog with the release policy of a project, or ("") of the workspace."""

    project: str


@dataclass(frozen=True, slots=True)
class OpenCredentials:
    """Open the dialog with the team's credentials; `index` is offered first."""

    index: str


@dataclass(frozen=True, slots=True)
class ShowSettings:
    """Show what this bot serves and how it is set up."""


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """Give the link on which somebody signs in on the forge."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """A command of the product that this version does not have."""

    what: str


@dataclass(frozen=True, slots=True)
class Misspelt:
    """No such subcommand, option or index."""

    command: str
    word: str
    suggestion: str
    """The nearest thing that exists; "" where nothing is near."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """The command is understood, and its values can't be used: all problems at once."""

    command: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class HoldsToken:
    """The text looks like a secret: it is kept nowhere, and the caller is told to revoke it."""

    kind: TokenKind


Parsed = (
    ShowHelp
    | OpenPublisherForm
    | OpenReleaseForm
    | OpenPolicyForm
    | OpenCredentials
    | ShowSettings
    | NotYet
    | OpenSignIn
    | Misspelt
    | Wrong
    | HoldsToken
    | intents.Intent
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a command's text is read with."""

    indexes: tuple[str, ...]
    channel: str
    """Where it was typed."""
    forge: str = ""
    """The forge's web address: a repository pasted from another host is refused. "" takes any."""
    now: datetime = EARLIEST
    """When it was typed: what `at=+2h` and `at=17:00` are counted from."""


Handler = Callable[[str, Sequence[str], Context], Parsed]
"""Reads what follows a command's word."""
