"""Versions that appear on an index: which of them are news, and which nobody approved.

Knows: what a look is compared with, when the next one is. Must not know: how an index is asked, wording.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater
from bot.core.polling import next_look
from bot.core.progress import Progress
from storage.records import Release, ReleaseState, Watch

SLOWLY = 20
"""Base periods between looks: ten minutes at the default of 30 s."""
MOST_VERSIONS = 20_000
S = ReleaseState
APPROVED = frozenset({S.APPROVED, S.TAGGING, S.BUILDING, S.PUBLISHING, S.VERIFYING, S.PUBLISHED})
"""States of a release whose version may appear."""
_MAY_HAVE_ACTED = frozenset({S.FAILED, S.CANCELLED})


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the index comes to."""

    next_at: datetime
    values: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the watch."""
    appeared: Mapping[str, int] = field(default_factory=dict)
    """Versions that were not there before, and how many files each has."""


def after_look(watch: Watch, simple: SimpleOutcome, now: datetime, base: timedelta) -> Look:
    """Say what is new since the look before; the first one only learns."""
    next_at = now + next_look(base * SLOWLY, 0, watch.project_id)
    if isinstance(simple, TryLater):
        return Look(max(next_at, now + timedelta(seconds=simple.retry_after or 0)))
    if isinstance(simple, Absent):
        return Look(next_at, {"primed": True, "etag": ""})
    if not isinstance(simple, Present):
        return Look(next_at)
    files = Counter(file.version for file in simple.files if file.version)
    fresh = {version: count for version, count in files.items() if version not in set(watch.versions)}
    known = [*watch.versions, *fresh][-MOST_VERSIONS:]
    values = {"primed": True, "etag": simple.etag, "versions": known}
    return Look(next_at, values, fresh if watch.primed else {})


def approved(release: Release, progress: Progress) -> bool:
    """Whether a release lets its version appear: it is beyond approval, or it was when it acted."""
    acted = release.run_id is not None or progress.tag_made or progress.started
    return release.state in APPROVED or (release.state in _MAY_HAVE_ACTED and acted)


def farthest(releases: Sequence[Release]) -> ReleaseState | None:
    """Return where the newest release of a version stands that did not get so far; None where nobody asked for one."""
    return releases[0].state if releases else None
