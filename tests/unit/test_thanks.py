"""Who is told that a release shipped their work: each once, at most fifty, and never for ever."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import Policy
from bot.core.findings import Report
from bot.core.forge import (
    ActOutcome,
    CommitFacts,
    Compared,
    Done,
    Exists,
    Forbidden,
    Invalid,
    Nothing,
    PullFacts,
    Repo,
    Unsure,
)
from bot.core.thanks import (
    FAULTS_BORNE,
    MOST,
    Thanks,
    Untold,
    after_comment,
    after_comments,
    after_compare,
    after_death,
    after_lookup,
    comment,
    marker,
    stopped,
    told,
    wait,
    wanted,
)
from tests.unit.preflight_examples import RELEASE

REPO = Repo("acme", "widgets")
BASE = timedelta(seconds=30)
DOWN = Unsure("it is out of order.")
LOST = Unsure("the answer was lost", arrived_maybe=True)
THANKING = Policy(thank=True)
SINCE = Report(since="v1.3.0")


def between(*shas: str, total: int = 0) -> Compared:
    """Return a comparison of these commits."""
    commits = tuple(CommitFacts(sha, "Fix", "neo", "") for sha in shas)
    return Compared(total or len(shas), commits, (), "")


def merged(*numbers: int, into: str = "Acme/Widgets") -> tuple[PullFacts, ...]:
    """Return merged pull requests."""
    return tuple(PullFacts(number, merged=True, into=into) for number in numbers)


def test_who_is_thanked_at_all() -> None:
    """The policy must say so, something must have shipped before, and a rehearsal is nobody's release."""
    index = RELEASE.target.index
    assert wanted(THANKING, RELEASE, SINCE)
    assert not wanted(Policy(), RELEASE, SINCE)
    assert not wanted(THANKING, RELEASE, Report())
    assert not wanted(replace(THANKING, rehearsal=index), RELEASE, SINCE)


def test_what_a_comment_says() -> None:
    """It names project, version, index and page, and carries what it is found again by."""
    body = comment(RELEASE, "https://x/p")
    target = RELEASE.target
    assert body.startswith(f"Released in {target.project} {RELEASE.version}, which can be installed from ")
    assert f"{target.index}: https://x/p\n" in body
    assert marker(RELEASE.id) == f"<!-- shipbell release {RELEASE.id} -->"
    assert marker(RELEASE.id) in body


def test_which_commits_shipped() -> None:
    """They are remembered; too many leave older ones out, a tag that is gone ends it, a silent forge is asked again."""
    found = after_compare(Thanks(), between("b", "a"))
    assert (found.compared, found.commits, found.cut, found.over) == (True, ("b", "a"), False, False)
    assert after_compare(Thanks(), between("b", total=300)).cut
    assert after_compare(Thanks(), between()).over
    gone = after_compare(Thanks(), Nothing())
    assert gone.over
    assert "gone" in gone.trouble
    again = after_compare(Thanks(), DOWN)
    assert (again.compared, again.faults) == (False, 1)


def test_which_pull_requests_shipped() -> None:
    """Merged ones of this repository count, each once; open ones and those for another do not."""
    thanks = Thanks(compared=True, commits=("c", "b", "a"))
    thanks = after_lookup(thanks, REPO, "c", merged(7, 9))
    thanks = after_lookup(thanks, REPO, "b", (*merged(7), PullFacts(8, merged=False, into="acme/widgets")))
    assert (thanks.pulls, thanks.commits) == ((7, 9), ("a",))
    thanks = after_lookup(thanks, REPO, "a", merged(5, into="fork/widgets"))
    assert (thanks.pulls, thanks.commits, thanks.cut) == ((7, 9), (), False)
    assert after_lookup(Thanks(compared=True, commits=("a",)), REPO, "a", Nothing()).over


def test_fifty_at_most() -> None:
    """The newest fifty are told and no more are looked for; exactly fifty leave nobody out."""
    thanks = Thanks(compared=True, commits=("b", "a"))
    many = after_lookup(thanks, REPO, "b", merged(*range(1, MOST + 9)))
    assert (len(many.pulls), many.commits, many.cut) == (MOST, (), True)
    last = after_lookup(replace(thanks, commits=("b",)), REPO, "b", merged(*range(1, MOST + 1)))
    assert (len(last.pulls), last.cut) == (MOST, False)


