"""Teams whose token Slack takes for dead, and whom no event told us of: Slack is asked itself, and what it says is written down.

Knows: Slack's words for an end, installations. Must not know: what becomes of a team that leaves, wording.

Slack says once that the app was taken away, and repeats it for an hour at most; a bot that was away for longer never hears of it. What follows
can't be undone (the team's key is destroyed), so it is not done on one answer: for half a day Slack must have refused messages, and
`auth.test`, which needs no scope, must have said the same each time of the token that is kept now. Since when it says so stands in the
database, for all processes: a message may be older than that, and a process younger.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.core import intents
from bot.core.leaving import DEAD, DOUBT_GAP, LIVES
from bot.errors import NotInstalled
from bot.slack.clients import Workspaces
from bot.slack.people import said_of
from bot.workflow.inlet import EARLIEST, Inlet, Wish
from storage.ledger import installations
from storage.records import Installation, OutboxItem

log = structlog.get_logger(__name__)

DOUBTED = timedelta(hours=12)
"""For so long Slack must have said it."""
PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Endings:
    """It, on its concrete parts."""

    clients: Workspaces
    inlet: Inlet
    _asked: dict[str, datetime] = field(default_factory=dict)

    async def doubt(self, item: OutboxItem, code: str) -> None:
        """Take Slack's refusal of a message; raises where nothing can be written down, and for nothing that Slack answers."""
        now, team = self.inlet.clock(), item.slack_team_id
        if code not in DEAD or self._asked.get(team, EARLIEST) + PAUSE > now:
            return
        self._asked[team] = now
        # Somebody may have installed the app again meanwhile, in another process.
        self.clients.forget()
        try:
            found, client = await self.clients.of(team)
        except NotInstalled:
            return  # it has left
        said = await said_of(client)
        log.warning("Slack was asked whether a team has left", team=str(item.team_id), said=said)
        since = await self._since(found, said, now)
        if since is not None and now - since >= DOUBTED:
            # By since when Slack says it: an install since then is not meant; and every process writes down the same.
            names = (found.slack_team_id, found.enterprise_id)
            delivery = f"{said}:{found.team_id}:{since.isoformat()}"
            await self.inlet.put_of_known(Wish(*names, delivery, "", "", intents.LeaveTeam(since, said)))

    async def _since(self, found: Installation, said: str, now: datetime) -> datetime | None:
        """Keep what Slack says of a token, and return since when it calls it dead; None where it doesn't, or can't tell."""
        if said not in DEAD | {LIVES}:
            return None
        async with self.inlet.database.transaction() as session:
            if said in DEAD:
                return await installations.doubt(session, found, now, DOUBT_GAP)
            await installations.trusted(session, found)
            return None
