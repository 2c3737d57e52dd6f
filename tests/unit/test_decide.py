"""What follows from what an index answered: decisions about one publisher."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import notices, polling
from bot.core.lifecycle import OPEN, PublisherEvent, follow
from bot.core.outcomes import (
    Absent,
    ByHand,
    Listed,
    ListedPublisher,
    ListOutcome,
    NotOffered,
    Present,
    Provenance,
    Refused,
    Registered,
    RegisterOutcome,
    SimpleFile,
    Taken,
    TryLater,
    Unchanged,
)
from bot.core.publishers import (
    Decision,
    Look,
    Situation,
    after_look,
    after_recovery,
    after_register,
    worth_reading,
)
from bot.core.sites import IndexSite
from storage.records import Evidence, EvidenceKind, Publisher, PublisherState, Reason, Registration

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BASE = timedelta(seconds=30)
WANTED = Registration("company", "widgets", "acme", "widgets", "release.yml", "pypi")
SITE = IndexSite("company", "https://index.example")
ASKED = Publisher(
    id=UUID(int=7), team_id=UUID(int=1), project_id=UUID(int=2), registration=WANTED, channel="C1", requested_by="U1",
    state=PublisherState.REQUESTED, reason=Reason.ASKED, detail="", existed_before=False, attempts=1, unanswered=False,
    polls=0, etag="", requested_at=NOW, state_at=NOW, pending_at=None, expires_at=None, reminded_at=None, next_at=NOW,
)  # fmt: skip
PENDING = replace(
    ASKED,
    state=PublisherState.PENDING,
    pending_at=NOW,
    expires_at=NOW + timedelta(days=30),
    reason=Reason.REGISTERED,
)
OURS = ListedPublisher("widgets", "Acme", "Widgets", "release.yml", "PyPI", active=True)
FORM = ByHand("https://index.example/form", prefilled=False, fields=())


def fact(kind: EvidenceKind) -> Evidence:
    """Return a fact from outside."""
    return Evidence(kind, "https://index.example/x", "00", NOW)


def at(publisher: Publisher, now: datetime = NOW, site: IndexSite = SITE) -> Situation:
    """Return a situation."""
    return Situation(publisher, site, now, BASE, FORM)


def listed(*entries: ListedPublisher) -> Listed:
    """Return an index's list."""
    return Listed(entries, fact(EvidenceKind.INDEX))


def present(*files: SimpleFile) -> Present:
    """Return a project that the simple index knows."""
    return Present(files, "active", "etag", fact(EvidenceKind.APPEARED))


REGISTRATIONS: list[tuple[RegisterOutcome, PublisherState, type[notices.Notice]]] = [
    (Registered(), PublisherState.PENDING, notices.PublisherPending),
    (NotOffered(), PublisherState.REQUESTED, notices.PublisherByHand),
    (Refused(Reason.TOKEN_INVALID, "no"), PublisherState.FAILED, notices.PublisherEnded),
    (Taken("it is taken"), PublisherState.CONFLICT, notices.PublisherEnded),
    (TryLater(Reason.INDEX_BROKEN), PublisherState.REQUESTED, notices.PublisherDelayed),
]


@pytest.mark.parametrize(("outcome", "state", "notice"), REGISTRATIONS)
def test_each_answer_has_its_state(
    outcome: RegisterOutcome, state: PublisherState, notice: type[notices.Notice]
) -> None:
    """Every answer to a registration leads to one state and one notice."""
    decision = after_register(at(ASKED), outcome)
    assert follow(ASKED.state, decision.event) is state
    assert [type(said) for said in decision.say] == [notice]


def test_what_is_taken_may_be_ours() -> None:
    """After an attempt without an answer, "taken" means that it had arrived."""
    decision = after_register(at(replace(ASKED, unanswered=True, attempts=2)), Taken())
    assert follow(ASKED.state, decision.event) is PublisherState.PENDING


