"""What it means when GitHub does not give what was asked for.

Knows: statuses, the shape of error bodies. Must not know: what was asked, how anything is sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bot.core.cleaning import one_line, seconds_to_wait
from bot.core.forge import ActOutcome, Done, Exists, Forbidden, Invalid, Nothing, Unsure
from bot.errors import AnswerLost, ShipbellError
from bot.forge import limits
from bot.forge.github import TOKEN_REMEDY
from bot.forge.shapes import Misshapen, link
from bot.wire import Answer

NOTHING = frozenset({404, 410})
"""Not there; 410 is what has expired."""
NO_COMMIT = frozenset({404, 409, 410, 422})
"""As above; 409 is an empty repository, 422 a sha that nobody knows."""
UNSEEN = NOTHING | {403}
"""Not there, or not for us to see."""
_DONE = frozenset({200, 201, 202, 204})
_MOVED = frozenset({301, 302, 307, 308})
MOVED = "The repository has been renamed or moved. Give its present OWNER/REPO."
_MOST_ERRORS = 5
_EXISTS = ("already exists", "already_exists")

Read = TypeVar("Read")


def read(
    answer: Answer, reader: Callable[[Any], Read], missing: frozenset[int] = NOTHING
) -> Read | Nothing | Unsure:
    """Return what the reader makes of an answer, or why there is nothing to read. Never raises."""
    if answer.status != 200:
        return refused(answer, missing)
    try:
        return reader(answer.json())
    except Misshapen:
        what = "is too long" if answer.truncated else "is not GitHub's"
        return Unsure(f"The forge's answer {what}. Check SHIPBELL_GITHUB_API_URL and what stands in between.")


def refused(answer: Answer, missing: frozenset[int] = NOTHING) -> Nothing | Unsure:
    """Return what a refused question means."""
    if limits.is_limit(answer):
        return limited(answer)
    if answer.status in missing:
        return Nothing()
    if answer.status == 401:
        return Unsure(f"GitHub does not accept the token. {TOKEN_REMEDY}")
    if answer.status == 403:
        return Unsure(f"GitHub refuses: {said(answer)}. Give the token read access to the repository.")
    if answer.status in _MOVED:
        return Unsure(MOVED)
    return broken(answer)


def acted(answer: Answer) -> ActOutcome:
    """Return what the answer to an order means. Never raises."""
    if answer.status in _DONE:
        return Done(_page(answer), _run(answer))
    if limits.is_limit(answer):
        return limited(answer)
    if answer.status in _MOVED:
        return Invalid(MOVED)
    if 400 <= answer.status < 500:
        return _wrong(answer)
    return broken(answer, arrived_maybe=True)


def _wrong(answer: Answer) -> Forbidden | Nothing | Exists | Invalid:
    detail = said(answer)
    match answer.status:
        case 401:
            return Forbidden(f"GitHub does not accept the token. {TOKEN_REMEDY}")
        case 403:
            return Forbidden(f"GitHub refuses: {detail}.")
        case 404:
            return Nothing()
        case 422 if any(sign in detail.lower() for sign in _EXISTS):
            return Exists(detail)
        case 409 | 422:
            return Invalid(f"GitHub refuses: {detail}.")
        case status:
            return Invalid(f"GitHub answered {status}: {detail}.")


def limited(answer: Answer) -> Unsure:
    """Return that too much was asked."""
    seconds = limits.hold(answer)
    return Unsure(f"GitHub takes no more requests for now: {said(answer)}.", seconds)


def broken(answer: Answer, *, arrived_maybe: bool = False) -> Unsure:
    """Return that an answer tells nothing."""
    wait = seconds_to_wait(answer.retry_after, answer.headers.get("date"))
    if answer.status >= 500:
        return Unsure(f"GitHub is out of order ({answer.status}). Ask again later.", wait, arrived_maybe)
    return Unsure(f"GitHub answered {answer.status}: {said(answer)}.", wait, arrived_maybe)


def unanswered(error: ShipbellError, *, acting: bool) -> Unsure:
    """Return that no answer came; a question that was lost may simply be asked again."""
    lost = acting and isinstance(error, AnswerLost)
    return Unsure(one_line(str(error)), getattr(error, "held_for", None), lost)


def said(answer: Answer) -> str:
    """Return GitHub's own words for a refusal, cleaned, without a stop at the end."""
    value = answer.json()
    found = list(_sentences(value)) if isinstance(value, Mapping) else []
    return one_line("; ".join(found), limit=200).rstrip(".") or "it does not say why"


def _sentences(value: Mapping[str, Any]) -> list[str]:
    message, errors = value.get("message"), value.get("errors")
    found = [message] if isinstance(message, str) and message else []
    for error in errors[:_MOST_ERRORS] if isinstance(errors, list) else [errors]:
        if isinstance(error, str):
            found.append(error)
        elif isinstance(error, Mapping):
            parts = (error.get(name) for name in ("field", "code", "message"))
            found.append(" ".join(part for part in parts if isinstance(part, str)))
    return [one for one in found if one]


def _run(answer: Answer) -> int:
    """Return the run that an answer says was started, 0 where it says none."""
    value = answer.json() if answer.body else None
    run_id = value.get("workflow_run_id") if isinstance(value, dict) else None
    return run_id if isinstance(run_id, int) and not isinstance(run_id, bool) and 0 < run_id < 2**63 else 0


def _page(answer: Answer) -> str:
    value = answer.json()
    return link(value) if isinstance(value, Mapping) else ""
