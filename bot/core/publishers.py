"""What follows from what an index answered: pure decisions about one publisher.

Knows: the lifecycle, evidence, when to look again. Must not know: how facts were fetched, wording, rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never

from bot.core import notices, polling
from bot.core.lifecycle import PublisherEvent as Event
from bot.core.lifecycle import follow
from bot.core.outcomes import (
    Absent,
    ByHand,
    Listed,
    ListedPublisher,
    ListOutcome,
    NotOffered,
    Present,
    Provenance,
    ProvenanceOutcome,
    Refused,
    Registered,
    RegisterOutcome,
    SimpleFile,
    SimpleOutcome,
    Taken,
    TryLater,
    Unchanged,
)
from bot.core.sites import IndexSite
from storage.records import Evidence, EvidenceKind, Publisher, Reason, Registration

REMIND_BEFORE = timedelta(days=5)
"""How long before the index's term ends the channel is reminded; PyPI mails at the same time."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision needs besides the answer."""

    publisher: Publisher
    site: IndexSite
    now: datetime
    base: timedelta
    form: ByHand
    fed: int | None = None
    """For how many publishers the index's feeds are read; None: they can't be relied on now."""
    awaits_run: bool = False
    """Whether a confirmation run is under way, whose end says more than that the project has appeared."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write and what to say; written and said in one transaction."""

    event: Event
    values: dict[str, Any] = field(default_factory=dict)
    say: tuple[notices.Notice, ...] = ()
    evidence: Evidence | None = None


def registered(
    at: Situation,
    *,
    by_hand: bool = False,
    reason: Reason = Reason.REGISTERED,
    confirms: bool | None = None,
) -> Decision:
    """Decide what follows once the index has the registration; `confirms`: whether a run of its own can confirm it."""
    expires = at.now + timedelta(days=at.site.pending_days)
    publisher = at.publisher
    notice = notices.PublisherPending(
        publisher.registration,
        at.site.url,
        publisher.requested_by,
        expires,
        by_hand,
        str(publisher.id),
        confirms,
    )
    values = {
        "reason": reason,
        "detail": "",
        "pending_at": at.now,
        "expires_at": expires,
        "next_at": at.now + at.base,
        "polls": 0,
    }
    return Decision(Event.SUBMITTED if by_hand else Event.REGISTERED, values, (notice,))


def after_register(at: Situation, outcome: RegisterOutcome) -> Decision:
    """Decide what follows from the index's answer to a registration."""
    match outcome:
        case Registered():
            return registered(at)
        case NotOffered():
            notice = notices.PublisherByHand(
                str(at.publisher.id),
                at.publisher.registration,
                at.site.url,
                at.publisher.requested_by,
                at.form,
                at.publisher.organization,
            )
            return Decision(
                Event.BY_HAND, {"reason": Reason.NO_API, "detail": "", "next_at": None}, (notice,)
            )
        case Taken() if at.publisher.unanswered:
            # An earlier try of ours got no answer: what is pending there is our own registration.
            return registered(at, reason=Reason.FOUND_REGISTERED)
        case Taken():
            return _ended(at, Event.TAKEN, Reason.ALREADY_PENDING, outcome.detail)
        case Refused():
            return _ended(at, Event.REFUSED, outcome.reason, outcome.detail)
        case TryLater():
            return _register_again(at, outcome)
        case _:
            assert_never(outcome)


def _register_again(at: Situation, outcome: TryLater) -> Decision:
    publisher = at.publisher
    if publisher.attempts >= polling.ATTEMPTS:
        return _ended(at, Event.REFUSED, outcome.reason, outcome.detail)
    next_at = at.now + polling.next_attempt(at.base, publisher.attempts, publisher.id, outcome.retry_after)
    notice = notices.PublisherDelayed(
        publisher.registration, at.site.url, publisher.requested_by, outcome.reason, outcome.detail, next_at
    )
    values = {
        "reason": outcome.reason, "detail": outcome.detail, "next_at": next_at,
        "unanswered": publisher.unanswered or outcome.arrived_maybe,
    }  # fmt: skip
    return Decision(Event.UNREACHED, values, (notice,))