def test_the_index_is_waited_for_as_it_asks() -> None:
    """The next attempt comes no sooner than the index said, and after the last one it has failed."""
    decision = after_register(at(ASKED), TryLater(Reason.RATE_LIMITED, retry_after=120))
    assert decision.values["next_at"] >= NOW + timedelta(seconds=120)
    last = after_register(at(replace(ASKED, attempts=polling.ATTEMPTS)), TryLater(Reason.TIMED_OUT))
    assert follow(ASKED.state, last.event) is PublisherState.FAILED
    assert last.values["next_at"] is None


def test_a_doubt_stays_until_it_is_cleared() -> None:
    """An attempt that may have arrived is remembered; one that certainly did not leaves no doubt."""
    assert (
        after_register(at(ASKED), TryLater(Reason.TIMED_OUT, arrived_maybe=True)).values["unanswered"] is True
    )
    assert after_register(at(ASKED), TryLater(Reason.RATE_LIMITED)).values["unanswered"] is False


def test_recovery_believes_the_list() -> None:
    """After an attempt without an answer the list tells: pending, active, or nothing there."""
    pending = after_recovery(at(ASKED), listed(replace(OURS, active=False)))
    active = after_recovery(at(ASKED), listed(OURS))
    assert pending is not None
    assert active is not None
    assert (pending.event, active.event) == (PublisherEvent.REGISTERED, PublisherEvent.PROVEN)
    assert after_recovery(at(ASKED), listed()) is None
    assert after_recovery(at(ASKED), NotOffered()) is None


EVIDENCE: list[tuple[str, Publisher, Look, EvidenceKind | None]] = [
    ("listed as active", PENDING, Look(listed(OURS), Absent()), EvidenceKind.INDEX),
    (
        "listed as pending overrules appearance",
        PENDING,
        Look(listed(replace(OURS, active=False)), present()),
        None,
    ),
    (
        "another repository is active",
        PENDING,
        Look(listed(replace(OURS, repository="evil")), present()),
        None,
    ),
    ("another workflow is active", PENDING, Look(listed(replace(OURS, workflow="x.yml")), Absent()), None),
    ("another project's entry", PENDING, Look(listed(replace(OURS, project="gears")), Absent()), None),
    ("no list, appeared", PENDING, Look(NotOffered(), present()), EvidenceKind.APPEARED),
    ("no list, was there before", replace(PENDING, existed_before=True), Look(NotOffered(), present()), None),
    (
        "no list, not known whether it was there",
        replace(PENDING, existed_before=None),
        Look(None, present()),
        None,
    ),
    ("unchanged", PENDING, Look(NotOffered(), Unchanged()), None),
    ("the list is away for a moment", PENDING, Look(TryLater(Reason.INDEX_BROKEN), present()), None),
    (
        "the list is away, provenance names it",
        PENDING,
        Look(
            TryLater(Reason.INDEX_BROKEN),
            present(),
            [Provenance("GitHub", "acme/widgets", "release.yml", "pypi", fact(EvidenceKind.PROVENANCE))],
        ),
        EvidenceKind.PROVENANCE,
    ),
    (
        "provenance of another environment",
        replace(PENDING, existed_before=True),
        Look(
            None,
            present(),
            [Provenance("GitHub", "acme/widgets", "release.yml", "evil", fact(EvidenceKind.PROVENANCE))],
        ),
        None,
    ),
    (
        "any environment will do where none is registered",
        replace(PENDING, registration=replace(WANTED, environment=""), existed_before=True),
        Look(
            None,
            present(),
            [Provenance("GitHub", "acme/widgets", "release.yml", "x", fact(EvidenceKind.PROVENANCE))],
        ),
        EvidenceKind.PROVENANCE,
    ),
    (
        "a list overrules provenance",
        PENDING,
        Look(
            listed(),
            present(),
            [Provenance("GitHub", "acme/widgets", "release.yml", "pypi", fact(EvidenceKind.PROVENANCE))],
        ),
        None,
    ),
    (
        "provenance names it",
        replace(PENDING, existed_before=True),
        Look(
            None,
            present(),
            [Provenance("GitHub", "acme/Widgets", "release.yml", "pypi", fact(EvidenceKind.PROVENANCE))],
        ),
        EvidenceKind.PROVENANCE,
    ),
    (
        "provenance names another",
        PENDING,
        Look(
            None,
            present(),
            [Provenance("GitHub", "evil/widgets", "release.yml", "pypi", fact(EvidenceKind.PROVENANCE))],
        ),
        None,
    ),
]


