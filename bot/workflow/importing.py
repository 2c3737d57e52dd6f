"""Setting many packages up at once: looked for, listed, asked for one after the other, told in one message.

Knows: the order of steps, what is written together. Must not know: Slack, HTTP, wording, what a look means.

A step looks at a few repositories, or asks for a few publishers, and writes how far it has come; killed at any await,
the next step finds what is written and goes on from there. Each publisher is asked for in the transaction that says
so, by the same code as one that a person adds, and moves on by itself: it nudges its import when it has.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

import structlog

from bot import measuring
from bot.core import importing as decide
from bot.core.forge import Nothing, Unsure
from bot.core.importing import Candidate, Fate, Place, Places, Sight, Survey, Verdict
from bot.core.lifecycle import OPEN
from bot.core.polling import LONGEST_WAIT
from bot.workflow.adding import add, know, uploaded
from bot.workflow.credentials import sendable
from bot.workflow.faults import next_try
from bot.workflow.gathering import SILENT
from bot.workflow.hands import packed, unpacked
from bot.workflow.ports import Clock, Index
from bot.workflow.scouting import judged
from bot.workflow.tabling import Rows, give_forms, read, say_end, show
from storage.database import Database
from storage.ledger import credentials, imports
from storage.ledger import publishers as ledger
from storage.ledger.troubles import Faulty
from storage.records import CredentialKind, Import, ImportItemState, ImportState, Secret

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=15)
"""Longer than all requests of one step together may take."""
AFTER_A_FAULT = timedelta(minutes=1)
AFTER_SILENCE = timedelta(seconds=30)
LIST_SECONDS = 120.0
"""How long reading the list of an owner's repositories may take."""
LOOK_SECONDS = 60.0
"""How long looking at one repository may take."""
JUDGE_SECONDS = 120.0
"""How long asking the index about one repository's packages may take, however many it has."""
AT_ONCE = 8
"""Repositories that one step looks at."""
ENOUGH = LEASE / 3
"""How long one step looks at repositories; what it has seen by then is written, and the next step goes on."""
ASKED_AT_ONCE = 25
"""Publishers that one step asks for."""
SLOW_LIST: Places | Nothing | Unsure = Unsure("The forge did not list the repositories in time.")
SILENT_LOOK: tuple[Sight, ...] | Nothing | Unsure = SILENT
NOTHING_SEEN = "GitHub knows no such owner, or my credential may not see it."


T = TypeVar("T")


class Scout(Protocol):
    """Looks through repositories for packages. No method raises for what the forge answers or fails to answer."""

    async def places(self, owner: str) -> Places | Nothing | Unsure:
        """Return the repositories of an owner ("": all that are seen) that may hold packages."""

    async def sights(self, place: Place, index: str) -> tuple[Sight, ...] | Nothing | Unsure:
        """Return the packages of a repository, as they would be set up on an index; Nothing where there is no Python in it."""


