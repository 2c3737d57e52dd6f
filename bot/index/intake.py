"""What somebody entered for an index: refused with its cause, or taken as what it is. Nothing is asked of anybody.

Knows: what a token says of itself, which index it belongs to. Must not know: httpx, who asks, where it is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from bot.core.names import Problem, normalize_project, project_problem
from bot.core.secrets import INDEX_TOKEN, looks_like_token
from bot.core.sites import IndexSite, token_page
from bot.index import one_time, tokens
from bot.index.tokens import (
    Caveat,
    Expires,
    Opaque,
    ProjectIds,
    Projects,
    Publisher,
    TokenFacts,
    TokenRead,
    Unknown,
    Unreadable,
    User,
)
from storage.records import CredentialKind, Secret

TOKEN_USER = "__token__"  # noqa: S105 - the name that goes with every token
LONGEST_NAME = 200
LONGEST_PASSWORD = 1_000


@dataclass(frozen=True, slots=True)
class Intake:
    """What was entered, read offline."""

    index: str
    project: str
    """Normalized; "" for all of the team's."""
    kind: CredentialKind
    secret: Secret = field(repr=False)
    username: Secret | None = field(repr=False)
    facts: TokenFacts | None
    """None: nothing can be read of it, and it can't be narrowed."""
    one_time: Secret | None = field(default=None, repr=False)
    """What makes the one-time codes that go with a password."""

    @property
    def secrets(self) -> Mapping[str, Secret]:
        """What must be sealed of it, by name."""
        named = {"secret": self.secret, "username": self.username, "one_time": self.one_time}
        return MappingProxyType({name: secret for name, secret in named.items() if secret})


def take(
    typed: Mapping[str, str], sites: Mapping[str, IndexSite], now: datetime
) -> Intake | tuple[Problem, ...]:
    """Read what was entered in `index`, `project`, `username`, `token`, `one_time`; all problems at once. Never raises."""
    index, project, username, token, codes = (
        typed.get(name, "").strip() for name in ("index", "project", "username", "token", "one_time")
    )
    if index not in sites:
        return (Problem("index", "This index is not served here any more."),)
    named = bool(username) and username != TOKEN_USER
    read = Opaque() if named else tokens.read(Secret(token))
    problems = {
        "project": project_problem(project) if project else "",
        "username": _name_problem(username) if named else "",
        "one_time": _codes_problem(codes, sites[index], named=named) if codes else "",
        "token": _password_problem(token) if named else _token_problem(token, read, sites[index], sites, now),
    }
    facts = read if isinstance(read, TokenFacts) else None
    if facts is not None and project and not any(problems.values()) and not facts.serves(project):
        problems["project"] = f"This token is good for {', '.join(facts.projects or ())[:200]} alone."
    if found := tuple(Problem(name, message) for name, message in problems.items() if message):
        return found
    kind = CredentialKind.PASSWORD if named else CredentialKind.API_TOKEN
    who = Secret(username) if named else None
    whose = normalize_project(project)
    return Intake(index, whose, kind, Secret(token), who, facts, Secret(codes) if codes else None)


def bound(secret: Secret, project: str) -> tuple[Secret, TokenFacts | None]:
    """Return a token narrowed to a project's name, without an end, and what it says now; the wide one is not needed for it."""
    copy = tokens.narrowed(secret, project).secret
    read = tokens.read(copy)
    return copy, read if isinstance(read, TokenFacts) else None


def limit(caveat: Caveat) -> str:
    """Return what a caveat allows, in plain words."""
    match caveat:
        case Expires():
            return _span(caveat)
        case Projects():
            return f"good for {', '.join(caveat.names)[:300]} alone"
        case ProjectIds():
            return f"good for {len(caveat.ids)} of the index's projects alone, named by number"
        case User():
            return "good for its user: for all that the account may do"
        case Publisher():
            return "made by trusted publishing, for one run"
        case Unknown():
            return f"a limit that I don't know, which only the index understands: {caveat.shown}"
        case _:
            assert_never(caveat)


def limits(entered: Intake) -> tuple[str, ...]:
    """Return all that can be told of what was entered, in plain words, without anything of the secret."""
    if entered.kind is CredentialKind.PASSWORD:
        codes = (
            ("and what makes its one-time codes: whoever has both needs nothing else",)
            if entered.one_time
            else ()
        )
        return (
            "a user name and a password: good for all that the account may do",
            *codes,
            "they can't be narrowed, and are sent as they are, for each upload: a token is better wherever the index has some",
        )
    if entered.facts is None:
        return ("no token that can be read: it can't be narrowed, and is sent as it is",)
    of = f"an API token of {entered.facts.location}" if entered.facts.location else "an API token"
    wide = ("it reaches every project of the account",) if entered.facts.account_wide else ()
    endless = () if entered.facts.expires_at else ("it has no end",)
    return (of, *map(limit, entered.facts.caveats), *wide, *endless)


def _span(caveat: Expires) -> str:
    begin, end = (
        f"{word} {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
        for word, moment in (("from", caveat.not_before), ("until", caveat.expires_at))
    )
    return f"{begin} {end}".strip() or "at any time"


def _name_problem(name: str) -> str:
    if looks_like_token(name):
        return "This looks like a token: enter it below, and leave this empty."
    return "" if name.isprintable() and len(name) <= LONGEST_NAME else "This can't be a user name."


def _codes_problem(codes: str, site: IndexSite, *, named: bool) -> str:
    if not site.one_time_code:
        return f"Nobody has said how {site.name} takes one-time codes: leave this empty, or ask your operator to."
    if not named:
        return "One-time codes go with a user name and a password: a token needs none."
    fits = one_time.read(Secret(codes)) is not None
    return (
        ""
        if fits
        else "This makes no one-time codes: give the text behind the QR code, not a code of six digits."
    )


def _password_problem(password: str) -> str:
    if not password:
        return "The password is missing."
    fits = password.isprintable() and len(password) <= LONGEST_PASSWORD
    return "" if fits else "This can't be a password: copy it again, whole and alone."


def _token_problem(
    token: str, read: TokenRead, site: IndexSite, sites: Mapping[str, IndexSite], now: datetime
) -> str:
    kind = looks_like_token(token)
    if kind is not None and kind is not INDEX_TOKEN:
        return f"This is {kind.name}. Give an API token of the index."
    if not token.isascii() or not token.isprintable() or " " in token:
        return "A token has no spaces or special signs: copy it again, whole and alone."
    match read:
        case Opaque():
            return "" if token else "Enter the token."
        case Unreadable():
            return f"This token {read.cause}: copy it again, whole and alone."
        case TokenFacts():
            return _refusal(read, site, sites, now)
        case _:
            assert_never(read)


def _refusal(facts: TokenFacts, site: IndexSite, sites: Mapping[str, IndexSite], now: datetime) -> str:
    """Return why a token that can be read is of no use here; "" where it may be."""
    if facts.location and facts.location != site.host:
        owner = next((one.name for one in sites.values() if one.host == facts.location), "")
        whose = f"{owner} ({facts.location})" if owner else facts.location
        return f"This token belongs to {whose[:200]}, not to {site.name}: choose its own index, or enter another."
    if any(isinstance(caveat, Publisher) for caveat in facts.caveats):
        return "Trusted publishing made this token for one run: there is nothing to keep. Make one in your account."
    if facts.expires_at is not None and facts.expires_at <= now:
        ended = facts.expires_at.strftime("%Y-%m-%d %H:%M UTC")
        return f"This token ended {ended}. Make a new one: {token_page(site)}"
    return ""
