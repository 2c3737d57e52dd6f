"""Whether a release has arrived: stages, digests, attestations."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import Policy
from bot.core.arriving import (
    ARRIVES,
    ATTESTED_WITHIN,
    FEWEST_LOOKS,
    Look,
    arrived,
    built_for,
    files_of,
    listed,
    outstanding,
)
from bot.core.findings import Report
from bot.core.forge import BuiltFile
from bot.core.lifecycle import ReleaseEvent
from bot.core.outcomes import (
    Absent,
    Attested,
    Downloaded,
    NotAttested,
    ProjectVersion,
    SimpleFile,
    TooLarge,
    TryLater,
)
from bot.core.progress import Progress
from bot.core.release_notices import Step
from bot.core.releases import Decision, Situation
from storage.records import Reason, ReleaseReason, ReleaseState
from tests.unit.preflight_examples import NOW, OTHER_SHA, RELEASE, SHA, present

BASE = timedelta(seconds=30)
WHEEL, SDIST = "acme_widgets-1.4.0-py3-none-any.whl", "acme_widgets-1.4.0.tar.gz"
ONE, TWO = "1" * 64, "2" * 64
BUILT = ((WHEEL, ONE), (SDIST, TWO))
ACCEPTED = ProjectVersion("1.4.0", (WHEEL, SDIST), "1.4.0")
THERE = (SimpleFile(WHEEL, "1.4.0", "p", "", ONE), SimpleFile(SDIST, "1.4.0", "p", "", TWO))
GOOD = Attested("acme/widgets", "release.yml", "pypi", SHA, "refs/tags/v1.4.0", "")
SLOW = TryLater(Reason.TIMED_OUT, "it did not answer")
DOWNLOADS = {WHEEL: Downloaded(ONE, 1), SDIST: Downloaded(TWO, 1)}
EXPECTING = Progress(expected=BUILT, expected_known=True)
VERIFYING = replace(RELEASE, state=ReleaseState.VERIFYING)
OVER = NOW + BASE * (ARRIVES + 1)
LATE = NOW + BASE * (ATTESTED_WITHIN + 1)
DONE = ReleaseEvent.VERIFIED


def at(progress: Progress = EXPECTING, now: Any = NOW) -> Situation:
    """Return a situation of a release that must arrive."""
    return Situation(VERIFYING, Policy(), Report(), progress, now, BASE)


def looked(situation: Situation, look: Look) -> Decision:
    """Return what one whole look comes to."""
    judged = listed(situation, look)
    return judged if isinstance(judged, Decision) else arrived(situation, judged, look)


def whole(**changes: Any) -> Look:
    """Return a look that finds everything."""
    return replace(Look(ACCEPTED, present(*THERE), DOWNLOADS, {WHEEL: GOOD, SDIST: GOOD}), **changes)


def after(decision: Decision) -> Progress:
    """Return the progress that a decision leaves."""
    assert decision.progress is not None
    return decision.progress


def steps(decision: Decision) -> list[Step]:
    """Return what is told."""
    return [line.step for line in decision.lines]


def reason(decision: Decision) -> object:
    """Return why it stands where it stands."""
    return decision.values.get("reason")


STAGES = [Step.ACCEPTED, Step.INSTALLABLE, Step.DOWNLOADABLE, Step.ATTESTED]


def test_all_at_once_is_published() -> None:
    """Accepted, installable, downloadable, attested: each is told, then the end."""
    decision = looked(at(), whole())
    assert (decision.event, reason(decision), steps(decision)) == (
        DONE, ReleaseReason.VERIFIED, [*STAGES, Step.PUBLISHED],
    )  # fmt: skip
    assert [dict(line.values) for line in decision.lines[1:3]] == [
        {"files": "2"},
        {"files": "2", "compared": "2"},
    ]
    assert decision.values["next_at"] is None
    assert len(decision.evidence) == 1


@given(st.permutations(range(4)), st.lists(st.booleans(), min_size=4, max_size=4))
def test_stages_come_in_any_order_and_are_told_once(order: list[int], repeated: list[bool]) -> None:
    """Whichever part of the index is quicker, each stage is told once, and published only with all of them."""
    parts: tuple[dict[str, Any], ...] = (
        {"version": ACCEPTED}, {"simple": present(*THERE)}, {"downloads": DOWNLOADS}, {"attestations": {WHEEL: GOOD, SDIST: GOOD}},
    )  # fmt: skip
    look, progress, told = Look(Absent(), Absent(), {}, {}), EXPECTING, list[Step]()
    for place, twice in zip(order, repeated, strict=True):
        look = replace(look, **parts[place])
        for _ in range(1 + twice):
            if Step.PUBLISHED not in told:
                decision = looked(at(progress), look)
                progress = after(decision)
                told += steps(decision)
                assert (decision.event is DONE) == (Step.PUBLISHED in told)
    assert sorted(told) == sorted([*STAGES, Step.PUBLISHED])


def test_an_index_without_a_project_json_is_believed() -> None:
    """What pip can read has been accepted, whether or not the index says so elsewhere; that it has no such page is told."""
    for version, said in ((Absent(), {"simple": "yes"}), (SLOW, {}), (None, {}), (ACCEPTED, {})):
        decision = looked(at(), whole(version=version))
        assert reason(decision) is ReleaseReason.VERIFIED
        assert (decision.lines[0].step, dict(decision.lines[0].values)) == (Step.ACCEPTED, said)


def test_only_an_index_with_a_project_json_has_pages() -> None:
    """Files without a project JSON mean an index without pages; one that is late with it has them once it is there."""
    bare = after(looked(at(), whole(version=Absent(), downloads={})))
    assert bare.paged is False
    assert after(looked(at(bare), whole())).paged is True
    assert after(looked(at(), whole(version=SLOW, downloads={}))).paged is None
    assert after(looked(at(after(looked(at(), whole(downloads={})))), whole(version=Absent()))).paged is True


def test_what_the_bot_uploaded_itself_is_not_missed_in_a_run() -> None:
    """Where no run uploads, the reason speaks of the bot's own uploads."""
    late = replace(at(replace(EXPECTING, looks=FEWEST_LOOKS), OVER), report=Report(uploads=True))
    assert reason(looked(late, whole(simple=Absent()))) is ReleaseReason.NOT_ARRIVED_UPLOAD
    assert reason(looked(late, whole(simple=present(THERE[0])))) is ReleaseReason.FILES_MISSING_UPLOAD


