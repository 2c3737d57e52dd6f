"""The words of `/release`, and those of `/shipbell settings` that change who decides.

Knows: their grammar. Must not know: Slack, who asks, what a command does.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.core import intents
from bot.core.approvals import Policy
from bot.core.moments import FORMS, moment
from bot.core.names import Problem, normalize_project
from bot.core.parsed import (
    Context,
    Handler,
    Misspelt,
    OpenPolicyForm,
    OpenReleaseForm,
    Parsed,
    ShowHelp,
    ShowSettings,
    Wrong,
)
from bot.core.policies import FIELDS, changed
from bot.core.secrets import TokenKind, looks_like_token
from bot.core.versions import read
from storage.records import Hears

LONGEST_NOTES = 1_500
LONGEST_REASON = 300
_ASK = ("index", "notes", "at", "override")
NAME_IT = "Name the project, for example acme-widgets."
_PROJECT = re.compile(r"[a-z\d](?:[a-z\d._-]{0,198}[a-z\d])?", re.ASCII | re.IGNORECASE)
_NO_REF = re.compile(r"\A[-/.]|[/.]\Z|\.\.|//|/\.|@\{|\.lock(?:/|\Z)")
"""What git takes in no tag's name (https://git-scm.com/docs/git-check-ref-format)."""
_QUOTING = frozenset("\"'\\\u201c\u201d\u2018\u2019")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def ask(command: str, words: Sequence[str], context: Context, table: Sequence[str]) -> Parsed:
    """Read `PROJECT TAG_OR_VERSION [index=] [notes=] [at=] [override=]`."""
    plain, options = _split(words)
    if mistyped := _mistyped(command, plain, options, table):
        return mistyped
    if unknown := _unknown(options, _ASK):
        return Misspelt(command, *unknown)
    if len(plain) > 2:
        return Misspelt(command, plain[2][:50], "")
    fields = dict(zip(("project", "version"), plain, strict=False)) | options
    if len(plain) < 2:
        return OpenReleaseForm(fields)
    wanted = request(fields, context)
    return wanted if isinstance(wanted, intents.AskRelease) else Wrong(command, wanted)


def _mistyped(
    command: str, plain: Sequence[str], options: Mapping[str, str], table: Sequence[str]
) -> Misspelt | None:
    """Return what a first word was to be that is nearly a subcommand; None where it may be a project to release."""
    if not plain or (len(plain) == 1 and options):
        return None
    if len(plain) == 2 and read(plain[1], normalize_project(plain[0][:200])).valid:
        return None
    close = difflib.get_close_matches(plain[0].lower(), [name for name in table if name], n=1)
    return Misspelt(command, plain[0][:50], f"{command} {close[0]}") if close else None


def request(fields: Mapping[str, str], context: Context) -> intents.AskRelease | tuple[Problem, ...]:
    """Read the fields `project version index notes at override channel`, from a command or a dialog alike.

    Returns every problem at once.
    """
    leaked = [Problem(name, kind.refusal) for name, value in fields.items() if (kind := token_in(value))]
    if leaked:  # nothing else is said of it: an answer could repeat a part
        return tuple(leaked)
    fields = {**fields, **{name: _kept(fields.get(name, "")) for name in ("notes", "override")}}
    at = fields.get("at", "").strip()
    act_at = moment(at, context.now) if at else None
    index = fields.get("index", "").strip()
    checks = {
        "project": "" if is_project(fields.get("project", "")) else NAME_IT,
        "version": _version_problem(fields.get("version", "").strip()),
        "at": "" if not at or act_at else f"Give a time to come, within a year: {FORMS}.",
        "index": "" if not index or index in context.indexes else f"There is no index {index[:40]!r} here.",
        "notes": _too_long(fields["notes"], LONGEST_NOTES),
        "override": _too_long(fields["override"], LONGEST_REASON),
    }
    if problems := tuple(Problem(name, text) for name, text in checks.items() if text):
        return problems
    return intents.AskRelease(
        project=normalize_project(fields["project"].strip()[:200]),
        version=fields["version"].strip(),
        index=index,
        notes=fields["notes"],
        act_at=act_at,
        override=fields["override"],
        channel=context.channel,
    )


def _version_problem(text: str) -> str:
    if not text:
        return "Give the tag or the version, for example v1.4.0."
    fine = len(text) <= 100 and text.isascii() and text.isprintable() and not set(text) & set(" ~^:?*[\\<>&")
    return "" if fine and not _NO_REF.search(text) else "This can be neither a tag nor a version."


def _too_long(text: str, most: int) -> str:
    return "" if len(text) <= most else f"Keep it under {most} characters, and link to the rest."


def plain_text(text: str) -> str:
    """Return what was typed, without Slack's escapes (https://docs.slack.dev/messaging/formatting-message-text)."""
    for escaped, sign in _ENTITIES:
        text = text.replace(escaped, sign)
    return text


def _kept(text: str) -> str:
    """Return a text as it can be kept: a database holds neither a null nor half a character."""
    return plain_text(text.replace("\0", "").encode(errors="replace").decode().strip())


