"""A yank: looked at, asked for, reminded of, handed to people, and seen on the index.

Knows: the order of steps. Must not know: what a finding means, wording.
"""

from bot.core import approvals as rules
from bot.core import yanking as decide
from bot.core.outcomes import SimpleOutcome, TryLater
from bot.core.releases import Decision, Situation
from bot.workflow.asking import policy_now, still_enough
from bot.workflow.gathering import within
from bot.workflow.hands import Hands, manage_page
from storage.records import Reason, Release

SILENT = TryLater(Reason.TIMED_OUT, "the index did not answer in time")


async def look(hands: Hands, seen: Situation) -> Decision:
    """Look before the team is asked (anew)."""
    return decide.after_look(seen, await _simple(hands, seen.release))


async def remind(hands: Hands, seen: Situation) -> Decision:
    """Look whether what people are asked about still holds; then remind them, or end the wait."""
    return decide.waiting(seen, await _simple(hands, seen.release))


async def begin(hands: Hands, seen: Situation) -> Decision:
    """Look at everything once more, people too, and give the page if all is still as approved."""
    policy = rules.stricter(seen.policy, await policy_now(hands, seen.release))
    if decision := await still_enough(hands, seen, policy):
        return decision
    url = manage_page(hands.index.site(seen.release.target.index).url, seen.release)
    return decide.hand(seen, await _simple(hands, seen.release), url)


async def verify(hands: Hands, seen: Situation) -> Decision:
    """Look whether people have done it."""
    return decide.after_page(seen, await _simple(hands, seen.release, seen.progress.etag))


async def _simple(hands: Hands, release: Release, etag: str = "") -> SimpleOutcome:
    target = release.target
    return await within(hands.index.simple(target.index, target.project, etag), SILENT)
