"""What the workflows need of the world, as protocols.

Knows: meanings. Must not know: who fulfils them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from bot.core.audit_notices import AuditFile
from bot.core.distributions import Distribution
from bot.core.forge import (
    AccountOutcome,
    ActOutcome,
    ArtifactsOutcome,
    BuiltOutcome,
    ChecksOutcome,
    CommentsOutcome,
    CommitOutcome,
    CompareOutcome,
    EnvironmentsOutcome,
    FetchOutcome,
    FileChange,
    FilesOutcome,
    HeadOutcome,
    JobsOutcome,
    OpenPullsOutcome,
    PermissionOutcome,
    PullDraft,
    PullsOutcome,
    ReleaseOutcome,
    Repo,
    RepositoriesOutcome,
    RunOutcome,
    RunsOutcome,
    TagOutcome,
    TextOutcome,
    TreeOutcome,
    WaitingOutcome,
)
from bot.core.home_notices import HomePage
from bot.core.identity import IdentityOutcome
from bot.core.oauth1 import AccessOutcome, Grant, TokenOutcome, TokenPair
from bot.core.outcomes import (
    AttestationOutcome,
    ByHand,
    DownloadOutcome,
    FeedName,
    FeedOutcome,
    ListOutcome,
    Login,
    ProvenanceOutcome,
    RegisterOutcome,
    SimpleOutcome,
    UploadOutcome,
    VersionOutcome,
)
from bot.core.people import GroupOutcome, PersonOutcome
from bot.core.repositories import RepositoryFacts
from bot.core.sites import Sites
from bot.core.steps import Ending
from storage.records import OutboxItem, Registration, Secret

Clock = Callable[[], datetime]
"""Gives the time now, aware, UTC."""


class Index(Sites, Protocol):
    """The package indexes. No method raises for what an index answers or fails to answer: outcomes are values."""

    async def register(self, registration: Registration, token: Secret) -> RegisterOutcome:
        """Ask the index to register a publisher."""

    async def publishers(self, index: str, project: str, token: Secret) -> ListOutcome:
        """Ask for the index's own list of a project's publishers."""

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Look a project up in the simple index."""

    async def provenance(self, index: str, url: str) -> ProvenanceOutcome:
        """Read who published an attested file."""

    async def version(self, index: str, project: str, version: str) -> VersionOutcome:
        """Look one version up in the project JSON."""

    async def download(self, index: str, url: str) -> DownloadOutcome:
        """Read a file to its end and hash it; addresses as the simple index gave them."""

    async def upload(
        self, index: str, file: Distribution, content: BinaryIO, login: Login | Grant, seconds: float
    ) -> UploadOutcome:
        """Send one file, once, by a login or a grant; where its answer is lost it may have arrived, and a look must tell."""

    async def attested(
        self, index: str, provenance_url: str, filename: str, sha256: str
    ) -> AttestationOutcome:
        """Fetch a file's attestation and verify it against the file's name and digest."""

    def by_hand(self, registration: Registration, *, project_exists: bool | None) -> ByHand:
        """Return how a person registers it in a browser."""


class IndexFeeds(Protocol):
    """The feeds of the package indexes. No method raises for what an index answers or fails to answer."""

    async def feed(self, index: str, name: FeedName, etag: str = "", modified: str = "") -> FeedOutcome:
        """Read one of an index's feeds; Absent where it has none, or the settings say that none is read."""


