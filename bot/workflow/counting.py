"""What of a release's way goes into the figures, once it is committed.

Knows: when a release has ended. Must not know: who reads the figures.
"""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from bot import measuring, tracing
from bot.core.lifecycle import UNDER_WAY
from storage.database import once_committed
from storage.records import Release, ReleaseState

ARRIVED = frozenset({ReleaseState.PUBLISHED, ReleaseState.YANKED})


def count(session: AsyncSession, before: Release, after: Release) -> None:
    """Count a release that has ended; the one that wrote its end counts it, so it is counted once."""
    if after.state is not before.state and after.state not in UNDER_WAY:
        once_committed(session, partial(_ended, after))


def _ended(release: Release) -> None:
    kind, state, reason = str(release.kind), str(release.state), str(release.reason)
    times = (release.requested_at, release.state_at)
    measuring.ended(kind, state, reason)
    if release.state in ARRIVED:
        measuring.published(kind, times[1] - times[0])
    ids = {"release": str(release.id), "team": str(release.team_id)}
    tracing.whole(str(release.kind), release.id, times, state=state, reason=reason, **ids)
