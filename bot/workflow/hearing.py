"""Channels that hear of the ends of releases beside the releases' own: set, shown, told.

Knows: what is written together. Must not know: Slack's payloads, wording.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices
from bot.core.hearing import ENDS, hears
from bot.core.release_notices import HearsLine, HearsShown, ReleaseStep
from bot.workflow.showing import suggestion
from bot.workflow.telling import write_down
from storage.ledger import outbox, projects, subscriptions
from storage.ledger.outbox import Destination
from storage.records import Hears, InboxItem, Release, Subscription


async def spread(session: AsyncSession, release: Release, step: ReleaseStep, now: datetime) -> None:
    """Tell every channel that wants to hear of this end, each once; the release's own has heard it."""
    if step.step not in ENDS:
        return
    wishes = await subscriptions.of_project(session, release.team_id, release.target.project)
    kind, facts = codec.pack(replace(step, people=(), elsewhere=release.channel), notices.KINDS)
    # One that is tried again can end so again: the moment at which the state began is this end's own.
    end = f"release:{release.id}:{step.step}:{release.state_at.timestamp():.6f}"
    for channel, wish in wishes.items():
        if channel != release.channel and hears(wish, step.step, release.version):
            to = Destination(channel)
            await outbox.add(session, release.team_id, f"{end}:{channel}", to, (kind, facts), now)


async def carry_out(
    session: AsyncSession,
    item: InboxItem,
    intent: intents.TellChannel | intents.ShowTold,
    now: datetime,
) -> notices.Notice:
    """Set or show what the channel hears where it was typed."""
    if isinstance(intent, intents.ShowTold):
        return await _shown(session, item)
    if intent.project and not await projects.named(session, item.team_id, intent.project):
        names = await projects.near(session, item.team_id, intent.project)
        return notices.UnknownProject(intent.project, suggestion(intent.project, names))
    if intent.hears is Hears.NOTHING and not intent.project:
        await subscriptions.drop(session, item.team_id, item.channel, "")
    else:
        # "Nothing" of one project is kept: it stands against what the channel hears of all.
        wanted = Subscription(intent.project, item.channel, intent.hears, item.actor, now)
        await subscriptions.put(session, item.team_id, wanted)
    what = intent.project or "every project"
    await write_down(
        session, item.team_id, (item.actor, "channel.told", what), now,
        channel=item.channel, hears=str(intent.hears),
    )  # fmt: skip
    return replace(await _shown(session, item), changed=True)


async def _shown(session: AsyncSession, item: InboxItem) -> HearsShown:
    found = await subscriptions.of_channel(session, item.team_id, item.channel)
    lines = tuple(HearsLine(one.project, one.hears, one.set_by, one.set_at) for one in found)
    return HearsShown(item.channel, lines)
