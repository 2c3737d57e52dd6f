"""A release that the bot uploads itself: the files found, looked through, sent one after the other.

Knows: what each answer means for the release. Must not know: how files are fetched and sent, wording.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.core.distributions import Distribution, Unfit, in_order
from bot.core.forge import Invalid, Nothing, Unsure
from bot.core.lifecycle import ReleaseEvent
from bot.core.outcomes import (
    FileThere,
    Present,
    SimpleOutcome,
    TryLater,
    Uploaded,
    UploadOutcome,
    UploadRefused,
)
from bot.core.progress import Progress
from bot.core.release_notices import Step
from bot.core.releases import FAULTS_BORNE, Decision, Line, Situation, at_once, broke, troubled
from storage.records import ReleaseReason

ACT = "upload"
"""How an upload that has begun is written down."""


def files_found(situation: Situation, progress: Progress, *lines: Line) -> Decision:
    """The files are there: the bot fetches them, checks them, and uploads them."""
    values = {
        "reason": ReleaseReason.FILES_FOUND, "next_at": situation.now, "faults": 0, "begun": "", "begun_at": None,
    }  # fmt: skip
    seen = replace(
        progress, started=True, looks=0, trouble="", waits_for="", waits_told=False, expected=(), expected_known=False,
        sent=(),
    )  # fmt: skip
    return Decision(ReleaseEvent.BUILT, values, seen, lines)


def fetched(
    situation: Situation, outcome: Sequence[Distribution] | Unfit | Invalid | Nothing | Unsure
) -> Decision:
    """Decide after all files were fetched and looked through: none is sent unless each is fit."""
    if isinstance(outcome, Unsure):
        return _unsure(situation, outcome)
    if isinstance(outcome, Nothing):
        return broke(situation, ReleaseReason.NO_FILES)
    if isinstance(outcome, Invalid):
        return broke(situation, ReleaseReason.FILE_UNFIT, outcome.detail)
    if isinstance(outcome, Unfit):
        return unfit(situation, outcome)
    files = in_order(outcome)
    wanted = tuple((file.filename, file.digests.sha256) for file in files)
    progress = replace(situation.progress, expected=wanted, expected_known=True)
    size = sum(file.digests.size for file in files)
    return at_once(
        situation, progress, Line(Step.FILES_CHECKED, {"files": str(len(files)), "bytes": str(size)})
    )


def unfit(situation: Situation, found: Unfit) -> Decision:
    """A file is not fit: nothing is sent of the release."""
    values = {"flaw": str(found.flaw), "file": found.filename, "detail": found.detail}
    detail = " ".join(filter(None, (found.filename, f"({found.flaw.replace('_', ' ')})", found.detail)))
    return broke(situation, ReleaseReason.FILE_UNFIT, detail, Line(Step.FILE_UNFIT, values))


def looked(situation: Situation, simple: SimpleOutcome) -> Decision | str:
    """Decide after a look at the index before a file is sent: the name of the next one, or what to do instead."""
    if isinstance(simple, TryLater):
        return _unsure(situation, simple)
    progress, there = situation.progress, _there(simple)
    for name, sha256 in progress.expected:
        if name in there and there[name] not in {"", sha256}:
            return broke(situation, ReleaseReason.UPLOAD_FILE_TAKEN, name)
    new = [name for name, _ in progress.expected if name in there and name not in progress.sent]
    if new:
        # The first of them is the one whose answer was lost, where one had begun: it has arrived.
        lines = [
            _line(situation, name, ours=not at and situation.release.begun == ACT)
            for at, name in enumerate(new)
        ]
        return at_once(situation, replace(progress, sent=(*progress.sent, *new)), *lines)
    left = [name for name, _ in progress.expected if name not in progress.sent]
    return left[0] if left else _sent(situation)


def _there(simple: SimpleOutcome) -> Mapping[str, str]:
    return {file.filename: file.sha256 for file in simple.files} if isinstance(simple, Present) else {}


def _line(situation: Situation, name: str, *, ours: bool) -> Line:
    names = [one for one, _ in situation.progress.expected]
    values = {"file": name, "number": str(names.index(name) + 1), "files": str(len(names))}
    return Line(Step.FILE_UPLOADED if ours else Step.FILE_THERE, values)


def _sent(situation: Situation) -> Decision:
    values = {
        "reason": ReleaseReason.UPLOADED, "next_at": situation.now, "faults": 0, "begun": "", "begun_at": None,
    }  # fmt: skip
    progress = replace(situation.progress, looks=0, trouble="")
    return Decision(ReleaseEvent.UPLOADED, values, progress)


def answered(
    situation: Situation, name: str, outcome: UploadOutcome, simple: SimpleOutcome | None
) -> Decision:
    """Decide after a file was sent; `simple` is a look afterwards, where the index said that the name is taken."""
    match outcome:
        case Uploaded():
            return _went(situation, name, ours=True)
        case FileThere(detail):
            there = _there(simple) if simple is not None else {}
            if there.get(name) == dict(situation.progress.expected)[name]:
                return _went(situation, name, ours=situation.release.begun == ACT)
            if isinstance(simple, TryLater):
                return _unsure(situation, simple)
            return broke(situation, ReleaseReason.UPLOAD_FILE_TAKEN, f"{name}. {detail}".rstrip())
        case UploadRefused(reason, detail):
            return broke(situation, reason, f"{name}: {detail}")
        case TryLater():
            return _later(situation, outcome)


def _went(situation: Situation, name: str, *, ours: bool) -> Decision:
    progress = situation.progress
    seen = replace(progress, sent=(*progress.sent, name))
    return at_once(situation, seen, _line(situation, name, ours=ours))


def _later(situation: Situation, outcome: TryLater) -> Decision:
    decision = _unsure(situation, outcome)
    # Where it may have arrived, the next look finds that out, and then tells it as sent by us.
    maybe = outcome.arrived_maybe and decision.event is not ReleaseEvent.BROKE
    begun = {"begun": ACT, "begun_at": situation.now} if maybe else {"begun": "", "begun_at": None}
    return replace(decision, values={**decision.values, **begun})


def _unsure(situation: Situation, outcome: Unsure | TryLater) -> Decision:
    """Look again later, and give up where somebody is out of order for too long."""
    if situation.release.faults >= FAULTS_BORNE:
        return broke(situation, ReleaseReason.OUT_OF_ORDER, outcome.detail)
    return troubled(situation, outcome)


def next_code(situation: Situation, at: datetime) -> Decision:
    """The one-time code of this moment is used up: send with the next one."""
    return Decision(ReleaseEvent.WAITED, {"next_at": at}, situation.progress)


def no_credential(situation: Situation) -> Decision:
    """There is nothing to upload with any more."""
    return broke(situation, ReleaseReason.NO_CREDENTIAL)
