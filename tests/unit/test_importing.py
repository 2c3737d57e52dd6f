"""What a look at a package means: whether it can be set up now, what it lacks, and how an import ends."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import commands, intents
from bot.core.importing import (
    Candidate,
    Fate,
    Lack,
    Place,
    Places,
    Sight,
    Survey,
    Verdict,
    begun,
    fate,
    judge,
    looked,
    tally,
    told_apart,
    unanswered,
)
from bot.core.outcomes import Absent, Present, SimpleOutcome, TryLater
from storage.records import (
    Evidence,
    EvidenceKind,
    ImportItem,
    ImportItemState,
    Publisher,
    PublisherState,
    Reason,
    Registration,
)
from tests.unit.wording import AT, WANTED

SIGHT = Sight("Acme_Widgets", "acme", "widgets", "release.yml", "pypi", workflow_there=True, id_token=True,
              environment_there=True)  # fmt: skip
SEEN = Evidence(EvidenceKind.APPEARED, "https://index.example", "0", AT)
THERE = Present((), "active", "", SEEN)
API, FORM, MAYBE = ("company", True), ("company", False), ("company", None)
SILENT = TryLater(Reason.TIMED_OUT)
CONTEXT = commands.Context(("company", "pypi"), "C1")


def publisher(
    state: PublisherState, reason: Reason = Reason.ASKED, *, due: bool = False, queued: bool = False
) -> Publisher:
    """Return a publisher in a state."""
    return Publisher(
        uuid4(), uuid4(), uuid4(), WANTED, "C1", "U1", state, reason, "", None, 0, unanswered=False, polls=0, etag="",
        requested_at=AT, state_at=AT, pending_at=None, expires_at=None, reminded_at=None, next_at=AT if due or queued else None,
        queued_at=AT if queued else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sight", "index", "simple", "verdict", "lacks"),
    [
        (SIGHT, API, THERE, Verdict.READY, ()),
        (SIGHT, FORM, Absent(), Verdict.READY, (Lack.NEW,)),
        (SIGHT, MAYBE, Absent(), Verdict.READY, (Lack.NEW,)),
        (SIGHT, API, Absent(), Verdict.FIRST, (Lack.NEW,)),
        (SIGHT, API, SILENT, Verdict.READY, (Lack.UNSEEN,)),
        (SIGHT, API, replace(THERE, status="archived"), Verdict.NOT, (Lack.CLOSED,)),
        (replace(SIGHT, workflow_there=False), API, THERE, Verdict.READY, (Lack.WORKFLOW,)),
        (replace(SIGHT, id_token=False), API, THERE, Verdict.READY, (Lack.TOKEN,)),
        (replace(SIGHT, id_token=None), API, THERE, Verdict.READY, ()),
        (replace(SIGHT, environment_there=False), API, THERE, Verdict.READY, (Lack.ENVIRONMENT,)),
        (replace(SIGHT, environment="", environment_there=False), API, THERE, Verdict.READY, ()),
        (replace(SIGHT, project="", detail="why"), API, None, Verdict.NOT, (Lack.NAME,)),
        (replace(SIGHT, project="-bad-"), API, THERE, Verdict.NOT, (Lack.REFUSED,)),
        (replace(SIGHT, environment="a;b"), API, THERE, Verdict.NOT, (Lack.REFUSED,)),
        (replace(SIGHT, project="json"), FORM, Absent(), Verdict.NOT, (Lack.REFUSED,)),
        (replace(SIGHT, project="json"), FORM, THERE, Verdict.READY, ()),
    ],
)
def test_what_a_package_lacks(
    sight: Sight,
    index: tuple[str, bool | None],
    simple: SimpleOutcome | None,
    verdict: Verdict,
    lacks: tuple[Lack, ...],
) -> None:
    """Each thing that is lacking is named; only what the index would refuse, or nobody can know, keeps it from being set up."""
    found = judge(sight, index, simple)
    assert (found.verdict, found.lacks) == (verdict, lacks)
    assert bool(found.detail) == bool({Lack.NAME, Lack.REFUSED} & set(lacks))
    if sight is SIGHT:
        assert found.registration == Registration(
            "company", "acme-widgets", "acme", "widgets", "release.yml", "pypi"
        )


def test_what_is_done_is_skipped() -> None:
    """A publisher that is open here, or that the index lists, is there already, whatever else is lacking."""
    known = publisher(PublisherState.PENDING)
    assert judge(SIGHT, API, None, known).verdict is Verdict.ALREADY
    assert judge(SIGHT, API, THERE, listed=True).verdict is Verdict.ALREADY
    assert judge(replace(SIGHT, workflow_there=False), API, None, known).lacks == (Lack.WORKFLOW,)


def candidate(name: str, repository: str = "widgets", *lacks: Lack, **more: Any) -> Candidate:
    """Return a package that can be set up."""
    wanted = Registration("pypi", name, "acme", repository, "release.yml", "pypi")
    return Candidate(wanted, more.get("verdict", Verdict.READY), lacks)


def test_two_new_packages_of_one_repository_are_told_apart() -> None:
    """Of new packages with one publisher between them the first can be set up; ones that exist are no trouble."""
    both = [candidate("b", "widgets", Lack.NEW), candidate("a", "Widgets", Lack.NEW)]
    first, second = told_apart(both)
    assert (first.registration.project, first.verdict) == ("a", Verdict.READY)
    assert (second.verdict, second.lacks) == (Verdict.NOT, (Lack.NEW, Lack.SHARED))
    assert all(one.verdict is Verdict.READY for one in told_apart([candidate("a"), candidate("b")]))


NAMES = st.sampled_from(["a", "b", "c", ""])
CANDIDATES = st.lists(
    st.builds(
        lambda name, repository, verdict, lacks: candidate(name, repository, *lacks, verdict=verdict),
        NAMES, st.sampled_from(["x", "y"]), st.sampled_from(Verdict), st.sampled_from([(), (Lack.NEW,)]),
    ),
    max_size=12,
)  # fmt: skip


@given(CANDIDATES)
@settings(max_examples=60)
def test_a_list_has_each_project_once(found: list[Candidate]) -> None:
    """However repositories name their packages, each project is listed once, what can be set up first, in a steady order."""
    told = told_apart(found)
    named = [one.registration.project for one in told if one.registration.project]
    assert sorted(named) == sorted({one.registration.project for one in found if one.registration.project})
    assert told == told_apart(told)
    order = [Verdict.READY, Verdict.FIRST, Verdict.NOT, Verdict.ALREADY]
    assert [one.verdict for one in told] == sorted((one.verdict for one in told), key=order.index)
    places = [one.registration.slug for one in told if one.verdict is Verdict.READY and Lack.NEW in one.lacks]
    assert len(places) == len(set(places))


def item(state: ImportItemState, asked: Publisher | None = None) -> ImportItem:
    """Return a package of an import."""
    return ImportItem(1, {}, state, asked, told=False)


@pytest.mark.parametrize(
    ("one", "verdict", "expected"),
    [
        (item(ImportItemState.LISTED), Verdict.READY, Fate.LISTED),
        (item(ImportItemState.LISTED), Verdict.NOT, Fate.LISTED),
        (item(ImportItemState.LISTED), Verdict.ALREADY, Fate.ALREADY),
        (item(ImportItemState.LISTED), Verdict.FIRST, Fate.FIRST),
        (item(ImportItemState.WAITING), Verdict.READY, Fate.MOVING),
        (item(ImportItemState.ASKED), Verdict.READY, Fate.ALREADY),
        (item(ImportItemState.KNOWN), Verdict.READY, Fate.KNOWN),
        (item(ImportItemState.ASKED, publisher(PublisherState.REQUESTED, due=True)), Verdict.READY, Fate.MOVING),
        (item(ImportItemState.ASKED, publisher(PublisherState.REQUESTED)), Verdict.READY, Fate.BY_HAND),
        (item(ImportItemState.ASKED, publisher(PublisherState.REQUESTED, queued=True)), Verdict.READY, Fate.QUEUED),
        (item(ImportItemState.ASKED, publisher(PublisherState.PENDING)), Verdict.READY, Fate.SET_UP),
        (item(ImportItemState.ASKED, publisher(PublisherState.CONFIRMED)), Verdict.READY, Fate.SET_UP),
        (item(ImportItemState.ASKED, publisher(PublisherState.CONFLICT)), Verdict.READY, Fate.FAILED),
        (item(ImportItemState.ASKED, publisher(PublisherState.EXPIRED)), Verdict.READY, Fate.FAILED),
        (item(ImportItemState.ASKED, publisher(PublisherState.REMOVED)), Verdict.READY, Fate.FAILED),
        (
            item(ImportItemState.ASKED, publisher(PublisherState.FAILED, Reason.PROJECT_MISSING)),
            Verdict.READY,
            Fate.FIRST,
        ),
        (item(ImportItemState.ASKED, publisher(PublisherState.FAILED, Reason.TOKEN_SCOPE)), Verdict.READY, Fate.FAILED),
    ],
)  # fmt: skip
def test_what_has_become_of_a_package(one: ImportItem, verdict: Verdict, expected: Fate) -> None:
    """The publisher's own state says how setting up ended; what was listed says the rest."""
    assert fate(one, verdict) is expected


