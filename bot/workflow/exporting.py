"""Files of the audit trail: checked, written, uploaded, given to who asked.

Knows: the order of steps, when to give up. Must not know: Slack's API, wording, a file's columns.

Slack shows nobody an upload before it is given, so an upload that nobody remembers harms nobody; which file it is is written
down before it is given, and that one is given, however often the process dies: one that may have been given is looked for
in the direct message first.
"""

import asyncio
import io
from collections.abc import Awaitable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot import codec, measuring
from bot.core import audit_files, intents, notices
from bot.core.audit_notices import AuditFile, AuditFileComing, AuditFileFailed, ChainFound
from bot.workflow import showing
from bot.workflow.hands import packed, unpacked
from bot.workflow.ports import Clock, Files, NeverSay, Placed, Said, SayLater
from bot.workflow.telling import write_down
from storage.database import Database
from storage.ledger import audit, exports, outbox
from storage.ledger.chain import ChainReport
from storage.ledger.outbox import Destination
from storage.records import AuditExport, InboxItem, StorageError

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=15)
"""Longer than a long trail takes to check, write and upload."""
MOST_CHECKED = 20_000
"""New events of a trail that are checked for a page of it: a second's work; the next page goes on, the file is checked whatever its length."""
ATTEMPTS = 8
LONGEST_WAIT = 600.0
TOLD = 20
"""Breaks of a chain that are kept to be told."""
EVERY = "every project"
Trail = intents.ShowAudit | intents.ExportAudit
TRAIL = (intents.ShowAudit, intents.ExportAudit)


@dataclass(frozen=True, slots=True)
class Exporting:
    """The exports on their concrete parts."""

    database: Database
    files: Files
    clock: Clock
    owner: UUID

    async def claim(self, limit: int) -> Sequence[AuditExport]:
        """Take what is due."""
        now = self.clock()
        async with self.database.transaction() as session:
            return await exports.claim(session, self.owner, (now, now + LEASE), limit)

    async def next_due(self) -> datetime | None:
        """Return when the next file is due."""
        return await self.database.ask(exports.next_due(), self.clock())

    async def advance(self, one: AuditExport) -> None:
        """Give a file; a fault costs this one some minutes, never the others anything."""
        try:
            outcome = await self._give(one)
        except StorageError:
            log.exception("audit trail unreadable", export=str(one.id), team=str(one.team_id))
            outcome = NeverSay("unreadable")
        except Exception as error:
            log.exception("export failed", export=str(one.id), team=str(one.team_id))
            outcome = SayLater(type(error).__name__, arrived_maybe=True)
        await self._record(one, outcome)

    async def _give(self, one: AuditExport) -> Said | SayLater | NeverSay:
        file_id, found = one.file_id, one.found
        if not file_id:
            placed, shown = await self._place(one)
            if not isinstance(placed, Placed):
                return placed
            file_id, found = placed.file_id, packed(shown)
            async with self.database.transaction() as session:
                if not measuring.held(
                    "exports", await exports.uploaded(session, one, self.owner, file_id, found)
                ):
                    return SayLater("claim lost", arrived_maybe=False)
        since = one.asked_at if one.file_id else None
        to = (one.slack_team_id, one.user)
        shared = await self.files.share(to, file_id, unpacked(AuditFile, found), since)
        if isinstance(shared, NeverSay) and shared.error == "file_not_found" and one.file_id:
            # Slack forgets what was uploaded and not given: it is made anew.
            async with self.database.transaction() as session:
                measuring.held("exports", await exports.uploaded(session, one, self.owner, "", {}))
            return SayLater(shared.error, arrived_maybe=False)
        return shared

    async def _place(self, one: AuditExport) -> tuple[Placed | SayLater | NeverSay, AuditFile]:
        """Check the trail, write it, upload it; nobody sees it yet."""
        with closing(TemporaryFile()) as out:
            shown = await self._written(one, out)
            size = out.tell()
            out.seek(0)
            name = f"audit-{one.project or 'all'}-{one.asked_at:%Y%m%d-%H%M}.{one.written_as}"
            return await self.files.place(one.slack_team_id, name, (out, size)), shown

    async def _written(self, one: AuditExport, out: BinaryIO) -> AuditFile:
        text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        writer, events = audit_files.writer(one.written_as, text), 0
        async with self.database.reading(steady=True) as session:
            report = await audit.verify(session, one.team_id)
            async for entry in audit.entries(session, one.team_id, until=one.until_seq):
                if one.project and not audit.is_about(entry.event, one.project):
                    continue
                writer.write(audit_files.told(one.slack_team_id, entry.event, entry.number, entry.mac))
                events += 1
                if events % audit.PAGE == 0:
                    await asyncio.sleep(0)
        writer.write(
            audit_files.checked(one.slack_team_id, one.asked_at, report.events, report.broken, report.head)
        )
        writer.end()
        text.detach()
        async with self.database.transaction() as session:
            await audit.remember(session, report)
        return AuditFile(one.project, one.written_as, events, found_of(report))

    async def _record(self, one: AuditExport, outcome: Said | SayLater | NeverSay) -> None:
        now = self.clock()
        async with self.database.transaction() as session:
            if isinstance(outcome, Said):
                measuring.held("exports", await exports.end(session, one, self.owner, "", now))
            elif isinstance(outcome, SayLater) and one.attempts < ATTEMPTS:
                wait = outcome.seconds or min(2.0**one.attempts, LONGEST_WAIT)
                until = now + timedelta(seconds=wait)
                measuring.held("exports", await exports.rest(session, one, self.owner, until, outcome.error))
            elif measuring.held("exports", await exports.end(session, one, self.owner, outcome.error, now)):
                notice = AuditFileFailed(one.project, one.written_as, outcome.error)
                message = codec.pack(notice, notices.KINDS)
                to = Destination("", one.user)
                await outbox.add(session, one.team_id, f"export:{one.id}:failed", to, message, now)


