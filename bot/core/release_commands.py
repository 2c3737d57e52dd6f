"""The words of `/release`, and those of `/shipbell settings` that change who decides.

Knows: their grammar. Must not know: Slack, who asks, what a command does.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.moments import FORMS, moment
from bot.core.names import Problem, normalize_project
from bot.core.parsed import Context, Handler, Misspelt, OpenReleaseForm, Parsed, ShowHelp, ShowSettings, Wrong
from bot.core.policies import FIELDS, changed
from bot.core.secrets import looks_like_token
from storage.records import Hears

LONGEST_NOTES = 1_500
LONGEST_REASON = 300
_ASK = ("index", "notes", "at", "override")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def ask(command: str, words: Sequence[str], context: Context, table: Sequence[str]) -> Parsed:
    """Read `PROJECT TAG_OR_VERSION [index=] [notes=] [at=] [override=]`."""
    plain, options = _split(words)
    if unknown := _unknown(options, _ASK):
        return Misspelt(command, *unknown)
    if len(plain) == 1 and not options:
        close = difflib.get_close_matches(plain[0].lower(), [name for name in table if name], n=1)
        if close:
            return Misspelt(command, plain[0][:50], f"{command} {close[0]}")
    if len(plain) > 2:
        return Misspelt(command, plain[2][:50], "")
    fields = dict(zip(("project", "version"), plain, strict=False)) | options
    if len(plain) < 2:
        return OpenReleaseForm(fields)
    wanted = request(fields, context)
    return wanted if isinstance(wanted, intents.AskRelease) else Wrong(command, wanted)


def request(fields: Mapping[str, str], context: Context) -> intents.AskRelease | tuple[Problem, ...]:
    """Read the fields `project version index notes at override channel`, from a command or a dialog alike.

    Returns every problem at once.
    """
    problems = [
        Problem(name, f"This looks like {kind.name}, so it was kept nowhere. {kind.revoke}")
        for name, value in fields.items()
        if (kind := looks_like_token(value))
    ]
    at = fields.get("at", "").strip()
    act_at = moment(at, context.now) if at else None
    index = fields.get("index", "").strip()
    checks = {
        "project": "" if fields.get("project", "").strip() else "Name the project, for example acme-widgets.",
        "version": _version_problem(fields.get("version", "").strip()),
        "at": "" if not at or act_at else f"Give a time to come, within a year: {FORMS}.",
        "index": "" if not index or index in context.indexes else f"There is no index {index[:40]!r} here.",
        "notes": _too_long(fields.get("notes", ""), LONGEST_NOTES),
        "override": _too_long(fields.get("override", ""), LONGEST_REASON),
    }
    problems += [Problem(name, text) for name, text in checks.items() if text]
    if problems:
        return tuple(problems)
    return intents.AskRelease(
        project=normalize_project(fields["project"].strip()[:200]),
        version=fields["version"].strip(),
        index=index,
        notes=plain_text(fields.get("notes", "").strip()),
        act_at=act_at,
        override=plain_text(fields.get("override", "").strip()),
        channel=context.channel,
    )


def _version_problem(text: str) -> str:
    if not text:
        return "Give the tag or the version, for example v1.4.0."
    fine = len(text) <= 100 and text.isascii() and text.isprintable() and not set(text) & set(" ~^:?*[\\<>&")
    return "" if fine and ".." not in text else "This can be neither a tag nor a version."


def _too_long(text: str, most: int) -> str:
    return "" if len(text) <= most else f"Keep it under {most} characters, and link to the rest."


def plain_text(text: str) -> str:
    """Return what was typed, without Slack's escapes (https://docs.slack.dev/messaging/formatting-message-text)."""
    for escaped, sign in _ENTITIES:
        text = text.replace(escaped, sign)
    return text


def status(command: str, rest: Sequence[str], _context: Context) -> Parsed:
    """Read `status [PROJECT]`."""
    if len(rest) > 1:
        return Misspelt(command, rest[1][:50], "")
    return intents.ShowReleases(normalize_project(rest[0][:200]) if rest else "")


def named(make: Callable[[str, str], Parsed]) -> Handler:
    """Return what reads `WORD PROJECT VERSION`."""

    def handler(command: str, rest: Sequence[str], _context: Context) -> Parsed:
        if len(rest) != 2:
            text = "Name the project and the version, for example acme-widgets 1.4.0."
            return Wrong(command, (Problem("project", text),))
        return make(normalize_project(rest[0][:200]), rest[1][:100])

    return handler


