"""Notices about who may what, for the snapshots."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.core.approvals import Denied, Policy
from bot.core.permission_notices import NotAllowed
from bot.core.permissions import Action
from bot.core.policy_notices import ChangeAnswer, ChangeOutcome, PolicyChangeShown
from bot.core.roles import Holders, Role
from storage.records import ChangeState

UNDECIDED = frozenset({ChangeState.WAITING, ChangeState.EXPIRED})

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
AFTER = Policy(2, break_glass=("U1",), roles=(Holders(Role.ASKERS, ("S1", "U1")),), second=True)
CHANGE = PolicyChangeShown(
    "00000000-0000-0000-0000-000000000009", "", Policy(), AFTER, "U1", AT, ChangeState.WAITING
)
NOTICES: dict[str, NotAllowed | PolicyChangeShown | ChangeAnswer] = {
    **{
        f"change of policy, {state}": replace(
            CHANGE, state=state, decided_by="" if state in UNDECIDED else "U2"
        )
        for state in ChangeState
    },
    "change of a project's policy": replace(CHANGE, project="acme-widgets"),
    "change that changes nothing": replace(CHANGE, after=Policy()),
    **{
        f"change not made, {outcome}": ChangeAnswer(outcome, "", "U1" if outcome == "asker_may_not" else "")
        for outcome in ChangeOutcome
    },
    "not allowed, guest": NotAllowed(Action.ASK, "acme-widgets", Denied.GUEST),
    "not allowed, others named": NotAllowed(Action.KEEP_CREDENTIAL, "", Denied.NOT_NAMED, who=("U1", "S1")),
    "not allowed, admins": NotAllowed(Action.SET_POLICY, "", Denied.NOT_ADMIN),
    "not allowed, setters": NotAllowed(Action.SET_POLICY, "acme-widgets", Denied.NOT_NAMED, who=("S1",)),
    "not allowed, can't tell": NotAllowed(Action.SEE_AUDIT, "", Denied.CANNOT_TELL, "Slack did not answer"),
}