def unseen(at: Situation, outcome: TryLater) -> Decision | None:
    """Decide where nobody can tell yet whether the project exists; None: the form is given without knowing.

    What the form is, and what the project's appearance proves later, hangs on it.
    """
    publisher, looks = at.publisher, at.publisher.polls + 1
    if looks > polling.ATTEMPTS:
        return None
    next_at = at.now + polling.next_attempt(at.base, looks, publisher.id, outcome.retry_after)
    notice = notices.PublisherDelayed(
        publisher.registration, at.site.url, publisher.requested_by, outcome.reason, outcome.detail, next_at
    )
    values = {"reason": outcome.reason, "detail": outcome.detail, "next_at": next_at, "polls": looks}
    return Decision(Event.UNREACHED, values, (notice,))


def appeared(at: Situation, outcome: SimpleOutcome) -> Decision | None:
    """Decide about one whose form a person has: a project that was not there before, and is now, confirms it.

    Where nobody has the form yet it proves nothing: whoever made the project, it was not by this publisher.
    """
    given = at.publisher.handed_at is not None
    if given and at.publisher.existed_before is False and isinstance(outcome, Present):
        return confirmed(at, outcome.evidence)
    return None


def _ended(at: Situation, event: Event, reason: Reason, detail: str) -> Decision:
    publisher = at.publisher
    notice = notices.PublisherEnded(
        str(publisher.id), publisher.registration, at.site.url, publisher.requested_by,
        follow(publisher.state, event), reason, detail, at.form,
    )  # fmt: skip
    return Decision(event, {"reason": reason, "detail": detail, "next_at": None}, (notice,))


def found_in_list(registration: Registration, outcome: ListOutcome) -> ListedPublisher | None:
    """Return the list's entry that is exactly this registration, an active one first."""
    if not isinstance(outcome, Listed):
        return None
    ours = [entry for entry in outcome.publishers if _is_same(registration, entry)]
    return next((entry for entry in ours if entry.active), ours[0] if ours else None)


def after_recovery(at: Situation, outcome: ListOutcome) -> Decision | None:
    """Decide what an earlier try without an answer has left behind; None: nothing seen, register."""
    entry = found_in_list(at.publisher.registration, outcome)
    if entry is None:
        return None
    if entry.active and isinstance(outcome, Listed):
        return confirmed(at, outcome.evidence)
    return registered(at, reason=Reason.FOUND_REGISTERED)


@dataclass(frozen=True, slots=True)
class Look:
    """All that one look at a pending publisher brought back. None: not asked."""

    listed: ListOutcome | None
    simple: SimpleOutcome | None
    provenances: Sequence[ProvenanceOutcome] = ()
    begun: datetime | None = None
    """When the index was first asked; whatever it came to know later may have been missed."""


def after_look(at: Situation, look: Look) -> Decision:
    """Decide about a pending publisher by the strongest evidence that the look brought."""
    evidence = _evidence(at.publisher, look)
    if evidence and not (at.awaits_run and evidence.kind is EvidenceKind.APPEARED):
        return confirmed(at, evidence)
    publisher = at.publisher
    assert publisher.expires_at is not None
    assert publisher.pending_at is not None
    if at.now >= publisher.expires_at:
        notice = notices.PublisherExpired(
            str(publisher.id),
            publisher.registration,
            at.site.url,
            publisher.requested_by,
            publisher.pending_at,
            at.form,
        )
        return Decision(
            Event.TERM_OVER, {"reason": Reason.TERM_OVER, "detail": "", "next_at": None}, (notice,)
        )
    return _look_again(at, look, publisher.expires_at)


def _look_again(at: Situation, look: Look, expires: datetime) -> Decision:
    publisher, remind = at.publisher, expires - REMIND_BEFORE
    answers = (look.listed, look.simple)
    waits = [answer.retry_after or 0 for answer in answers if isinstance(answer, TryLater)]
    next_at = max(at.now + _wait(at, look), at.now + timedelta(seconds=max(waits, default=0)))
    values: dict[str, Any] = {
        "polls": publisher.polls + 1, "detail": _trouble(answers), "looked_at": look.begun or at.now,
    }  # fmt: skip
    if publisher.existed_before is None and isinstance(look.simple, Absent):
        values["existed_before"] = False  # the index was not to be reached before; now it says
    if isinstance(look.simple, Present):
        values["etag"] = look.simple.etag[:255] if _read_whole(look) else ""
    say: tuple[notices.Notice, ...] = ()
    # A term shorter than the reminder's lead would remind at once; such an index gets none.
    if publisher.reminded_at is None and at.now >= remind > (publisher.pending_at or at.now):
        values["reminded_at"] = at.now
        say = (
            notices.PublisherReminder(publisher.registration, at.site.url, publisher.requested_by, expires),
        )
    # The reminder and the end come on time, however far apart the looks are.
    values["next_at"] = min(next_at, *(moment for moment in (remind, expires) if moment > at.now))
    return Decision(Event.UNREACHED if values["detail"] else Event.UNDECIDED, values, say)


