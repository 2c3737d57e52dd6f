"""Notices about who may what, for the snapshots."""

from bot.core.approvals import Denied
from bot.core.permission_notices import NotAllowed
from bot.core.permissions import Action

NOTICES = {
    "not allowed, guest": NotAllowed(Action.ASK, "acme-widgets", Denied.GUEST),
    "not allowed, others named": NotAllowed(Action.KEEP_CREDENTIAL, "", Denied.NOT_NAMED, who=("U1", "S1")),
    "not allowed, admins": NotAllowed(Action.SET_POLICY, "", Denied.NOT_ADMIN),
    "not allowed, setters": NotAllowed(Action.SET_POLICY, "acme-widgets", Denied.NOT_NAMED, who=("S1",)),
    "not allowed, can't tell": NotAllowed(Action.SEE_AUDIT, "", Denied.CANNOT_TELL, "Slack did not answer"),
}
