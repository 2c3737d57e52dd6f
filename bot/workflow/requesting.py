"""Asking for a yank: which project, which policy, what is written together.

Knows: what a request is made of. Must not know: Slack's payloads, wording.
"""

from collections.abc import Sequence

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


async def unknown(session: AsyncSession, item: InboxItem, name: str) -> notices.UnknownProject:
    """Return what somebody hears who named a project that the team does not have."""
    return notices.UnknownProject(name, suggestion(name, await projects.near(session, item.team_id, name)))


def meant(found: Sequence[Project], policy: Policy) -> list[Project]:
    """Return which of a name's projects may be meant: not the one for rehearsals, unless there is no other."""
    return [project for project in found if project.registration.index != policy.rehearsal] or list(found)


def which(found: Sequence[Project], version: str, kind: ReleaseKind = ReleaseKind.RELEASE) -> ReleaseAnswer:
    """Ask on which index, where there are several."""
    indexes = ", ".join(project.registration.index for project in found)
    return ReleaseAnswer(
        found[0].registration.project, version, Heard.WHICH_INDEX, {"indexes": indexes}, kind
    )


async def yank(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.AskYank
) -> notices.Notice:
    """Ask for a yank, in the project's own channel."""
    found = await projects.named(session, item.team_id, intent.project, intent.index)
    if not found:
        return await unknown(session, item, intent.project)
    policy = await policy_of(session, item.team_id, intent.project)
    main = meant(found, policy)
    if len(main) > 1:
        return which(main, intent.version, YANK)
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
        policy=packed(policy), rehearsal="", act_at=None, kind=YANK, id=item.id,
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
