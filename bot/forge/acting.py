"""What the answers to GitHub's orders mean beyond their status.

Knows: the shapes of those answers, pages for people. Must not know: httpx, when something is ordered.
"""

from dataclasses import replace
from urllib.parse import quote

from bot.core.forge import ActOutcome, Done, Repo, Unsure
from bot.forge.refusals import acted
from bot.forge.shapes import Misshapen, sha
from bot.wire import Answer

_ODD = "The forge's answer is not GitHub's. Check SHIPBELL_GITHUB_API_URL and what stands in between."


def tag_made(answer: Answer) -> str | ActOutcome:
    """Return the name of the tag object that was made, or why there is none."""
    if answer.status != 201:
        outcome = acted(answer)
        return Unsure(_ODD) if isinstance(outcome, Done) else unseen(outcome)
    try:
        return sha(answer.json())
    except Misshapen:
        return Unsure(_ODD)


def unseen(outcome: ActOutcome) -> ActOutcome:
    """Return the outcome of an order that changes nothing which anybody sees, such as a tag's object without a ref."""
    return replace(outcome, arrived_maybe=False) if isinstance(outcome, Unsure) else outcome


def at_page(outcome: ActOutcome, page: str) -> ActOutcome:
    """Return the outcome with the page where people see what was done, unless the forge named one."""
    return Done(page) if isinstance(outcome, Done) and not outcome.url else outcome


def tag_page(web_url: str, repo: Repo, tag: str) -> str:
    """Return where people see a tag."""
    return f"{_home(web_url, repo)}/releases/tag/{quote(tag, safe='/')}"


def run_page(web_url: str, repo: Repo, run_id: int) -> str:
    """Return where people see a run."""
    return f"{_home(web_url, repo)}/actions/runs/{run_id}"


def _home(web_url: str, repo: Repo) -> str:
    return f"{web_url}/{quote(repo.owner, safe='')}/{quote(repo.name, safe='')}"