def test_a_comment_is_looked_for_first() -> None:
    """One that is there counts as told, with other words around it too; none means that it is made now."""
    thanks = Thanks(compared=True, pulls=(7, 9))
    assert after_comments(thanks, RELEASE, ("nice", marker(UUID(int=99)))) is None
    assert after_comments(thanks, RELEASE, ()) is None
    there = after_comments(thanks, RELEASE, ("nice", f"edited {marker(RELEASE.id)}"))
    assert there is not None
    assert (there.pulls, there.told) == ((9,), (7,))
    unseen = after_comments(thanks, RELEASE, Nothing())
    assert unseen is not None
    assert [one.number for one in unseen.untold] == [7]
    silent = after_comments(thanks, RELEASE, DOWN)
    assert silent is not None
    assert (silent.pulls, silent.faults) == ((9, 7), 1)


@pytest.mark.parametrize("no", [Forbidden("locked"), Invalid("gone"), Exists("twice"), Nothing()])
def test_a_refusal_is_not_asked_for_again(no: ActOutcome) -> None:
    """What the forge refuses is left out and named; the others are told."""
    thanks = after_comment(Thanks(compared=True, pulls=(7, 9), begun=True, faults=3), no)
    assert (thanks.pulls, thanks.begun, thanks.faults) == ((9,), False, 0)
    (left_out,) = thanks.untold
    assert left_out.number == 7
    assert left_out.why


def test_what_a_dead_process_had_begun_gets_time() -> None:
    """A comment that may still be on its way is not looked for at once; without one nothing waits."""
    begun = after_death(Thanks(compared=True, pulls=(7,), begun=True))
    assert begun == Thanks(compared=True, pulls=(7,))
    assert after_death(Thanks(compared=True, pulls=(7,))) is None


@given(st.lists(st.sampled_from([DOWN, LOST, Done(), Forbidden("no")]), min_size=60, max_size=60))
def test_it_ends(answers: list[ActOutcome]) -> None:
    """Whatever the forge answers, each pull request ends up told or named, once, and a forge that stays out ends it too."""
    thanks = Thanks(compared=True, pulls=(1, 2, 3))
    for answer in [*answers, *[DOWN] * FAULTS_BORNE]:
        if thanks.over:
            break
        thanks = after_comment(thanks, answer)
    assert thanks.over
    assert sorted([*thanks.told, *(one.number for one in thanks.untold)]) == [1, 2, 3]
    assert not thanks.trouble


def test_a_forge_that_stays_out_of_order_is_told() -> None:
    """Where it could not even be found out who is meant, the end says so, and that nobody else is told."""
    thanks = Thanks(compared=True, commits=("a",), pulls=(7,))
    for _ in range(FAULTS_BORNE):
        thanks = after_lookup(thanks, REPO, "a", DOWN)
    assert thanks.over
    end = told(thanks)
    assert (end["told"], end["untold"], end["trouble"]) == ("0", "1", "it is out of order")


def test_how_long_it_waits() -> None:
    """Nothing waits while all is well; faults wait longer each time, and at least as long as the forge asked."""
    assert wait(Thanks(), BASE, RELEASE.id, None) == timedelta()
    first, later = (wait(Thanks(faults=faults), BASE, RELEASE.id, None) for faults in (1, 5))
    assert BASE < first < later
    assert wait(Thanks(faults=1), BASE, RELEASE.id, 600.0) == timedelta(seconds=600)


def test_what_the_thread_hears() -> None:
    """Counts, the first few left out each with why, and nothing at all where there was nobody to tell."""
    assert told(Thanks(compared=True)) == {}
    untold = tuple(Untold(number, "locked.") for number in range(1, 8))
    end = told(Thanks(compared=True, told=(9,), untold=untold, cut=True))
    assert (end["told"], end["untold"], end["cut"]) == ("1", "7", "yes")
    assert end["why"].startswith("#1 (locked), #2 (locked)")
    assert end["why"].endswith("#5 (locked) and 2 more")


def test_a_team_may_change_its_mind() -> None:
    """Once the policy says no, nobody else is told, and those who were are told of."""
    thanks = stopped(Thanks(compared=True, commits=("a",), pulls=(1,), told=(2,)))
    assert thanks.over
    assert told(thanks)["told"] == "1"
