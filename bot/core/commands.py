"""Slash commands: text in, one of a closed set of values out.

Knows: the grammar and "did you mean". Must not know: Slack, who asks, what a command does.
"""

import difflib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from bot.core import intents, release_commands
from bot.core.names import (
    DEFAULT_ENVIRONMENT,
    DEFAULT_INDEX,
    DEFAULT_WORKFLOW,
    Field,
    Problem,
    normalize_project,
    owner_problems,
    parse_slug,
    validate,
)
from bot.core.parsed import (
    Context,
    Handler,
    HoldsToken,
    Misspelt,
    NotYet,
    OpenCredentials,
    OpenPublisherForm,
    OpenReleaseForm,
    OpenSignIn,
    Parsed,
    ShowHelp,
    ShowSettings,
    Wrong,
)
from bot.core.release_commands import plain_text, token_in
from storage.records import Registration

__all__ = [
    "COMMANDS",
    "Context",
    "HoldsToken",
    "Misspelt",
    "NotYet",
    "OpenCredentials",
    "OpenPublisherForm",
    "OpenReleaseForm",
    "OpenSignIn",
    "Parsed",
    "ShowHelp",
    "ShowSettings",
    "Wrong",
    "channel_id",
    "parse",
    "registration",
    "release_request",
]

release_request = release_commands.request

LONGEST = 2_000
"""Characters that a command may have; nobody types more."""

_CHANNEL = re.compile(r"<#([CG][A-Z0-9]{2,30})(?:\|[^>]*)?>\Z|([CG][A-Z0-9]{6,30})\Z", re.ASCII)
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'"})


def parse(command: str, text: str, context: Context) -> Parsed:
    """Read a slash command's text. Never raises, whatever the text."""
    if kind := token_in(text):
        return HoldsToken(kind)
    if len(text) > LONGEST:  # what would be cut off could be what narrows it
        return Wrong(command, (Problem("text", f"Keep a command under {LONGEST:,} characters."),))
    words = _words(text.replace("\0", ""))  # a database can't hold it
    table = _TABLE.get(command, {})
    if not words:
        return table.get("", _help)(command, [], context)
    word = words[0].lower()
    if word in table:
        return table[word](command, words[1:], context)
    if command == "/release":
        return release_commands.ask(command, words, context, tuple(table))
    close = difflib.get_close_matches(word, [name for name in table if name], n=1)
    return Misspelt(command, words[0][:50], f"{command} {close[0]}" if close else "")


def registration(
    fields: Mapping[str, str], indexes: Sequence[str], forge: str = ""
) -> Registration | tuple[Problem, ...]:
    """Read the fields `project repository workflow environment index`, from a command or a dialog alike.

    Returns every problem at once where the index would refuse any of them. A name that is refused for new projects alone is
    taken: whether the project exists, only the index knows.
    """
    if leaked := _leaked(fields):
        return leaked
    problems: list[Problem] = []
    slug = parse_slug(fields.get("repository", ""), forge=forge)
    if slug is None:
        problems.append(Problem("repository", "Give the repository as OWNER/REPO, for example acme/widgets."))
    index = fields.get("index", DEFAULT_INDEX)
    if index not in indexes:
        problems.append(
            Problem("index", f"There is no index called {index[:40]!r} here; there is {_and(indexes)}.")
        )
    wanted = Registration(
        index=index,
        project=normalize_project(fields.get("project", "").strip()),
        owner=slug.owner if slug else "owner",
        repository=slug.repository if slug else "repository",
        workflow=fields.get("workflow", DEFAULT_WORKFLOW).strip(),
        environment=fields.get("environment", DEFAULT_ENVIRONMENT),
    )
    problems += validate(
        project=fields.get("project", "").strip(),
        owner=wanted.owner,
        repository=wanted.repository,
        workflow=wanted.workflow,
        environment=wanted.environment,
        project_exists=True,
    )
    return tuple(problems) if problems else wanted


