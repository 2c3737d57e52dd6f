"""What people can want of publishers: one, or many at once.

Knows: their fields. Must not know: how they are carried out.
Written words are forever: a kind that was ever written keeps its fields.
"""

from dataclasses import dataclass

from bot.core.publisher_forms import Form
from storage.records import Registration


@dataclass(frozen=True, slots=True)
class AddPublisher:
    """Register a trusted publisher and tell `channel` about it."""

    registration: Registration
    channel: str


@dataclass(frozen=True, slots=True)
class ListPublishers:
    """Show the team's publishers."""


@dataclass(frozen=True, slots=True)
class CheckPublisher:
    """Look at one publisher now and say how it stands."""

    project: str
    index: str
    """"" for whichever index the project is on."""


@dataclass(frozen=True, slots=True)
class RemovePublisher:
    """Stop watching a publisher."""

    project: str
    index: str


@dataclass(frozen=True, slots=True)
class SubmittedByHand:
    """The person says that the index's form is filled in and sent."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Ask for the same registration once more."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ShowSetup:
    """Fill the dialog that was opened as "loading" with the pull request that would set a publisher up."""

    view_id: str
    publisher_id: str


@dataclass(frozen=True, slots=True)
class FillPublisherForm:
    """Fill in the dialog that registers a publisher, or say what the index would refuse of what stands there."""

    form: Form
    hash: str = ""
    """What Slack calls the dialog as it stands; "" for however it stands."""


@dataclass(frozen=True, slots=True)
class OpenSetupPull:
    """Open the pull request that was shown."""

    publisher_id: str
    digest: str
    """A name for exactly what was shown."""
    make_environment: bool = False
    reviewers: tuple[str, ...] = ()
    """Logins of whom one must agree before the environment's jobs run."""


@dataclass(frozen=True, slots=True)
class ConfirmNow:
    """Let the workflow's `confirm` job run, which makes a pending publisher real."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ToOrganization:
    """Say that a publisher which waits for a place goes to an organization's page, which has no such places."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Look after a publisher whose asker has left."""

    publisher_id: str


@dataclass(frozen=True, slots=True)
class ImportOwner:
    """List an owner's Python repositories, with what each lacks, so that somebody may choose what is set up."""

    owner: str
    """"" for all that the forge's credential sees."""
    index: str
    dry_run: bool = False
    """Whether it stays a list."""


@dataclass(frozen=True, slots=True)
class ShowImport:
    """Fill the dialog that was opened as "loading" with the packages of an import."""

    view_id: str
    import_id: str


@dataclass(frozen=True, slots=True)
class SetUpImport:
    """Register the publishers of the packages that were chosen."""

    import_id: str
    chosen: tuple[int, ...]
    """Places in the list."""
