"""What a forge can answer about code, tags, runs and deployments, as values.

Knows: meanings. Must not know: HTTP, addresses, which forge.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.repositories import Repositories, Tree


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository, as the forge writes it: `owner/name`."""

    owner: str
    name: str

    @property
    def slug(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Nothing:
    """The forge answered, and there is none (404)."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """No answer that means anything: time-out, refused connection, rate limit, 5xx, an unreadable answer."""

    detail: str
    """Cause and remedy, cleaned, one line."""
    retry_after: float | None = None
    """Seconds that the forge asked us to wait, if it did."""
    arrived_maybe: bool = False
    """Whether the forge may have acted all the same: look before asking again."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The credential may not do this (401, 403, or a 404 for something that is known to be there)."""

    detail: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The forge took the request for wrong (409, 422): asking the same again won't change that."""

    detail: str


@dataclass(frozen=True, slots=True)
class Exists:
    """There is one already (422 "already exists"); whether it is the wanted one, a look must tell."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The forge did what was asked. `url` is where people see it, "" where there is no such page."""

    url: str = ""
    run_id: int = 0
    """The run that was started, where the forge says so; 0 where it doesn't."""


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """One commit."""

    sha: str
    title: str
    """First line of its message, cleaned, at most 200 characters."""
    author: str
    """The forge's login of its author, else the name in the commit; cleaned."""
    url: str


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """The newest commit of the default branch."""

    branch: str
    commit: CommitFacts


@dataclass(frozen=True, slots=True)
class TagFacts:
    """A tag and the commit that it ends at, however many tag objects lie in between."""

    name: str
    commit: str
    annotated: bool


@dataclass(frozen=True, slots=True)
class ChecksFacts:
    """What CI says of one commit: check runs and commit statuses together."""

    passed: tuple[str, ...]
    """Names; also those that ended neutral or skipped."""
    failed: tuple[str, ...]
    pending: tuple[str, ...]
    runs: tuple[tuple[str, int], ...] = ()
    """(name, workflow run id) of those that belong to a run of the forge's own CI, 0 elsewhere."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What lies between two commits, newest first."""

    total: int
    """Commits in all; `commits` may hold fewer."""
    commits: tuple[CommitFacts, ...]
    contributors: tuple[str, ...]
    """Authors, each once, most commits first."""
    url: str
    """Where people see the whole of it."""
    status: str = "ahead"
    """`ahead`, `behind`, `identical` or `diverged`."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that is attached to the forge's release of a tag."""

    name: str
    id: int
    size: int
    """Bytes."""
    sha256: str
    """Hex; "" where the forge does not say."""


@dataclass(frozen=True, slots=True)
class ForgeRelease:
    """The forge's own release of a tag."""

    url: str
    draft: bool
    prerelease: bool
    assets: tuple[tuple[str, str], ...]
    """(file name, sha256 hex or "") of what is attached."""
    attached: tuple[Asset, ...] = ()
    """The same, as it can be fetched."""


class Conclusion(StrEnum):
    """How a run or job ended; `UNDER_WAY` while it has not."""

    UNDER_WAY = ""
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"
    OTHER = "other"
    """neutral, action_required, stale, startup_failure, and whatever comes later."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run of a workflow."""

    id: int
    attempt: int
    event: str
    """`push`, `release`, `workflow_dispatch`, ..."""
    sha: str
    ref: str
    """The tag or branch that it runs at (`head_branch`)."""
    workflow: str
    """File name of its workflow."""
    status: str
    """The forge's own word: `queued`, `waiting`, `in_progress`, `completed`, ..."""
    conclusion: Conclusion
    url: str
    created_at: datetime

    @property
    def ended(self) -> bool:
        """Whether it has come to an end, good or bad."""
        return self.conclusion is not Conclusion.UNDER_WAY


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One job of a run's newest attempt."""

    id: int
    name: str
    status: str
    """`queued`, `waiting`, `in_progress`, `completed`, ..."""
    conclusion: Conclusion
    url: str
    failed_step: str = ""
    """The first step that failed."""


@dataclass(frozen=True, slots=True)
class WaitingDeployment:
    """An environment whose protection rules hold a run's job back."""

    environment: str
    environment_id: int
    may_approve: bool
    """Whether our credential may approve it (`current_user_can_approve`)."""
    reviewers: tuple[str, ...] = ()
    """Logins and team names that may."""


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """What a run has kept: a zip of files."""

    id: int
    name: str
    size: int
    """Bytes of the zip."""
    digest: str
    """sha256 of the zip, hex; "" where the forge does not say."""
    expired: bool


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A distribution file that a run built, by its own bytes."""

    filename: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file was fetched whole."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class PullFacts:
    """A pull request with which a commit came."""

    number: int
    merged: bool
    into: str
    """`owner/name` of the repository that it was for."""


@dataclass(frozen=True, slots=True)
class EnvironmentFacts:
    """An environment of a repository."""

    name: str
    reviewers: tuple[str, ...] = ()
    """Logins and team names of whom one must agree before a job with it runs."""
    restricted: bool = False
    """Whether only some branches and tags may deploy to it."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """A user or organization."""

    login: str
    """In the forge's own spelling."""
    id: int
    kind: str
    """`User`, `Organization`, ..."""


@dataclass(frozen=True, slots=True)
class OpenPull:
    """A pull request that is open."""

    number: int
    url: str
    branch: str
    """The branch whose changes it proposes."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file as it is to be on a branch."""

    branch: str
    path: str
    text: str
    message: str
    replaces: str = ""
    """What git calls the file that is there now; "" for none."""


@dataclass(frozen=True, slots=True)
class PullDraft:
    """A pull request to be opened."""

    branch: str
    into: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class PermissionFacts:
    """What somebody may do in a repository."""

    user_id: int
    login: str
    permission: str
    """`admin`, `maintain`, `write`, `read` or `none`."""

    @property
    def may_push(self) -> bool:
        """Whether it suffices to push."""
        return self.permission in {"admin", "maintain", "write"}


HeadOutcome = HeadFacts | Nothing | Unsure
CommitOutcome = CommitFacts | Nothing | Unsure
TagOutcome = TagFacts | Nothing | Unsure
TextOutcome = str | Nothing | Unsure
ChecksOutcome = ChecksFacts | Nothing | Unsure
CompareOutcome = Compared | Nothing | Unsure
ReleaseOutcome = ForgeRelease | Nothing | Unsure
RunsOutcome = tuple[RunFacts, ...] | Nothing | Unsure
RunOutcome = RunFacts | Nothing | Unsure
JobsOutcome = tuple[JobFacts, ...] | Nothing | Unsure
WaitingOutcome = tuple[WaitingDeployment, ...] | Nothing | Unsure
ArtifactsOutcome = tuple[ArtifactFacts, ...] | Nothing | Unsure
BuiltOutcome = tuple[BuiltFile, ...] | Nothing | Invalid | Unsure
FetchOutcome = Fetched | Nothing | Invalid | Unsure
PullsOutcome = tuple[PullFacts, ...] | Nothing | Unsure
CommentsOutcome = tuple[str, ...] | Nothing | Unsure
"""What each comment says, as it was written; Nothing also where it may not be seen."""
EnvironmentsOutcome = tuple[EnvironmentFacts, ...] | Nothing | Unsure
AccountOutcome = AccountFacts | Nothing | Unsure
OpenPullsOutcome = tuple[OpenPull, ...] | Nothing | Unsure
PermissionOutcome = PermissionFacts | Nothing | Unsure
FilesOutcome = tuple[str, ...] | Nothing | Unsure
"""Names of the files in a folder."""
TreeOutcome = Tree | Nothing | Unsure
RepositoriesOutcome = Repositories | Nothing | Unsure
"""Nothing where the forge knows no such owner."""
ActOutcome = Done | Exists | Forbidden | Invalid | Nothing | Unsure