def _leaked(fields: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return what is wrong with fields that hold a secret: a token can look like a fine project name."""
    known = {
        "project": "project",
        "repository": "repository",
        "workflow": "workflow",
        "environment": "environment",
        "index": "index",
    }
    return tuple(
        Problem(cast("Field", known[name]), kind.refusal)
        for name, value in fields.items()
        if name in known and (kind := token_in(value))
    )


def channel_id(text: str) -> str | None:
    """Return the channel id of `<#C123|name>` or a bare id; None for a mere name, which can't be looked up."""
    found = _CHANNEL.match(text.strip())
    return (found[1] or found[2]) if found else None


def _words(text: str) -> list[str]:
    straight = text.translate(_QUOTES)
    try:
        return shlex.split(straight)
    except ValueError:  # an unclosed quote
        return straight.split()


def _help(command: str, _rest: Sequence[str], _context: Context) -> Parsed:
    return ShowHelp(command)


def _add(command: str, rest: Sequence[str], context: Context) -> Parsed:
    options = {"workflow", "environment", "index", "channel"}
    fields: dict[str, str] = {}
    plain: list[str] = []
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals:
            plain.append(word)
        elif name.lower() in options:
            fields[name.lower()] = value if name.lower() == "channel" else plain_text(value)
        else:
            close = difflib.get_close_matches(name.lower(), options, n=1)
            return Misspelt(command, name[:50], f"{close[0]}=" if close else "")
    alone = len(plain) == 1 and parse_slug(plain[0], forge=context.forge) is not None
    fields |= dict(zip(("repository",) if alone else ("project", "repository"), plain, strict=False))
    if len(plain) > 2:
        return Misspelt(command, plain[2][:50], "")
    if len(plain) < 2:
        return OpenPublisherForm(MappingProxyType(fields))
    return _checked(command, fields, context)


def _checked(command: str, fields: Mapping[str, str], context: Context) -> Parsed:
    wanted = registration(fields, context.indexes, context.forge)
    channel = channel_id(fields["channel"]) if "channel" in fields else context.channel
    problems = () if isinstance(wanted, Registration) else wanted
    if channel is None:
        name = fields["channel"][:80]
        text = (
            f"Slack did not say which channel {name!r} is: pick it from the list that opens when you type #."
        )
        problems = (*problems, Problem("channel", text))
    if isinstance(wanted, Registration) and channel:
        return intents.AddPublisher(wanted, channel)
    return Wrong(command, problems)


def _named(make: Callable[[str, str], Parsed]) -> "Handler":
    def handler(command: str, rest: Sequence[str], context: Context) -> Parsed:
        plain = [word for word in rest if "=" not in word]
        options = [word.partition("=") for word in rest if "=" in word]
        # One that is not understood must not be left out: it may be what narrows a removal.
        unknown = next((name for name, _, _ in options if name.lower() != "index"), None)
        if unknown is not None:
            close = difflib.get_close_matches(unknown.lower(), ["index"], n=1)
            return Misspelt(command, unknown[:50], "index=" if close else "")
        index = options[-1][2] if options else ""
        if len(plain) != 1:
            return Wrong(command, (Problem("project", "Name one project, for example acme-widgets."),))
        if index and index not in context.indexes:
            close = difflib.get_close_matches(index, context.indexes, n=1)
            return Misspelt(command, f"index={index}"[:50], f"index={close[0]}" if close else "")
        return make(normalize_project(plain[0][:200]), index)

    return handler


def _import(command: str, rest: Sequence[str], context: Context) -> Parsed:
    """Read an owner, an index and whether it stays a list, in any order."""
    dry = [word for word in rest if word.lower().lstrip("-").replace("_", "-") == "dry-run"]
    plain = [word for word in rest if "=" not in word and word not in dry]
    options = [word.partition("=") for word in rest if "=" in word]
    odd = [name for name, _, _ in options if name.lower() != "index"] + plain[1:]
    if odd:
        close = difflib.get_close_matches(odd[0].lower(), ("index", "dry-run"), n=1)
        hint = {"index": "index="}.get(close[0], close[0]) if close else ""
        return Misspelt(command, odd[0][:50], hint)
    index = options[-1][2] if options else DEFAULT_INDEX
    if index not in context.indexes:
        close = difflib.get_close_matches(index, context.indexes, n=1)
        return Misspelt(command, f"index={index}"[:50], f"index={close[0]}" if close else "")
    owner = plain[0] if plain else ""
    if owner and (problems := owner_problems(owner)):
        return Wrong(command, problems)
    return intents.ImportOwner(owner, index, bool(dry))


def _connect(command: str, rest: Sequence[str], context: Context) -> Parsed:
    target = rest[0].lower() if rest else ""
    if target == "github":
        return OpenSignIn()
    if not target or target in context.indexes:
        return OpenCredentials(target)
    close = difflib.get_close_matches(target, context.indexes, n=1)
    return Misspelt(command, target[:50], f"{command} connect {close[0]}" if close else "")


def _disconnect(command: str, rest: Sequence[str], _context: Context) -> Parsed:
    target = rest[0].lower() if rest else "github"
    if target == "github":
        return intents.DisconnectGithub()
    return Misspelt(command, target[:50], f"{command} disconnect github")


def _audit(_command: str, rest: Sequence[str], _context: Context) -> Parsed:
    return intents.ShowAudit(normalize_project(rest[0][:200]) if rest else "")


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else "none"


_TABLE: Mapping[str, Mapping[str, Handler]] = MappingProxyType(
    {
        "/publisher": {
            "": lambda _command, _rest, _context: OpenPublisherForm({}),
            "add": _add,
            "list": lambda _command, _rest, _context: intents.ListPublishers(),
            "check": _named(intents.CheckPublisher),
            "remove": _named(intents.RemovePublisher),
            "import": _import,
            "help": _help,
        },
        "/release": {
            "": lambda _command, _rest, _context: OpenReleaseForm({}),
            "status": release_commands.status,
            "cancel": release_commands.named(intents.CancelRelease),
            "retry": release_commands.named(intents.RetryRelease),
            "yank": release_commands.yank,
            "tell": release_commands.tell,
            "lock": release_commands.lock,
            "unlock": release_commands.unlock,
            "help": _help,
        },
        "/shipbell": {
            "": _help,
            "connect": _connect,
            "disconnect": _disconnect,
            "credentials": lambda _command, _rest, _context: OpenCredentials(""),
            "settings": release_commands.settings,
            "policy": release_commands.policy,
            "audit": _audit,
            "help": _help,
        },
    }
)

COMMANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {command: tuple(word for word in table if word) for command, table in _TABLE.items()}
)
"""Every command and its words, for the docs' check."""
