"""Examples of what the bot says of setting many packages up, for the tests of its words."""

from dataclasses import replace

from bot.core import notices
from bot.core.import_notices import (
    ImportAnswer,
    ImportCause,
    ImportChoices,
    ImportEnded,
    ImportForm,
    ImportForms,
    ImportLine,
    ImportOutcome,
    ImportShown,
)
from bot.core.importing import Fate, Lack, Tally, Verdict
from bot.core.outcomes import ByHand
from storage.records import ImportState, Reason
from tests.unit.wording import ID, URL, WANTED

LINES = (
    ImportLine(1, "acme-widgets", "acme/widgets", Verdict.READY, (Lack.NEW, Lack.ENVIRONMENT)),
    ImportLine(2, "gears", "acme/gears", Verdict.READY, private=True),
    ImportLine(3, "gizmos", "acme/gizmos", Verdict.FIRST, (Lack.NEW,)),
    ImportLine(
        4, "", "acme/old", Verdict.NOT, (Lack.NAME,), "setup.py can't be read without running it", Fate.LISTED
    ),
    ImportLine(5, "done", "acme/done", Verdict.ALREADY, (), "", Fate.ALREADY),
)
SHOWN = ImportShown(
    ID, "acme", "company", "U1", ImportState.LISTED, repositories=60, looked=60, archived=3, forks=4, others=48,
    unseen=("acme/broken",), lines=LINES, total=34, ready=30, tally=Tally(already=3, first=1),
)  # fmt: skip
MANY = tuple(
    ImportLine(number, f"package-{number}", f"acme/repository-{number}", Verdict.READY, (Lack.NEW, Lack.WORKFLOW))
    for number in range(1, 301)
)  # fmt: skip
FILLED = ByHand(f"{URL}/manage/project/acme-widgets/settings/publishing/", prefilled=True, fields=())
TO_COPY = ByHand(
    f"{URL}/manage/account/publishing/",
    prefilled=False,
    fields=(("PyPI Project Name", "acme-widgets"), ("Owner", "acme"), ("Environment name", "pypi")),
)
CHOICES = ImportChoices("view-1", ID, "company", "C1", LINES, 7)
UNDER_WAY = replace(
    SHOWN, state=ImportState.SETTING_UP, lines=tuple(replace(LINES[0], number=at, fate=fate) for at, fate in enumerate(Fate)),
    total=7, tally=Tally(2, 3, 1, 1, 4, 5, 6), chosen_by="U2",
)  # fmt: skip

NOTICES: dict[str, notices.Notice] = {
    "import, reading the list": ImportShown(ID, "", "company", "U1", ImportState.LOOKING),
    "import, looking": replace(SHOWN, state=ImportState.LOOKING, looked=12, lines=(), total=0),
    "import, listed": SHOWN,
    "import, dry run": replace(SHOWN, dry_run=True, unseen=(), lines=LINES[:2], total=2),
    "import, nothing found": replace(SHOWN, lines=(), total=0, ready=0, tally=Tally(), unseen=()),
    "import, under way": UNDER_WAY,
    "import, done": replace(UNDER_WAY, state=ImportState.DONE, tally=Tally(2, 3, 1, 1)),
    "import, no list": replace(SHOWN, state=ImportState.FAILED, detail="GitHub knows no such owner."),
    "import, choices": CHOICES,
    "import, choices of a dry run": replace(CHOICES, dry_run=True),
    "import, no choices": replace(CHOICES, lines=(), total=0),
    "import, refused choices": replace(CHOICES, refused=ImportOutcome.NOT_A_MEMBER),
    "import, forms": ImportForms(
        "company", URL, (ImportForm(ID, WANTED, FILLED), ImportForm(ID, WANTED, TO_COPY))
    ),
    "import, ended": ImportEnded(
        "acme", "company", URL, "U2", Tally(30, 3, 2, 1, 1),
        (
            ImportCause(Reason.PROJECT_MISSING, "", WANTED, ("gizmos", "wheels"), 2),
            ImportCause(Reason.TOKEN_SCOPE, "because", WANTED, ("gears",) * 30, 40),
        ),
    ),
    **{f"import {outcome}": ImportAnswer(outcome, "Slack is away") for outcome in ImportOutcome},
}  # fmt: skip
