"""The dialog that registers a publisher in every state that it can be in."""

from dataclasses import replace

from bot.core.names import Problem
from bot.core.proposals import Note, Noted, Package, PublisherProposal
from bot.core.publisher_forms import Form, Looked, NameIs, PublisherFormShown, begun, filled

INDEXES = ("company", "pypi")
BEGUN = begun("view-1", {"project": "acme-widgets"}, INDEXES, "C1")
CHOSEN = begun("view-1", {"repository": "acme/widgets"}, INDEXES, "C1")
READING = replace(CHOSEN, reading=True)
MONOREPO = PublisherProposal(
    "acme/mono", (Package("one", "packages/one"), Package("two", "")), "cd.yml", "live"
)
VALUES = dict.fromkeys(
    ("detail", "now", "count", "path", "names", "name", "workflow", "others", "index", "used", "environment"),
    "value",
)


def shown(form: Form, menu: bool = True, **looked: object) -> PublisherFormShown:
    """Return the dialog with what was found out."""
    return PublisherFormShown(form, replace(Looked(), **looked), INDEXES, menu, "hash-1")  # type: ignore[arg-type]


FILLED = filled(READING, PublisherProposal("acme/widgets", (Package("widgets"),), "cd.yml", "live", "pypi"))
SEVERAL = filled(READING, MONOREPO)
FORMS = {
    "publisher form typed": shown(BEGUN, menu=False),
    "publisher form reading": shown(READING),
    "publisher form filled": shown(FILLED, name=NameIs.FREE),
    "publisher form several": shown(SEVERAL, notes=(Note(Noted.SEVERAL_PACKAGES, {"names": "one, two"}),)),
    "publisher form chosen": shown(
        replace(SEVERAL, fields={**SEVERAL.fields, "project": "two"}, own=("repository", "project")),
        name=NameIs.UNKNOWN,
        shared_with="one",
    ),
    "publisher form refused": shown(
        BEGUN, problems=(Problem("project", "That can't be <a name>."),), name=NameIs.CLOSED
    ),
    "publisher form notes": shown(
        BEGUN, name=NameIs.THERE, notes=tuple(Note(one, VALUES) for one in Noted)[:10]
    ),
    "publisher form more notes": shown(BEGUN, notes=tuple(Note(one, VALUES) for one in Noted)[10:]),
}
