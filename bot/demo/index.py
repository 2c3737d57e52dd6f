"""A package index to play with: pages, publisher API, trusted publishing, uploads, feeds.

Knows: how its parts are put together, and what tests and the demo ask of it. Must not know: any answer's wording.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.demo import index_reading, index_upload
from bot.demo.index_answers import STATE
from bot.demo.index_consumers import Consumer, Consumers
from bot.demo.index_files import make_distribution, stored_file
from bot.demo.index_model import Project, PublisherValues, normalized
from bot.demo.index_oauth import OAuthFacility
from bot.demo.index_oidc import Exchange, JwksSource
from bot.demo.index_owners import Owners
from bot.demo.index_pages import Pages, missing_page
from bot.demo.index_publisher_api import PublisherApi
from bot.demo.index_sessions import SESSIONS
from bot.demo.index_stages import Stage
from bot.demo.index_state import DEMO_USERS, IndexState, Taken, utc_now
from bot.demo.standin import StandIn

STAND_IN_ATTESTATION = {"version": 1, "verification_material": {}, "envelope": {}}


class IndexStandIn(StandIn):
    """One index on 127.0.0.1.

    `publisher_api` off: it answers as PyPI does, 404 in HTML. `publisher_list` off: the API's `GET` answers 405.
    `issuers`: which OIDC issuers it trusts, each with its JWKS or something that gives it. `clock`: what time it
    goes by. `github_api_url`: where it looks owners up; "" takes each as typed, of no known id;
    `github_token`: its own token there. `oauth1`: whether it has the OAuth 1.0a facility.
    """

    def __init__(  # noqa: PLR0913 - each is one property of an index, given by keyword
        self,
        name: str = "acme-index",
        *,
        publisher_api: bool = True,
        publisher_list: bool = True,
        issuers: Mapping[str, JwksSource] | None = None,
        clock: Callable[[], datetime] = utc_now,
        github_api_url: str = "",
        github_token: str = "",
        oauth1: bool = False,
    ) -> None:
        super().__init__()
        self.state = IndexState(name=name, clock=clock)
        for user in DEMO_USERS:
            self.state.user(user)
        self._owners = Owners(github_api_url, github_token)
        self._exchange = Exchange(issuers or {})
        self._publisher_api = publisher_api
        self._publisher_list = publisher_list
        self.consumers = Consumers()
        """Who may use the OAuth facility, and what they were given."""
        self._facility = OAuthFacility(self.consumers, self.state) if oauth1 else None

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes a free port. OSError if the port is taken."""
        await super().start(port)
        self.state.url = self.url

    @property
    def name(self) -> str:
        """What it calls itself."""
        return self.state.name

    @property
    def upload_url(self) -> str:
        """Where files are uploaded to."""
        return self.url + index_upload.PATH

    @property
    def registrations(self) -> list[Taken]:
        """Every registration that the publisher API answered with 201, in order."""
        return self.state.registrations

    def make_token(
        self, user: str = "demo", projects: Sequence[str] | None = None, expires_at: int | None = None
    ) -> str:
        """Return a new API token: for the user's account, or for `projects` (LookupError for an unknown one) alone.

        `expires_at` in unix seconds; None: never.
        """
        found = None if projects is None else [self._project(name) for name in projects]
        return self.state.tokens.for_user(
            self.state.location, self.state.user(user), found, expires_at=expires_at
        )

    def add_consumer(self, description: str = "Shipbell") -> Consumer:
        """Give a site a key and a secret for the OAuth facility."""
        return self.consumers.add(description)

    def trust_issuer(self, url: str, jwks: JwksSource) -> None:
        """Trust an OIDC issuer from now on."""
        self._exchange.issuers[url] = jwks

    def confirm(self, project: str) -> None:
        """Put everything pending for a project in force, as the button does; LookupError where nothing is."""
        self.state.drop_expired()
        found = [one for one in self.state.pending if one.normalized == normalized(project)]
        if not found:
            raise LookupError(f"nothing is pending for {project!r}")
        for one in found:
            self.state.activate(one)

    def lie(self, project: str, *, owner: str, repository: str) -> None:
        """Let the publisher list of a project name one active publisher that nobody registered."""
        self.state.lies[normalized(project)] = PublisherValues(owner, repository, "release.yml", "pypi")

    def add_project(
        self,
        name: str,
        files: Sequence[str] | Mapping[str, bytes] = (),
        *,
        owner: str = "demo",
        attested_by: tuple[str, str, str] | None = None,
    ) -> None:
        """Make a project, or add files to it; a file's content is made up where only its name is given.

        `attested_by` is (owner/repository, workflow, environment): the files then have a provenance that says so.
        ValueError for a file name that is no wheel's or sdist's.
        """
        project = self.state.project(name) or self.state.create_project(name, self.state.user(owner))
        contents = files if isinstance(files, Mapping) else {one: make_distribution(one) for one in files}
        for filename, content in contents.items():
            file = stored_file(filename, content, self.state.clock())
            if attested_by is not None:
                slug, workflow, environment = attested_by
                account, _, repository = slug.partition("/")
                file.attestations = [STAND_IN_ATTESTATION]
                file.attested_by = PublisherValues(account, repository, workflow, environment)
            self.state.add_file(project, file)

    def attach(
        self, filename: str, attestations: Sequence[Mapping[str, Any]], attested_by: tuple[str, str, str]
    ) -> None:
        """Give a file these attestations, and (owner/repository, workflow, environment) as their publisher.

        They replace those that it has. LookupError where there is no such file.
        """
        file = self.state.used_filenames[filename]
        slug, workflow, environment = attested_by
        account, _, repository = slug.partition("/")
        file.attestations = list(attestations)
        file.attested_by = PublisherValues(account, repository, workflow, environment)

    def hold_stage(self, stage: Stage | str) -> None:
        """Let files that come from now on not reach a stage (`accepted`, `installable`, `downloadable`)."""
        self.state.stages.held.add(Stage(stage))

    def show_stage(self, stage: Stage | str) -> None:
        """Show at a stage all that it held or delayed, and hold it no longer."""
        self.state.stages.let_go(Stage(stage))

    def delay_stages(self, *, accepted: float = 0, installable: float = 0, downloadable: float = 0) -> None:
        """Let files that come from now on reach each stage so many seconds later, by the index's clock."""
        seconds = {
            Stage.ACCEPTED: accepted,
            Stage.INSTALLABLE: installable,
            Stage.DOWNLOADABLE: downloadable,
        }
        self.state.stages.delays = {stage: timedelta(seconds=late) for stage, late in seconds.items()}

    def yank(self, name: str, version: str, reason: str = "") -> None:
        """Yank all files of a version (PEP 592). LookupError where there are none."""
        project = self._project(name)
        files = project.files_of(version)
        if not files:
            raise LookupError(f"{name!r} has no files of {version}")
        for file in files:
            file.yanked = reason
        project.serial = self.state.next_serial()

    def remove_project(self, name: str) -> None:
        """Delete a project; its file names stay used up. LookupError where there is none."""
        project = self._project(name)
        del self.state.projects[project.normalized]
        for publisher in self.state.active:
            publisher.projects = [other for other in publisher.projects if other is not project]
        self.state.next_serial()

    def set_status(self, name: str, status: str, reason: str = "") -> None:
        """Give a project a PEP 792 status: `active`, `archived`, `quarantined`, `deprecated`."""
        project = self._project(name)
        project.status, project.status_reason = status, reason
        project.serial = self.state.next_serial()

    def _project(self, name: str) -> Project:
        project = self.state.project(name)
        if project is None:
            raise LookupError(f"no project {name!r}")
        return project

    def _routes(self, app: web.Application) -> None:
        app[STATE] = self.state
        app[SESSIONS] = {}
        if self._publisher_api:
            PublisherApi(self._owners, listing=self._publisher_list).add_routes(app)
        self._exchange.add_routes(app)
        index_upload.add_routes(app)
        if self._facility is not None:
            self._facility.add_routes(app)
        index_reading.add_routes(app)
        Pages(self._owners).add_routes(app)

    async def _missing(self, request: web.Request, status: int) -> web.StreamResponse | None:
        return missing_page(request, status)