@pytest.mark.parametrize(
    "look", [Look(SLOW, SLOW), Look(ACCEPTED, SLOW), Look(SLOW, Absent()), Look(SLOW, present())]
)
def test_an_index_out_of_order_is_waited_for(look: Look) -> None:
    """It is trouble, never a failure, however long it lasts."""
    decision = looked(at(now=OVER), look)
    assert decision.event is ReleaseEvent.WAITED
    assert decision.values["faults"] == 1


@pytest.mark.parametrize(
    "simple", [Absent(), present(), present(THERE[0]), present(replace(THERE[0], version="1.3.0"))]
)
def test_a_file_that_is_not_listed_yet_is_not_yet(simple: Any) -> None:
    """Nothing is published while a file that the run built is missing; after a long time people choose."""
    look = whole(simple=simple)
    early = looked(at(), look)
    assert (early.event, steps(early)) == (ReleaseEvent.WAITED, [Step.ACCEPTED])
    assert looked(at(now=OVER), look).event is ReleaseEvent.WAITED
    late = looked(at(replace(EXPECTING, looks=FEWEST_LOOKS), OVER), look)
    some = bool(files_of(at(), simple))
    assert late.event is ReleaseEvent.BROKE
    assert reason(late) is (ReleaseReason.FILES_MISSING if some else ReleaseReason.NOT_ARRIVED)
    assert late.values["detail"] == (SDIST if some else "")


