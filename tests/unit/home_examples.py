"""Home tabs to be worded in tests: one for each who looks, and for each thing that a tab can show."""

from dataclasses import replace
from datetime import timedelta

from bot.core.approvals import Policy
from bot.core.health_notices import Fares
from bot.core.home_notices import (
    Aging,
    AgingLine,
    HomePage,
    HomeProject,
    HomeSettings,
    OpenLine,
    Viewer,
)
from bot.core.notices import CredentialLine
from bot.core.release_notices import FreezeLine
from storage.records import PublisherState, ReleaseKind, ReleaseState
from tests.unit.wording import AT, ID, URL

CREDENTIAL = CredentialLine(ID, "company", "API token", "U1", AT, AT, 3, None, expires_at=AT)
ASKED = OpenLine(
    ID, "acme-widgets", "1.4.0", "company", ReleaseState.AWAITING_APPROVAL, AT, "U1", "C1", 1, 2, AT + timedelta(hours=24)
)  # fmt: skip
BUILDING = replace(ASKED, state=ReleaseState.BUILDING, project="acme-gears", have=0, need=0, expires_at=None)
YANK = replace(BUILDING, state=ReleaseState.VERIFYING, kind=ReleaseKind.YANK, channel="")
WIDGETS = HomeProject(
    "acme-widgets", "company", "acme/widgets", PublisherState.CONFIRMED, Fares.OK, "1.3.0", AT
)
GEARS = HomeProject("acme-gears", "company", "acme/gears", PublisherState.PENDING, Fares.NOT_LOOKED)
BARE = HomeProject("acme-cogs", "pypi", "acme/cogs", None)
SETTINGS = HomeSettings(
    Policy(quorum=2, approvers=("S01MAINTAINERS",)), (FreezeLine("", AT, None, "Holidays", "U1"),)
)
MEMBER = HomePage(
    Viewer.MEMBER,
    (ASKED,), 1,
    (BUILDING, YANK), 12,
    (BARE, GEARS, WIDGETS), 3,
    credentials=tuple(AgingLine(CREDENTIAL, why) for why in Aging), credentials_total=9,
)  # fmt: skip
PAGES: dict[str, HomePage] = {
    "member": MEMBER,
    "admin": replace(MEMBER, viewer=Viewer.ADMIN, settings=SETTINGS, status_url=f"{URL}/status"),
    "admin, scopes lacking": replace(
        MEMBER, viewer=Viewer.ADMIN, settings=replace(SETTINGS, lacks=("files:write", "im:write"), install_url=f"{URL}/slack/install")
    ),
    "admin of one workspace, scopes lacking": replace(
        MEMBER, viewer=Viewer.ADMIN, settings=replace(SETTINGS, lacks=("files:write",))
    ),
    "guest": replace(MEMBER, viewer=Viewer.GUEST, waiting=(), waiting_total=0, credentials=(), credentials_total=0),
    "not told": replace(MEMBER, viewer=Viewer.UNTOLD, waiting=(), waiting_total=0, credentials=(), credentials_total=0),
    "outsider": HomePage(Viewer.OUTSIDER),
    "empty": HomePage(Viewer.MEMBER),
    "empty, of an admin": HomePage(Viewer.ADMIN, settings=HomeSettings(Policy(), ())),
    "quiet": replace(MEMBER, waiting=(), waiting_total=0, open=(), open_total=0, credentials=(), credentials_total=0),
    "first of many": replace(MEMBER, projects_total=1_000, pages=50),
    "between": replace(MEMBER, projects_total=1_000, page=7, pages=50),
    "last of many": replace(MEMBER, projects_total=1_000, page=50, pages=50),
}  # fmt: skip
LONGEST = replace(
    PAGES["admin"],
    waiting=(ASKED,) * 10, waiting_total=30,
    open=(BUILDING,) * 10, open_total=900,
    projects=(WIDGETS,) * 20, projects_total=1_000, page=7, pages=50,
    credentials=(AgingLine(CREDENTIAL, Aging.OLD),) * 5,
    settings=replace(SETTINGS, freezes=SETTINGS.freezes * 5, lacks=("files:write",) * 20, install_url=URL),
)  # fmt: skip
"""As long as a tab can get."""
