"""Examples of what the bot says of confirmation runs, for the tests of its words."""

from dataclasses import replace

from bot.core import notices
from bot.core.approvals import Denied
from bot.core.confirm_notices import (
    ConfirmAnswer,
    ConfirmEnded,
    ConfirmRuns,
    ConfirmWaits,
    Difference,
    Heard,
    Part,
)
from bot.core.setup import SetupReport
from bot.slack.blocks import confirming
from bot.slack.blocks.forms import View
from storage.records import ConfirmationReason, EvidenceKind, PublisherState, Reason
from tests.unit.wording import AT, ID, URL, WANTED

RUN = f"{URL}/acme/widgets/actions/runs/7"
LINE = notices.PublisherLine(WANTED, PublisherState.PENDING, AT, "C1")
ALL_PARTS = tuple(Difference(part, "registered", "claimed") for part in Part)
OTHER_ENVIRONMENT = (Difference(Part.ENVIRONMENT, "pypi", "live"),)


def ended(reason: ConfirmationReason, detail: str = "", *parts: Difference) -> ConfirmEnded:
    """Return how a run came to nothing."""
    return ConfirmEnded(ID, WANTED, URL, "U1", reason, detail, RUN, parts)


NOTICES: dict[str, notices.Notice] = {
    "pending by hand, can be confirmed": notices.PublisherPending(
        WANTED, URL, "U1", AT, by_hand=True, publisher_id=ID, confirms=True
    ),
    "pending by hand, without the job": notices.PublisherPending(
        WANTED, URL, "U1", AT, by_hand=True, publisher_id=ID, confirms=False
    ),
    "status that can be confirmed": notices.PublisherStatus(
        LINE, URL, Reason.SUBMITTED_BY_HAND, "", 3, AT, AT, (), ID, SetupReport(confirms=True)
    ),
    "confirmed by a run": notices.PublisherConfirmed(
        WANTED, URL, "U1", EvidenceKind.EXCHANGED, RUN, AT, (EvidenceKind.APPEARED,)
    ),
    **{f"confirmation {heard}": ConfirmAnswer(WANTED, heard) for heard in Heard if heard is not Heard.DENIED},
    "confirmation denied to a guest": ConfirmAnswer(WANTED, Heard.DENIED, Denied.GUEST),
    "confirmation denied without push": ConfirmAnswer(WANTED, Heard.DENIED, Denied.NO_PUSH, "ada: read"),
    "confirmation runs": ConfirmRuns(WANTED, "U1", RUN),
    "confirmation waits": ConfirmWaits(WANTED, "U1", "pypi", ("ada", "grace"), RUN),
    "confirmation waits for somebody": ConfirmWaits(WANTED, "U1", "pypi", (), RUN),
    **{f"confirmation ended {reason}": ended(reason, "it says so") for reason in ConfirmationReason},
    "confirmation ended, another environment": ended(
        ConfirmationReason.INVALID_PUBLISHER, "", *OTHER_ENVIRONMENT
    ),
    "confirmation ended, all differs": ended(ConfirmationReason.CLAIMS_DIFFER, "", *ALL_PARTS),
    "confirmation ended before a run": replace(ended(ConfirmationReason.NOT_OFFERED), url=""),
}

CARRIED = {
    "publisher": ID, "project": WANTED.project, "index": WANTED.index, "slug": WANTED.slug, "workflow": WANTED.workflow,
}  # fmt: skip
DIALOGS: dict[str, View] = {"confirm now": confirming.ask(CARRIED, "C1")}
