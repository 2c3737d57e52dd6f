"""Why a yank stands where it stands, in words, where a release's would not do.

Knows: the states and reasons that mean something else for a yank. Must not know: Block Kit, HTTP, what is done about it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bot.slack.blocks.release_reasons import STATES, About, explain
from storage.records import ReleaseReason, ReleaseState

YANK_STATES: Mapping[ReleaseState, tuple[str, str]] = MappingProxyType(
    {**STATES, ReleaseState.VERIFYING: ("👉", "to be yanked on the index")}
)

_NEW = 'Ask again with /release yank {project} {version} reason="…" when it is time.'
_REMEDIES: Mapping[ReleaseReason, str] = MappingProxyType(
    {
        ReleaseReason.BLOCKED: "See what is named; look again where it has changed, or give it up.",
        ReleaseReason.REJECTED_BY_PERSON: _NEW,
        ReleaseReason.CANCELLED_BY_PERSON: _NEW,
        ReleaseReason.GIVEN_UP: _NEW,
        ReleaseReason.TERM_OVER: _NEW,
        ReleaseReason.OUT_OF_ORDER: "When it is up again, look again.",
    }
)
_CAUSES: Mapping[ReleaseReason, str] = MappingProxyType(
    {
        ReleaseReason.GIVEN_UP: "Somebody gave it up; what was yanked on {index} stays yanked.",
        ReleaseReason.OUT_OF_ORDER: "{index} was out of order for too long. What was in the way: {detail}.",
    }
)


def explain_yank(reason: ReleaseReason, about: About, detail: str) -> tuple[str, str]:
    """Return cause and remedy of a yank, whole sentences, like `explain`."""
    cause, remedy = explain(reason, about, detail)
    known = {"name": about.name, "project": about.project, "version": about.version, "index": about.index}
    if reason in _CAUSES:
        cause = _CAUSES[reason].format_map(known | {"detail": detail.rstrip(".") or "no word why"})
    return cause, _REMEDIES[reason].format_map(known) if reason in _REMEDIES else remedy
