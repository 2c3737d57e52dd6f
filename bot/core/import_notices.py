"""What the bot has to say of setting many packages up at once, as facts.

Knows: the closed set of these notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from bot.core.importing import Fate, Lack, Tally, Verdict
from bot.core.outcomes import ByHand
from storage.records import ImportState, Reason, Registration

NONE = Tally()


class ImportOutcome(StrEnum):
    """Why nothing was begun; only ever grows."""

    NOT_A_MEMBER = "not_a_member"
    """Only full members of the workspace may."""
    CANNOT_TELL = "cannot_tell"
    """Slack did not say who somebody is."""
    CHOSEN_ALREADY = "chosen_already"
    DRY_RUN = "dry_run"
    GONE = "gone"
    """There is no such list here."""
    NO_LIST = "no_list"
    """The list is not there yet."""
    NOT_NAMED = "not_named"
    """The policy names others for it."""
    MANY_TEAMS = "many_teams"
    """One credential serves many teams, and what it sees is not one team's."""


@dataclass(frozen=True, slots=True)
class ImportLine:
    """One package of the list."""

    number: int
    project: str
    slug: str
    verdict: Verdict
    lacks: tuple[Lack, ...] = ()
    detail: str = ""
    fate: Fate = Fate.LISTED
    private: bool = False


@dataclass(frozen=True, slots=True)
class ImportShown:
    """The one message of an import: edited as it goes on."""

    import_id: str
    owner: str
    index: str
    asked_by: str
    state: ImportState
    dry_run: bool = False
    repositories: int = 0
    looked: int = 0
    archived: int = 0
    forks: int = 0
    others: int = 0
    """Without Python."""
    unseen: tuple[str, ...] = ()
    """Repositories that could not be looked at."""
    lines: tuple[ImportLine, ...] = ()
    """The first of the list, or those that were chosen."""
    total: int = 0
    """Packages in the list."""
    ready: int = 0
    """Packages that could be set up now."""
    tally: Tally = NONE
    chosen_by: str = ""
    detail: str = ""
    """Why there is no list, or why there may be more repositories."""


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """The content of the dialog in which is chosen what is set up."""

    view_id: str
    import_id: str
    index: str
    channel: str
    """Where the dialog was opened."""
    lines: tuple[ImportLine, ...] = ()
    total: int = 0
    dry_run: bool = False
    refused: ImportOutcome | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImportForm:
    """One publisher that a person registers in the index's form."""

    publisher_id: str
    registration: Registration
    form: ByHand


@dataclass(frozen=True, slots=True)
class ImportForms:
    """What is left to a person, a few publishers together."""

    index: str
    index_url: str
    rows: tuple[ImportForm, ...]


@dataclass(frozen=True, slots=True)
class ImportCause:
    """Why some did not succeed, told once for all of them."""

    reason: Reason
    detail: str
    example: Registration
    projects: tuple[str, ...]
    """The first of them."""
    count: int


@dataclass(frozen=True, slots=True)
class ImportEnded:
    """How it has ended, said once."""

    owner: str
    index: str
    index_url: str
    chosen_by: str
    tally: Tally
    causes: tuple[ImportCause, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportAnswer:
    """Why nothing was begun, for the person who asked."""

    outcome: ImportOutcome
    detail: str = ""


ImportNotice = ImportShown | ImportChoices | ImportForms | ImportEnded | ImportAnswer

IMPORT_KINDS: Mapping[str, type[ImportNotice]] = MappingProxyType(
    {
        "import.shown": ImportShown,
        "import.choices": ImportChoices,
        "import.forms": ImportForms,
        "import.ended": ImportEnded,
        "import.answer": ImportAnswer,
    }
)
