"""The table of who may do what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import approvals, intents
from bot.core.approvals import Allowed, Denied, Policy, Refusal, may_break_glass, stricter
from bot.core.people import CannotTell, Group, GroupOutcome, Person, Standing
from bot.core.permissions import (
    ACTIONS,
    OF_TEAM,
    TABLE,
    Action,
    groups_of,
    holding,
    may,
    wanted,
    who_may,
)
from bot.core.policies import FIELDS, changed, of_project
from bot.core.roles import ADMINS_OTHERWISE, Holders, Role, named
from bot.slack.blocks import permissions as words
from bot.workflow.hands import packed, unpacked

PEOPLE, GROUPS = ("U1", "U2", "U3"), ("S1", "S2")
NAMES = st.lists(st.sampled_from([*PEOPLE, *GROUPS]), max_size=3, unique=True).map(tuple)
READ: dict[str, GroupOutcome] = {
    "S1": Group("S1", frozenset({"U1", "U2"})), "S2": Group("S2", frozenset({"U3"}))
}  # fmt: skip
POLICIES = st.builds(
    Policy,
    quorum=st.integers(0, 4),
    approvers=NAMES,
    deny=NAMES,
    requester_counts=st.booleans(),
    expires_seconds=st.integers(10, 99),
    break_glass=NAMES,
    approve_deployments=st.booleans(),
    rights=st.booleans(),
    second=st.booleans(),
    roles=st.lists(
        st.builds(Holders, st.sampled_from(Role), NAMES.filter(bool)), max_size=4, unique_by=lambda one: one.role
    ).map(tuple),
)  # fmt: skip
PERSONS = st.builds(Person, st.sampled_from(PEOPLE), st.just(Standing.MEMBER), st.booleans())


def test_the_table_is_closed() -> None:
    """Every action has a rule and words, every role is one's, every kind of intent says what it needs."""
    assert set(TABLE) == set(Action) == set(words.ACTIONS)
    assert {rule.role for rule in TABLE.values() if rule.role} == set(Role) == set(words.ROLES)
    assert set(ACTIONS) == set(intents.KINDS.values())
    assert {rule.role for rule in TABLE.values() if rule.of_team} - {Role.SETTERS} == OF_TEAM
    assert {role.value for role in Role} <= set(FIELDS)
    assert {rule.role for rule in TABLE.values() if rule.admins_alone and rule.role} == ADMINS_OTHERWISE


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.MEMBER])
@pytest.mark.parametrize("action", Action)
def test_only_full_members_do_anything(action: Action, standing: Standing) -> None:
    """Guests see, and else they, bots, those who left and strangers may nothing, named or not; nor may who can't be told."""
    everything = Policy(
        approvers=("U1",), break_glass=("U1",), roles=tuple(Holders(role, ("U1",)) for role in Role)
    )
    for policy in (Policy(), everything):
        sees = action is Action.SEE and standing is Standing.GUEST
        verdict = Allowed() if sees else Refusal(Denied(standing.value))
        assert may(action, policy, Person("U1", standing, admin=True), {}) == verdict
        assert may(action, policy, CannotTell("x"), {}) == Refusal(Denied.CANNOT_TELL, "x")


@pytest.mark.parametrize("action", Action)
def test_admins_are_never_locked_out_of_the_policy(action: Action) -> None:
    """Whoever is named, be they all gone, admins and owners set the policy, freeze, and see the audit trail."""
    gone = Policy(roles=tuple(Holders(role, ("U-gone", "S-gone")) for role in Role))
    groups: dict[str, GroupOutcome] = {"S-gone": CannotTell("no such group")}
    verdict = may(action, gone, Person("U1", Standing.MEMBER, admin=True), groups)
    if action in {Action.SET_POLICY, Action.FREEZE_ALL, Action.SEE_AUDIT}:
        assert verdict == Allowed()
    elif TABLE[action].role is not None:
        assert verdict == Refusal(Denied.CANNOT_TELL, "S-gone")


def test_named_people_and_groups_may_and_no_others() -> None:
    """A role that names somebody is for those alone; without names it is for all full members, or admins."""
    policy = Policy(roles=(Holders(Role.ASKERS, ("U3", "S1")), Holders(Role.SETTERS, ("U3",))))
    for user, ok in (("U1", True), ("U3", True), ("U4", False)):
        assert (may(Action.ASK, policy, Person(user, Standing.MEMBER), READ) == Allowed()) is ok
        assert may(Action.YANK, policy, Person(user, Standing.MEMBER), READ) == Allowed()
    assert may(Action.SET_POLICY, policy, Person("U3", Standing.MEMBER), READ) == Allowed()
    assert may(Action.SET_POLICY, policy, Person("U1", Standing.MEMBER), READ) == Refusal(Denied.NOT_NAMED)
    assert may(Action.SET_POLICY, Policy(), Person("U1", Standing.MEMBER), {}) == Refusal(Denied.NOT_ADMIN)
    assert may(Action.ASK, policy, Person("U1", Standing.MEMBER), {}) == Refusal(Denied.CANNOT_TELL, "S1")
    assert who_may(Action.ASK, policy) == ("U3", "S1")
    assert groups_of(Action.ASK, policy) == ("S1",)
    assert groups_of(Action.LOCK, policy) == who_may(Action.LOCK, policy) == ()


