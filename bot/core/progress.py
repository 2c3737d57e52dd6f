"""What has been seen of a release's run and of the index, as it lies in the database and is shown.

Knows: the shape. Must not know: how it was seen, wording.
Written words are forever: this lies in the database, so a field keeps its meaning, and new ones get defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JobSeen:
    """One job of the run, as last seen."""

    name: str
    status: str
    """The forge's word: `queued`, `waiting`, `in_progress`, `completed`."""
    conclusion: str = ""
    url: str = ""
    id: int = 0
    """The forge's number of it; 0 where an older version did not keep it."""


@dataclass(frozen=True, slots=True)
class FileSeen:
    """One file of the release on the index."""

    filename: str
    sha256: str
    downloaded: bool = False
    attested: bool = False
    too_large: bool = False
    """Whether it is there, but longer than is read, so that nobody has hashed it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far run and index have come."""

    override: str = ""
    """Why it was asked for in spite of a freeze; "" where it was not."""
    tag_made: bool = False
    """Whether the tag is there, at the approved commit."""
    known_runs: tuple[int, ...] | None = None
    """Runs that were there before the workflow was dispatched; None: not looked yet."""
    started: bool = False
    """The act that starts the run is done (or nothing has to be done)."""
    release_url: str = ""
    """The forge's own release, where one was made."""
    run_url: str = ""
    run_attempt: int = 0
    rerun_of: int = 0
    """The attempt that a retry is to come after; 0: none is asked for."""
    waits_for: str = ""
    """Environment whose reviewers the run waits for."""
    waits_told: bool = False
    approved_environments: tuple[str, ...] = ()
    jobs: tuple[JobSeen, ...] = ()
    expected: tuple[tuple[str, str], ...] = ()
    """(file name, sha256) of what the run built, where that could be seen."""
    expected_known: bool = False
    """Whether it was looked for to the end."""
    sent: tuple[str, ...] = ()
    """Names of the expected files that the index has taken, or had already, where the bot uploads them."""
    paged: bool | None = None
    """Whether the index has a page for each version, as PyPI has and pypiserver and devpi have not; None: not known."""
    accepted_at: datetime | None = None
    installable_at: datetime | None = None
    downloadable_at: datetime | None = None
    attested_at: datetime | None = None
    files: tuple[FileSeen, ...] = ()
    etag: str = ""
    not_verified: str = ""
    """What could not be verified in time; "" where all was."""
    looks: int = 0
    """Looks in this state."""
    at: Mapping[str, datetime] = field(default_factory=dict)
    """When what the bot does and sees on the forge was done or seen last, by the step's word (`release_notices.Step`)."""
    trouble: str = ""
    """What was in the way at the last look; "" where nothing was."""