@given(
    st.sets(st.sampled_from([WHEEL, SDIST])),
    st.sampled_from([NOW, LATE, OVER]),
    st.integers(0, 30),
    st.booleans(),
)
def test_never_published_while_a_built_file_is_missing(
    names: set[str], now: Any, looks: int, before: bool
) -> None:
    """Whatever the time, whatever was seen before, the index must list every file that the run built."""
    progress = replace(EXPECTING, looks=looks)
    if before:
        progress = after(looked(at(progress), whole(attestations={})))
    look = whole(simple=present(*(one for one in THERE if one.filename in names)))
    decision = looked(at(progress, now), look)
    assert (decision.event is DONE) == (len(names) == 2)


@pytest.mark.parametrize(
    ("files", "downloads"),
    [
        ((replace(THERE[0], sha256=TWO), THERE[1]), {}),
        (THERE, {WHEEL: Downloaded(TWO, 1)}),
        (tuple(replace(one, sha256="") for one in THERE), {SDIST: Downloaded(ONE, 1)}),
    ],
)
def test_other_bytes_than_the_run_built_stop_it(files: Sequence[SimpleFile], downloads: Any) -> None:
    """A digest that differs is named, be it the one listed or that of the bytes."""
    decision = looked(at(), whole(simple=present(*files), downloads=downloads))
    assert (decision.event, reason(decision)) == (ReleaseEvent.BROKE, ReleaseReason.DIGEST_DIFFERS)
    assert decision.values["detail"] in {WHEEL, SDIST}


def test_bytes_are_compared_with_what_is_listed_where_nothing_was_built() -> None:
    """Without artifacts the index must at least hold what it lists; where it lists no digest there is nothing to compare."""
    start = Progress(expected_known=True)
    assert reason(looked(at(start), whole())) is ReleaseReason.VERIFIED
    assert (
        reason(looked(at(start), whole(downloads={WHEEL: Downloaded(TWO, 1)})))
        is ReleaseReason.DIGEST_DIFFERS
    )
    bare = present(*(replace(one, sha256="") for one in THERE))
    decision = looked(at(start), whole(simple=bare))
    assert reason(decision) is ReleaseReason.VERIFIED
    assert decision.lines[2].values["compared"] == "0"


def test_a_file_that_was_built_twice_may_be_either() -> None:
    """Jobs of a matrix build the same name with other bytes, and one of them is uploaded; a third one is wrong."""
    twice = replace(EXPECTING, expected=((SDIST, "3" * 64), *BUILT, (SDIST, "4" * 64)))
    assert reason(looked(at(twice), whole())) is ReleaseReason.VERIFIED
    odd = whole(downloads={SDIST: Downloaded("3" * 64, 1)})
    assert reason(looked(at(twice), odd)) is ReleaseReason.DIGEST_DIFFERS
    neither = present(THERE[0], replace(THERE[1], sha256="5" * 64))
    assert reason(looked(at(twice), whole(simple=neither))) is ReleaseReason.DIGEST_DIFFERS


def test_a_file_that_changes_after_it_was_seen_is_noticed() -> None:
    """The digest first seen is kept, and the bytes must have it."""
    first = after(looked(at(Progress(expected_known=True)), whole(downloads={})))
    swapped = whole(
        simple=present(replace(THERE[0], sha256=TWO), THERE[1]), downloads={WHEEL: Downloaded(TWO, 1)}
    )
    assert reason(looked(at(first), swapped)) is ReleaseReason.DIGEST_DIFFERS


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (replace(GOOD, repository="evil/widgets"), "repository 'evil/widgets'"),
        (replace(GOOD, workflow="other.yml"), "workflow 'other.yml'"),
        (replace(GOOD, environment="testpypi"), "environment 'testpypi'"),
        (replace(GOOD, environment=""), "environment ''"),
        (replace(GOOD, commit=OTHER_SHA), f"commit '{OTHER_SHA}'"),
        (NotAttested("the signature does not hold"), "the signature does not hold"),
    ],
)
def test_an_attestation_of_something_else_stops_it(found: Any, says: str) -> None:
    """What was not approved is named, with the file."""
    decision = looked(at(), whole(attestations={WHEEL: GOOD, SDIST: found}))
    assert (decision.event, reason(decision)) == (ReleaseEvent.BROKE, ReleaseReason.ATTESTATION_WRONG)
    assert str(decision.values["detail"]).startswith(f"{SDIST}: {says}")


