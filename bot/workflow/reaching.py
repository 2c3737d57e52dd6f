"""Which repositories a team reaches, where one GitHub App serves many teams: those to which one of its people may push.

Knows: whose rights count. Must not know: Slack, HTTP, SQL.

The App sees every repository on which anybody has installed it, of whichever team. So whoever names a repository must be
known on the forge, and be allowed to push there by the forge's own word, each time before anything of it is read, shown or
changed (`rights` of a policy says the same of who asks and approves, and holds there too: `Hands.shared`).
"""

from dataclasses import dataclass
from uuid import UUID

from bot.core.approvals import Allowed, Denied
from bot.core.forge import Repo
from bot.workflow.ports import Rights
from bot.workflow.rights import judged
from storage.database import Database
from storage.ledger import github

SIGN_IN = "I show repositories only to who may push to them: sign in with `/shipbell connect github` first."
NO_PUSH = "I show repositories only to who may push to them, and GitHub does not say that of you."


@dataclass(frozen=True, slots=True)
class Reach:
    """The rule on its concrete parts."""

    database: Database
    rights: Rights

    async def beyond(self, team_id: UUID, user: str, repo: Repo) -> str:
        """Return why somebody's team does not reach a repository; "" where it does."""
        async with self.database.reading() as session:
            link = await github.linked(session, team_id, user)
        if link is None:
            return SIGN_IN
        verdict = judged(link, repo.slug, await self.rights.permission(repo, link.login))
        if isinstance(verdict, Allowed):
            return ""
        if verdict.why is Denied.NOT_LINKED:
            return SIGN_IN
        # Whether there is such a repository is not told either.
        return NO_PUSH if verdict.why is Denied.NO_PUSH else verdict.detail or NO_PUSH
