"""What people ask of an import: that it begins, what is in it, which of it is set up.

Knows: what is written together. Must not know: Slack's payloads, wording, how repositories are looked at.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from bot.core import intents, notices
from bot.core.approvals import Denied
from bot.core.import_notices import ImportAnswer, ImportChoices, ImportOutcome
from bot.core.permission_notices import NotAllowed
from bot.workflow.hands import Hands
from bot.workflow.tabling import chosen, lines, read, show
from bot.workflow.telling import write_down
from storage.ledger import imports
from storage.ledger.imports import NewImport
from storage.records import Import, ImportState, InboxItem

Bulk = intents.ImportOwner | intents.ShowImport | intents.SetUpImport
BULK = (intents.ImportOwner, intents.ShowImport, intents.SetUpImport)
CHOICES = 300
"""Packages that a dialog offers at most; whoever has more imports again once these are done."""
EVERYTHING = "all repositories"


async def carry_out(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: Bulk
) -> notices.Notice | None:
    """Begin an import, show what is in it, or let it set up what was chosen."""
    if isinstance(intent, intents.ImportOwner) and hands.shared:
        return ImportAnswer(ImportOutcome.MANY_TEAMS)
    if isinstance(intent, intents.ImportOwner):
        await _begin(session, hands, item, intent)
        return None
    one = await imports.get(session, item.team_id, UUID(intent.import_id))
    if isinstance(intent, intents.ShowImport):
        return await _choices(session, item, intent, one)
    return await _set_up(session, hands, item, intent, one)


def shut(item: InboxItem, intent: intents.ShowImport, no: NotAllowed) -> ImportChoices:
    """Return the dialog that says that somebody may not choose."""
    outcome = {
        Denied.CANNOT_TELL: ImportOutcome.CANNOT_TELL,
        Denied.NOT_NAMED: ImportOutcome.NOT_NAMED,
    }.get(no.why, ImportOutcome.NOT_A_MEMBER)
    return ImportChoices(
        intent.view_id, intent.import_id, "", item.channel, refused=outcome, detail=no.detail
    )


async def _begin(session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.ImportOwner) -> None:
    now = hands.clock()
    new = NewImport(intent.owner, intent.index, item.channel, item.actor, intent.dry_run)
    one = await imports.begin(session, item.team_id, new, now)
    await show(session, one, now)
    subject = f"{intent.owner or EVERYTHING} on {intent.index}"
    await write_down(
        session, item.team_id, (item.actor, "import.asked", subject), now, dry_run=intent.dry_run
    )


async def _choices(
    session: AsyncSession,
    item: InboxItem,
    intent: intents.ShowImport,
    one: Import | None,
) -> ImportChoices:
    """Return what can be chosen, those that can be set up first."""
    index, channel = (one.index, one.channel) if one else ("", item.channel)
    answer = _not_open(one)
    if answer is not None or one is None:
        outcome, detail = (answer.outcome, answer.detail) if answer else (ImportOutcome.GONE, "")
        return ImportChoices(intent.view_id, intent.import_id, index, channel, refused=outcome, detail=detail)
    found = lines(read(await imports.items(session, one)))
    return ImportChoices(
        intent.view_id, intent.import_id, index, channel, found[:CHOICES], len(found), one.dry_run
    )


def _not_open(one: Import | None) -> ImportAnswer | None:
    """Return why nothing can be chosen of an import; None where something can."""
    if one is None:
        return ImportAnswer(ImportOutcome.GONE)
    if one.state in {ImportState.SETTING_UP, ImportState.DONE}:
        return ImportAnswer(ImportOutcome.CHOSEN_ALREADY)
    return ImportAnswer(ImportOutcome.NO_LIST) if one.state is not ImportState.LISTED else None


async def _set_up(
    session: AsyncSession, hands: Hands, item: InboxItem, intent: intents.SetUpImport, one: Import | None
) -> notices.Notice | None:
    answer = _not_open(one)
    if answer is not None or one is None:
        return answer
    if one.dry_run:
        return ImportAnswer(ImportOutcome.DRY_RUN)
    now = hands.clock()
    numbers = chosen(read(await imports.items(session, one)), intent.chosen)
    if not await imports.choose(session, one, numbers, item.actor, now):
        return ImportAnswer(ImportOutcome.CHOSEN_ALREADY)
    changed = await imports.get(session, one.team_id, one.id)
    assert changed is not None
    await show(session, changed, now)
    subject = f"{one.owner or EVERYTHING} on {one.index}"
    await write_down(session, item.team_id, (item.actor, "import.chosen", subject), now, count=len(numbers))
    return None