@pytest.mark.parametrize(("name", "publisher", "look", "kind"), EVIDENCE, ids=[case[0] for case in EVIDENCE])
def test_only_evidence_confirms(
    name: str, publisher: Publisher, look: Look, kind: EvidenceKind | None
) -> None:
    """A publisher is confirmed by the strongest evidence there is, and by nothing that could be somebody else's."""
    decision = after_look(at(publisher), look)
    assert (decision.evidence.kind if decision.evidence else None) is kind
    assert (decision.event is PublisherEvent.PROVEN) is (kind is not None)


def test_the_term_is_kept() -> None:
    """Before the term's end the channel is reminded once, at its end it is expired, and looks come on time for both."""
    look = Look(listed(), Absent())
    early = after_look(at(replace(PENDING, polls=60), NOW + timedelta(days=24, hours=23, minutes=30)), look)
    assert early.values["next_at"] == NOW + timedelta(days=25)
    due = after_look(at(PENDING, NOW + timedelta(days=25)), look)
    assert [type(said) for said in due.say] == [notices.PublisherReminder]
    again = after_look(at(replace(PENDING, reminded_at=NOW), NOW + timedelta(days=26)), look)
    assert again.say == ()
    over = after_look(at(PENDING, NOW + timedelta(days=30)), look)
    assert [type(said) for said in over.say] == [notices.PublisherExpired]
    assert (
        after_look(at(PENDING, NOW + timedelta(days=40)), Look(listed(OURS), Absent())).evidence is not None
    )


def test_a_short_term_is_not_reminded_of_at_once() -> None:
    """An index that keeps pending publishers for fewer days than the reminder's lead gets no reminder."""
    short = replace(PENDING, expires_at=NOW + timedelta(days=2))
    assert after_look(at(short, NOW + timedelta(hours=1)), Look(None, Absent())).say == ()


@pytest.mark.parametrize(
    ("look", "etag"),
    [
        (Look(listed(), present()), "etag"),
        (Look(TryLater(Reason.TIMED_OUT), present()), ""),
        (Look(None, present(), [TryLater(Reason.TIMED_OUT)]), ""),
        (Look(None, present(), [Absent()]), ""),
        (Look(None, Unchanged()), None),
    ],
)
def test_a_page_counts_as_seen_only_once_it_is_read_whole(look: Look, etag: str | None) -> None:
    """Where a part of the evidence could not be read, the next look asks for the page anew, not whether it changed."""
    decision = after_look(at(replace(PENDING, existed_before=True)), look)
    assert decision.evidence is None
    assert decision.values.get("etag") == etag


def test_only_new_attested_files_are_read() -> None:
    """A file proves something only if it is attested and was uploaded since the publisher is pending."""
    new = SimpleFile("a.whl", "1.0", "https://index.example/p", "2026-11-21T00:00:00Z")
    files = (
        new,
        replace(new, uploaded_at="2026-11-19T00:00:00Z"),
        replace(new, provenance_url=""),
        replace(new, uploaded_at=""),
    )
    assert list(worth_reading(PENDING, present(*files))) == [new]
    assert list(worth_reading(PENDING, Absent())) == []


@given(st.integers(0, 10_000), st.uuids(), st.floats(0.1, 600))
def test_looks_grow_rarer_but_never_rare(looks: int, seed: UUID, base: float) -> None:
    """A look is never further away than an hour and its jitter, nor sooner than nine tenths of the base period."""
    wait = polling.next_look(timedelta(seconds=base), looks, seed)
    assert timedelta(seconds=base * 0.89) <= wait <= polling.LONGEST_WAIT * 1.1
    assert wait == polling.next_look(timedelta(seconds=base), looks, seed)


