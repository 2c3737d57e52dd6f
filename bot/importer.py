"""`shipbell publisher import`: an owner's packages listed and registered without Slack or database.

Knows: the order of things, what is printed where, exit codes. Must not know: flags, the environment, why an index
refuses.

Results go to `out`, what is wrong and how far it is to `err`. The token goes into request headers and nowhere else.
"""

import asyncio
import difflib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TextIO, assert_never

from bot import forging
from bot.core.forge import Nothing, Unsure
from bot.core.importing import (
    Candidate,
    Fate,
    Places,
    Survey,
    Tally,
    Verdict,
    begun,
    looked,
    tally,
    told_apart,
)
from bot.core.names import owner_problems
from bot.core.outcomes import ByHand, NotOffered, Refused, Registered, RegisterOutcome, Taken, TryLater
from bot.core.secrets import redact
from bot.core.sites import IndexSite
from bot.index.client import IndexClient
from bot.settings import Settings
from bot.slack.blocks.imports import lacking, totals
from bot.slack.blocks.reasons import explain
from bot.transport import Transport
from bot.workflow.picking import Picking
from bot.workflow.scouting import Scouting, judged
from storage.records import Reason, Secret

DONE, REFUSED, MISUSED = 0, 1, 2
WIDTHS = (22, 23)
"""Characters of a package's and a repository's column; a line has 80 at most."""
COLUMNS = 80
TELL_EVERY = 20
"""Repositories after which is told how far it is."""
UNKNOWN_OWNER = "GitHub knows no such owner, or the credential may not see it."
GIVE_ONE = (
    "No API token was given. Set SHIPBELL_API_TOKEN, or give --api-token - and the token on standard input; "
    "--dry-run needs none."
)
WORDS = {
    Fate.SET_UP: "set up", Fate.ALREADY: "already", Fate.FIRST: "needs a first release", Fate.FAILED: "failed",
    Fate.BY_HAND: "by hand",
}  # fmt: skip
LISTED = {
    Verdict.READY: "ready", Verdict.ALREADY: "already", Verdict.FIRST: "needs a first release", Verdict.NOT: "not",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What was asked for on the command line; `timeout` in seconds."""

    owner: str = ""
    index: str = "pypi"
    repos: tuple[str, ...] = ()
    """Names of the repositories that are meant; empty: all."""
    api_token: Secret | None = field(default=None, repr=False)
    timeout: float = 15.0
    dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class _Ended:
    """What has become of one package."""

    candidate: Candidate
    fate: Fate | None = None
    """None: nothing was done, or can be."""
    cause: str = ""
    remedy: str = ""
    form: ByHand | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """Whom to ask, and where to write."""

    options: ImportOptions
    site: IndexSite
    scout: Scouting
    index: IndexClient
    out: TextIO
    err: TextIO

    def fail(self, cause: str, remedy: str = "") -> int:
        """Say what is wrong, for scripts also on `out`."""
        self.err.write(redact(f"error: {cause}\n{remedy}".rstrip() + "\n"))
        if self.options.as_json:
            self.out.write(redact(json.dumps({"ok": False, "cause": cause, "remedy": remedy})) + "\n")
        return REFUSED


def run(options: ImportOptions, settings: Settings, *, out: TextIO, err: TextIO) -> int:
    """List and register; return 0 where all went well or on a dry run, 1 where something did not, 2 used wrongly."""

    def connect() -> Transport:
        return Transport(allow_private_addresses=settings.allow_private_addresses)

    return asyncio.run(bring_in(options, settings, connect, out=out, err=err))


async def bring_in(
    options: ImportOptions,
    settings: Settings,
    transport_factory: Callable[[], Transport],
    *,
    out: TextIO,
    err: TextIO,
) -> int:
    """Do what `run` does, on a transport that is made only if somebody is to be asked."""
    if problems := _problems(options, settings):
        err.write(redact("\n".join(["error: This can't be imported:", *problems])) + "\n")
        if options.as_json:
            out.write(redact(json.dumps({"ok": False, "problems": problems})) + "\n")
        return MISUSED
    async with transport_factory() as transport:
        lines = forging.forge_lines(settings, transport, _now)
        forge = forging.forge_client(settings, transport, lines)
        scout = Scouting(forging.forge_catalog(settings, lines), Picking(forge), forge, settings.indexes)
        index = IndexClient(transport, settings.indexes, _now, timeout=options.timeout)
        return await _import(_Parts(options, settings.indexes[options.index], scout, index, out, err))


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this command is its own process, and does nothing by the clock


def _problems(options: ImportOptions, settings: Settings) -> list[str]:
    found = [problem.message for problem in owner_problems(options.owner)] if options.owner else []
    site = settings.indexes.get(options.index)
    if site is None:
        close = difflib.get_close_matches(options.index, list(settings.indexes), n=1)
        hint = f" Did you mean {close[0]}?" if close else f" There is: {', '.join(sorted(settings.indexes))}."
        found.append(f"No index is called {options.index[:60]!r}.{hint}")
    elif site.publisher_api is not False and options.api_token is None and not options.dry_run:
        found.append(GIVE_ONE)
    return found


async def _import(parts: _Parts) -> int:
    places = await parts.scout.places(parts.options.owner)
    match places:
        case Nothing():
            return parts.fail(UNKNOWN_OWNER, "Check --owner and SHIPBELL_GITHUB_TOKEN.")
        case Unsure():
            return parts.fail(f"The repositories can't be listed: {places.detail}")
        case Places():
            survey = await _looked_through(parts, _meant(parts.options, places))
        case _:
            assert_never(places)
    candidates = told_apart(survey.found)
    ended = (
        [_as_listed(one) for one in candidates]
        if parts.options.dry_run
        else await _registered(parts, candidates)
    )
    _print(parts, survey, ended)
    failed = any(one.fate is Fate.FAILED for one in ended)
    return REFUSED if failed or survey.unseen else DONE


def _meant(options: ImportOptions, places: Places) -> Places:
    """Return the repositories that were named, by `name` or `owner/name`; all where none was."""
    wanted = {name.lower().rpartition("/")[2] for name in options.repos}
    kept = tuple(place for place in places.places if not wanted or place.repository.lower() in wanted)
    return replace(places, places=kept)


async def _looked_through(parts: _Parts, places: Places) -> Survey:
    survey = begun(places)
    for number, place in enumerate(places.places, 1):
        found = await parts.scout.sights(place, parts.options.index)
        if isinstance(found, Unsure):
            parts.err.write(redact(f"note: {place.slug} can't be looked at: {found.detail}\n"))
            survey = replace(survey, todo=survey.todo[1:], unseen=(*survey.unseen, place.slug))
        elif isinstance(found, Nothing):
            survey = looked(survey, None)
        else:
            token = parts.options.api_token
            survey = looked(
                survey, [await judged(parts.index, parts.site.name, sight, token) for sight in found]
            )
        if number % TELL_EVERY == 0:
            parts.err.write(f"note: {number} of {len(places.places)} repositories looked at\n")
    return survey


def _as_listed(candidate: Candidate) -> _Ended:
    ends = {Verdict.ALREADY: Fate.ALREADY, Verdict.FIRST: Fate.FIRST}
    return _Ended(candidate, ends.get(candidate.verdict))


async def _registered(parts: _Parts, candidates: Sequence[Candidate]) -> list[_Ended]:
    """Register what is ready, one after the other; a token that the index refuses is not sent again."""
    ended: list[_Ended] = []
    refused: RegisterOutcome | None = NotOffered() if parts.site.publisher_api is False else None
    for candidate in candidates:
        if candidate.verdict is not Verdict.READY:
            ended.append(_as_listed(candidate))
            continue
        outcome = refused
        if outcome is None:
            assert parts.options.api_token is not None
            outcome = await parts.index.register(candidate.registration, parts.options.api_token)
        if isinstance(outcome, NotOffered) or (isinstance(outcome, Refused) and outcome.blames_token):
            refused = outcome
        ended.append(await _end(parts, candidate, outcome))
    return ended


async def _end(parts: _Parts, candidate: Candidate, outcome: RegisterOutcome) -> _Ended:
    fate, reason, detail = _meaning(outcome)
    wanted = candidate.registration
    cause, remedy = explain(
        reason, index=wanted.index, index_url=parts.site.url, registration=wanted, detail=detail
    )
    form = parts.index.by_hand(wanted, project_exists=candidate.exists) if fate is Fate.BY_HAND else None
    return _Ended(candidate, fate, cause, remedy, form)


def _meaning(outcome: RegisterOutcome) -> tuple[Fate, Reason, str]:
    match outcome:
        case Registered():
            return Fate.SET_UP, Reason.REGISTERED, ""
        case Taken():
            return Fate.ALREADY, Reason.ALREADY_PENDING, outcome.detail
        case NotOffered():
            return Fate.BY_HAND, Reason.NO_API, ""
        case Refused() if outcome.reason is Reason.PROJECT_MISSING:
            return Fate.FIRST, outcome.reason, outcome.detail
        case Refused() | TryLater():
            return Fate.FAILED, outcome.reason, outcome.detail
        case _:
            assert_never(outcome)


def _print(parts: _Parts, survey: Survey, ended: Sequence[_Ended]) -> None:
    counted = tally([one.fate for one in ended if one.fate is not None])
    if parts.options.as_json:
        parts.out.write(redact(json.dumps(_document(parts, survey, ended, counted))) + "\n")
        return
    lines = [_line(("PACKAGE", "REPOSITORY"), "STATE"), *map(_row, ended), ""]
    lines += [line for one in ended if one.fate is Fate.FAILED for line in _why(one)]
    lines += [line for one in ended if one.form is not None for line in _form(one)]
    lines.append(_sum(parts, ended, counted))
    parts.out.write(redact("\n".join(lines)) + "\n")
    if survey.missing:
        parts.err.write(redact(f"note: {survey.missing}\n"))


def _sum(parts: _Parts, ended: Sequence[_Ended], counted: Tally) -> str:
    if not parts.options.dry_run:
        return totals(counted)
    counts = {verdict: sum(one.candidate.verdict is verdict for one in ended) for verdict in Verdict}
    return (
        f"{counts[Verdict.READY]} can be set up, {counts[Verdict.ALREADY]} already, "
        f"{counts[Verdict.FIRST]} without a first release, {counts[Verdict.NOT]} can't be set up"
    )


def _row(one: _Ended) -> str:
    wanted = one.candidate.registration
    lacks = lacking(one.candidate.lacks, one.candidate.detail)
    state = WORDS[one.fate] if one.fate is not None else LISTED[one.candidate.verdict]
    return _line((wanted.project or "(no name)", wanted.slug), f"{state}{f': {lacks}' if lacks else ''}")


def _line(columns: tuple[str, str], rest: str) -> str:
    first = " ".join(_cut(text, width).ljust(width) for text, width in zip(columns, WIDTHS, strict=True))
    return f"{first} {_cut(rest, COLUMNS - len(first) - 1)}".rstrip()


def _cut(text: str, width: int) -> str:
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown if len(shown) <= width else f"{shown[: width - 3]}..."


def _why(one: _Ended) -> list[str]:
    return [f"{one.candidate.registration.project}: {one.cause}", f"  {one.remedy}", ""]


def _form(one: _Ended) -> list[str]:
    assert one.form is not None
    values = [] if one.form.prefilled else [f"  {label}: {value}" for label, value in one.form.fields]
    return [f"{one.candidate.registration.project}: {one.form.url}", *values, ""]


def _document(parts: _Parts, survey: Survey, ended: Sequence[_Ended], counted: Tally) -> dict[str, Any]:
    """Return the one JSON document (docs/cli.md); its fields only grow."""
    failed = counted.failed > 0 or bool(survey.unseen)
    return {
        "ok": not failed,
        "dry_run": parts.options.dry_run,
        "owner": parts.options.owner,
        "index": parts.site.name,
        "repositories": survey.repositories,
        "left_out": {"archived": survey.archived, "forks": survey.forks, "without_python": survey.others},
        "unseen": list(survey.unseen),
        "packages": [_package(one) for one in ended],
        "totals": {
            "set_up": counted.set_up, "already": counted.already, "first": counted.first,
            "failed": counted.failed, "by_hand": counted.by_hand,
        },
    }  # fmt: skip


def _package(one: _Ended) -> dict[str, Any]:
    wanted, form = one.candidate.registration, one.form
    return {
        "project": wanted.project,
        "repository": wanted.slug,
        "workflow": wanted.workflow,
        "environment": wanted.environment,
        "verdict": one.candidate.verdict.value,
        "lacks": [lack.value for lack in one.candidate.lacks],
        "detail": one.candidate.detail,
        "outcome": one.fate.value if one.fate is not None else None,
        "cause": one.cause,
        "remedy": one.remedy,
        "by_hand": None
        if form is None
        else {"url": form.url, "prefilled": form.prefilled, "fields": dict(form.fields)},
    }
