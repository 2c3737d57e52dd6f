"""What becomes of a row whose step broke: tried again ever later, and set aside once it has broken too often.

Knows: how often is too often. Must not know: what a step does.

A fault is ours: a step tells what others answer or fail to answer by values. One row's fault costs no other row anything.
"""

from datetime import datetime, timedelta
from pathlib import Path
from traceback import extract_tb

import structlog

from storage.database import Database, is_away
from storage.ledger import troubles
from storage.ledger.troubles import Faulty
from storage.records import ASIDE

log = structlog.get_logger(__name__)

TRIES = 10
"""Faults in a row after which a row is set aside; with the waits in between that takes some hours."""
LONGEST = timedelta(hours=1)


async def next_try(
    database: Database, what: Faulty, error: Exception, wait: timedelta, now: datetime
) -> datetime:
    """Count a fault, and return when the row is tried again: after `wait`, doubled with each fault in a row.

    That the database was away is no fault of the row's: it is raised again, and whoever took the row gives it back.
    """
    if is_away(error):
        raise error
    async with database.transaction() as session:
        tries = await troubles.note(session, what, where(error), now)
        if tries >= TRIES:
            await troubles.set_aside(session, what, now)
    if tries < TRIES:
        waits: timedelta = wait * 2 ** (tries - 1)
        return now + min(waits, max(LONGEST, wait))
    log.error(
        "set aside: `shipbell doctor` shows it", kind=what.kind, row=str(what.id), team=str(what.team_id), error=where(error)
    )  # fmt: skip
    return ASIDE


def where(error: Exception) -> str:
    """Return what broke and where, and no word of the error's own, which may quote anything."""
    frames = extract_tb(error.__traceback__)
    ours = [frame for frame in frames if {"bot", "storage"} & set(Path(frame.filename).parts)] or frames
    place = f" at {'/'.join(Path(ours[-1].filename).parts[-3:])}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{place}"