class Forge(Protocol):
    """Where the code and its CI live. No method raises for what the forge answers or fails to answer."""

    async def head(self, repo: Repo) -> HeadOutcome:
        """Return the newest commit of the default branch."""

    async def commit(self, repo: Repo, ref: str) -> CommitOutcome:
        """Return the commit that a sha or branch names."""

    async def tag(self, repo: Repo, tag: str) -> TagOutcome:
        """Return a tag with the commit it ends at, following annotated tags."""

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return a file's text at a commit."""

    async def checks(self, repo: Repo, sha: str) -> ChecksOutcome:
        """Return what CI says of a commit."""

    async def compare(self, repo: Repo, base: str, head: str) -> CompareOutcome:
        """Return what lies between two refs."""

    async def release(self, repo: Repo, tag: str) -> ReleaseOutcome:
        """Return the forge's release of a tag."""

    async def make_tag(self, repo: Repo, tag: str, sha: str, message: str) -> ActOutcome:
        """Make an annotated tag at a commit. Exists where the ref is there; the caller looks where it points."""

    async def make_release(
        self, repo: Repo, tag: str, name: str, body: str, *, prerelease: bool
    ) -> ActOutcome:
        """Make the forge's release of a tag that exists."""

    async def dispatch(
        self, repo: Repo, workflow: str, ref: str, inputs: Mapping[str, str] | None = None
    ) -> ActOutcome:
        """Start a workflow at a tag or branch, with the inputs that it takes."""

    async def runs(self, repo: Repo, workflow: str, sha: str, event: str) -> RunsOutcome:
        """Return a workflow's runs for a commit ("": any) and event, newest first."""

    async def run(self, repo: Repo, run_id: int) -> RunOutcome:
        """Return one run."""

    async def jobs(self, repo: Repo, run_id: int) -> JobsOutcome:
        """Return the jobs of a run's newest attempt."""

    async def waiting(self, repo: Repo, run_id: int) -> WaitingOutcome:
        """Return the deployments that wait for a review."""

    async def approve(
        self, repo: Repo, run_id: int, environment_ids: tuple[int, ...], comment: str
    ) -> ActOutcome:
        """Approve a run's waiting deployments."""

    async def rerun(self, repo: Repo, run_id: int) -> ActOutcome:
        """Run a failed run's failed jobs again."""

    async def log_tail(self, repo: Repo, job_id: int) -> TextOutcome:
        """Return the last lines of a job's log, cleaned of control characters and secrets."""

    async def artifacts(self, repo: Repo, run_id: int) -> ArtifactsOutcome:
        """Return what a run has kept."""

    async def built(self, repo: Repo, artifact_id: int) -> BuiltOutcome:
        """Return the distribution files (`.whl`, `.tar.gz`, `.zip`) inside an artifact, hashed."""

    async def save_artifact(self, repo: Repo, artifact_id: int, into: BinaryIO) -> FetchOutcome:
        """Fetch what a run has kept, a zip, into a file."""

    async def save_asset(self, repo: Repo, asset_id: int, into: BinaryIO) -> FetchOutcome:
        """Fetch what is attached to a release into a file."""


class PullRequests(Protocol):
    """The part of a forge where people are told what has become of their work; no method raises."""

    async def compare(self, repo: Repo, base: str, head: str) -> CompareOutcome:
        """Return what lies between two refs."""

    async def pulls(self, repo: Repo, sha: str) -> PullsOutcome:
        """Return the pull requests with which a commit came."""

    async def comments(self, repo: Repo, number: int, since: datetime) -> CommentsOutcome:
        """Return what was said on a pull request since a moment."""

    async def comment(self, repo: Repo, number: int, body: str) -> ActOutcome:
        """Say something on a pull request."""


class Setting(Protocol):
    """The part of a forge where publishing is set up; no method raises."""

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Look at a repository and one of its workflow files on the default branch."""

    async def head(self, repo: Repo) -> HeadOutcome:
        """Return the newest commit of the default branch."""

    async def commit(self, repo: Repo, ref: str) -> CommitOutcome:
        """Return the commit that a sha or branch names."""

    async def compare(self, repo: Repo, base: str, head: str) -> CompareOutcome:
        """Return what lies between two refs."""

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return a file's text at a commit or branch."""

    async def files(self, repo: Repo, folder: str, ref: str) -> FilesOutcome:
        """Return the names of the files in a folder."""

    async def environments(self, repo: Repo) -> EnvironmentsOutcome:
        """Return a repository's environments."""

    async def account(self, login: str) -> AccountOutcome:
        """Return a user or organization."""

    async def open_pulls(self, repo: Repo, branch: str) -> OpenPullsOutcome:
        """Return the open pull requests that propose a branch of the repository itself."""

    async def make_branch(self, repo: Repo, branch: str, sha: str) -> ActOutcome:
        """Make a branch at a commit. Exists where there is one; the caller looks what it holds."""

    async def put_file(self, repo: Repo, change: FileChange) -> ActOutcome:
        """Make or replace one file on a branch, with a commit of its own."""

    async def open_pull(self, repo: Repo, draft: PullDraft) -> ActOutcome:
        """Open a pull request. Exists where the branch has an open one; the caller looks which."""

    async def make_environment(self, repo: Repo, name: str, reviewer_ids: tuple[int, ...]) -> ActOutcome:
        """Make an environment that is not there; the rules of one that is would be replaced."""


class Reading(Protocol):
    """The part of a forge where a repository's files are read; no method raises."""

    async def look(self, owner: str, repository: str, workflow: str) -> RepositoryFacts:
        """Look at a repository and one of its workflow files on the default branch."""

    async def commit(self, repo: Repo, ref: str) -> CommitOutcome:
        """Return the commit that a sha or branch names."""

    async def tree(self, repo: Repo, sha: str) -> TreeOutcome:
        """Return the paths of all files of a commit."""

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return a file's text at a commit or branch."""


class Catalog(Protocol):
    """The part of a forge where repositories are found; no method raises."""

    async def repositories(self, owner: str = "") -> RepositoriesOutcome:
        """Return the repositories that our credential sees, of one owner or of all, newest push first."""