def token_in(text: str) -> TokenKind | None:
    """Return what kind of secret stands in the text, also with what nobody sees or reading takes out in between."""
    bare = "".join(sign for sign in text if sign.isspace() or (sign.isprintable() and sign not in _QUOTING))
    return looks_like_token(text) or looks_like_token(bare)


def is_project(text: str) -> bool:
    """Whether it can be a project's name."""
    return _PROJECT.fullmatch(text.strip()) is not None


def _named_one(command: str, word: str) -> Misspelt | Wrong | None:
    """Return what is wrong with a word that is to be a project; an option is not taken for one."""
    if "=" in word:
        return Misspelt(command, word.partition("=")[0][:50], "")
    return None if is_project(word) else Wrong(command, (Problem("project", NAME_IT),))


def status(command: str, rest: Sequence[str], _context: Context) -> Parsed:
    """Read `status [PROJECT]`."""
    if len(rest) > 1:
        return Misspelt(command, rest[1][:50], "")
    if rest and (wrong := _named_one(command, rest[0])):
        return wrong
    return intents.ShowReleases(normalize_project(rest[0]) if rest else "")


def named(make: Callable[[str, str], Parsed]) -> Handler:
    """Return what reads `WORD PROJECT VERSION`."""

    def handler(command: str, rest: Sequence[str], _context: Context) -> Parsed:
        if option := next((word for word in rest if "=" in word), ""):
            return Misspelt(command, option.partition("=")[0][:50], "")
        if len(rest) != 2 or not is_project(rest[0]):
            text = "Name the project and the version, for example acme-widgets 1.4.0."
            return Wrong(command, (Problem("project", text),))
        return make(normalize_project(rest[0]), rest[1][:100])

    return handler


def lock(command: str, rest: Sequence[str], context: Context) -> Parsed:
    """Read `lock PROJECT [until=TIME] reason="..."`."""
    plain, options = _split(rest)
    if unknown := _unknown(options, ("until", "reason")):
        return Misspelt(command, *unknown)
    if len(plain) != 1:
        return Wrong(command, (Problem("project", "Name one project, for example acme-widgets."),))
    return _named_one(command, plain[0]) or freeze(command, normalize_project(plain[0]), options, context)


def unlock(command: str, rest: Sequence[str], _context: Context) -> Parsed:
    """Read `unlock PROJECT`."""
    if len(rest) != 1:
        return Wrong(command, (Problem("project", "Name one project, for example acme-widgets."),))
    return _named_one(command, rest[0]) or intents.LiftFreeze(normalize_project(rest[0]))


def yank(command: str, rest: Sequence[str], context: Context) -> Parsed:
    """Read `yank PROJECT VERSION reason="..." [index=]`."""
    plain, options = _split(rest)
    if unknown := _unknown(options, ("reason", "index")):
        return Misspelt(command, *unknown)
    if len(plain) > 2:
        return Misspelt(command, plain[2][:50], "")
    project, version = (*plain, "", "")[:2]
    reason = plain_text(options.get("reason", "").strip())
    index = options.get("index", "").strip()
    wrong_reason = not reason or len(reason) > LONGEST_REASON
    checks = {
        "project": "" if project else "Name the project and the version, for example acme-widgets 1.4.0.",
        "version": _version_problem(version) if project else "",
        "reason": f'Say why, in up to {LONGEST_REASON} characters: reason="...".' if wrong_reason else "",
        "index": "" if not index or index in context.indexes else f"There is no index {index[:40]!r} here.",
    }
    if problems := tuple(Problem(name, text) for name, text in checks.items() if text):
        return Wrong(command, problems)
    return intents.AskYank(normalize_project(project[:200]), version, reason, index)


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


def policy(command: str, rest: Sequence[str], context: Context) -> Parsed:
    """Read `policy [PROJECT] [NAME=VALUE ...]`, which opens the dialog where nothing is to be changed."""
    found = _policy(command, rest, context)
    return OpenPolicyForm(found.project) if isinstance(found, intents.ShowPolicy) else found


def _policy(command: str, rest: Sequence[str], context: Context) -> Parsed:
    plain, options = _split(_joined(rest))
    if unknown := _unknown(options, tuple(FIELDS)):
        return Misspelt(command, *unknown)
    if len(plain) > 1:
        return Misspelt(command, plain[1][:50], "")
    if plain and (wrong := _named_one(command, plain[0])):
        return wrong
    project = normalize_project(plain[0]) if plain else ""
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
    return freeze(command, "", options, context)


def freeze(command: str, project: str, options: Mapping[str, str], context: Context) -> Parsed:
    """Read the options `from until reason` of a freeze, from a command or a dialog alike; "" freezes every project."""
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


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words with lists made whole: Slack puts a space behind each name that is picked from its list."""
    joined: list[str] = []
    for word in words:
        if joined and (word.startswith(",") or joined[-1].endswith(",")):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


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
