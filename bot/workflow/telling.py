"""What every workflow says and writes down, in the transaction that did it.

Knows: outbox and audit trail. Must not know: wording.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import notices
from storage.ledger import audit, imports, outbox
from storage.ledger.outbox import Destination
from storage.records import AuditEvent, Evidence, InboxItem, Publisher

TABLED = (
    notices.PublisherPending,
    notices.PublisherByHand,
    notices.PublisherQueued,
    notices.PublisherEnded,
    notices.PublisherDelayed,
)
"""What an import's table tells of its publishers."""
SHIPBELL = "shipbell"
"""Who did it, where the bot itself did."""
VIA = "via"
"""Where a session keeps by what the person asked whose intent its transaction carries out."""


async def tell_channel(
    session: AsyncSession, publisher: Publisher, notice: notices.Notice, now: datetime
) -> None:
    """Tell the publisher's channel, once for each kind of notice, however often the step runs.

    Of one that an import asked for, the import's own message tells how setting it up goes, and what comes later goes into
    its thread: many packages must not be many messages.
    """
    imported = await imports.of_publisher(session, publisher)
    by_hand = isinstance(notice, notices.PublisherPending) and notice.by_hand
    # What follows a person's own click is told, since it says how that goes on.
    if imported is not None and isinstance(notice, TABLED) and not by_hand:
        return
    kind, facts = codec.pack(notice, notices.KINDS)
    key = f"publisher:{publisher.id}:{kind}"
    to = Destination(publisher.channel, parent_key=import_key(imported.id) if imported else "")
    await outbox.add(session, publisher.team_id, key, to, (kind, facts), now)


def import_key(import_id: UUID) -> str:
    """Return the key of an import's one message."""
    return f"import:{import_id}"


async def answer(session: AsyncSession, item: InboxItem, notice: notices.Notice, now: datetime) -> None:
    """Answer the person who asked, once for each kind of notice."""
    kind, facts = codec.pack(notice, notices.KINDS)
    to = Destination(item.channel, item.actor, item.sealed.get("response_url"))
    await outbox.add(session, item.team_id, f"inbox:{item.id}:{kind}", to, (kind, facts), now)


async def say_in_channel(
    session: AsyncSession, item: InboxItem, notice: notices.Notice, now: datetime
) -> None:
    """Tell everybody in the channel where something was asked, once for each kind of notice."""
    if not item.channel:
        return
    kind, facts = codec.pack(notice, notices.KINDS)
    await outbox.add(
        session,
        item.team_id,
        f"inbox:{item.id}:channel:{kind}",
        Destination(item.channel),
        (kind, facts),
        now,
    )


def rests_on(evidence: Iterable[Evidence]) -> dict[str, Any]:
    """Return what the audit trail says of the facts from outside that something rests on; nothing where there are none."""
    told = [{"kind": str(one.kind), "url": one.url, "digest": one.digest} for one in evidence]
    return {"evidence": told} if told else {}


async def write_down(
    session: AsyncSession, team_id: UUID, who_did: tuple[str, str, str], now: datetime, **detail: Any
) -> None:
    """Append to the audit trail; `who_did` is (actor, action, subject). By what a person asked stands beside it."""
    actor, action, subject = who_did
    via = session.info.get(VIA)
    if via and actor != SHIPBELL:
        detail.setdefault(VIA, via)
    await audit.append(session, AuditEvent(team_id, now, actor, action, subject, detail))
