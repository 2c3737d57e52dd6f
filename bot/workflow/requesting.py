"""Asking for a yank: which project, which policy, what is written together.

Knows: what a request is made of. Must not know: Slack's payloads, wording.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import intents, notices
from bot.core.approvals import Policy
from bot.core.release_notices import Heard, ReleaseAnswer, Step
from bot.core.releases import Line
from bot.core.versions import read
from bot.workflow.hands import Hands, packed, say, show, situation, subject
from bot.workflow.showing import suggestion
from bot.workflow.telling import write_down
from bot.workflow.watching import policy_of
from storage.ledger import projects
from storage.ledger import releases as ledger
from storage.ledger.releases import NewRelease
from storage.records import InboxItem, Project, ReleaseKind

YANK = ReleaseKind.YANK


async def yank(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.AskYank
) -> notices.Notice:
    """Ask for a yank, in the project's own channel."""
    found = await projects.named(session, item.team_id, intent.project, intent.index)
    if not found:
        names = await projects.names(session, item.team_id)
        return notices.UnknownProject(intent.project, suggestion(intent.project, names))
    policy = await policy_of(session, item.team_id, intent.project)
    main = [project for project in found if project.registration.index != policy.rehearsal] or list(found)
    if len(main) > 1:
        indexes = ", ".join(project.registration.index for project in main)
        return ReleaseAnswer(intent.project, intent.version, Heard.WHICH_INDEX, {"indexes": indexes}, YANK)
    return await _request(session, hands, item, intent, (main[0], policy))


async def _request(
    session: AsyncSession,
    hands: Hands,
    item: InboxItem,
    intent: intents.AskYank,
    where: tuple[Project, Policy],
) -> notices.Notice:
    project, policy = where
    now, version = hands.clock(), read(intent.version, intent.project).version[:100]
    new = NewRelease(
        version=version, tag="", notes=intent.reason, channel=project.channel or item.channel, requested_by=item.actor,
        policy=packed(policy), rehearsal="", act_at=None, kind=YANK,
    )  # fmt: skip
    release, made = await ledger.ask(session, item.team_id, project, new, now)
    if not made:
        state = {"state": str(release.state)}
        return ReleaseAnswer(intent.project, release.version, Heard.OPEN_ALREADY, state, YANK)
    seen = await situation(session, release, now, hands.base)
    await show(session, hands, seen)
    await say(session, hands, seen, Line(Step.ASKED, {"by": item.actor, "reason": intent.reason}))
    await write_down(
        session, item.team_id, (item.actor, "yank.requested", subject(release)), now,
        release=str(release.id), reason=intent.reason,
    )  # fmt: skip
    return ReleaseAnswer(intent.project, release.version, Heard.ASKED, kind=YANK)