def carry_out(
    session: AsyncSession,
    item: InboxItem,
    intent: Trail,
    chain: ChainFound | None,
    clock: Clock,
) -> Awaitable[notices.Notice]:
    """Show a page of the trail, or begin to make a file of it; `chain` is what was found along it."""
    if isinstance(intent, intents.ExportAudit):
        return _ask(session, item, intent, clock)
    return showing.trail(session, item.team_id, intent, chain)


async def _ask(
    session: AsyncSession, item: InboxItem, intent: intents.ExportAudit, clock: Clock
) -> notices.Notice:
    """Write down that somebody wants the trail as a file: that too stands in it."""
    now, who, what = clock(), (item.team_id, item.actor), (intent.project, intent.written_as)
    # Files are made one after the other for all teams: a button that is pressed twice must not be two of them.
    if await exports.under_way(session, who, what):
        return AuditFileComing(*what)
    did = (item.actor, "audit.exported", intent.project or EVERY)
    await write_down(session, item.team_id, did, now, written_as=intent.written_as)
    until = await audit.newest(session, item.team_id)
    await exports.ask(session, AuditExport(item.id, *who, *what, until, now), now)
    return AuditFileComing(*what)


async def looked_along(database: Database, item: InboxItem, intent: intents.ShowAudit) -> ChainFound:
    """Check what is new in the team's trail and what the page shows, while nobody waits to write; of much that is new a part.

    Runs twice where the process dies: how far it came is written down afterwards, and never set back.
    """
    async with database.reading(steady=True) as session:
        page = await audit.page(
            session, item.team_id, limit=showing.EVENTS, project=intent.project, before=intent.before
        )
        try:
            report = await audit.look(session, item.team_id, [seq for seq, _ in page], most=MOST_CHECKED)
        except StorageError as error:
            return ChainFound(0, ((0, f"it can't be checked: {error.cause}"),), 1)
    if audit.worth_remembering(report):
        async with database.transaction() as session:
            await audit.remember(session, report)
    return found_of(report)


def found_of(report: ChainReport) -> ChainFound:
    """Return what a check found, as it is told."""
    return ChainFound(
        report.events, report.broken[:TOLD], len(report.broken), report.head, report.since, report.left, report.unchained
    )  # fmt: skip
