"""Who may decide, and whether enough have."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import (
    Allowed,
    Denied,
    Eligibility,
    Policy,
    Refusal,
    Tell,
    eligible,
    enough,
    may_break_glass,
    merged,
    reminders,
    seated,
    stricter,
    term,
)
from bot.core.people import CannotTell, Group, GroupOutcome, Person, Standing
from bot.workflow.hands import packed, unpacked
from storage.records import Approval, Verdict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = ("U1", "U2", "U3", "U4", "U5")
GROUPS = ("S1", "S2", "S3", "S4")
NAMES = st.lists(st.sampled_from([*PEOPLE, *GROUPS]), max_size=4, unique=True).map(tuple)
MEMBERS = st.fixed_dictionaries(
    {name: st.frozensets(st.sampled_from(PEOPLE)).map(lambda people: Group("S", people)) for name in GROUPS}
)
READ: dict[str, GroupOutcome] = {
    "S1": Group("S1", frozenset({"U1", "U2"})),
    "S2": Group("S2", frozenset({"U2"})),
}
POLICIES = st.builds(
    Policy,
    quorum=st.integers(0, 3),
    approvers=NAMES,
    one_of_each=st.lists(st.sampled_from(GROUPS), max_size=2, unique=True).map(tuple),
    deny=NAMES,
    requester_counts=st.booleans(),
    approve_deployments=st.booleans(),
)


def member(user: str, *, admin: bool = False) -> Person:
    """Return a full member."""
    return Person(user, Standing.MEMBER, admin)


def vote(user: str, verdict: Verdict = Verdict.APPROVED) -> Approval:
    """Return somebody's vote."""
    return Approval(UUID(int=1), 1, user, verdict, "", NOW, None)


def suffices(policy: Policy, people: Sequence[str], groups: Mapping[str, GroupOutcome]) -> bool:
    """Whether these people are enough, each of them one whose vote counts; U5 has asked."""
    counted = [user for user in people if eligible(policy, member(user), "U5", groups) == Allowed()]
    return enough(policy, [vote(user) for user in counted], groups)


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.MEMBER])
@pytest.mark.parametrize(
    "policy", [Policy(), Policy(approvers=("U1",), break_glass=("U1",), requester_counts=True)]
)
def test_only_full_members_ever_count(standing: Standing, policy: Policy) -> None:
    """Guests, bots, deactivated people, strangers and unknown ones never decide, named or not, admins or not."""
    person = Person("U1", standing, admin=True)
    refusal = Refusal(Denied(standing.value))
    assert eligible(policy, person, "U9", {}) == refusal
    assert may_break_glass(policy, person, {}) == refusal


def test_what_slack_does_not_tell_counts_as_no() -> None:
    """Neither an unread person nor an unread group is taken for a yes."""
    unread = Refusal(Denied.CANNOT_TELL, "no scope")
    assert eligible(Policy(), CannotTell("no scope"), "U9", {}) == unread
    assert may_break_glass(Policy(), CannotTell("no scope"), {}) == unread


@pytest.mark.parametrize(
    ("policy", "user", "verdict"),
    [
        (Policy(), "U9", Allowed()),
        (Policy(), "U5", Refusal(Denied.OWN_RELEASE)),
        (Policy(requester_counts=True), "U5", Allowed()),
        (Policy(approvers=("U1",)), "U1", Allowed()),
        (Policy(approvers=("U1",)), "U3", Refusal(Denied.NOT_APPROVER)),
        (Policy(approvers=("S1",)), "U2", Allowed()),
        (Policy(approvers=("S1",)), "U3", Refusal(Denied.NOT_APPROVER)),
        (Policy(one_of_each=("S2",)), "U2", Allowed()),
        (Policy(one_of_each=("S2",)), "U1", Refusal(Denied.NOT_APPROVER)),
        (Policy(approvers=("U1",), deny=("U1",)), "U1", Refusal(Denied.DENIED)),
        (Policy(approvers=("U2",), deny=("S2",)), "U2", Refusal(Denied.DENIED)),
        (Policy(deny=("S9",)), "U1", Refusal(Denied.CANNOT_TELL, "S9")),
        (Policy(approvers=("S9",)), "U1", Refusal(Denied.CANNOT_TELL, "S9")),
        (Policy(approvers=("S8",)), "U1", Refusal(Denied.CANNOT_TELL, "S8")),
        (Policy(approvers=("S9", "U1")), "U1", Allowed()),
        (Policy(approvers=("S9", "S1")), "U1", Allowed()),
        (Policy(approvers=("S1",), also_on=(("S2",),)), "U2", Allowed()),
        (Policy(approvers=("S1",), also_on=(("S2",),)), "U1", Refusal(Denied.NOT_APPROVER)),
        (Policy(also_on=(("U1",),)), "U2", Refusal(Denied.NOT_APPROVER)),
    ],
)  # fmt: skip
def test_who_counts(policy: Policy, user: str, verdict: Eligibility) -> None:
    """The lists say who counts; a deny wins, the requester does not count, an unreadable group is no yes."""
    groups = {**READ, "S9": CannotTell("missing_scope")}
    assert eligible(policy, member(user), "U5", groups) == verdict


