"""A channel in which the bot can't speak any more, and one that is back.

Knows: who waits for something there. Must not know: Slack's payloads, wording.

One transaction and no network: killed anywhere, nothing has happened and the inbox has Slack's word still, or the outbox the message that was refused. Which of Slack's
words was the last one stands in the audit trail, so that one said twice, late, or in two ways (archived, then removed) is one loss.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import intents, notices
from bot.core.install_notices import ChannelGone
from bot.workflow.inlet import EARLIEST
from bot.workflow.telling import SHIPBELL, write_down
from storage.ledger import audit, channels, installations, keys, outbox
from storage.ledger.outbox import Destination
from storage.records import AuditEvent, InboxItem

Word = intents.ChannelLost | intents.ChannelBack
CHANNELS = (intents.ChannelLost, intents.ChannelBack)
LOST, BACK = "channel.lost", "channel.back"
REASON = "channel lost"
"""Why a message waits that Slack does not take for now."""
UNTOLD = "channel_lost"
"""What stands in place of Slack's name for a loss that it has not told of."""
WAITS = (REASON, "not invited")
ON_ITS_WAY = timedelta(minutes=2)
"""What was said so soon after a loss was written down may have been on its way before."""
LOOKED = 50
"""Events about one channel that are looked through for the newest of ours."""


async def is_back(session: AsyncSession, team_id: UUID, channel: str, since: datetime) -> bool:
    """Whether word came since then that a channel is there again."""
    last = await _last(session, team_id, channel)
    return last is not None and last.action == BACK and last.at >= since


async def refused(session: AsyncSession, team_id: UUID, channel: str, asked: datetime, now: datetime) -> None:
    """Tell of a loss of which no event came: what Slack was `asked` to say in a thread there, or to edit, it has refused.

    It stands at the time of the newest word that is known, so that whatever Slack itself says later counts, by whichever clock.
    """
    await audit.lock(session, team_id)
    if await keys.made_at(session, team_id) is None:
        return
    last = await _last(session, team_id, channel)
    late = last is not None and last.action == BACK and last.at >= asked
    if not late and await _speaks(session, team_id, channel, last):
        at = datetime.fromisoformat(str(last.detail["at"])) if last else EARLIEST
        await _lost(session, team_id, intents.ChannelLost(channel, at, UNTOLD), now)


async def carry_out(session: AsyncSession, item: InboxItem, intent: Word, now: datetime) -> None:
    """Tell of a loss once, and let what waits be said once a channel is back."""
    team_id, at = item.team_id, intent.at.isoformat()
    if await installations.since(session, team_id) is None:
        return
    if isinstance(intent, intents.ChannelBack):  # before the lock: who holds a message may wait for it
        await outbox.hasten(session, team_id, WAITS, now, channel=intent.channel)
    # Of two words of one loss the second one sees the first.
    await audit.lock(session, team_id)
    last = await _last(session, team_id, intent.channel)
    known = str(last.detail.get("at", "")) if last else ""
    if isinstance(intent, intents.ChannelLost):
        if at > known and await _speaks(session, team_id, intent.channel, last):
            await _lost(session, team_id, intent, now)
        return
    gone = last is not None and last.action == LOST
    # Also where no loss is known: word of an older one may still come.
    if at >= known and (gone or await channels.waiting(session, team_id, intent.channel)):
        await write_down(session, team_id, (SHIPBELL, BACK, intent.channel), now, at=at)


async def _speaks(session: AsyncSession, team_id: UUID, channel: str, last: AuditEvent | None) -> bool:
    """Whether, as far as is known, the bot can speak in a channel: no loss is known, or it is over, told or not."""
    if last is None or last.action == BACK:
        return True
    return await channels.spoken(session, team_id, channel, last.at + ON_ITS_WAY)


async def _lost(session: AsyncSession, team_id: UUID, intent: intents.ChannelLost, now: datetime) -> None:
    """Tell who waits for something there, each of their own, and whoever installed the app of all."""
    waits = await channels.waiting(session, team_id, intent.channel)
    if not waits:
        return  # Slack tells of every public channel
    told: dict[str, list[str]] = {}
    for user, name in waits:
        told.setdefault(user, []).append(name)
    install = await installations.of_team(session, team_id)
    if install is not None and install.installed_by:
        told[install.installed_by] = [name for _, name in waits]
    at = intent.at.isoformat()
    told_at = at if intent.why != UNTOLD else now.isoformat()
    for user, names in told.items():
        notice = ChannelGone(intent.channel, intent.why, tuple(names))
        key = f"channel:{intent.channel}:{told_at}:{user}"
        await outbox.add(session, team_id, key, Destination(user), codec.pack(notice, notices.KINDS), now)
    done = (SHIPBELL, LOST, intent.channel)
    await write_down(session, team_id, done, now, at=at, why=intent.why, told=len(told))


async def _last(session: AsyncSession, team_id: UUID, channel: str) -> AuditEvent | None:
    events = await audit.trail(session, team_id, limit=LOOKED, project=channel)
    return next((event for event in events if event.action in {LOST, BACK}), None)
