"""How a publisher fares: each ailment from its facts, told once when seen twice, mended once, unknown never either."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import health, intents, polling
from bot.core.forge import AccountFacts, EnvironmentFacts, Nothing, Unsure
from bot.core.health import Ailment, Facts, Look, State, Trouble, after_look, newest
from bot.core.outcomes import Absent, Present, Provenance, SimpleFile, TryLater
from bot.core.people import CannotTell, Person, Standing
from bot.core.repositories import RepositoryFacts, WorkflowFacts
from bot.core.setup import SetupFacts
from bot.slack import clicks
from storage.records import Evidence, EvidenceKind, PublisherState, Reason
from tests.unit.test_setup import GUARDED, OWNER, PUBLISH, TEXT, THERE, jobs, publisher
from tests.unit.wording import AT, ID, WANTED

A = Ailment
FACT = Evidence(EvidenceKind.PROVENANCE, "https://index.example/p", "", AT)
MINE = Provenance("GitHub", WANTED.slug, WANTED.workflow, "pypi", FACT)
FILE = SimpleFile("a-2.tar.gz", "2", "https://index.example/p", (AT + timedelta(days=1)).isoformat())
PAGE = Present((FILE,), "active", "", FACT, attests=True)
CONFIRMED = publisher(state=PublisherState.CONFIRMED)
GOOD = SetupFacts(CONFIRMED, THERE, OWNER, None, GUARDED, PAGE, (), by_hand=True)
ALICE = Person("U1", Standing.MEMBER)
LEARNT = State(owner_id=OWNER.id, environment=True, guarded=True, there=True)
LATER = AT + timedelta(days=2)


def facts(person: Any = ALICE, provenance: Any = MINE, **more: Any) -> Facts:
    """Return what a look brings where all is well, but for what is given."""
    setup = replace(GOOD, **more)
    return Facts(setup.publisher, person, setup, provenance)


def workflow(*found: Any, **more: Any) -> Facts:
    """Return what a look brings where the workflow has these jobs."""
    return facts(repository=replace(THERE, workflow=jobs(*found, **more)))


def page(**more: Any) -> Present:
    """Return the project's page whose newest file is as given."""
    return replace(PAGE, files=(replace(FILE, **more),))


PENDING = Facts(publisher(state=PublisherState.PENDING, pending_at=AT, expires_at=LATER), ALICE)
GONE = facts(repository=RepositoryFacts(False))
UNREACHED = facts(repository=RepositoryFacts(None, detail="GitHub is out of order (503)."))
AWAY = TryLater(Reason.TIMED_OUT, "it did not answer in time")