@pytest.mark.parametrize(
    ("look", "rare"),
    [
        (Look(None, Absent()), True),
        (Look(NotOffered(), Unchanged()), True),
        (Look(Refused(Reason.TOKEN_SCOPE), Absent()), True),
        (Look(listed(), Absent()), False),
        (Look(TryLater(Reason.TIMED_OUT), Absent()), False),
        (Look(None, TryLater(Reason.TIMED_OUT)), False),
        (Look(None, present(), [TryLater(Reason.TIMED_OUT)]), False),
    ],
)
def test_looks_are_rare_where_a_feed_tells_as_much(look: Look, rare: bool) -> None:
    """An index's list is in no feed, and a look without an answer found out nothing: those keep the pace there is without feeds."""
    waiting = replace(PENDING, existed_before=True, polls=12)
    fed = after_look(replace(at(waiting), fed=60_000), look).values["next_at"] - NOW
    alone = after_look(at(waiting), look).values["next_at"] - NOW
    assert alone == polling.next_look(BASE, 13, waiting.id)
    assert (fed > 10 * alone) if rare else (fed == alone)


def test_a_look_counts_from_its_beginning() -> None:
    """What the index came to know while it was being asked may have been missed: the look is as old as its first question."""
    begun = NOW - timedelta(seconds=20)
    assert after_look(at(PENDING), Look(None, Absent(), begun=begun)).values["looked_at"] == begun


LOOKS = st.builds(
    Look,
    st.sampled_from(
        [
            None,
            listed(),
            listed(OURS),
            listed(replace(OURS, active=False)),
            NotOffered(),
            TryLater(Reason.TIMED_OUT),
        ]
    ),
    st.sampled_from([None, Absent(), present(), Unchanged(), TryLater(Reason.INDEX_BROKEN, retry_after=90)]),
)


@given(st.lists(st.tuples(LOOKS, st.timedeltas(timedelta(0), timedelta(days=12))), max_size=20))
def test_any_course_stays_in_the_lifecycle(course: list[tuple[Look, timedelta]]) -> None:
    """Whatever the looks bring, each step is legal, a next look is set exactly while it is open, and nothing is said twice."""
    publisher, now, said = PENDING, NOW, list[type[notices.Notice]]()
    for look, later in course:
        decision: Decision = after_look(at(publisher, now), look)
        state = follow(publisher.state, decision.event)
        said += [type(notice) for notice in decision.say]
        assert (decision.values["next_at"] is not None) is (state is PublisherState.PENDING)
        if state is not PublisherState.PENDING:
            assert state not in OPEN or state is PublisherState.CONFIRMED
            break
        assert decision.values["next_at"] > now
        publisher = replace(publisher, **decision.values)
        now += later
    assert len(said) == len(set(said))


ANSWERS = st.sampled_from([
    Registered(), NotOffered(), Taken("it is taken"), Refused(Reason.TOKEN_INVALID, "no", blames_token=True),
    TryLater(Reason.TIMED_OUT, arrived_maybe=True), TryLater(Reason.RATE_LIMITED, retry_after=86_400),
])  # fmt: skip
LISTS = st.sampled_from(
    [listed(), listed(OURS), listed(replace(OURS, active=False)), NotOffered(), TryLater(Reason.TIMED_OUT)]
)


@given(st.lists(st.tuples(LISTS, ANSWERS), min_size=1, max_size=12))
def test_any_course_of_registering_ends(course: list[tuple[ListOutcome, RegisterOutcome]]) -> None:
    """Whatever an index answers, registering is legal at each step, over after the last attempt, and never repeated unseen."""
    publisher, now, said = replace(ASKED, attempts=0), NOW, list[notices.Notice]()
    for answer_of_list, answer in course:
        decision = after_recovery(at(publisher, now), answer_of_list) if publisher.unanswered else None
        if decision is None:
            publisher = replace(publisher, attempts=publisher.attempts + 1)
            decision = after_register(at(publisher, now), answer)
        state = follow(publisher.state, decision.event)
        said += decision.say
        if state is not PublisherState.REQUESTED or decision.values["next_at"] is None:
            break
        assert decision.values["next_at"] > now
        now = decision.values["next_at"]
        publisher = replace(publisher, **decision.values)
    assert publisher.attempts <= polling.ATTEMPTS
    ends = [notice for notice in said if not isinstance(notice, notices.PublisherDelayed)]
    assert len(ends) <= 1
