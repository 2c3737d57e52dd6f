"""GitHub's answers about code, tags, checks and releases as values.

Knows: the shapes of those answers. Must not know: httpx, addresses, what follows from a fact.

Every reader raises Misshapen where the answer is another one; `bot.forge.refusals.read` turns that into a value.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.core.forge import (
    Asset,
    ChecksFacts,
    CommitFacts,
    Compared,
    ForgeRelease,
    Nothing,
    PullFacts,
    TextOutcome,
    Unsure,
)
from bot.forge.refusals import refused
from bot.forge.shapes import Misshapen, digest, entries, link, member, needed, number, sha, truth, words
from bot.wire import Answer

DEEPEST_TAG = 5
"""Tag objects that are followed one after the other."""
_RUN = re.compile(r"/actions/runs/(\d{1,18})(?:/|\Z)", re.ASCII)
_GOOD = frozenset({"success", "neutral", "skipped"})


@dataclass(frozen=True, slots=True)
class Pointed:
    """Where a ref or a tag object points."""

    kind: str
    """`commit`, `tag`, `tree` or `blob`."""
    sha: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check run or status."""

    name: str
    state: str
    """`passed`, `failed` or `pending`."""
    run_id: int = 0


def default_branch(value: object) -> str:
    """Read a repository's default branch."""
    return needed(value, "default_branch", limit=255)


def commit(value: object) -> CommitFacts:
    """Read one commit."""
    inner = member(value, "commit")
    message = member(inner, "message")
    if not isinstance(message, str):
        raise Misshapen
    title = words({"title": message.strip().partition("\n")[0]}, "title")
    return CommitFacts(sha(value), title, _author(value, inner), link(value))


def _author(value: object, inner: object) -> str:
    account, written = member(value, "author"), member(inner, "author")
    login = words(account, "login", limit=60) if account else ""
    return login or (words(written, "name", limit=60) if written else "")


def pointed(value: object) -> Pointed:
    """Read where a ref or tag object points."""
    target = member(value, "object")
    return Pointed(needed(target, "type"), sha(target))


def file_text(answer: Answer) -> TextOutcome:
    """Read a file's text; a folder, which comes as a JSON list, is no file."""
    if answer.status != 200:
        return refused(answer)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" and answer.body.lstrip()[:1] == b"[":
        return Nothing()
    if answer.truncated:
        return Unsure("The file is too long to be read.")
    try:
        text = answer.body.decode()
    except UnicodeDecodeError:
        return Unsure("The file is not UTF-8 text.")
    # Valid UTF-8, and in no text: PostgreSQL keeps none, so what was read of such a file could not be written down.
    return Unsure("The file is not UTF-8 text.") if "\0" in text else text


def check_runs(value: object) -> tuple[Check, ...]:
    """Read one page of check runs."""
    return tuple(_check_run(one) for one in entries(member(value, "check_runs")))


def _check_run(value: object) -> Check:
    ended = words(value, "status") == "completed"
    good = words(value, "conclusion") in _GOOD
    found = member(value, "details_url")
    matched = _RUN.search(found[:1_000]) if isinstance(found, str) else None
    state = ("passed" if good else "failed") if ended else "pending"
    return Check(needed(value, "name"), state, int(matched[1]) if matched else 0)


def statuses(value: object) -> tuple[Check, ...]:
    """Read one page of a commit's statuses."""
    states = {"success": "passed", "failure": "failed", "error": "failed"}
    return tuple(
        Check(needed(one, "context"), states.get(words(one, "state"), "pending"))
        for one in entries(member(value, "statuses"))
    )


def checks(found: Iterable[Check]) -> ChecksFacts:
    """Sort checks by how they stand; of several with one name the worst counts."""
    worst: dict[str, str] = {}
    runs: dict[tuple[str, int], None] = {}
    for check in found:
        states = {check.state, worst.get(check.name, "passed")}
        worst[check.name] = next(state for state in ("failed", "pending", "passed") if state in states)
        runs[check.name, check.run_id] = None
    by_state = {
        state: tuple(name for name in worst if worst[name] == state)
        for state in ("passed", "failed", "pending")
    }
    return ChecksFacts(**by_state, runs=tuple(runs))


def compared(value: object) -> Compared:
    """Read what lies between two refs; GitHub's oldest comes first."""
    commits = tuple(commit(one) for one in reversed(entries(member(value, "commits"))))
    count = Counter(one.author for one in commits if one.author)
    return Compared(
        total=number(value, "total_commits"),
        commits=commits,
        contributors=tuple(name for name, _ in count.most_common()),
        url=link(value),
        status=needed(value, "status"),
    )


def release(value: object) -> ForgeRelease:
    """Read the release of a tag."""
    assets = tuple(_asset(one) for one in entries(member(value, "assets")))
    return ForgeRelease(
        link(value), truth(value, "draft"), truth(value, "prerelease"),
        tuple((one.name, one.sha256) for one in assets), assets,
    )  # fmt: skip


def _asset(value: Any) -> Asset:
    # Whoever fetches it looks how long it is.
    size = number(value, "size") if member(value, "size") is not None else 0
    known = number(value, "id") if member(value, "id") is not None else 0
    return Asset(needed(value, "name", limit=255), known, size, digest(value))


def pulls(value: object) -> tuple[PullFacts, ...]:
    """Read the pull requests with which a commit came."""
    return tuple(_pull(one) for one in entries(value))


def _pull(value: object) -> PullFacts:
    # A fork that is gone leaves null behind; the repository that a pull request was for is always there.
    into = needed(member(member(value, "base"), "repo"), "full_name", limit=201)
    return PullFacts(number(value, "number"), bool(words(value, "merged_at")), into)


def comments(value: object) -> tuple[str, ...]:
    """Read what each comment says, as it was written: it is searched, never shown."""
    return tuple(_body(one) for one in entries(value))


def _body(value: object) -> str:
    body = member(value, "body")
    return body if isinstance(body, str) else ""