def test_ends_are_counted() -> None:
    """Every fate but one that nobody chose is counted once."""
    counted = tally([*Fate, Fate.SET_UP])
    found = (counted.set_up, counted.already, counted.first, counted.failed, counted.by_hand, counted.moving)
    assert (*found, counted.queued) == (2, 1, 1, 1, 1, 1, 1)


def test_looking_ends_however_the_forge_answers() -> None:
    """Each repository is looked at, left out, or given up after a few silences; the numbers add up."""
    places = tuple(Place("acme", name) for name in "abc")
    survey = begun(Places(places, archived=2, forks=1, missing="more"))
    assert (survey.repositories, survey.looked, survey.missing) == (6, 3, "more")
    survey = looked(survey, [candidate("a")])
    survey = looked(survey, None)
    for _ in range(2):
        again = unanswered(survey)
        assert again is not None
        assert again.todo == survey.todo
        survey = again
    last = unanswered(survey)
    assert last is not None
    assert (last.todo, last.unseen, last.others, last.looked) == ((), ("acme/c",), 1, 6)
    assert [one.registration.project for one in last.found] == ["a"]
    assert unanswered(Survey(faults=2)) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("import", intents.ImportOwner("", "pypi")),
        ("import acme", intents.ImportOwner("acme", "pypi")),
        ("import acme index=company", intents.ImportOwner("acme", "company")),
        ("import dry-run acme", intents.ImportOwner("acme", "pypi", dry_run=True)),
        ("import acme --dry_run index=company", intents.ImportOwner("acme", "company", dry_run=True)),
    ],
)
def test_the_command(text: str, meant: intents.Intent) -> None:
    """Owner, index and dry run may stand in any order, and each may be left out."""
    assert commands.parse("/publisher", text, CONTEXT) == meant


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("import acme indx=company", "index="),
        ("import acme index=compny", "index=company"),
        ("import acme dry-rn", "dry-run"),
        ("import acme other", ""),
        ("import -acme-", None),
        ("import " + "a" * 40, None),
    ],
)
def test_a_mistyped_command(text: str, hint: str | None) -> None:
    """What is not understood is not left out: it may be what narrows the import."""
    found = commands.parse("/publisher", text, CONTEXT)
    if hint is None:
        assert isinstance(found, commands.Wrong)
    else:
        assert isinstance(found, commands.Misspelt)
        assert found.suggestion == hint
