"""What a release does next: looks, requests, reminders, voided approvals, the last look, trouble."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import Policy, reminders
from bot.core.binding import digest
from bot.core.findings import Found, Report
from bot.core.forge import ChecksFacts, Nothing, Unsure
from bot.core.lifecycle import ReleaseEvent, follow_release
from bot.core.outcomes import TryLater
from bot.core.preflight import judge
from bot.core.progress import Progress
from bot.core.release_notices import Step
from bot.core.releases import (
    FAULTS_BORNE,
    FAULTS_TOLD,
    MOST_CALLED,
    Decision,
    Situation,
    act,
    after_look,
    again,
    approved,
    broke,
    called,
    have,
    reminded,
    troubled,
    voided,
)
from storage.records import Approval, Reason, ReleaseReason, ReleaseState, StartBy, Verdict
from tests.unit.preflight_examples import FACTS, NOW, OTHER_SHA, RELEASE, SHA, TAG, TARGET

BASE = timedelta(seconds=30)
RED = replace(FACTS, checks=ChecksFacts((), ("tests",), ()))
MOVED = replace(FACTS, tag=replace(TAG, commit=OTHER_SHA))
BLIND = replace(FACTS, tag=Unsure("502"))
HOURS = timedelta(hours=1)
WAITING: dict[str, Any] = {
    "state": ReleaseState.AWAITING_APPROVAL, "round": 1, "asked_at": NOW, "expires_at": NOW + 24 * HOURS,
}  # fmt: skip
USUAL, SEEN = Policy(), judge(FACTS)


def at(
    policy: Policy = USUAL, report: Report = SEEN, now: Any = NOW, votes: Sequence[str] = (), **changes: Any
) -> Situation:
    """Return a situation."""
    cast = tuple(Approval(UUID(int=9), 1, user, Verdict.APPROVED, "", NOW, None) for user in votes)
    return Situation(replace(RELEASE, **changes), policy, report, Progress(looks=3), now, BASE, cast)


def steps(decision: Decision | None) -> list[Step]:
    """Return what is told."""
    assert decision is not None
    return [line.step for line in decision.lines]


def test_a_good_look_asks_the_team() -> None:
    """Commit, tag and digest are what was shown; the people named are called, but not who asked."""
    policy = Policy(quorum=2, approvers=("U1", "U2", "S1"), expires_seconds=3_600)
    decision = after_look(at(policy), FACTS)
    values = decision.values
    assert decision.event is ReleaseEvent.ASKED
    assert (values["commit"], values["tag"], values["make_tag"], values["start"]) == (
        SHA,
        "v1.4.0",
        False,
        StartBy.PUSH,
    )
    assert values["digest"] == digest(TARGET, "1.4.0", "", judge(FACTS))
    assert (values["round"], values["expires_at"], values["next_at"]) == (1, NOW + HOURS, NOW + HOURS / 8)
    assert [(line.step, line.people) for line in decision.lines] == [(Step.SHOWN, ("U2", "S1"))]
    anew = after_look(at(policy, round=1, state=ReleaseState.VOIDED), FACTS)
    assert (steps(anew), anew.values["round"]) == ([Step.ASKED_ANEW], 2)


def test_what_stands_in_the_way_is_told_and_nobody_asked() -> None:
    """A blocking finding ends the look; all findings are kept to be shown."""
    decision = after_look(at(), RED)
    assert (decision.event, decision.values["reason"], decision.values["next_at"]) == (
        ReleaseEvent.BLOCKED, ReleaseReason.BLOCKED, None,
    )  # fmt: skip
    assert [dict(line.values) for line in decision.lines] == [{"count": "1"}]
    assert decision.values["report"] == judge(RED)


def test_where_nobody_must_approve_nobody_is_asked() -> None:
    """With a quorum of none it goes on by itself, at its time, from every state in which it is looked at."""
    for state in (ReleaseState.REQUESTED, ReleaseState.VOIDED):
        decision = after_look(at(Policy(quorum=0), state=state, act_at=NOW + HOURS), FACTS)
        assert (decision.event, decision.values["next_at"]) == (ReleaseEvent.QUORUM, NOW + HOURS)
        assert follow_release(state, decision.event) is ReleaseState.APPROVED
    grouped = after_look(at(Policy(quorum=0, one_of_each=("S1",))), FACTS)
    assert grouped.event is ReleaseEvent.ASKED


@pytest.mark.parametrize("state", [ReleaseState.REQUESTED, ReleaseState.VOIDED])
@pytest.mark.parametrize("facts", [FACTS, RED, BLIND, MOVED])
@pytest.mark.parametrize("quorum", [0, 1])
@pytest.mark.parametrize("faults", [0, FAULTS_BORNE])
def test_every_look_has_its_place_in_the_lifecycle(
    state: ReleaseState, facts: Any, quorum: int, faults: int
) -> None:
    """Whatever a look finds, the table has a row for it."""
    decision = after_look(at(Policy(quorum=quorum), state=state, faults=faults), facts)
    assert follow_release(state, decision.event) in ReleaseState


def test_a_look_without_a_sure_commit_comes_to_nothing() -> None:
    """It is tried again, told once, and given up in the end."""
    decision = after_look(at(), BLIND)
    assert (decision.event, decision.values["faults"], decision.lines) == (ReleaseEvent.WAITED, 1, ())
    given_up = after_look(at(faults=FAULTS_BORNE), BLIND)
    assert given_up.values["reason"] is ReleaseReason.OUT_OF_ORDER


def test_trouble_is_told_once() -> None:
    """However long it lasts, whether or not it says anything, and again only after it was over."""
    for outcome in ("", "502", Unsure(""), TryLater(Reason.TIMED_OUT)):
        situation, told = at(), 0
        for faults in range(1, 30):
            decision = troubled(situation, outcome)
            told += steps(decision).count(Step.TROUBLE)
            assert told == (faults >= FAULTS_TOLD)
            assert decision.progress is not None
            assert decision.values["next_at"] > NOW
            release = replace(situation.release, faults=decision.values["faults"])
            situation = replace(situation, release=release, progress=decision.progress)
        over = again(situation, situation.progress)
        assert over.progress is not None
        assert (over.progress.trouble, over.values["faults"]) == ("", 0)


@given(st.one_of(st.none(), st.floats(0, 1e300), st.just(float("inf"))), st.integers(0, 10_000))
def test_who_is_out_of_order_is_given_its_time(asked: float | None, faults: int) -> None:
    """What a service asks for is kept, within a day, and never breaks the clock."""
    decision = troubled(at(faults=faults), Unsure("429", retry_after=asked))
    wait = decision.values["next_at"] - NOW
    assert timedelta(0) < wait <= timedelta(days=1)
    if asked is not None:
        assert wait >= timedelta(seconds=min(asked, 86_400))


def test_reminders_come_when_they_are_due_and_then_the_end() -> None:
    """Each once, missed ones together; who has decided is not called again; at the end it expires, once."""
    policy = Policy(quorum=2, approvers=("U2", "U3", "U4"))
    first, second, third = reminders(NOW, NOW + 24 * HOURS)
    early = reminded(at(policy, **WAITING))
    assert (early.lines, early.values["next_at"]) == ((), first)
    due = reminded(at(policy, now=first, votes=["U3"], **WAITING))
    assert [(line.step, line.people) for line in due.lines] == [(Step.REMINDER, ("U2", "U4"))]
    assert (due.values["reminders"], due.values["next_at"]) == (1, second)
    assert (due.lines[0].values["have"], due.lines[0].values["need"]) == ("1", "2")
    assert reminded(at(policy, now=first, reminders=1, **WAITING)).lines == ()
    missed = reminded(at(policy, now=third, **WAITING))
    assert (steps(missed), missed.values["reminders"], missed.values["next_at"]) == (
        [Step.REMINDER],
        3,
        NOW + 24 * HOURS,
    )
    over = reminded(at(policy, now=NOW + 24 * HOURS, **WAITING))
    assert (over.event, over.values["next_at"], steps(over)) == (ReleaseEvent.EXPIRED, None, [Step.EXPIRED])


def test_what_is_no_longer_so_voids_what_was_approved() -> None:
    """A moved tag tells from where to where, a new obstacle what it is; what is as before voids nothing."""
    assert voided(at(), FACTS) is None
    moved = voided(at(), MOVED)
    assert moved is not None
    assert moved.event is ReleaseEvent.CHANGED
    assert dict(moved.lines[0].values) == {"tag": "v1.4.0", "from": SHA, "to": OTHER_SHA}
    red = voided(at(), RED)
    assert red is not None
    assert red.lines[0].values["finding"] == Found.CI_RED
    assert voided(at(report=judge(replace(FACTS, tag=Nothing()))), FACTS) is None


def test_the_bot_acts_on_what_it_sees_to_be_as_approved() -> None:
    """It acts where all is seen and the same, waits where something is not seen, and asks anew where it changed."""
    acted = act(at(), FACTS)
    assert (acted.event, acted.values["start"], acted.values["next_at"]) == (
        ReleaseEvent.ACTED,
        StartBy.PUSH,
        NOW,
    )
    assert act(at(), MOVED).event is ReleaseEvent.CHANGED
    assert act(at(), BLIND).event is ReleaseEvent.WAITED
    unseen = replace(FACTS, simple=TryLater(Reason.TIMED_OUT))
    assert act(at(), unseen).event is ReleaseEvent.WAITED
    assert act(at(faults=FAULTS_BORNE), unseen).values["reason"] is ReleaseReason.OUT_OF_ORDER
    assert act(at(faults=FAULTS_BORNE), replace(unseen, tag=MOVED.tag)).event is ReleaseEvent.CHANGED


def test_what_waits_for_its_time_waits() -> None:
    """Enough approvals before the wanted time are kept until then; afterwards the bot acts at once."""
    early = approved(at(act_at=NOW + HOURS), ReleaseReason.QUORUM)
    assert (early.event, early.values["next_at"], steps(early)) == (
        ReleaseEvent.QUORUM,
        NOW + HOURS,
        [Step.SCHEDULED],
    )
    late = approved(at(act_at=NOW - HOURS), ReleaseReason.QUORUM)
    assert (late.values["next_at"], late.lines) == (NOW, ())


def test_what_breaks_is_told_and_stays() -> None:
    """Nothing more is done until people choose; an act that was begun is forgotten."""
    decision = broke(at(begun="tag"), ReleaseReason.NO_RUN, "why")
    assert (decision.event, decision.values["next_at"], decision.values["begun"]) == (
        ReleaseEvent.BROKE,
        None,
        "",
    )
    assert [dict(line.values) for line in decision.lines] == [{"reason": "no_run", "detail": "why"}]


def test_only_who_can_still_decide_is_called() -> None:
    """Neither who asked, nor who has voted, nor who is denied; not too many, and nobody where nobody is named."""
    policy = Policy(approvers=("U1", "U2", "U3", "U4"), one_of_each=("S1",), deny=("U4",))
    votes = at(votes=["U2"]).votes
    assert called(policy, "U1", votes) == ("U3", "S1")
    assert called(replace(policy, requester_counts=True), "U1") == ("U1", "U2", "U3", "S1")
    assert called(Policy(), "U1") == ()
    many = Policy(approvers=tuple(f"U{number}" for number in range(50)))
    assert len(called(many, "U1")) == MOST_CALLED
    assert have([*votes, replace(votes[0], verdict=Verdict.REJECTED)]) == 1