@dataclass(frozen=True, slots=True)
class Importing:
    """The imports on their concrete parts."""

    database: Database
    index: Index
    scout: Scout
    clock: Clock
    owner: UUID
    """This process, as it signs its claims."""

    async def claim(self, limit: int) -> Sequence[Import]:
        """Take what is due."""
        now = self.clock()
        async with self.database.transaction() as session:
            return await imports.claim(session, self.owner, (now, now + LEASE), limit)

    async def next_due(self) -> datetime | None:
        """Return when the next one is due."""
        return await self.database.ask(imports.next_due(), self.clock())

    async def advance(self, one: Import) -> None:
        """Do the next step of a claimed one. A fault costs this row a minute, never the others anything."""
        if one.index not in self.index.names():
            # The operator has taken the index out of the settings; it may come back.
            await self._rest(one, LONGEST_WAIT)
            return
        try:
            await (self._look(one) if one.state is ImportState.LOOKING else self._set_up(one))
        except Exception as error:
            log.exception("import failed", one=str(one.id), team=str(one.team_id))
            now, what = self.clock(), Faulty("import", one.id, one.team_id)
            await self._rest(one, await next_try(self.database, what, error, AFTER_A_FAULT, now) - now)

    async def _rest(self, one: Import, wait: timedelta) -> None:
        now = self.clock()
        async with self.database.transaction() as session:
            measuring.held("imports", await imports.move(session, one, self.owner, now + wait, now))

    async def _look(self, one: Import) -> None:
        """Read the list, or look at the next few repositories."""
        survey, wait = unpacked(Survey, one.progress), timedelta()
        if not survey.begun:
            found = await _patient(self.scout.places(one.owner), LIST_SECONDS, SLOW_LIST)
            match found:
                case Places():
                    survey = decide.begun(found)
                case Nothing():
                    await self._write(one, replace(survey, missing=NOTHING_SEEN), None)
                    return
                case Unsure():
                    silent, wait = decide.unanswered(survey), _waits(found)
                    if silent is None:
                        await self._write(one, replace(survey, missing=found.detail[: decide.DETAIL]), None)
                        return
                    survey = silent
        else:
            survey, wait = await self._look_on(one, survey)
        await self._write(one, survey, wait)

    async def _look_on(self, one: Import, survey: Survey) -> tuple[Survey, timedelta]:
        began = self.clock()
        for place in survey.todo[:AT_ONCE]:
            if self.clock() - began > ENOUGH:
                break  # slow answers add up, and the lease must not run out under what was seen
            found = await _patient(self.scout.sights(place, one.index), LOOK_SECONDS, SILENT_LOOK)
            if isinstance(found, Unsure):
                return decide.unanswered(survey) or survey, _waits(found)
            sights = None if isinstance(found, Nothing) else found
            try:
                async with asyncio.timeout(JUDGE_SECONDS):
                    candidates = (
                        None if sights is None else [await self._judged(one, sight) for sight in sights]
                    )
            except TimeoutError:
                return decide.unanswered(survey) or survey, AFTER_SILENCE
            survey = decide.looked(survey, candidates)
        return survey, timedelta()

    async def _judged(self, one: Import, sight: Sight) -> Candidate:
        """Judge one package; the index is asked only of what is not open here already."""
        wanted = decide.registration(sight, one.index)
        async with self.database.reading() as session:
            known = await ledger.newest(session, one.team_id, wanted.project, one.index)
        if known is not None and known.state in OPEN:
            return decide.judge(sight, (one.index, None), None, known)
        found = await judged(self.index, one.index, sight, await self._token(one))
        if found.verdict is not Verdict.FIRST:
            return found
        async with self.database.reading() as session:
            ours = await uploaded(session, one.team_id, wanted)
        # No publisher makes the project there, but an upload of the bot's does.
        return replace(found, verdict=Verdict.READY) if ours else found

    async def _token(self, one: Import) -> Secret | None:
        async with self.database.reading() as session:
            found = await credentials.opened(session, one.team_id, CredentialKind.API_TOKEN, one.index)
        # One that the index refused is not sent again; of others a copy is sent that lives for minutes.
        return None if found is None or found[0].refused_at else sendable(found[1], self.clock()).secret

    async def _write(self, one: Import, survey: Survey, wait: timedelta | None) -> None:
        """Write how far looking has come, and the list once all was seen; `wait` None: there will be no list."""
        now, state = self.clock(), ImportState.LOOKING
        complete = survey.begun and not survey.todo
        if wait is None or complete:
            state = ImportState.LISTED if complete else ImportState.FAILED
        async with self.database.transaction() as session:
            if not measuring.held("imports", await imports.hold(session, one, self.owner)):
                return
            if complete:
                found = decide.told_apart(survey.found)
                await imports.put_list(session, one, [packed(candidate) for candidate in found])
                survey = replace(survey, found=())
            due = None if state is not ImportState.LOOKING or wait is None else now + wait
            after = replace(one, state=state, progress=packed(survey))
            measuring.held(
                "imports",
                await imports.move(session, one, self.owner, due, now, state=state, progress=after.progress),
            )
            await show(session, after, now, read(await imports.items(session, after)) if complete else ())

    async def _set_up(self, one: Import) -> None:
        """Ask for the next few publishers that were chosen, then tell how it stands."""
        async with self.database.reading() as session:
            rows = read(await imports.items(session, one))
        waiting = [row for row in rows if row.item.state is ImportItemState.WAITING]
        for row in waiting[:ASKED_AT_ONCE]:
            if not await self._ask(one, row.item.number, row.candidate):
                return
        await self._tell(one, more=len(waiting) > ASKED_AT_ONCE)

    async def _ask(self, one: Import, number: int, candidate: Candidate) -> bool:
        """Ask for one publisher, and record that in the same transaction; False where the claim was lost."""
        assert one.chosen_by is not None
        async with self.database.transaction() as session:
            if not measuring.held("imports", await imports.hold(session, one, self.owner)):
                return False
            asked = (one.chosen_by, one.channel)
            wanted, now = candidate.registration, self.clock()
            if await uploaded(session, one.team_id, wanted):
                there = await know(session, one.team_id, wanted, asked, now)
                recorded = await imports.asked(session, one, number, None, known=there is None)
            else:
                publisher, made = await add(session, one.team_id, wanted, asked, now)
                recorded = await imports.asked(session, one, number, publisher.id if made else None)
            assert recorded, "the claim keeps others away"
        return True

    async def _tell(self, one: Import, *, more: bool) -> None:
        """Write that a step is over, and say what follows: the message, forms, the end."""
        now = self.clock()
        async with self.database.transaction() as session:
            if not measuring.held("imports", await imports.hold(session, one, self.owner)):
                return
            rows = read(await imports.items(session, one))
            after = replace(one, state=ImportState.SETTING_UP if more else ImportState.DONE)
            measuring.held(
                "imports",
                await imports.move(session, one, self.owner, now if more else None, now, state=after.state),
            )
            await show(session, after, now, rows)
            await give_forms(session, self.index, after, rows, now)
            if not _moving(rows):
                await say_end(session, self.index, after, rows, now)


def _moving(rows: Rows) -> bool:
    return any(row.fate is Fate.MOVING for row in rows)


def _waits(silence: Unsure) -> timedelta:
    return timedelta(seconds=silence.retry_after) if silence.retry_after else AFTER_SILENCE


async def _patient(asked: Awaitable[T], seconds: float, silent: T) -> T:
    """Wait longer than for one fact: many requests are behind it."""
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError:
        return silent
