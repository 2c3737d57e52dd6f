"""What an index can answer, as values: "no" is a value, "broken" is an exception elsewhere.

Knows: meanings. Must not know: HTTP, URLs, Slack.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from storage.records import Evidence, Reason, ReleaseReason, Secret


@dataclass(frozen=True, slots=True)
class Registered:
    """The index took the registration (201); it is pending there."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The index said no, and asking the same again won't change that."""

    reason: Reason
    detail: str = ""
    """What the index itself said, cleaned: one line, no markup, no token, at most 300 characters."""
    blames_token: bool = False
    """Whether it is the credential that was refused (401, 403), so that it is not used again."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The index has this registration already (409): somebody's, or ours from an earlier try."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotOffered:
    """The index has no such API (404, 405, 501 or an HTML page): another way must do."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """No answer that means anything yet: time-out, refused connection, 429, 5xx."""

    reason: Reason
    detail: str = ""
    retry_after: float | None = None
    """Seconds that the index asked us to wait, if it did."""
    arrived_maybe: bool = False
    """Whether the index may have acted all the same (time-out after sending, 5xx): look before asking again."""


@dataclass(frozen=True, slots=True)
class ListedPublisher:
    """One entry of an index's list of publishers."""

    project: str
    owner: str
    repository: str
    workflow: str
    environment: str
    active: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """The index's own list for one project, and the evidence that it is."""

    publishers: tuple[ListedPublisher, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Absent:
    """The simple index does not know the project (404)."""


@dataclass(frozen=True, slots=True)
class SimpleFile:
    """One file of a project in the simple index."""

    filename: str
    version: str
    """"" where the file name does not parse."""
    provenance_url: str
    """"" where the index has none."""
    uploaded_at: str
    """ISO 8601 as the index wrote it; "" where it did not."""
    sha256: str = ""
    """Hex; "" where the index does not say."""
    url: str = ""
    """Where its bytes are; may be on another host. "" where the index gives none that can be asked."""
    size: int | None = None
    """Bytes."""
    yanked: str | None = None
    """Why it was yanked, maybe ""; None: it was not."""


@dataclass(frozen=True, slots=True)
class Present:
    """The simple index knows the project, maybe still without a file."""

    files: tuple[SimpleFile, ...]
    status: str
    """PEP 792 project status: `active`, `archived`, `quarantined`, ..."""
    etag: str
    evidence: Evidence
    attests: bool = False
    """Whether the index says of its files whether they have a provenance (PEP 740)."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """304: nothing has changed since the etag that we sent."""


class FeedName(StrEnum):
    """The feeds of an index that tell what is new anywhere on it. Written words: they only grow."""

    PACKAGES = "packages"
    """The 40 newest projects, once they have a release."""
    UPDATES = "updates"
    """The 100 newest releases."""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A project, or a version of one, that a feed tells of."""

    project: str
    """Normalized."""
    version: str = ""
    """"" in the feed of new projects."""
    at: str = ""
    """ISO 8601 in UTC; "" where the feed gives no time that can be read."""


@dataclass(frozen=True, slots=True)
class Fed:
    """What a feed tells, newest first as the index has it, and by what to ask whether it has changed since."""

    entries: tuple[FeedEntry, ...]
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who published an attested file, as its provenance says; "" where it does not."""

    kind: str
    repository: str
    workflow: str
    environment: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ByHand:
    """How a person registers the publisher in a browser."""

    url: str
    prefilled: bool
    """Whether the page takes the values from the link; else each must be copied."""
    fields: tuple[tuple[str, str], ...]
    """The form's labels and what goes there, in the form's order."""


RegisterOutcome = Registered | Refused | Taken | NotOffered | TryLater
ListOutcome = Listed | NotOffered | Refused | TryLater
SimpleOutcome = Absent | Present | Unchanged | TryLater
ProvenanceOutcome = Provenance | Absent | TryLater
FeedOutcome = Fed | Absent | Unchanged | TryLater


@dataclass(frozen=True, slots=True)
class ProjectVersion:
    """One version in the project JSON: that the index has accepted it."""

    version: str
    filenames: tuple[str, ...]
    latest: str
    """The project's newest version, as the index sees it; "" where it does not say."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file's own bytes, read to the end and hashed; they are kept nowhere."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A file longer than is read for hashing."""

    limit: int


@dataclass(frozen=True, slots=True)
class Attested:
    """A file's attestation whose signature holds, and what its certificate says of where it was made."""

    repository: str
    """`owner/name`."""
    workflow: str
    """File name."""
    environment: str
    """"" where it does not say."""
    commit: str
    ref: str
    url: str
    """Where the provenance was read."""


@dataclass(frozen=True, slots=True)
class NotAttested:
    """A provenance is there, and what it holds does not verify: the signature, the digest or the certificate."""

    detail: str


VersionOutcome = ProjectVersion | Absent | TryLater
DownloadOutcome = Downloaded | Absent | TooLarge | TryLater
AttestationOutcome = Attested | NotAttested | Absent | TryLater


@dataclass(frozen=True, slots=True)
class Login:
    """With what a file is uploaded: basic authentication. An API token's user is the index's own word, `__token__`."""

    user: Secret = field(repr=False)
    password: Secret = field(repr=False)
    one_time: Secret | None = field(default=None, repr=False)
    """The code that goes along this once; where it goes the index's settings say."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The index has the file: it took it now, or had the very same one already."""


@dataclass(frozen=True, slots=True)
class FileThere:
    """The index has, or had, a file of this name and takes no other: whether it is the same, a look must tell."""

    detail: str = ""
    """What the index itself said, cleaned."""


@dataclass(frozen=True, slots=True)
class UploadRefused:
    """The index did not take the file, and the same again won't change that."""

    reason: ReleaseReason
    detail: str = ""
    """What the index itself said, cleaned."""
    blames_token: bool = False
    """Whether the credential is good for nothing at all, so that it is not used again."""


UploadOutcome = Uploaded | FileThere | UploadRefused | TryLater
