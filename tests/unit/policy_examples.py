"""The dialogs of a policy to be worded in tests: of the workspace, of a project, with everything and with nothing named."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.core import notices
from bot.core.approvals import Denied, Policy, Publish, Tell
from bot.core.intents import PolicyPart
from bot.core.permission_notices import DialogShut, NotAllowed
from bot.core.permissions import Action
from bot.core.policy_forms import PolicyFormShown
from bot.core.release_notices import FreezeLine
from bot.core.roles import Holders, Role

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = tuple(f"U{number:02}" for number in range(1, 26))
"""Twenty-five people."""
HANDLES = {"S01MAINTAINERS": "maintainers", "S02SECURITY": "security"}
BARE = PolicyFormShown(
    "view-1", "", PolicyPart.OVERVIEW, Policy(), of_project=False, second=False, indexes=("pypi", "testpypi"), channel="C1"
)  # fmt: skip
SET = Policy(
    quorum=2,
    approvers=("S01MAINTAINERS", *PEOPLE),
    one_of_each=("S02SECURITY",),
    deny=("U31",),
    expires_seconds=90 * 60,
    break_glass=("U01", "U02"),
    rehearsal="testpypi",
    tell=Tell.FINAL,
    thank=True,
    rights=True,
    publish=Publish.BOT,
    roles=tuple(Holders(role, ("S01MAINTAINERS", "U01")) for role in Role),
    second=True,
)
FULL = replace(
    BARE,
    policy=SET,
    second=True,
    freezes=(FreezeLine("", AT, None, "Holidays", "U1"), FreezeLine("acme-widgets", AT, AT, "Broken", "U2")),
    waiting_by="U2",
    projects=("acme-gears", "acme-widgets"),
    more=True,
    channel="",
    handles=HANDLES,
)
OWN = replace(FULL, project="acme-widgets", of_project=True, waiting_by="", more=False)
NOTICES: dict[str, notices.Notice] = {
    **{f"policy dialog, {part}, bare": replace(BARE, part=part) for part in PolicyPart},
    **{f"policy dialog, {part}, everything": replace(FULL, part=part) for part in PolicyPart},
    **{f"policy dialog, {part}, of a project": replace(OWN, part=part) for part in PolicyPart},
    "policy dialog of a project that follows": replace(OWN, of_project=False, part=PolicyPart.OVERVIEW),
    "policy dialog of a project with a long name": replace(OWN, project="a" * 200),
    "dialog shut": DialogShut("view-1", NotAllowed(Action.SET_POLICY, "acme-widgets", Denied.NOT_ADMIN)),
}
