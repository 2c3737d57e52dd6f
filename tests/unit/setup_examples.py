"""Examples of what the bot says of setting up, for the tests of its words."""

from bot.core import notices
from bot.core.findings import Level
from bot.core.setup import Check, Finding, Found, SetupReport
from bot.core.setup_notices import Outcome, PullAnswer, PullOpened, SetupShown
from bot.core.workflow_text import Plan, branch, confirm_lines, write
from storage.records import PublisherState, Reason
from tests.unit.wording import AT, ID, URL, WANTED

PATH = f".github/workflows/{WANTED.workflow}"
VALUES = {
    "slug": "acme/widgets", "now": "acme/wheels", "detail": "GitHub is out of order (503).", "owner": "acme", "id": "1001",
    "workflow": "release.yml", "branch": "main", "jobs": "publish, confirm", "others": "publish.yml", "job": "publish",
    "uses": "acme/shared/.github/workflows/publish.yml@v1", "events": "a tag's push, workflow_dispatch",
    "triggers": "pull_request", "environment": "pypi", "used": "live", "wanted": "pypi", "reviewers": "ada, grace",
    "project": "acme-widgets", "status": "archived", "most": "3", "pending": "2", "who": "U1", "other": "acme-gears",
    "proposal": "pypi-acme-widgets",
}  # fmt: skip
"""A value for every name that stands behind a finding."""
REPORT = SetupReport(
    (
        Finding(Check.REPOSITORY, Level.FINE, Found.REPOSITORY_THERE, VALUES),
        Finding(Check.WORKFLOW, Level.BLOCKING, Found.WORKFLOW_NONE, VALUES),
        Finding(Check.ENVIRONMENT, Level.WARNING, Found.ENVIRONMENT_MISSING, VALUES),
        Finding(Check.INDEX, Level.UNKNOWN, Found.NAME_UNKNOWN, VALUES),
    ),
    mendable=True,
)
LINE = notices.PublisherLine(WANTED, PublisherState.PENDING, AT, "C1")
SHOWN = SetupShown(
    "view-1", ID, WANTED, Outcome.OPENED, path=PATH, branch=branch(WANTED.project), into="main",
    difference=write(Plan(WANTED.project, WANTED.workflow, WANTED.environment)), digest="0" * 32, environment=False,
    channel="C1",
)  # fmt: skip
MENDED = SetupShown(
    "view-1", ID, WANTED, Outcome.OPENED, path=PATH, branch=branch(WANTED.project), into="main", new=False, left_out=3,
    difference="--- a\n+++ b\n@@ -1 +1 @@\n-permissions: {}\n+permissions:\n+  id-token: write", beside="old.yml",
)  # fmt: skip
PULL = f"{URL}/pull/7"

NOTICES: dict[str, notices.Notice] = {
    "status with its set-up": notices.PublisherStatus(
        LINE, URL, Reason.REGISTERED, "", 3, AT, AT, (), ID, REPORT
    ),
    "set-up": SHOWN,
    "set-up, mended": MENDED,
    "set-up, open already": SetupShown("view-1", ID, WANTED, Outcome.ALREADY_OPEN, url=PULL),
    "set-up, lines to add": SetupShown(
        "view-1",
        ID,
        WANTED,
        Outcome.LINES,
        path=PATH,
        difference=confirm_lines(Plan(WANTED.project, WANTED.workflow, WANTED.environment)),
    ),
    "set-up, unsure": SetupShown("view-1", ID, WANTED, Outcome.UNSURE, "GitHub is out of order (503)."),
    "pull request": PullOpened(WANTED, PULL, PATH, "U1", Outcome.MADE, ("ada", "grace")),
    "pull request, found": PullOpened(WANTED, PULL, "", "U1"),
    **{
        f"pull request {outcome}": PullAnswer(WANTED, outcome, "no way", PULL)
        for outcome in Outcome
        if outcome not in {Outcome.NOT_WANTED, Outcome.MADE, Outcome.THERE}
    },
    **{
        f"environment {outcome}": PullAnswer(
            WANTED, Outcome.OPENED, "", PULL, PATH, outcome, "No such person."
        )
        for outcome in (Outcome.MADE, Outcome.THERE, Outcome.REFUSED, Outcome.UNSURE)
    },
}