CASES: dict[str, tuple[Facts, set[Ailment]]] = {
    "all is well": (facts(), set()),
    "the repository is gone": (GONE, {A.REPOSITORY_GONE}),
    "it was renamed or moved": (facts(repository=RepositoryFacts(None, "acme/wheels", moved=True)), {A.REPOSITORY_MOVED}),
    "it is archived": (facts(repository=replace(THERE, archived=True)), {A.REPOSITORY_ARCHIVED}),
    "the owner is gone": (facts(owner=Nothing()), {A.OWNER_GONE}),
    "the owner's name is another account's": (facts(owner=AccountFacts("acme", 666, "User")), {A.OWNER_REPLACED}),
    "the owner is written otherwise": (facts(owner=replace(OWNER, login="Acme")), set()),
    "the workflow is gone": (facts(repository=replace(THERE, workflow=WorkflowFacts(False))), {A.WORKFLOW_GONE}),
    "it lost its right to a token": (workflow(replace(PUBLISH, id_token=False)), {A.WORKFLOW_NO_TOKEN}),
    "it became a reusable one": (workflow(PUBLISH, triggers=("workflow_call",)), {A.WORKFLOW_REUSABLE}),
    "its job calls a reusable one": (workflow(replace(PUBLISH, uses="a/b/c.yml@v1")), {A.WORKFLOW_CALLS}),
    "it lost its trigger": (workflow(PUBLISH, triggers=("pull_request",)), {A.TRIGGER_GONE}),
    "its job lost the environment": (workflow(replace(PUBLISH, environment="")), {A.JOB_NO_ENVIRONMENT}),
    "its job names another environment": (workflow(replace(PUBLISH, environment="live")), {A.JOB_OTHER_ENVIRONMENT}),
    "the environment is gone": (facts(environments=()), {A.ENVIRONMENT_GONE}),
    "the environment lost its reviewers": (facts(environments=(EnvironmentFacts("pypi"),)), {A.REVIEWERS_GONE}),
    "the project is gone": (facts(simple=Absent(), provenance=None), {A.PROJECT_GONE}),
    "the project is archived": (facts(simple=replace(PAGE, status="archived")), {A.PROJECT_CLOSED}),
    "the project is quarantined": (facts(simple=replace(PAGE, status="quarantined")), {A.PROJECT_CLOSED}),
    "another repository publishes": (facts(provenance=replace(MINE, repository="evil/widgets")), {A.OTHER_PUBLISHER}),
    "another workflow publishes": (facts(provenance=replace(MINE, workflow="other.yml")), {A.OTHER_PUBLISHER}),
    "another forge publishes": (facts(provenance=Provenance("Google", "", "", "", FACT)), {A.OTHER_PUBLISHER}),
    "in other letters": (facts(provenance=replace(MINE, repository="ACME/Widgets")), set()),
    "a token publishes": (facts(simple=page(provenance_url=""), provenance=None), {A.TOKEN_USED}),
    "an index without attestations": (
        facts(simple=replace(page(provenance_url=""), attests=False), provenance=None), set()
    ),
    "a file from before": (facts(simple=page(provenance_url="", uploaded_at="2026-11-20T11:59:59+00:00")), set()),
    "a file of any age": (facts(simple=page(provenance_url="", uploaded_at="")), set()),
    "who asked is deactivated": (facts(Person("U1", Standing.DEACTIVATED)), {A.PERSON_LEFT}),
    "who asked is not found": (facts(Person("U1", Standing.UNKNOWN)), {A.PERSON_LEFT}),
    "who asked is a guest": (facts(Person("U1", Standing.GUEST)), set()),
    "pending, who asked left": (replace(PENDING, person=Person("U1", Standing.DEACTIVATED)), {A.PERSON_LEFT}),
    "pending for a while": (PENDING, set()),
}  # fmt: skip


def ailments(look: Look) -> set[Ailment]:
    """Return what a look leaves standing."""
    return {one.ailment for one in look.state.troubles}


@pytest.mark.parametrize("name", CASES)
def test_each_trouble_has_its_own_name(name: str) -> None:
    """What a look brought is named as what broke since, and nothing else is."""
    seen, wanted = CASES[name]
    assert ailments(after_look(LEARNT, seen, LATER)) == wanted


def test_every_ailment_is_found_by_some_case() -> None:
    """No ailment is there that no look can find."""
    found = set().union(*(wanted for _, wanted in CASES.values()))
    assert found | {A.STALE, A.UNSEEN} == set(Ailment)


def test_what_never_was_is_not_lost() -> None:
    """An environment, reviewers or a project that no look ever saw are not gone, and a first owner is nobody's successor."""
    for seen in (
        facts(environments=()),
        facts(environments=(EnvironmentFacts("pypi"),)),
        facts(simple=Absent(), provenance=None),
        facts(owner=AccountFacts("acme", 666, "User")),
    ):
        assert ailments(after_look(State(), seen, LATER)) == set()
    learnt = after_look(State(), facts(), LATER).state
    assert learnt == LEARNT


def test_an_owner_is_the_one_first_seen() -> None:
    """However long another account has the name, it does not become the known one."""
    state = LEARNT
    for _ in range(5):
        state = after_look(state, facts(owner=AccountFacts("acme", 666, "User")), LATER).state
    assert (state.owner_id, [one.ailment for one in state.troubles]) == (OWNER.id, [A.OWNER_REPLACED])


def play(*looks: Facts, start: State = LEARNT) -> list[tuple[set[Ailment], set[Ailment]]]:
    """Return what is told of each of these looks in turn: what broke, and what is in order again."""
    told, state = [], start
    for seen in looks:
        look = after_look(state, seen, LATER)
        told.append(({one.ailment for one in look.broke}, {one.ailment for one in look.mended}))
        state = look.state
    return told


QUIET: tuple[set[Ailment], set[Ailment]] = (set(), set())
NO_TOKEN = workflow(replace(PUBLISH, id_token=False))
NO_TRIGGER = workflow(PUBLISH, triggers=("pull_request",))


def test_a_trouble_is_told_once_when_seen_twice_and_its_end_once() -> None:
    """The first look only suspects; the second tells; the same is not told again; its end is told once."""
    told = play(NO_TOKEN, NO_TOKEN, NO_TOKEN, NO_TOKEN, facts(), facts(), NO_TOKEN)
    assert [len(broke) for broke, _ in told] == [0, 1, 0, 0, 0, 0, 0]
    assert [len(mended) for _, mended in told] == [0, 0, 0, 0, 1, 0, 0]
    assert after_look(LEARNT, NO_TOKEN, LATER).again
    assert not after_look(LEARNT, facts(), LATER).again