@pytest.mark.parametrize(
    ("policy", "person", "verdict"),
    [
        (Policy(), member("U1"), Refusal(Denied.NOT_APPROVER)),
        (Policy(), member("U1", admin=True), Allowed()),
        (Policy(break_glass=("S1",)), member("U2"), Allowed()),
        (Policy(break_glass=("S1",)), member("U3", admin=True), Refusal(Denied.NOT_APPROVER)),
        (Policy(break_glass=("S9",)), member("U3"), Refusal(Denied.CANNOT_TELL, "S9")),
        (Policy(deny=("U1",)), member("U1", admin=True), Refusal(Denied.DENIED)),
        (Policy(break_glass=("U2",), deny=("S2",)), member("U2"), Refusal(Denied.DENIED)),
    ],
)  # fmt: skip
def test_who_may_break_the_glass(policy: Policy, person: Person, verdict: Eligibility) -> None:
    """Admins may, or those who are named; never somebody who is denied."""
    assert may_break_glass(policy, person, READ) == verdict


def test_only_approvals_of_different_people_make_a_quorum() -> None:
    """Rejections and broken glass are no approvals, and nobody counts twice."""
    assert enough(Policy(quorum=0), [], {})
    assert not enough(Policy(), [], {})
    assert not enough(Policy(quorum=2), [vote("U1"), vote("U1")], {})
    assert not enough(
        Policy(quorum=2), [vote("U1"), vote("U2", Verdict.REJECTED), vote("U3", Verdict.BREAK_GLASS)], {}
    )
    assert enough(Policy(quorum=2), [vote("U1"), vote("U2")], {})


@given(
    st.lists(st.sampled_from(GROUPS), max_size=4),
    st.lists(st.sampled_from(PEOPLE), max_size=5),
    MEMBERS,
    st.sets(st.sampled_from(GROUPS)),
)
def test_nobody_fills_two_seats(
    wanted: list[str], people: list[str], groups: dict[str, Group], unread: set[str]
) -> None:
    """The matching finds a seat for each group exactly where trying every order of people finds one."""
    known: dict[str, GroupOutcome] = {
        name: CannotTell("x") if name in unread else group for name, group in groups.items()
    }
    seats = sorted(set(wanted))
    by_hand = any(
        all(
            name not in unread and user in groups[name].members
            for name, user in zip(seats, order, strict=True)
        )
        for order in itertools.permutations(sorted(set(people)), len(seats))
    )
    assert seated(wanted, people, known) == by_hand


@given(POLICIES, POLICIES, st.sets(st.sampled_from(PEOPLE)), MEMBERS)
def test_a_stricter_policy_is_weaker_than_neither(
    asked: Policy, now: Policy, people: set[str], groups: dict[str, Group]
) -> None:
    """Whoever is enough under both together is enough under each, and counts exactly if he counts under each."""
    both = stricter(asked, now)
    ordered = sorted(people)
    if suffices(both, ordered, groups):
        assert suffices(asked, ordered, groups)
        assert suffices(now, ordered, groups)
    for user in PEOPLE:
        counts = [eligible(one, member(user), "U5", groups) == Allowed() for one in (both, asked, now)]
        assert counts[0] == (counts[1] and counts[2])
    assert both.approve_deployments == (asked.approve_deployments and now.approve_deployments)


@given(POLICIES, POLICIES, POLICIES)
def test_tightening_twice_is_tightening_once(first: Policy, second: Policy, third: Policy) -> None:
    """A policy that has been tightened can be tightened again, kept and read, and says the same."""
    both = stricter(stricter(first, second), third)
    again = stricter(both, third)
    assert set(again.lists) == set(both.lists)
    assert again.seats == both.seats
    assert unpacked(Policy, packed(both)) == both
    assert set(both.groups) >= {name for names in both.lists for name in names if name[0] == "S"}


def test_an_unchanged_policy_stays_as_it_is() -> None:
    """Nothing gets stricter where nothing was changed."""
    policy = Policy(
        2, ("S1", "U2"), ("S1", "S2"), ("U9",), break_glass=("U1",), rehearsal="testpypi", tell=Tell.PRE
    )
    assert stricter(policy, policy) == policy
    tightened = replace(policy, rehearsal="", break_glass=(), also_glass=(("U1",),))
    assert stricter(Policy(), policy) == tightened


def test_a_group_of_the_policy_needs_its_own_seat() -> None:
    """Each group must be represented by another person, however small the quorum."""
    policy = Policy(one_of_each=("S1", "S2"))
    assert policy.seats == 2
    assert not enough(policy, [vote("U2")], READ)
    assert enough(policy, [vote("U2"), vote("U1")], READ)
    assert not enough(policy, [vote("U2"), vote("U1")], {"S1": READ["S1"]})


@given(st.integers(10, 30 * 86_400))
def test_reminders_come_before_the_end_and_ever_more_seldom(seconds: int) -> None:
    """The gaps grow, and the last reminder leaves time to decide."""
    expires = NOW + term(Policy(expires_seconds=seconds))
    moments = (NOW, *reminders(NOW, expires))
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert gaps == sorted(gaps)
    assert len(set(gaps)) == len(gaps) == 3
    assert min(gaps) > timedelta(0)
    assert moments[-1] < expires


def test_a_projects_own_policy_wins() -> None:
    """The project's policy holds, else the team's, else the usual one."""
    team, own = Policy(quorum=2), Policy(quorum=0)
    assert merged(team, own) is own
    assert merged(team, None) is team
    assert merged(None, None) == Policy()
