"""An install of the Slack app, kept: tokens sealed, written into the audit trail, in one transaction.

Knows: what belongs to an install. Must not know: Slack's payloads, wording.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.workflow.ports import Clock
from bot.workflow.telling import write_down
from storage.database import Database
from storage.ledger import installations, outbox
from storage.ledger.installations import NewInstallation
from storage.records import Installation, Tokens

log = structlog.get_logger(__name__)

BEFORE_THE_END = timedelta(hours=2)
"""How long before its end a token is exchanged; Slack's live for twelve hours."""


MENDED = (
    "not installed", "invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed", "missing_scope"
)  # fmt: skip
"""Why messages wait that an install lets go: no token, a dead one, or one that may do too little."""


def refresh_at(tokens: Tokens) -> datetime | None:
    """Return when tokens are to be exchanged; None where they don't end, or can't be."""
    if tokens.refresh_token is None or tokens.expires_at is None:
        return None
    return tokens.expires_at - BEFORE_THE_END


@dataclass(frozen=True, slots=True)
class Installing:
    """The workflow on its concrete parts."""

    database: Database
    clock: Clock

    async def keep(self, new: NewInstallation) -> Installation:
        """Keep an install. Done again, also by somebody else, it replaces tokens and scopes and is the same team's."""
        now = self.clock()
        async with self.database.transaction() as session:
            kept = await installations.put(session, new, refresh_at(new.tokens), now)
            await outbox.hasten(session, kept.team_id, MENDED, now)
            who_did = (new.installed_by, "slack.installed", kept.slack_team_id)
            await write_down(
                session, kept.team_id, who_did, now, org_wide=kept.org_wide, scopes=list(kept.scopes)
            )
        log.info("installed", team=str(kept.team_id), org_wide=kept.org_wide)
        return kept