def test_spelling_does_not_contradict() -> None:
    """Repository and environment are compared as the index does; a publisher without environment takes any."""
    loud = replace(GOOD, repository="ACME/Widgets", environment="PyPI")
    assert reason(looked(at(), whole(attestations={WHEEL: loud, SDIST: loud}))) is ReleaseReason.VERIFIED
    anywhere = replace(VERIFYING, target=replace(VERIFYING.target, environment=""))
    decision = looked(replace(at(), release=anywhere), whole(attestations={WHEEL: loud, SDIST: GOOD}))
    assert reason(decision) is ReleaseReason.VERIFIED


@pytest.mark.parametrize(
    ("attestations", "says"),
    [({}, "no attestation"), ({WHEEL: GOOD}, "1 files without attestation"), ({WHEEL: Absent(), SDIST: Absent()}, "no attestation")],
)  # fmt: skip
def test_a_missing_attestation_is_told_in_time(attestations: Any, says: str) -> None:
    """It is waited for from the moment that the files can be downloaded, then the end says what was not verified."""
    look = whole(attestations=attestations)
    first = looked(at(), look)
    assert (first.event, steps(first)) == (ReleaseEvent.WAITED, STAGES[:3])
    end = looked(at(after(first), LATE), look)
    assert (end.event, reason(end), end.values["detail"], steps(end)) == (
        DONE, ReleaseReason.NOT_VERIFIED, says, [Step.PUBLISHED],
    )  # fmt: skip
    slow = looked(at(replace(EXPECTING, looks=FEWEST_LOOKS), LATE), look)
    assert slow.event is ReleaseEvent.WAITED


def test_silence_is_not_taken_for_no_attestation() -> None:
    """While the index does not answer it is waited for, and in the end that is what is said."""
    look = whole(attestations={WHEEL: SLOW, SDIST: GOOD})
    first = after(looked(at(), look))
    assert looked(at(first, LATE), look).event is ReleaseEvent.WAITED
    end = looked(at(replace(first, looks=FEWEST_LOOKS), OVER), look)
    assert (end.event, end.values["detail"]) == (DONE, "it did not answer")


def test_a_file_that_cannot_be_downloaded_is_said() -> None:
    """It is waited for long, and never called verified."""
    look = whole(downloads={WHEEL: Absent(), SDIST: Downloaded(TWO, 1)})
    first = looked(at(), look)
    assert outstanding(after(first)) == ((WHEEL,), ())
    end = looked(at(replace(after(first), looks=FEWEST_LOOKS), OVER), look)
    assert (end.event, reason(end)) == (DONE, ReleaseReason.NOT_VERIFIED)
    assert end.values["detail"] == "not every file can be downloaded"


def test_a_file_too_large_to_be_read_holds_nothing_up() -> None:
    """What nobody has hashed keeps nothing waiting, but is never told as verified, nor as read."""
    decision = looked(at(), whole(downloads={**DOWNLOADS, WHEEL: TooLarge(10)}))
    assert (decision.event, reason(decision)) == (DONE, ReleaseReason.NOT_VERIFIED)
    assert "too large" in str(decision.values["detail"])
    read = next(line for line in decision.lines if line.step is Step.DOWNLOADABLE)
    assert dict(read.values) == {"files": "1", "compared": "1"}


