"""Examples of what the bot says of how publishers fare, for the tests of its words."""

from dataclasses import replace

from bot.core import notices
from bot.core.health import MENDABLE, Ailment, Trouble
from bot.core.health_notices import Fares, HealthBroke, HealthMended, HealthShown, NotTakenOver, TakenOver
from storage.records import PublisherState, Reason
from tests.unit.setup_examples import VALUES
from tests.unit.wording import AT, ID, URL, WANTED

TOLD = {
    **VALUES, "was": "1001", "now": "acme/wheels", "version": "1.4.0", "kind": "GitHub", "repository": "evil/widgets",
    "since": AT.isoformat(), "what": "repository",
}  # fmt: skip
"""A value for every name that stands behind an ailment."""
TROUBLES = {one: Trouble(one, {**TOLD, "now": "666"} if one == "owner_replaced" else TOLD) for one in Ailment}
LINE = notices.PublisherLine(WANTED, PublisherState.CONFIRMED, AT, "C1", Fares.ATTENTION)


def _status(health: HealthShown, fares: Fares) -> notices.PublisherStatus:
    line = replace(LINE, fares=fares)
    return notices.PublisherStatus(
        line, URL, Reason.EVIDENCE, "", 3, None, None, (), publisher_id=ID, health=health
    )


NOTICES: dict[str, notices.Notice] = {
    **{
        f"broke, {one.value.replace('_', ' ')}": HealthBroke(ID, WANTED, URL, "U1", (trouble,))
        for one, trouble in TROUBLES.items()
    },
    "broke, two": HealthBroke(
        ID, WANTED, URL, "U1", (TROUBLES[Ailment.WORKFLOW_GONE], TROUBLES[Ailment.PERSON_LEFT]), others=2
    ),
    "mended": HealthMended(
        WANTED, (TROUBLES[Ailment.WORKFLOW_NO_TOKEN], TROUBLES[Ailment.REVIEWERS_GONE]), left=1
    ),
    "mended, all": HealthMended(WANTED, tuple(TROUBLES[one] for one in sorted(MENDABLE))),
    "taken over": TakenOver(WANTED, "U2", "U1"),
    "not taken over": NotTakenOver(WANTED),
    "not taken over, unknown": NotTakenOver(WANTED, "Slack did not answer"),
    "list with health": notices.PublisherList(
        tuple(
            notices.PublisherLine(WANTED, PublisherState.CONFIRMED, AT, "C1", fares)
            for fares in (*Fares, None)
        ),
        4,
    ),
    "status with troubles": _status(HealthShown((TROUBLES[Ailment.WORKFLOW_GONE],), AT), Fares.ATTENTION),
    "status in order": _status(HealthShown((), AT), Fares.OK),
    "status not looked at": _status(HealthShown((), None), Fares.NOT_LOOKED),
}
