"""What channels hear of the ends of releases that are not their own.

Knows: which steps are ends, which end meets which wish. Must not know: who is told how, wording.
"""

from bot.core.release_notices import Step
from bot.core.versions import is_prerelease
from storage.records import Hears

ENDS = frozenset(
    {Step.PUBLISHED, Step.FAILED, Step.RUN_FAILED, Step.REJECTED, Step.EXPIRED, Step.CANCELLED, Step.YANKED}
)
"""How a release can end; one that is tried again can end again."""
FAILURES = frozenset({Step.FAILED, Step.RUN_FAILED, Step.EXPIRED})


def hears(wish: Hears, step: Step, version: str) -> bool:
    """Whether a channel with this wish hears of this end of a version's release."""
    match wish:
        case Hears.ALL:
            return step in ENDS
        case Hears.FAILURES:
            return step in FAILURES
        case Hears.FINAL:
            return step in ENDS and not is_prerelease(version)
        case Hears.PRE:
            return step in ENDS and is_prerelease(version)
        case _:
            return False
