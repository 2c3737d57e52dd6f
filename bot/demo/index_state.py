"""What one index remembers, and the deeds that change it.

Knows: the index's rules (who owns what, what is unique, when a pending publisher ends). Must not know: HTTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from bot.demo.index_model import (
    PROHIBITED_NAMES,
    ActivePublisher,
    PendingPublisher,
    Project,
    PublisherValues,
    Release,
    StoredFile,
    User,
    confusable,
    normalized,
)
from bot.demo.index_stages import Stages
from bot.demo.index_tokens import Tokens

PENDING_DAYS = 30
FORM_PENDING_LIMIT = 3
FORM_TRIES_A_DAY = 100
NEW_PROJECTS_AN_HOUR = 20
DEMO_USERS = ("demo", "alice")


@dataclass(frozen=True, slots=True)
class Taken:
    """One registration that the publisher API answered with 201."""

    name: str
    owner: str
    repository: str
    workflow_filename: str
    environment: str
    user: str
    at: datetime


def utc_now() -> datetime:
    """Return the real time: what a stand-in goes by unless a test gives it another clock."""
    return datetime.now(UTC)  # noqa: TID251 - a stand-in is a service of its own, with its own clock


@dataclass(slots=True, kw_only=True)
class IndexState:
    """One index. Everything is in memory and gone with the process."""

    name: str
    clock: Callable[[], datetime] = utc_now
    url: str = ""
    audience: str = "pypi"
    oidc_enabled: bool = True
    serial: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    users: dict[str, User] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    """By normalized name."""
    pending: list[PendingPublisher] = field(default_factory=list)
    active: list[ActivePublisher] = field(default_factory=list)
    registrations: list[Taken] = field(default_factory=list)
    used_filenames: dict[str, StoredFile] = field(default_factory=dict)
    """Every name that ever was, also of deleted files."""
    used_jtis: set[str] = field(default_factory=set)
    created_by_upload: list[tuple[str, datetime]] = field(default_factory=list)
    form_tries: dict[str, list[datetime]] = field(default_factory=dict)
    """Who, or from which address -> when a pending publisher was tried by form within the last day."""
    lies: dict[str, PublisherValues] = field(default_factory=dict)
    """Normalized project name -> what the list falsely says is active."""
    stages: Stages = field(default_factory=Stages)
    newest_projects: int = 40
    """Entries in the feed of new projects, and of new releases; fewer let a test see a feed overflow sooner."""
    newest_releases: int = 100

    @property
    def location(self) -> str:
        """What its tokens name as their place: the host."""
        return urlsplit(self.url).hostname or ""

    @property
    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock().timestamp())

    def user(self, name: str) -> User:
        """Return a user, made if there is none of that name."""
        return self.users.setdefault(name, User(name))

    def project(self, name: str) -> Project | None:
        """Return a project by any spelling of its name."""
        return self.projects.get(normalized(name))

    def next_serial(self) -> int:
        """Count one more change."""
        self.serial += 1
        return self.serial

    def taken_by(self, name: str) -> str:
        """Return why a new project can't be called so because of another; "" if it can."""
        if self.project(name) is not None:
            return "This project already exists."
        if normalized(name) in PROHIBITED_NAMES:
            return "This project name isn't allowed"
        if any(confusable(name) == confusable(other) for other in self.projects):
            return "This project name is too similar to an existing project"
        return ""

    def create_project(self, name: str, owner: User) -> Project:
        """Make a project without a release; pending publishers of others for the name end with that."""
        project = Project(name=name, owner=owner, created_at=self.clock(), serial=self.next_serial())
        self.projects[project.normalized] = project
        alike = confusable(name)
        self.pending[:] = [one for one in self.pending if one.by_api or confusable(one.project) != alike]
        return project

    def add_file(
        self, project: Project, file: StoredFile, fields: Mapping[str, object] | None = None
    ) -> None:
        """Publish a file, and with a version's first one its release."""
        release = project.releases.setdefault(file.version, Release(file.version, file.uploaded_at))
        release.fields.update(fields or {})
        project.files.append(file)
        project.serial = self.next_serial()
        self.used_filenames[file.filename] = file
        self.stages.note(file.filename, self.clock())

    def delete_file(self, filename: str) -> None:
        """Take a file away; its name stays used up. LookupError where there is none."""
        for project in self.projects.values():
            for file in project.files:
                if file.filename == filename:
                    project.files.remove(file)
                    project.serial = self.next_serial()
                    return
        raise LookupError(filename)

    def too_many_new(self, user: User) -> bool:
        """Whether a user made too many projects by upload within the hour; counts this one if not."""
        since = self.clock() - timedelta(hours=1)
        mine = [at for name, at in self.created_by_upload if name == user.name and at > since]
        if len(mine) >= NEW_PROJECTS_AN_HOUR:
            return True
        self.created_by_upload.append((user.name, self.clock()))
        return False

    def drop_expired(self) -> None:
        """Forget pending publishers past their term."""
        since = self.clock() - timedelta(days=PENDING_DAYS)
        # The oldest comes first: thousands that are not due need no look.
        if self.pending and self.pending[0].added_at <= since:
            self.pending[:] = [one for one in self.pending if one.added_at > since]

    def publishers_of(self, project: Project) -> list[ActivePublisher]:
        """Return the publishers in force for a project."""
        return [one for one in self.active if project in one.projects]

    def pending_of(self, user: User) -> list[PendingPublisher]:
        """Return what a user has pending."""
        self.drop_expired()
        return [one for one in self.pending if one.added_by is user]

    def api_conflict(self, name: str, values: PublisherValues) -> str:
        """Return why the publisher API can't take this once more; "" if it can."""
        self.drop_expired()
        if any(one.values.workflow_key == values.workflow_key for one in self.pending):
            return "A publisher for this owner, repository and workflow is already pending."
        project = self.project(name)
        if project and any(one.values.same(values) for one in self.publishers_of(project)):
            return "This publisher is already registered and active for the project."
        return ""

    def form_full(self, user: User) -> str:
        """Return why the form takes nothing more from a user; "" if it does."""
        if sum(not one.by_api for one in self.pending_of(user)) >= FORM_PENDING_LIMIT:
            return "You can't register more than 3 pending trusted publishers at once."
        return ""

    def form_wait(self, *who: str) -> timedelta | None:
        """Count a try at the form for each (a user, an address); how long to wait where one has had its day's tries."""
        now = self.clock()
        tries = [self.form_tries.setdefault(one, []) for one in who]
        for times in tries:
            times[:] = [at for at in times if at > now - timedelta(days=1)]
        if full := next((times for times in tries if len(times) >= FORM_TRIES_A_DAY), None):
            return full[0] + timedelta(days=1) - now
        for times in tries:
            times.append(now)
        return None

    def form_conflict(self, name: str, values: PublisherValues) -> str:
        """Return why the form can't take this pending publisher beside the others; "" if it can."""
        same = [one for one in self.pending if one.values.same(values)]
        if any(one.project == name for one in same):
            return (
                "This trusted publisher has already been registered. Please contact PyPI's admins if this wasn't"
                " intentional."
            )
        if same:
            return (
                "A pending trusted publisher matching this configuration has already been registered for a different"
                " project name. Please contact PyPI's admins if this wasn't intentional."
            )
        return ""

    def activate(self, pending: PendingPublisher) -> ActivePublisher:
        """Put a pending publisher in force; its project is made if it is not there yet."""
        self.pending.remove(pending)
        project = self.project(pending.project) or self.create_project(pending.project, pending.added_by)
        return self.add_publisher(project, pending.values, pending.owner_id)

    def add_publisher(self, project: Project, values: PublisherValues, owner_id: str) -> ActivePublisher:
        """Put a publisher in force for a project that exists; one publisher may serve several."""
        publisher = next((one for one in self.active if one.values.same(values)), None)
        if publisher is None:
            publisher = ActivePublisher(values=values, owner_id=owner_id)
            self.active.append(publisher)
        if project not in publisher.projects:
            publisher.projects.append(project)
        return publisher