def test_what_is_the_workspaces_is_not_a_projects() -> None:
    """A project's policy adds setters and takes none away; who imports and who sees the trail is the workspace's to say."""
    team = Policy(roles=(Holders(Role.SETTERS, ("U1",)), Holders(Role.AUDITORS, ("U1",))))
    own = Policy(roles=(Holders(Role.SETTERS, ("U2",)), Holders(Role.ASKERS, ("U2",))))
    assert who_may(Action.SET_POLICY, holding(Action.SET_POLICY, team, own)) == ("U1", "U2")
    assert who_may(Action.FREEZE_ALL, holding(Action.FREEZE_ALL, team, own)) == ("U1",)
    assert who_may(Action.SEE_AUDIT, holding(Action.SEE_AUDIT, team, own)) == ("U1",)
    assert who_may(Action.ASK, holding(Action.ASK, team, own)) == ("U2",)
    assert holding(Action.SET_POLICY, None, None) == holding(Action.ASK, None, None) == Policy()
    assert of_project((*team.roles, *own.roles)) == (Holders(Role.ASKERS, ("U2",)),)


@pytest.mark.parametrize(
    ("intent", "actions"),
    [
        (intents.AskRelease("p", "1", ""), (Action.ASK,)),
        (intents.AskRelease("p", "1", "", override="fire"), (Action.ASK, Action.OVERRIDE)),
        (intents.SetFreeze("", None, None, "x"), (Action.FREEZE_ALL,)),
        (intents.SetFreeze("p", None, None, "x"), (Action.LOCK,)),
        (intents.LiftFreeze(""), (Action.FREEZE_ALL,)), (intents.LiftFreeze("p"), (Action.UNLOCK,)),
        (intents.CancelRelease("p", "1"), ()), (intents.RetryRelease("p", "1"), (Action.STEER,)),
        (intents.ListPublishers(), (Action.SEE,)), (intents.OpenHome(), ()), (intents.ShowAudit(""), (Action.SEE_AUDIT,)),
    ],
)  # fmt: skip
def test_what_an_intent_needs(intent: intents.Intent, actions: tuple[Action, ...]) -> None:
    """An override needs the right to it, a freeze of all more than a lock, and one's own request is one's to take back."""
    assert wanted(intent, "U1", "U1") == actions
    assert set(actions) <= set(ACTIONS[type(intent)])


@given(POLICIES, POLICIES, PERSONS, st.sampled_from(Action))
def test_a_release_under_way_allows_what_both_policies_allow(
    asked: Policy, now: Policy, person: Person, action: Action
) -> None:
    """What the effective policy allows either allows, and what both allow for a role or the glass it allows."""
    both = stricter(asked, now)
    verdicts = [may(action, one, person, READ) == Allowed() for one in (both, asked, now)]
    assert verdicts[0] == (verdicts[1] and verdicts[2])
    glass = [may_break_glass(one, person, READ) == Allowed() for one in (both, asked, now)]
    assert glass[0] == (glass[1] and glass[2])


@given(POLICIES, POLICIES, POLICIES)
def test_every_field_only_gets_stricter(asked: Policy, now: Policy, later: Policy) -> None:
    """Each field of the effective policy is at least as strict as either's, however often it is met; twice is once."""
    both = stricter(asked, now)
    assert stricter(both, now) == both
    assert unpacked(Policy, packed(both)) == both
    for met, *of in ((both, asked, now), (stricter(both, later), both, later)):
        for one in of:
            assert met.quorum >= one.quorum
            assert met.expires_seconds <= one.expires_seconds
            assert set(met.deny) >= set(one.deny)
            assert set(met.one_of_each) >= set(one.one_of_each)
            assert set(met.roles) >= {held for held in one.roles if held.role is not Role.SETTERS}
            for name in ("requester_counts", "approve_deployments", "thank"):
                assert getattr(met, name) <= getattr(one, name)
            for name in ("rights", "second"):
                assert getattr(met, name) >= getattr(one, name)


@given(POLICIES, st.sampled_from(Role), NAMES)
def test_naming_replaces_who_was_named(policy: Policy, role: Role, names: tuple[str, ...]) -> None:
    """Who is named for a role takes the place of those before, and no other role is touched."""
    after = named(policy.roles, role, names)
    assert [one.names for one in after if one.role is role] == ([names] if names else [])
    assert {one for one in after if one.role is not role} == {
        one for one in policy.roles if one.role is not role
    }


def test_roles_are_typed_like_other_lists() -> None:
    """People and groups are picked from Slack's list; a project can't say what is the workspace's."""
    after = changed(Policy(), {"askers": "<@U012ABC>,<!subteam^S012ABC>"}, ())
    assert isinstance(after, Policy)
    assert after.roles == (Holders(Role.ASKERS, ("U012ABC", "S012ABC")),)
    again = changed(after, {"askers": "everybody", "setters": "<@U012ABC>"}, (), "p")
    assert isinstance(again, Policy)
    assert again.roles == (Holders(Role.SETTERS, ("U012ABC",)),)
    for word, text, project in (("askers", "nobody", ""), ("setters", "everybody", ""), ("auditors", "<@U012ABC>", "p")):  # fmt: skip
        refused = changed(Policy(), {word: text}, (), project)
        assert not isinstance(refused, Policy)
        assert [one.field for one in refused] == [word]


def test_the_lists_of_approvers_are_the_same_by_the_table() -> None:
    """Approving is allowed by the table exactly where the vote would count, the requester aside."""
    policy = Policy(approvers=("U1",), deny=("U2",))
    for user in PEOPLE:
        person = Person(user, Standing.MEMBER)
        assert may(Action.APPROVE, policy, person, {}) == approvals.eligible(policy, person, "", {})
