"""An import's rows, its one message, and how its end is told.

Knows: what is read of the ledger together, what is said where. Must not know: Slack, wording, how rows came to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec
from bot.core import importing as decide
from bot.core import notices
from bot.core.import_notices import (
    ImportCause,
    ImportEnded,
    ImportForm,
    ImportForms,
    ImportLine,
    ImportShown,
)
from bot.core.importing import Candidate, Fate, Survey, Tally, Verdict
from bot.workflow.hands import unpacked
from bot.workflow.ports import Index
from bot.workflow.telling import import_key
from storage.ledger import imports, outbox
from storage.ledger.outbox import Destination
from storage.records import Import, ImportItem, ImportItemState, ImportState, Publisher

SHOWN = 20
"""Packages that the message shows; the dialog shows all."""
TOGETHER = 5
"""Forms that one message in the thread holds."""
CAUSES = 8
"""Causes that are told apart."""
NAMED = 30
"""Packages that are named with a cause."""
_LOUDEST = (
    Fate.FAILED,
    Fate.FIRST,
    Fate.BY_HAND,
    Fate.QUEUED,
    Fate.MOVING,
    Fate.SET_UP,
    Fate.KNOWN,
    Fate.ALREADY,
    Fate.LISTED,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One package: what is kept of it, what was found, what has become of it."""

    item: ImportItem
    candidate: Candidate
    fate: Fate


Rows = Sequence[Row]


def read(items: Sequence[ImportItem]) -> Rows:
    """Return an import's packages with what was found and what has become of them."""
    found = [(item, unpacked(Candidate, item.facts)) for item in items]
    return [Row(item, candidate, decide.fate(item, candidate.verdict)) for item, candidate in found]


def lines(rows: Rows) -> tuple[ImportLine, ...]:
    """Return the rows as they are shown."""
    return tuple(
        ImportLine(
            row.item.number, row.candidate.registration.project, row.candidate.registration.slug, row.candidate.verdict,
            row.candidate.lacks, row.candidate.detail, row.fate, row.candidate.private,
        )
        for row in rows
    )  # fmt: skip


def chosen(rows: Rows, numbers: Sequence[int]) -> tuple[int, ...]:
    """Return those of the chosen numbers that can be set up: what a dialog sends may be anything."""
    wanted = set(numbers)
    return tuple(
        row.item.number
        for row in rows
        if row.item.number in wanted and row.candidate.verdict is Verdict.READY
    )


def counted(rows: Rows) -> Tally:
    """Count how many have come to which end."""
    return decide.tally([row.fate for row in rows])


async def show(session: AsyncSession, one: Import, now: datetime, rows: Rows = ()) -> None:
    """Let the import's one message say how it stands."""
    survey = unpacked(Survey, one.progress)
    under_way = one.state in {ImportState.SETTING_UP, ImportState.DONE}
    told = [row for row in rows if row.item.state is not ImportItemState.LISTED] if under_way else rows
    loudest = sorted(told, key=lambda row: _LOUDEST.index(row.fate)) if under_way else told
    notice = ImportShown(
        import_id=str(one.id), owner=one.owner, index=one.index, asked_by=one.asked_by, state=one.state,
        dry_run=one.dry_run, repositories=survey.repositories, looked=survey.looked, archived=survey.archived,
        forks=survey.forks, others=survey.others, unseen=survey.unseen, lines=lines(loudest[:SHOWN]), total=len(told),
        ready=sum(row.candidate.verdict is Verdict.READY for row in rows), tally=counted(rows),
        chosen_by=one.chosen_by or "", detail=survey.missing,
    )  # fmt: skip
    message = codec.pack(notice, notices.KINDS)
    await outbox.show(session, one.team_id, import_key(one.id), Destination(one.channel), message, now)


async def give_forms(session: AsyncSession, index: Index, one: Import, rows: Rows, now: datetime) -> None:
    """Give what a person fills in, a few together in the thread, once nothing moves by itself or enough have come."""
    waiting = [row for row in rows if row.fate is Fate.BY_HAND and not row.item.told]
    moving = any(row.fate is Fate.MOVING for row in rows)
    many = len(waiting) - len(waiting) % TOGETHER if moving else len(waiting)
    for start in range(0, many, TOGETHER):
        together = waiting[start : min(start + TOGETHER, many)]
        forms = tuple(_form(index, row.item.publisher) for row in together if row.item.publisher is not None)
        notice = ImportForms(one.index, index.site(one.index).url, forms)
        key = f"{import_key(one.id)}:forms:{together[0].item.number}"
        to = Destination(one.channel, parent_key=import_key(one.id))
        await outbox.add(session, one.team_id, key, to, codec.pack(notice, notices.KINDS), now)
    await imports.told(session, one, [row.item.number for row in waiting[:many]])


def _form(index: Index, publisher: Publisher) -> ImportForm:
    wanted = publisher.registration
    return ImportForm(
        str(publisher.id), wanted, index.by_hand(wanted, project_exists=publisher.existed_before)
    )


async def say_end(session: AsyncSession, index: Index, one: Import, rows: Rows, now: datetime) -> None:
    """Say once how it has ended, with the causes of what failed, in the thread and in the channel too."""
    notice = ImportEnded(
        one.owner, one.index, index.site(one.index).url, one.chosen_by or one.asked_by, counted(rows), _causes(rows)
    )  # fmt: skip
    to = Destination(one.channel, parent_key=import_key(one.id), broadcast=True)
    message = codec.pack(notice, notices.KINDS)
    await outbox.add(session, one.team_id, f"{import_key(one.id)}:ended", to, message, now)


def _causes(rows: Rows) -> tuple[ImportCause, ...]:
    """Return why some did not succeed, each cause once, the commonest first."""
    causes: dict[tuple[str, str], list[Publisher]] = {}
    for row in rows:
        publisher = row.item.publisher
        if publisher is not None and row.fate in {Fate.FAILED, Fate.FIRST}:
            causes.setdefault((publisher.reason, publisher.detail), []).append(publisher)
    most = sorted(causes.values(), key=len, reverse=True)
    return tuple(
        ImportCause(
            same[0].reason, same[0].detail, same[0].registration,
            tuple(publisher.registration.project for publisher in same[:NAMED]), len(same),
        )
        for same in most[:CAUSES]
    )  # fmt: skip