def _wait(at: Situation, look: Look) -> timedelta:
    """Return how long to wait: longer where a feed would tell of all that this look could have found.

    No feed tells what an index's own list does; and a look that found out nothing is made up for soon.
    """
    unanswered = any(isinstance(answer, TryLater) for answer in (look.simple, *look.provenances))
    looks = at.publisher.polls + 1
    if at.fed is None or unanswered or isinstance(look.listed, Listed | TryLater):
        return polling.next_look(at.base, looks, at.publisher.id)
    return polling.rare_look(at.base, looks, at.publisher.id, at.fed)


def _read_whole(look: Look) -> bool:
    """Return whether all that the project's page may prove was read; else it must not come as "unchanged" next time."""
    missed = [found for found in look.provenances if not isinstance(found, Provenance)]
    return not missed and not isinstance(look.listed, TryLater)


def taken(at: Situation, reason: Reason, detail: str) -> Decision:
    """Decide what follows once the index says that the place is somebody else's."""
    return _ended(at, Event.TAKEN, reason, detail)


def confirmed(at: Situation, evidence: Evidence, *also: EvidenceKind) -> Decision:
    """Decide what follows once evidence says that the publisher is active; `also` is what else says so."""
    publisher = at.publisher
    notice = notices.PublisherConfirmed(
        publisher.registration,
        at.site.url,
        publisher.requested_by,
        evidence.kind,
        evidence.url,
        evidence.seen_at,
        also,
    )
    values = {"reason": Reason.EVIDENCE, "detail": "", "next_at": None}
    return Decision(Event.PROVEN, values, (notice,), evidence)


def worth_reading(publisher: Publisher, simple: SimpleOutcome | None) -> Sequence[SimpleFile]:
    """Return the files whose provenance may prove this publisher: attested ones uploaded since it is pending."""
    if not isinstance(simple, Present) or publisher.pending_at is None:
        return ()
    since = publisher.pending_at.isoformat()
    # ISO 8601 in UTC sorts as text; a file without a time may be any age, so it proves nothing.
    recent = [file for file in simple.files if file.provenance_url and file.uploaded_at[:19] >= since[:19]]
    return sorted(recent, key=lambda file: file.uploaded_at)[-2:]


def _evidence(publisher: Publisher, look: Look) -> Evidence | None:
    """Return the strongest evidence: the index's own list, then provenance, then that the project appeared."""
    if isinstance(look.listed, Listed):
        entry = found_in_list(publisher.registration, look.listed)
        # Where the index lists publishers, weaker signs must not overrule it: anybody may have made the project.
        return look.listed.evidence if entry is not None and entry.active else None
    named = [found for found in look.provenances if isinstance(found, Provenance)]
    for found in named:
        if _names(publisher.registration, found):
            return found.evidence
    if named:
        return None  # the files say that another publisher made them
    if isinstance(look.listed, TryLater):
        return None  # a list that is away for a moment may say otherwise
    if publisher.existed_before is False and isinstance(look.simple, Present):
        return look.simple.evidence
    return None


def _is_same(ours: Registration, theirs: ListedPublisher) -> bool:
    # GitHub's names are case-insensitive, and the index compares environments in lower case.
    return (
        theirs.project == ours.project
        and (theirs.owner.lower(), theirs.repository.lower()) == (ours.owner.lower(), ours.repository.lower())
        and theirs.workflow == ours.workflow
        and theirs.environment.lower() == ours.environment.lower()
    )


def _names(ours: Registration, theirs: Provenance) -> bool:
    return (
        theirs.repository.lower() == ours.slug.lower()
        and theirs.workflow == ours.workflow
        and theirs.environment.lower()
        in {ours.environment.lower(), *([theirs.environment.lower()] if not ours.environment else [])}
    )


def _trouble(answers: Sequence[ListOutcome | SimpleOutcome | None]) -> str:
    """Return what went wrong in a look, "" if nothing did."""
    for answer in answers:
        match answer:
            case TryLater() | Refused():
                return answer.detail or answer.reason.value.replace("_", " ")
            case None | Listed() | NotOffered() | Absent() | Present() | Unchanged():
                continue
            case _:
                assert_never(answer)
    return ""
