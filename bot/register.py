"""`shipbell publisher register`: one registration without Slack or database.

Knows: the order of things, what is printed where, exit codes. Must not know: flags, the environment, why an index
refuses.

Results go to `out`, what is wrong to `err`. The token goes into one request header and nowhere else.
"""

import asyncio
import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO, assert_never

from bot.core.names import Problem, Slug, normalize_project, parse_slug, validate
from bot.core.outcomes import (
    Absent,
    ByHand,
    NotOffered,
    Present,
    Refused,
    Registered,
    RegisterOutcome,
    Taken,
    TryLater,
)
from bot.core.secrets import redact
from bot.core.sites import IndexSite
from bot.index.client import IndexClient
from bot.index.forms import by_hand
from bot.index.publisher_api import PATH, payload
from bot.slack.blocks.reasons import explain
from bot.transport import Transport
from storage.records import Reason, Registration, Secret

DONE, REFUSED, MISUSED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class RegisterOptions:
    """What was asked for on the command line; `timeout` in seconds."""

    project: str
    owner: str
    repo: str
    workflow: str = "release.yml"
    environment: str = "pypi"
    index: str = "pypi"
    api_token: Secret | None = field(default=None, repr=False)
    timeout: float = 15.0
    dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class _Screen:
    """Where things are written, and in which form."""

    out: TextIO
    err: TextIO
    as_json: bool

    def result(self, words: str, value: Mapping[str, Any]) -> None:
        """Write the result: words for people, or one line of JSON."""
        self.out.write(redact(json.dumps(value)) + "\n" if self.as_json else redact(words) + "\n")

    def failure(self, cause: str, lines: Sequence[str], value: Mapping[str, Any]) -> None:
        """Say what is wrong and what to do about it; for scripts also on `out`."""
        self.err.write(redact("\n".join([f"error: {cause}", *lines])) + "\n")
        if self.as_json:
            self.out.write(redact(json.dumps({"ok": False, **value})) + "\n")


def run(
    options: RegisterOptions,
    sites: Mapping[str, IndexSite],
    *,
    allow_private_addresses: bool,
    out: TextIO,
    err: TextIO,
) -> int:
    """Register a publisher; return 0 where it was taken or on a dry run, 1 refused or no answer, 2 used wrongly."""

    def connect() -> Transport:
        return Transport(allow_private_addresses=allow_private_addresses)

    return asyncio.run(register(options, sites, connect, out=out, err=err))


async def register(
    options: RegisterOptions,
    sites: Mapping[str, IndexSite],
    transport_factory: Callable[[], Transport],
    *,
    out: TextIO,
    err: TextIO,
) -> int:
    """Do what `run` does, on a transport that is made only if somebody is to be asked."""
    screen = _Screen(out, err, options.as_json)
    wanted = _registration(options)
    if problems := _problems(options, wanted, sites):
        told = [{"field": problem.field, "message": problem.message} for problem in problems]
        lines = [f"  - {problem.message}" for problem in problems]
        screen.failure("This can't be registered:", lines, {"problems": told})
        return MISUSED
    if options.dry_run or options.api_token is None:
        return _dry(screen, sites[wanted.index], wanted)
    async with transport_factory() as transport:
        client = IndexClient(transport, sites, _now, timeout=options.timeout)
        outcome = await client.register(wanted, options.api_token)
        form = client.by_hand(wanted, await _exists(client, wanted, outcome))
    return _tell(screen, sites[wanted.index], wanted, outcome, form)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this command is its own process, and does nothing by the clock


def _registration(options: RegisterOptions) -> Registration:
    pasted = parse_slug(options.repo) if "/" in options.repo else None
    slug = Slug(options.owner, options.repo)
    if pasted is not None and pasted.owner.lower() == options.owner.lower():
        slug = pasted
    return Registration(
        index=options.index,
        project=options.project,
        owner=slug.owner,
        repository=slug.repository,
        workflow=options.workflow,
        environment=options.environment,
    )


def _problems(
    options: RegisterOptions, wanted: Registration, sites: Mapping[str, IndexSite]
) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    if wanted.index not in sites:
        close = difflib.get_close_matches(wanted.index, list(sites), n=1)
        hint = f" Did you mean {close[0]}?" if close else f" There is: {', '.join(sorted(sites))}."
        problems.append(Problem("index", f"No index is called {wanted.index[:60]!r}.{hint}"))
    if options.api_token is None and not options.dry_run:
        problems.append(
            Problem(
                "api_token",
                "No API token was given. Set SHIPBELL_API_TOKEN, or give --api-token - and the token on standard input.",
            )
        )
    named = validate(
        project=wanted.project,
        owner=wanted.owner,
        repository=wanted.repository,
        workflow=wanted.workflow,
        environment=wanted.environment,
    )
    return (*problems, *named)


def _dry(screen: _Screen, site: IndexSite, wanted: Registration) -> int:
    """Print what would be sent."""
    url, body = f"{site.url}{PATH}", payload(wanted)
    screen.result(
        f"POST {url}\n{json.dumps(body, indent=2)}",
        {"ok": True, "dry_run": True, "method": "POST", "url": url, "payload": body},
    )
    if site.publisher_api is False:
        form = by_hand(site, wanted, project_exists=None)
        screen.err.write(f"note: {site.name} has no such API; a person registers it at {form.url}\n")
    return DONE


async def _exists(client: IndexClient, wanted: Registration, outcome: RegisterOutcome) -> bool | None:
    """Look whether the project is there, for the right form; an index that gave no answer is not asked again."""
    if isinstance(outcome, Registered | TryLater):
        return None
    return {Absent: False, Present: True}.get(type(await client.simple(wanted.index, wanted.project)))


def _tell(
    screen: _Screen, site: IndexSite, wanted: Registration, outcome: RegisterOutcome, form: ByHand
) -> int:
    reason, detail = _why(outcome)
    cause, remedy = explain(reason, index=site.name, index_url=site.url, registration=wanted, detail=detail)
    told = {
        "index": site.name, "reason": reason.value, "cause": cause, "remedy": remedy, "payload": payload(wanted),
    }  # fmt: skip
    if isinstance(outcome, Registered):
        screen.result(f"{normalize_project(wanted.project)}: {cause}\n{remedy}", {"ok": True, **told})
        return DONE
    manual = {"url": form.url, "prefilled": form.prefilled, "fields": dict(form.fields)}
    screen.failure(cause, [remedy, *_form_lines(form)], {**told, "by_hand": manual})
    return REFUSED


def _why(outcome: RegisterOutcome) -> tuple[Reason, str]:
    match outcome:
        case Registered():
            return Reason.REGISTERED, ""
        case Taken():
            return Reason.ALREADY_PENDING, outcome.detail
        case NotOffered():
            return Reason.NO_API, ""
        case Refused() | TryLater():
            return outcome.reason, outcome.detail
        case _:
            assert_never(outcome)


def _form_lines(form: ByHand) -> list[str]:
    """Return the way by hand: the page and what goes into it."""
    head = "By hand, with everything filled in:" if form.prefilled else "By hand, signed in:"
    width = max(len(label) for label, _ in form.fields)
    values = [f"  {label:{width}}  {value or '(leave empty)'}" for label, value in form.fields]
    return ["", f"{head} {form.url}", *values]
