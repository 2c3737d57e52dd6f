"""The dialog that registers a publisher, as it stands: what a person has typed, what a repository has filled in.

Knows: which fields may be filled in. Must not know: Slack, wording, how a repository is read.
Written words are forever: these lie in the inbox and the outbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.core.names import DEFAULT_ENVIRONMENT, DEFAULT_INDEX, DEFAULT_WORKFLOW, MAX_LENGTH, Problem
from bot.core.proposals import Note, Package, PublisherProposal

USUAL: Mapping[str, str] = {
    "project": "",
    "repository": "",
    "workflow": DEFAULT_WORKFLOW,
    "environment": DEFAULT_ENVIRONMENT,
    "index": DEFAULT_INDEX,
}
"""What stands in the fields that nobody has filled in."""
READ = ("project", "workflow", "environment")
"""Fields that are read from the repository."""


class NameIs(StrEnum):
    """How a project's name stands on the index."""

    NOT_ASKED = "not_asked"
    FREE = "free"
    THERE = "there"
    CLOSED = "closed"
    """Archived or quarantined: it takes no uploads."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Form:
    """The dialog's fields."""

    view_id: str
    """Our own name for the dialog."""
    fields: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))
    own: tuple[str, ...] = ()
    """Names of the fields that the person has typed or chosen: nothing replaces those."""
    rounds: Mapping[str, int] = field(default_factory=dict)
    """In which round each field was made; a field made anew forgets what was typed into it."""
    round: int = 0
    packages: tuple[Package, ...] = ()
    """The packages to choose from; empty: the name is typed."""
    channel: str = ""
    """Where the dialog was opened."""
    reading: bool = False
    """Whether the fields that the repository is to fill in are hidden, so that nothing is typed into them meanwhile."""

    def hides(self, name: str) -> bool:
        """Whether a field is not there while the repository is read."""
        return self.reading and name in READ and name not in self.own


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out about the fields."""

    problems: tuple[Problem, ...] = ()
    """What the index would refuse."""
    notes: tuple[Note, ...] = ()
    """What is to be known about the repository."""
    name: NameIs = NameIs.NOT_ASKED
    shared_with: str = ""
    """The project for which the very same publisher is pending, so that the index would refuse this one; "" for none."""


@dataclass(frozen=True, slots=True)
class PublisherFormShown:
    """The content of the dialog that registers a publisher."""

    form: Form
    looked: Looked
    indexes: tuple[str, ...]
    menu: bool
    """Whether repositories are offered."""
    hash: str = ""
    """The dialog as it was; another one is left alone. "" for whatever is there."""


def begun(view_id: str, typed: Mapping[str, str], indexes: tuple[str, ...], channel: str) -> Form:
    """Return the dialog with what was typed in a command; with a repository it is read first."""
    own = tuple(name for name in USUAL if typed.get(name))
    fields = {name: typed.get(name, usual) for name, usual in USUAL.items()}
    if fields["index"] not in indexes and indexes:
        fields["index"] = indexes[0]
    return Form(view_id, fields, own, channel=channel)


def filled(form: Form, proposal: PublisherProposal) -> Form:
    """Return the dialog with what the repository says in every field that is not the person's own."""
    only = proposal.packages[0].name if len(proposal.packages) == 1 else ""
    told = {
        "project": only,
        "workflow": proposal.workflow,
        "environment": proposal.environment,
        "index": proposal.index,
    }
    several = proposal.packages if len(proposal.packages) > 1 else ()
    return replace(_renewed(form, told), packages=several)


def another_environment(form: Form) -> Form:
    """Return the dialog with an environment of this package alone, where that field is not the person's own."""
    found = f"{form.fields['environment'] or DEFAULT_ENVIRONMENT}-{form.fields['project']}"
    return _renewed(form, {"environment": found[: MAX_LENGTH["environment"]]})


def _renewed(form: Form, told: Mapping[str, str]) -> Form:
    """Return the dialog with these values; a field that changes, or was hidden, is made anew."""
    number = form.round + 1
    mine = {name: value for name, value in told.items() if name not in form.own}
    anew = [name for name, value in mine.items() if form.hides(name) or value != form.fields[name]]
    rounds = {**form.rounds, **dict.fromkeys(anew, number)}
    return replace(form, fields={**form.fields, **mine}, rounds=rounds, round=number, reading=False)