def test_an_index_that_changes_its_mind() -> None:
    """A digest that is another one than at the last look, or than in another entry of the page, is wrong, built or not."""
    half = after(looked(at(Progress(expected_known=True)), whole(attestations={})))
    other = (replace(THERE[0], sha256="3" * 64), THERE[1])
    for progress, page in ((half, other), (Progress(expected_known=True), (*THERE, other[0]))):
        decision = looked(at(progress), whole(simple=present(*page)))
        assert (decision.event, reason(decision)) == (ReleaseEvent.BROKE, ReleaseReason.DIGEST_DIFFERS)


def test_a_digest_that_was_read_is_kept() -> None:
    """Where the index named no digest, what was read is what it may name later."""
    bare = tuple(replace(file, sha256="") for file in THERE)
    half = after(looked(at(Progress(expected_known=True)), whole(simple=present(*bare), attestations={})))
    other = (replace(THERE[0], sha256="3" * 64), THERE[1])
    decision = looked(at(half), whole(simple=present(*other)))
    assert reason(decision) is ReleaseReason.DIGEST_DIFFERS


def test_a_file_that_comes_late_is_looked_at_too() -> None:
    """A file that is listed after the others were read and attested ends nothing before it is read itself."""
    extra = SimpleFile("acme_widgets-1.4.0-cp311-cp311-linux_x86_64.whl", "1.4.0", "p", "", "4" * 64)
    half = after(looked(at(), whole(attestations={WHEEL: GOOD})))
    decision = looked(at(half), whole(simple=present(*THERE, extra), downloads={}))
    assert decision.event is ReleaseEvent.WAITED
    decision = looked(at(after(decision), now=LATE), whole(simple=present(*THERE, extra), downloads={}))
    assert decision.event is ReleaseEvent.WAITED


def test_what_was_done_is_not_done_again() -> None:
    """Only files that are not downloaded or attested yet are outstanding."""
    progress = after(looked(at(), whole(downloads={WHEEL: Downloaded(ONE, 1)}, attestations={SDIST: GOOD})))
    assert outstanding(progress) == ((SDIST,), (WHEEL,))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (WHEEL, True), (SDIST, True), ("Acme.Widgets-1.4.tar.gz", True), ("acme-widgets-1.4.0.zip", True),
        ("acme_widgets-1.4-1-py3-none-any.whl", True), ("acme_widgets-1.4.1.tar.gz", False), ("other-1.4.0.tar.gz", False),
        ("acme_widgets-1.4.0-py3-none-any.whl.sigstore.json", False), ("acme_widgets-1.4.0.tar.gz.asc", False),
        ("coverage.xml", False), ("", False), (".whl", False), (f"acme_widgets-{'1' * 5_000}.tar.gz", False),
        (f"acme_widgets-{'1' * 5_000}-py3-none-any.whl", False),
    ],
)  # fmt: skip
def test_only_the_releases_own_files_are_expected(name: str, ours: bool) -> None:
    """A run builds many things; a distribution of this project and version is known by its file name."""
    built = [BuiltFile(name, ONE, 1), BuiltFile(name, ONE, 1)]
    assert built_for("acme-widgets", "1.4.0", built) == (((name, ONE),) if ours else ())


@given(st.lists(st.text(st.characters(), max_size=30)), st.text(st.characters(), max_size=10))
def test_no_file_name_breaks_it(names: list[str], version: str) -> None:
    """Whatever lies in an artifact or on an index, there is an answer."""
    odd = [f"{name}{end}" for name in names for end in ("", ".whl", ".tar.gz", f"-{version}.tar.gz")]
    assert isinstance(built_for("acme-widgets", version, [BuiltFile(name, ONE, 1) for name in odd]), tuple)
    there = present(*(SimpleFile(name, version, "", "") for name in odd))
    assert isinstance(looked(at(), whole(simple=there)), Decision)
