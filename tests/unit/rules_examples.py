"""Notices about who may what, for the snapshots."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.core import notices
from bot.core.approvals import Denied, Policy
from bot.core.audit_notices import (
    AuditFile,
    AuditFileComing,
    AuditFileFailed,
    AuditLine,
    AuditShown,
    ChainFound,
)
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
WHOLE = ChainFound(3, head="3:" + "ab" * 32)
MARKED = ChainFound(40_012, head="40012:" + "ab" * 32, before=40_000)
PARTLY = ChainFound(40_000, head="40000:" + "ab" * 32, before=20_000, left=25_012)
BROKEN = ChainFound(9, tuple((number, "missing") for number in range(7)), 7)
LINES = (
    AuditLine(AT, "U1", "release.glass_broken", "acme-widgets on company", "a <fix>", "button"),
    AuditLine(
        AT, "shipbell", "release.published", "acme-widgets on company 1.0",
        evidence={"commit": "a" * 40, "digest": "b" * 64, "url": "https://company.example/simple/acme-widgets/"},
    ),
    AuditLine(AT, "U1", "publisher.requested", "acme-widgets on company"),
    AuditLine(AT, "U1", "release.vote.approved", "acme-widgets on company 1.0", via="button"),
    AuditLine(AT, "shipbell", "channel.lost", "C1"),
    AuditLine(AT, "shipbell", "person.left", "U2"),
    AuditLine(AT, "U1", "policy.set", "every project", via="dialog"),
    AuditLine(AT, "U1", "something.new", "acme-widgets"),
)  # fmt: skip
NOTICES: dict[str, notices.Notice] = {
    "audit": AuditShown(LINES, "", WHOLE, 7),
    "audit of a project, unchecked": AuditShown(LINES, "acme-widgets"),
    "audit, broken": AuditShown(LINES, "", BROKEN),
    "audit, checked before": AuditShown(LINES[:1], "", MARKED),
    "audit, checked in part": AuditShown(LINES[:1], "", PARTLY),
    "audit, nothing": AuditShown((), "", WHOLE),
    "audit, nothing older": AuditShown((), "", WHOLE, page=True),
    "audit as a file": AuditFile("acme-widgets", "csv", 3, WHOLE),
    "audit as a file, broken": AuditFile("", "json", 3, BROKEN),
    "audit file coming": AuditFileComing("", "csv"),
    **{
        f"audit file failed, {why}": AuditFileFailed("", "csv", why)
        for why in ("missing_scope", "unreadable", "file_uploads_disabled", "quota")
    },
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
    "not allowed, stranger": NotAllowed(Action.SEE, "", Denied.STRANGER),
    "not allowed, others named": NotAllowed(Action.KEEP_CREDENTIAL, "", Denied.NOT_NAMED, who=("U1", "S1")),
    "not allowed, admins": NotAllowed(Action.SET_POLICY, "", Denied.NOT_ADMIN),
    "not allowed, setters": NotAllowed(Action.SET_POLICY, "acme-widgets", Denied.NOT_NAMED, who=("S1",)),
    "not allowed, can't tell": NotAllowed(Action.SEE_AUDIT, "", Denied.CANNOT_TELL, "Slack did not answer"),
}