def lock(command: str, rest: Sequence[str], context: Context) -> Parsed:
    """Read `lock PROJECT [until=TIME] reason="..."`."""
    plain, options = _split(rest)
    if unknown := _unknown(options, ("until", "reason")):
        return Misspelt(command, *unknown)
    if len(plain) != 1:
        return Wrong(command, (Problem("project", "Name one project, for example acme-widgets."),))
    return _freeze(command, normalize_project(plain[0][:200]), options, context)


def unlock(command: str, rest: Sequence[str], _context: Context) -> Parsed:
    """Read `unlock PROJECT`."""
    if len(rest) != 1:
        return Wrong(command, (Problem("project", "Name one project, for example acme-widgets."),))
    return intents.LiftFreeze(normalize_project(rest[0][:200]))


def tell(command: str, rest: Sequence[str], _context: Context) -> Parsed:
    """Read `tell [[PROJECT] all|final|pre|failures|nothing]`."""
    if not rest:
        return intents.ShowTold()
    if len(rest) > 2:
        return Misspelt(command, rest[2][:50], "")
    wish = rest[-1].lower()
    if wish not in set(Hears):
        close = difflib.get_close_matches(wish, list(Hears), n=1)
        before = " ".join(("tell", *rest[:-1]))[:200]
        return Misspelt(command, rest[-1][:50], f"{command} {before} {close[0] if close else Hears.ALL}")
    return intents.TellChannel(normalize_project(rest[0][:200]) if rest[1:] else "", Hears(wish))


def settings(command: str, rest: Sequence[str], context: Context) -> Parsed:
    """Read `settings [policy [PROJECT] [NAME=VALUE ...] | freeze [from=] [until=] reason= | unfreeze]`."""
    if not rest:
        return ShowSettings()
    words: Mapping[str, Callable[[Sequence[str]], Parsed]] = {
        "policy": lambda more: _policy(command, more, context),
        "freeze": lambda more: _team_freeze(command, more, context),
        "unfreeze": lambda more: intents.LiftFreeze("") if not more else Misspelt(command, more[0][:50], ""),
        "help": lambda _more: ShowHelp(command),
    }
    if reader := words.get(rest[0].lower()):
        return reader(rest[1:])
    close = difflib.get_close_matches(rest[0].lower(), words, n=1)
    return Misspelt(command, rest[0][:50], f"{command} settings {close[0]}" if close else "")


def _policy(command: str, rest: Sequence[str], context: Context) -> Parsed:
    plain, options = _split(rest)
    if unknown := _unknown(options, tuple(FIELDS)):
        return Misspelt(command, *unknown)
    if len(plain) > 1:
        return Misspelt(command, plain[1][:50], "")
    project = normalize_project(plain[0][:200]) if plain else ""
    if not options:
        return intents.ShowPolicy(project)
    tried = changed(Policy(), options, context.indexes)
    return intents.SetPolicy(project, options) if isinstance(tried, Policy) else Wrong(command, tried)


def _team_freeze(command: str, rest: Sequence[str], context: Context) -> Parsed:
    plain, options = _split(rest)
    if plain:
        return Misspelt(command, plain[0][:50], "")
    if unknown := _unknown(options, ("from", "until", "reason")):
        return Misspelt(command, *unknown)
    return _freeze(command, "", options, context)


def _freeze(command: str, project: str, options: Mapping[str, str], context: Context) -> Parsed:
    problems = []
    times: dict[str, datetime | None] = {}
    for name in ("from", "until"):
        text = options.get(name, "").strip()
        times[name] = moment(text, context.now) if text else None
        if text and times[name] is None:
            problems.append(Problem(name, f"Give a time to come, within a year: {FORMS}."))
    reason = plain_text(options.get("reason", "").strip())
    if not reason or len(reason) > LONGEST_REASON:
        problems.append(Problem("reason", f'Say why, in up to {LONGEST_REASON} characters: reason="...".'))
    starts, ends = times["from"], times["until"]
    if starts and ends and ends <= starts:
        problems.append(Problem("until", "It must end after it begins."))
    return Wrong(command, tuple(problems)) if problems else intents.SetFreeze(project, starts, ends, reason)


def _split(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the plain words, and the options by their lower-case names."""
    plain = [word for word in words if "=" not in word]
    pairs = [word.partition("=") for word in words if "=" in word]
    return plain, {name.lower(): value for name, _, value in pairs}


def _unknown(options: Mapping[str, str], known: Sequence[str]) -> tuple[str, str] | None:
    """Return an option that is not understood, and what may be meant: one left out could change what is done."""
    name = next((name for name in options if name not in known), None)
    if name is None:
        return None
    close = difflib.get_close_matches(name, known, n=1)
    return name[:50], f"{close[0]}=" if close else ""