def test_what_passes_by_itself_is_never_told() -> None:
    """A trouble that the second look does not find is told neither as broken nor as mended."""
    assert play(GONE, facts(), GONE, facts()) == [QUIET] * 4


def test_another_trouble_is_told_beside_the_known_one() -> None:
    """What is added is told, and only that; what takes a trouble's place in the same matter is no mending."""
    both = replace(NO_TOKEN, person=Person("U1", Standing.DEACTIVATED))
    told = play(NO_TOKEN, NO_TOKEN, both, both)
    assert told[-1] == ({A.PERSON_LEFT}, set())
    told = play(NO_TOKEN, NO_TOKEN, NO_TRIGGER, NO_TRIGGER, facts())
    assert told[2:] == [QUIET, ({A.TRIGGER_GONE}, set()), (set(), {A.TRIGGER_GONE})]
    told = play(NO_TOKEN, NO_TOKEN, NO_TRIGGER, facts())
    assert told[2:] == [QUIET, (set(), {A.WORKFLOW_NO_TOKEN})]


def test_another_thief_is_another_trouble() -> None:
    """Where the same ailment has another cause, it is told again; another version by the same publisher is not."""
    first = facts(provenance=replace(MINE, repository="evil/widgets"))
    other = facts(provenance=replace(MINE, repository="worse/widgets"))
    newer = facts(simple=page(version="3"), provenance=replace(MINE, repository="evil/widgets"))
    assert [bool(broke) for broke, _ in play(first, first, newer, newer)] == [False, True, False, False]
    assert [bool(broke) for broke, _ in play(first, first, other, other)] == [False, True, False, True]


