"""GitHub's answers as facts.

Knows: addresses, media types, what each refusal means. Must not know: httpx, how anything is sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import gidgethub
from gidgethub import sansio

from bot.core.cleaning import one_line
from bot.core.repositories import RepositoryFacts, WorkflowFacts
from bot.errors import ShipbellError
from bot.forge.workflow_file import read_workflow

REPOSITORY = "/repos/{owner}/{repository}"
WORKFLOW = "/repos/{owner}/{repository}/contents/.github/workflows/{workflow}"
RATE_LIMIT = "/rate_limit"
RAW = "application/vnd.github.raw+json"
TOKEN_REMEDY = "Make a new token and set SHIPBELL_GITHUB_TOKEN."  # noqa: S105 - a sentence

MOVED = frozenset({301, 302, 307, 308})
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
"""What gidgethub raises where an answer is not GitHub's: odd statuses, broken JSON, other shapes, endless limits."""


class ForgeRefused(ShipbellError):
    """The forge answered, and not with what was asked for; `status` is its answer's, 0 for one that makes no sense."""

    def __init__(self, status: int, cause: str, remedy: str = "") -> None:
        super().__init__(cause, remedy)
        self.status = status


def named(owner: str, repository: str, workflow: str) -> Mapping[str, str]:
    """Return the names for the addresses; ForgeRefused where one would make another address of the path.

    Other signs are percent-encoded where they are filled in; an empty name or dots alone can't be.
    """
    names = {"owner": owner, "repository": repository, "workflow": workflow}
    for what, name in names.items():
        if name in {"", ".", ".."}:
            raise ForgeRefused(
                0, f"No {what} on GitHub is called {name!r}.", "Check OWNER/REPO and the workflow."
            )
    return names


def refusal(error: Exception, *, with_token: bool) -> ForgeRefused:
    """Return what an answer that is no success means, with cause and remedy."""
    match error:
        case gidgethub.HTTPException() if _is_limit(error):
            return _limited(error, with_token=with_token)
        case gidgethub.RedirectionException():
            return ForgeRefused(
                int(error.status_code),
                "The repository has been renamed or moved.",
                "Give its present OWNER/REPO.",
            )
        case gidgethub.HTTPException():
            return _by_status(int(error.status_code), one_line(str(error), limit=200), with_token=with_token)
        case _:
            return ForgeRefused(
                0,
                "The forge's answer is not GitHub's.",
                "Check SHIPBELL_GITHUB_API_URL and what stands in between.",
            )


def _is_limit(error: gidgethub.HTTPException) -> bool:
    """Whether GitHub refuses because of a rate limit, of which there are two: per hour, and "secondary" ones.

    Source: GitHub's "Rate limits for the REST API"; each may come as 403 or as 429.
    """
    if int(error.status_code) not in {403, 429}:
        return False
    headers = error.headers or {}
    return (
        headers.get("x-ratelimit-remaining", "").strip() == "0"
        or "retry-after" in headers
        or "rate limit" in str(error).lower()
    )


def _limited(error: gidgethub.HTTPException, *, with_token: bool) -> ForgeRefused:
    status, until = int(error.status_code), _used_up_until(error.headers or {})
    if until is None:
        said = one_line(str(error), limit=200)
        return ForgeRefused(
            status, f"GitHub takes no more requests for now: {said}.", "Ask again in a few minutes."
        )
    remedy = "Wait until then." if with_token else "Set SHIPBELL_GITHUB_TOKEN: with a token more is allowed."
    return ForgeRefused(status, f"GitHub's rate limit is used up until {until:%H:%M} UTC.", remedy)


def _used_up_until(headers: Mapping[str, str]) -> datetime | None:
    """Return when the hourly limit begins anew, None where it isn't used up or nobody can say."""
    try:
        limit = sansio.RateLimit.from_http(headers)
    except UNREADABLE:
        return None
    return limit.reset_datetime if limit is not None and limit.remaining == 0 else None


def _by_status(status: int, said: str, *, with_token: bool) -> ForgeRefused:
    if status == 401:
        return ForgeRefused(status, "GitHub does not accept the token.", TOKEN_REMEDY)
    if status == 403 and with_token:
        return ForgeRefused(
            status, f"GitHub refuses: {said}.", "Give the token read access to the repository."
        )
    if status in {403, 429}:
        return ForgeRefused(
            status, f"GitHub takes no more requests for now: {said}.", "Ask again in a few minutes."
        )
    if status == 404:
        remedy = "Check OWNER/REPO" + (
            ", and what the token may see." if with_token else "; a private one needs a token."
        )
        return ForgeRefused(status, "GitHub shows no such repository or file.", remedy)
    if status >= 500:
        return ForgeRefused(status, f"GitHub is out of order ({status}).", "Ask again later.")
    return ForgeRefused(status, f"GitHub answered {status}: {said}.")


def unseen(error: ShipbellError, *, with_token: bool) -> RepositoryFacts:
    """Return the facts where the repository itself could not be looked at."""
    # Without a token a private repository looks like none.
    status = error.status if isinstance(error, ForgeRefused) else 0
    missing = with_token and status == 404
    return RepositoryFacts(exists=False if missing else None, detail=str(error), moved=status in MOVED)


def seen(repository: object, web_url: str, workflow: str | ShipbellError) -> RepositoryFacts:
    """Return the facts of a repository that is there; `workflow` is its file's text, or why that wasn't read."""
    name = repository.get("full_name") if isinstance(repository, Mapping) else None
    full_name = one_line(name, limit=141) if isinstance(name, str) else ""
    facts, detail = _workflow(workflow)
    url = f"{web_url}/{full_name}" if full_name else ""
    told = repository if isinstance(repository, Mapping) else {}
    branch = told.get("default_branch")
    return RepositoryFacts(
        exists=True, full_name=full_name, url=url, workflow=facts, detail=detail,
        branch=one_line(branch, limit=255) if isinstance(branch, str) else "",
        archived=told.get("archived") is True, private=told.get("private") is True,
    )  # fmt: skip


def _workflow(workflow: str | ShipbellError) -> tuple[WorkflowFacts | None, str]:
    match workflow:
        case str():
            return read_workflow(workflow), ""
        case ForgeRefused(status=404):
            return WorkflowFacts(found=False), ""
        case _:
            return None, str(workflow)


def pinged(rate_limit: object, api_url: str, *, with_token: bool) -> str:
    """Say in a few words how the forge answers."""
    rate = rate_limit.get("rate") if isinstance(rate_limit, Mapping) else None
    who = "with the token" if with_token else "without a token"
    if not isinstance(rate, Mapping):
        return f"{api_url} answers {who}"
    return f"{api_url} answers {who}, {_number(rate, 'remaining')} of {_number(rate, 'limit')} requests left"


def _number(rate: Mapping[str, Any], name: str) -> str:
    value = rate.get(name)
    return str(value) if isinstance(value, int) and abs(value) < 10**9 else "?"
