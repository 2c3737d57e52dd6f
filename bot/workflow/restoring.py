"""A bot that wakes up in an older database: releases that were under way are put into people's hands.

Knows: what must not be done by itself when nobody knows what was done. Must not know: how a backup is made, Slack, SQL.

What became of them since the backup is unknown here: followed on, a dispatch could be repeated and a channel be told a second time.
So each ends as failed, with that reason, once; another try looks at forge and index anew before anything is done.
"""

from dataclasses import replace

import structlog

from bot.core.lifecycle import UNDER_WAY
from bot.core.progress import Progress
from bot.core.releases import broke
from bot.workflow.hands import Hands, situation, write
from bot.workflow.telling import SHIPBELL
from storage.ledger import releases, restoring
from storage.records import ReleaseReason, Restoration

log = structlog.get_logger(__name__)


async def settle(hands: Hands) -> Restoration | None:
    """End what was under way when the backup was made; None where this database was never put back.

    Killed in between, the next start does the rest; in two processes at once, each release is ended by one of them.
    """
    async with hands.database.transaction() as session:
        mark = await restoring.begun(session, hands.clock())
    if mark is None:
        return None
    async with hands.database.reading() as session:
        found = await restoring.unsettled(session, sorted(UNDER_WAY), mark.restored_at)
    for team_id, release_id in found:
        async with hands.database.transaction() as session:
            release = await releases.lock(session, team_id, release_id)
            if release is None or release.state not in UNDER_WAY or release.state_at > mark.restored_at:
                continue
            seen = await situation(session, release, hands.clock(), hands.base)
            decision = broke(seen, ReleaseReason.RESTORED, progress=Progress())
            values = {**decision.values, "run_id": None}
            await write(session, hands, seen, replace(decision, values=values), (None, SHIPBELL))
    log.info("restored from a backup", taken_at=mark.taken_at.isoformat(), releases=len(found))
    return mark