UNKNOWN = {
    "repository": (UNREACHED, GONE),
    "owner": (facts(owner=Unsure("")), facts(owner=Nothing())),
    "workflow": (facts(repository=replace(THERE, workflow=None)), NO_TOKEN),
    "unreadable": (facts(repository=replace(THERE, workflow=WorkflowFacts(True))), NO_TRIGGER),
    "environments": (facts(environments=Unsure("")), facts(environments=())),
    "no right to see them": (facts(environments=Nothing()), facts(environments=(EnvironmentFacts("pypi"),))),
    "a job's": (workflow(replace(PUBLISH, environment="${{ inputs.a }}")), workflow(replace(PUBLISH, environment="live"))),
    "index": (facts(simple=AWAY, provenance=None), facts(simple=Absent(), provenance=None)),
    "uploads": (facts(simple=AWAY, provenance=None), facts(simple=page(provenance_url=""), provenance=None)),
    "provenance": (facts(provenance=AWAY), facts(provenance=replace(MINE, workflow="other.yml"))),
    "person": (facts(CannotTell("Slack is out of order.")), facts(Person("U1", Standing.DEACTIVATED))),
    "inside a lost repository": (GONE, NO_TOKEN),
    "a job's in a lost workflow": (
        facts(repository=replace(THERE, workflow=WorkflowFacts(False))), workflow(replace(PUBLISH, environment="live"))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_can_not_be_seen_is_neither_broken_nor_mended(name: str) -> None:
    """Where nobody can tell, what was broken stays so, untold; what was in order stays so too."""
    unseen, broken = UNKNOWN[name]
    told = play(broken, broken, unseen, unseen, broken, facts())
    assert told[1][0]
    assert not told[2][1]
    assert not told[3][1]
    assert not (told[4][0] & told[1][0])
    assert told[1][0] <= told[5][1]
    alone = play(unseen, unseen)
    assert not (alone[0][0] | alone[1][0]) & told[1][0]


def test_what_can_not_be_seen_for_a_week_is_told_once() -> None:
    """A week without repository or index is told once, with why; seen again, that is told once; a day less is not."""
    state, told, ended = LEARNT, list[tuple[int, Trouble]](), list[Trouble]()
    for day in range(12):
        look = after_look(state, UNREACHED, LATER + timedelta(days=day))
        state = look.state
        told += [(day, one) for one in look.broke]
        ended += look.mended
    ((day, trouble),) = told
    assert (day, trouble.ailment, ended) == (7, A.UNSEEN, [])
    assert (trouble.values["what"], trouble.values["detail"]) == (
        "repository",
        "GitHub is out of order (503).",
    )
    back = after_look(state, facts(), LATER + timedelta(days=12))
    assert [one.ailment for one in back.mended] == [A.UNSEEN]
    assert back.state == LEARNT
    blink = after_look(after_look(LEARNT, UNREACHED, LATER).state, facts(), LATER + timedelta(days=6)).state
    assert after_look(blink, UNREACHED, LATER + timedelta(days=8)).broke == ()


def test_a_pending_one_that_waits_for_long_is_told_once_unless_it_was_reminded_of() -> None:
    """On an index with a long term thirty days are told; where the index's own end was reminded of, or it is over, nothing is."""
    day = AT + health.STALE_AFTER
    look = after_look(State(), PENDING, day)
    assert [one.ailment for one in look.broke] == [A.STALE]
    again = after_look(look.state, PENDING, day + timedelta(days=1))
    assert (again.broke, again.mended) == ((), ())
    reminded = replace(PENDING, publisher=replace(PENDING.publisher, reminded_at=AT))
    assert after_look(State(), reminded, day).broke == ()
    assert after_look(State(), PENDING, day - timedelta(hours=1)).broke == ()
    over = after_look(look.state, facts(), day + timedelta(days=1))
    assert (over.broke, over.mended) == ((), ())


def test_the_newest_file_counts() -> None:
    """Of the files since the confirmation the one uploaded last is looked at; while it is pending none is."""
    older = replace(FILE, filename="b-1.tar.gz", uploaded_at=(AT + timedelta(hours=1)).isoformat())
    assert newest(CONFIRMED, replace(PAGE, files=(FILE, older))) == FILE
    assert newest(PENDING.publisher, PAGE) is None
    assert newest(CONFIRMED, Absent()) is None


def test_somebody_else_ends_the_absence() -> None:
    """Taken over, nothing is left of who left; other troubles stay."""
    left = Trouble(A.PERSON_LEFT, {"who": "U1"}, told=True)
    other = Trouble(A.STALE, told=True)
    assert health.handed_over(State((left, other))).troubles == (other,)


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*CASES, *UNKNOWN]), max_size=12))
def test_whatever_comes_what_was_told_is_what_stands(names: list[str]) -> None:
    """After any looks, each trouble was told as broken once more than as mended if it stands, and as often if not.

    A trouble may also be replaced by another one of the same matter, which is told in its place.
    """
    state, standing = LEARNT, set[str]()
    for name in names:
        seen = CASES[name][0] if name in CASES else UNKNOWN[name][0]
        look = after_look(state, seen, LATER)
        assert not {one.key for one in look.broke} & standing
        assert {one.key for one in look.mended} <= standing
        standing = {one.key for one in look.state.troubles if one.told}
        state = look.state


@given(st.uuids(), st.integers(0, 10**8), st.sampled_from([1, 24, 720]))
def test_each_has_a_time_of_its_own(seed: UUID, seconds: int, hours: int) -> None:
    """The next look is within a period, and the one after it exactly a period later, whenever the first one really was."""
    now, period = AT + timedelta(seconds=seconds), timedelta(hours=hours)
    first = polling.slot(seed, now, period)
    assert now < first <= now + period
    assert abs(polling.slot(seed, first + period / 50, period) - first - period) < timedelta(seconds=1)
    assert now <= polling.put_off(seed, now, period) < now + period


def test_ten_thousand_spread_over_the_day() -> None:
    """Of ten thousand in a day no minute has many more than its share, of planned looks or of those put off."""
    day = timedelta(days=1)
    for when in (polling.slot, polling.put_off):
        times = sorted(when(UUID(int=number), AT, day) for number in range(10_000))
        minutes = [len(list(group)) for _, group in itertools.groupby(times, lambda at: at.timestamp() // 60)]
        assert max(minutes) <= 24
        assert times[-1] - times[0] > 0.99 * day


def test_the_button_says_whom_it_is_about() -> None:
    """The button carries the publisher's id; anything else in it means nothing."""
    assert clicks.clicked("publisher.take_over", ID) == intents.TakeOver(ID)
    assert clicks.clicked("publisher.take_over", "<!channel>") is None


def test_the_proposed_workflow_is_in_good_health() -> None:
    """What the bot itself proposes is nothing that it complains of later."""
    from bot.forge.workflow_file import read_workflow

    seen = facts(repository=replace(THERE, workflow=read_workflow(TEXT)))
    assert ailments(after_look(LEARNT, seen, LATER)) == set()