class Accounts(Protocol):
    """The part of a forge where people sign in; no method raises."""

    def page(self, state: str, verifier: str) -> str:
        """Return the page on which somebody signs in."""

    async def account(self, code: str, verifier: str) -> AccountOutcome:
        """Return whose the code is that a browser brought back."""


class IndexGrants(Protocol):
    """The OAuth 1.0a facilities of the indexes that have one; no method raises for what an index does."""

    def page(self, index: str, pair: TokenPair, callback: str) -> str:
        """Return the index's page on which a person says yes or no; `callback` has no query."""

    async def request_token(self, index: str) -> TokenOutcome:
        """Ask for a request token."""

    async def access_token(self, index: str, pair: TokenPair) -> TokenOutcome:
        """Ask for the access token of whoever has said yes to a request token; asked again, the same one."""

    async def whose(self, index: str, pair: TokenPair) -> AccessOutcome:
        """Ask whose an access token is."""


class OpenId(Protocol):
    """Where people sign in with Slack; no method raises."""

    def page(self, state: str, nonce: str) -> str:
        """Return the page on which somebody signs in."""

    async def who(self, code: str, nonce: str) -> IdentityOutcome:
        """Return whose the code is that a browser brought back."""


class Rights(Protocol):
    """The part of a forge where it stands who may do what; no method raises."""

    async def permission(self, repo: Repo, login: str) -> PermissionOutcome:
        """Return what somebody may do in a repository; Nothing for who has no part in it."""


class People(Protocol):
    """Who somebody is in Slack. No method raises for what Slack answers or fails to answer."""

    async def person(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return what a user is."""

    async def person_now(self, slack_team_id: str, user: str) -> PersonOutcome:
        """Return what a user is at this moment: for what is decided, where nobody's memory counts."""

    async def group(self, slack_team_id: str, group: str) -> GroupOutcome:
        """Return the members of a user group."""

    async def handles(self, slack_team_id: str) -> Mapping[str, str]:
        """Return the user groups by id, with their handles; none where that can't be told."""

    async def token(self, slack_team_id: str) -> str:
        """Return what Slack says of the token that is kept now: `LIVES`, its word against it, or why it does not say."""


@dataclass(frozen=True, slots=True)
class Said:
    """Slack has the message; `ts` is its id there, "" where it has none (answers to one person)."""

    ts: str = ""
    channel: str = ""
    """Where it lies, where that is not where it was sent to."""


@dataclass(frozen=True, slots=True)
class SayLater:
    """Not said, or not known to be."""

    error: str
    arrived_maybe: bool
    """Whether Slack may have it all the same, so that the next try must look first."""
    seconds: float | None = None
    """How long Slack asked us to wait; None: our own back-off."""
    asker_told: bool = False
    """Whether who asked has heard that it waits for the bot to be invited."""
    limited: bool = False
    """Whether that was for too much in the channel, so that nothing else is to be said there either."""


@dataclass(frozen=True, slots=True)
class NeverSay:
    """Slack will not take it, now or later."""

    error: str


Delivery = Said | SayLater | NeverSay


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The Home tab is not as it was thought to be: somebody else has shown something there meanwhile."""


class HomeScreen(Protocol):
    """Shows people their Home tabs. Does not raise for what Slack answers or fails to answer."""

    async def publish(
        self, slack_team_id: str, user: str, page: HomePage, shown: str
    ) -> Delivery | Overtaken:
        """Show a page to one person, unless the tab is not `shown` any more ("": whatever it is); Said is what it is now."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Slack has a file that nobody sees yet."""

    file_id: str


class Files(Protocol):
    """Gives files to one person. No method raises for what Slack answers or fails to answer."""

    async def place(
        self, slack_team_id: str, name: str, content: tuple[BinaryIO, int]
    ) -> Placed | SayLater | NeverSay:
        """Upload a file that nobody sees yet; `content` is (what it holds, its length)."""

    async def share(
        self, to: tuple[str, str], file_id: str, notice: AuditFile, since: datetime | None
    ) -> Delivery:
        """Give an uploaded file to one person (Slack team, user), unless `since` then it was given already.

        None: it can't have been.
        """


class Notifier(Protocol):
    """Says one message of the outbox. Does not raise for what Slack answers or fails to answer."""

    async def deliver(self, item: OutboxItem, *, maybe_said: bool) -> Delivery:
        """Send it, unless `maybe_said` and the channel's history shows that it was said already."""


class Completer(Protocol):
    """Tells Slack how a step of a workflow ended. Does not raise for what Slack answers or fails to answer."""

    async def complete(self, slack_team_id: str, execution_id: str, ending: Ending) -> Delivery:
        """Tell it; Said too where Slack knows already."""
