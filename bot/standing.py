"""What the database tells an operator of the work: which processes live, what was set aside, and how it is put back.

Knows: an opened database. Must not know: flags, how it was opened.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from bot.errors import SettingsError, ShipbellError
from storage.database import Database
from storage.ledger import processes, troubles

RECENT = timedelta(days=7)
"""How long an intent that was given up is shown."""
SHOWN = 5


APART = 5.0
"""Seconds by which the clocks of machine and database server may differ."""


class ClockOff(ShipbellError):
    """Machine and database server do not agree what time it is."""


class SetAside(ShipbellError):
    """Something is not tried any more."""


async def living(database: Database, lease: timedelta, now: datetime) -> str:
    """Say which processes share the work now; ClockOff where claims could be judged wrongly, since this machine's clock is off."""
    async with database.reading() as session:
        server = await processes.time(session) or now
        found = await processes.living(session, server - lease)
    if abs(apart := (now - server).total_seconds()) > APART:
        raise ClockOff(
            f"This machine's clock is {abs(apart):.0f} s {'before' if apart > 0 else 'behind'} the database server's.",
            "Let both keep their time (NTP): who may take up what another has begun is judged by it.",
        )
    kinds = Counter(one.kind for one in found)
    versions = sorted({one.version for one in found})
    told = f"{kinds['serve']} serve, {kinds['worker']} worker" + (
        f", version {' and '.join(versions)}" if versions else ""
    )
    if found and not kinds["worker"]:
        raise SetAside(
            f"{told}: nobody does what people ask for.",
            "Start `shipbell worker`, on any machine with these settings.",
        )
    return told


async def aside(database: Database, now: datetime) -> str:
    """Say that nothing was set aside; SetAside with what was."""
    async with database.reading() as session:
        found = await troubles.listed(session, now - RECENT)
    if not found:
        return "nothing is set aside"
    told = [
        f"{one.kind} {one.id} of {one.slack_team_id} ({one.error}, {one.tries} tries)"
        for one in found[:SHOWN]
    ]
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    raise SetAside(
        f"{len(found)} set aside: {'; '.join(told)}{more}.",
        "Look for the id in the log; once the cause is mended, `shipbell doctor --put-back ID` for each.",
    )


async def put_back(database: Database, named: str, clock: Callable[[], datetime]) -> str:
    """Let what was set aside or given up under an id be tried again; SettingsError where it is none, SetAside where nothing was."""
    try:
        row_id = UUID(named)
    except ValueError as error:
        raise SettingsError(
            [f"--put-back takes an id as `shipbell doctor` shows it, not {named[:40]!r}."]
        ) from error
    async with database.transaction() as session:
        kinds = await troubles.put_back(session, row_id, clock())
    if not kinds:
        raise SetAside("Nothing of that id is set aside.", "`shipbell doctor` shows what is.")
    return f"{' and '.join(kinds)} {row_id}: tried again now"
