"""What a yank does next: the bot looks and asks, people yank on the index's own page, the bot sees that it is done.

Knows: what must be so before people are asked, and when it is done. Must not know: how an index is asked, wording.

No index has an API for it, so nothing is ever tagged, started or run for a yank: its one act is to give the page.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.core.arriving import files_of
from bot.core.findings import Check, Finding, Found, Level, Report
from bot.core.lifecycle import ReleaseEvent
from bot.core.outcomes import Present, SimpleFile, SimpleOutcome, TryLater
from bot.core.release_notices import Step
from bot.core.releases import (
    Decision,
    Line,
    Situation,
    again,
    broke,
    looked,
    overtaken,
    reminded,
    troubled,
    unsure,
)
from bot.core.versions import newest
from storage.records import EvidenceKind, ReleaseReason

WAITS = 2_880
"""Base periods in which people are to yank it: a day at the default of 30 s."""
SLOWEST = 26
"""Looks after which the gaps between them grow no more: six minutes at the default of 30 s."""


def judge(situation: Situation, simple: SimpleOutcome) -> Report:
    """Return what stands in a yank's way, and what it leaves behind."""
    version, files = situation.release.version, files_of(situation, simple)
    if not files:
        return Report((_found(Level.BLOCKING, Found.YANK_MISSING, version=version),))
    if done(files):
        return Report((_found(Level.BLOCKING, Found.YANK_DONE, version=version, files=len(files)),))
    yanked = sum(file.yanked is not None for file in files)
    there = _found(Level.FINE, Found.YANK_THERE, version=version, files=len(files), yanked=yanked)
    return Report((there, _left(files, simple)))


def _left(files: Sequence[SimpleFile], simple: SimpleOutcome) -> Finding:
    others = [
        file.version
        for file in (simple.files if isinstance(simple, Present) else ())
        if file.version and file.yanked is None and file not in files
    ]
    if not others:
        return _found(Level.WARNING, Found.YANK_LAST)
    return _found(Level.FINE, Found.YANK_LEAVES, latest=newest(others))


def _found(level: Level, found: Found, **values: object) -> Finding:
    return Finding(Check.INDEX, level, found, {name: str(value) for name, value in values.items()})


def done(files: Sequence[SimpleFile]) -> bool:
    """Whether there is something, and all of it is yanked."""
    return bool(files) and all(file.yanked is not None for file in files)


def after_look(situation: Situation, simple: SimpleOutcome) -> Decision:
    """Decide after the look before the team is asked, or asked anew."""
    if isinstance(simple, TryLater):
        return unsure(situation, simple.detail)
    return looked(situation, judge(situation, simple))


def waiting(situation: Situation, simple: SimpleOutcome) -> Decision:
    """Look whether what people are asked about still holds; then remind them, or end the wait."""
    assert situation.release.expires_at is not None
    over = situation.now >= situation.release.expires_at or isinstance(simple, TryLater)
    return (None if over else overtaken(situation, judge(situation, simple))) or reminded(situation)


def hand(situation: Situation, simple: SimpleOutcome, url: str) -> Decision:
    """Give people the page, if all is still as approved; what they have yanked meanwhile is so much done."""
    if isinstance(simple, TryLater):
        return unsure(situation, simple.detail)
    finished = done(files_of(situation, simple))
    if decision := None if finished else overtaken(situation, judge(situation, simple)):
        return decision
    line = Line(Step.YANK_PAGE, {"url": url, "reason": situation.release.notes})
    progress = replace(situation.progress, started=True, looks=0, trouble="", etag="")
    values = {"reason": ReleaseReason.PAGE_GIVEN, "next_at": situation.now, "faults": 0}
    return Decision(ReleaseEvent.HANDED, values, progress, (line,))


def after_page(situation: Situation, simple: SimpleOutcome) -> Decision:
    """Decide after a look at the index for what people were asked to do there."""
    files, progress = files_of(situation, simple), situation.progress
    if isinstance(simple, Present) and done(files):
        seen = replace(simple.evidence, kind=EvidenceKind.YANKED)
        values = {"reason": ReleaseReason.YANKED, "detail": "", "next_at": None, "faults": 0}
        line = Line(Step.YANKED, {"files": str(len(files))})
        ended = replace(progress, trouble="")
        return Decision(ReleaseEvent.YANKED, values, ended, (line,), (seen,))
    if situation.since(WAITS) and not isinstance(simple, TryLater):
        return broke(situation, ReleaseReason.NOT_YANKED)
    if isinstance(simple, TryLater):
        return troubled(situation, simple)
    if isinstance(simple, Present):
        progress = replace(progress, etag=simple.etag)
    return again(situation, replace(progress, looks=min(progress.looks, SLOWEST)))
