"""What the bot has to say of setting a publisher up, as facts.

Knows: the closed set of these notices. Must not know: wording, Slack.
Written words are forever: these lie in the outbox, so a kind keeps its fields, and new fields get defaults.
"""

from dataclasses import dataclass
from enum import StrEnum

from storage.records import Registration


class Outcome(StrEnum):
    """How asking for a pull request, or making an environment, ended; only ever grows."""

    OPENED = "opened"
    ALREADY_OPEN = "already_open"
    CHANGED = "changed"
    """What was shown is not what would be proposed now."""
    NOTHING = "nothing"
    """There is nothing that a pull request would mend."""
    LINES = "lines"
    """Only the job that confirms is lacking: the lines are shown, to be put in by hand."""
    NOT_OURS = "not_ours"
    """The branch holds other people's commits."""
    DEFAULT_BRANCH = "default_branch"
    """The branch is the default one, which is never written to."""
    REFUSED = "refused"
    UNSURE = "unsure"
    """No answer that means anything: it may be done all the same."""
    NOT_A_MEMBER = "not_a_member"
    """Only full members of the workspace may."""
    NOT_WANTED = "not_wanted"
    MADE = "made"
    THERE = "there"
    """It was there before, and was left as it is."""


@dataclass(frozen=True, slots=True)
class SetupShown:
    """The content of the dialog in which a pull request is shown before it is opened."""

    view_id: str
    publisher_id: str
    registration: Registration
    outcome: Outcome
    """OPENED: it can be opened; else why it can't."""
    detail: str = ""
    url: str = ""
    """Of the pull request that is open already."""
    path: str = ""
    branch: str = ""
    into: str = ""
    difference: str = ""
    """The file as it will be, or what changes in it; cut to fit."""
    left_out: int = 0
    """Lines that did not fit."""
    new: bool = True
    """Whether the file is new."""
    beside: str = ""
    """The workflow beside which it is put, "" for none."""
    digest: str = ""
    """A name for exactly what is shown."""
    environment: bool | None = None
    """Whether the environment is there; None: nobody can tell, or none is wanted."""
    channel: str = ""
    """Where the dialog was opened."""


@dataclass(frozen=True, slots=True)
class PullOpened:
    """A pull request that sets a project up is open; told to the channel once."""

    registration: Registration
    url: str
    path: str
    asked_by: str
    environment: Outcome = Outcome.NOT_WANTED
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullAnswer:
    """How a person's wish for a pull request ended."""

    registration: Registration
    outcome: Outcome
    detail: str = ""
    url: str = ""
    path: str = ""
    """The file that it proposes, "" where that was not looked at."""
    environment: Outcome = Outcome.NOT_WANTED
    environment_detail: str = ""
