"""The OAuth 1.0a facility that PyPI had from 2012 to 2015, below `/oauth/` (protocols section 2).

Knows: its routes, pages and refusals (pypi/legacy `webui.py`). Must not know: how a signature is computed.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlencode

from aiohttp import web
from packaging.version import InvalidVersion, Version

from bot.demo.index_answers import STATE, TEXT, one_line, plain
from bot.demo.index_consumers import Consumers, OAuthRefusal, Token, Verifier, parameter, read_request
from bot.demo.index_files import looks_valid, parse_filename, stored_file
from bot.demo.index_model import PROJECT_NAME, Project, Release, User, name_problem, normalized
from bot.demo.index_pages import view
from bot.demo.index_sessions import current_user
from bot.demo.index_state import IndexState

FORM = "application/x-www-form-urlencoded"
LISTS = frozenset(
    {
        "requires", "provides", "obsoletes", "requires_dist", "provides_dist", "obsoletes_dist", "requires_external",
        "project_url", "classifiers",
    }
)  # fmt: skip
NOT_METADATA = frozenset(
    {"name", "version", "filename", "filetype", "protocol_version", "pyversion", "comment", "md5_digest", "gpg_signature"}
)  # fmt: skip
FILE_TYPES = frozenset(
    {"sdist", "bdist_wheel", "bdist_egg", "bdist_wininst", "bdist_msi", "bdist_rpm", "bdist_dumb"}
)
LARGEST = 60 * 1_048_576

Fields = dict[str, list[str]]


class FormRefusal(Exception):
    """A value's no."""


class NotYours(Exception):
    """The user may not change this project."""


class OAuthFacility:
    """The routes, and who may use them."""

    def __init__(self, consumers: Consumers, state: IndexState) -> None:
        self._consumers = consumers
        self._verifier = Verifier(consumers, state.clock)

    def add_routes(self, app: web.Application) -> None:
        """Offer the facility."""
        router = app.router
        router.add_get("/oauth/request_token", refusing(self.request_token))
        router.add_get("/oauth/access_token", refusing(self.access_token))
        router.add_get("/oauth/authorise", refusing(self.authorise))
        router.add_get("/oauth/test", refusing(self.test))
        router.add_post("/oauth/add_release", refusing(self.add_release))
        router.add_post("/oauth/upload", refusing(self.upload))

    async def request_token(self, request: web.Request) -> web.Response:
        """Give a consumer a request token."""
        consumer = self._verifier.consumer(await signed(request))
        return plain(200, urlencode(self._consumers.ask(consumer).form))

    async def access_token(self, request: web.Request) -> web.Response:
        """Give a consumer the access token of whoever agreed; asked again, the same one."""
        tokens = self._consumers.request_tokens
        asked = self._verifier.token(await signed(request), "request", tokens)
        if asked.user is None:
            raise OAuthRefusal("Request Token not authorised")
        return plain(200, urlencode(self._consumers.grant(asked.consumer, asked.user).form))

    async def authorise(self, request: web.Request) -> web.Response:
        """Ask the person who is signed in, and send the browser back with the answer."""
        key, callback = request.query.get("oauth_token", ""), request.query.get("oauth_callback", "")
        if not key or not callback:
            raise FormRefusal("oauth_token and oauth_callback are required")
        user = current_user(request)
        if user is None:
            return view(request, "oauth_signed_out.html", next=urlencode({"next": request.path_qs}))
        asked = self._consumers.request_tokens.get(key)
        if asked is None:
            raise OAuthRefusal(f"Invalid request token: {key}")
        if not request.query.get("ok") and not request.query.get("cancel"):
            described = asked.consumer.description
            return view(request, "oauth_authorise.html", description=described, token=key, callback=callback)
        callback = unquote(callback) if "%3A" in callback else callback
        if not request.query.get("ok"):
            return back(callback)
        asked.user = user
        return back(f"{callback}?oauth_token={key}")

    async def test(self, request: web.Request) -> web.Response:
        """Say whose the access is."""
        user = self._user(await signed(request))
        params = {name: request.query.getall(name) for name in request.query}
        return plain(200, f"Access allowed for {user.name} (ps. I got params={params!r})")

    async def add_release(self, request: web.Request) -> web.Response:
        """Make or change a release."""
        user = self._user(await signed(request))
        fields = filled(await request.post())
        state = request.app[STATE]
        project = own_project(state, user, fields)
        release = released(state, project, fields)
        release.fields.update(metadata(fields))
        project.serial = state.next_serial()
        return plain(200, "OK")

    async def upload(self, request: web.Request) -> web.Response:
        """Take one file; its fields are in the query."""
        user = self._user(await signed(request))
        fields, state = filled(request.query), request.app[STATE]
        filename, content = await sent_file(request)
        check_file(fields, filename, content)
        project = own_project(state, user, fields)
        must_be_new(project, first(fields, "version"), filename)
        file = stored_file(filename, content, state.clock())
        file.filetype = first(fields, "filetype")
        file.pyversion = first(fields, "pyversion") or file.pyversion
        if first(fields, "md5_digest") not in {"", file.md5}:
            raise FormRefusal(
                "The MD5 digest supplied does not match a digest calculated from the uploaded file"
            )
        state.add_file(project, file, metadata(fields))
        return plain(200, "OK")

    def _user(self, seen: Any) -> User:
        """Return in whose name a request is made; OAuthRefusal otherwise."""
        found: Token = self._verifier.token(seen, "access", self._consumers.access_tokens)
        if found.user is None:
            raise OAuthRefusal(f"Invalid access token: {parameter(seen, 'oauth_token')}")
        return found.user


Handler = Callable[[web.Request], Awaitable[web.Response]]


def refusing(handler: Handler) -> Handler:
    """Return a handler that answers each no as the facility does: a heading, the reason, and both in the status line."""

    async def answered(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except OAuthRefusal as no:
            return fail(400, "Error processing OAuth request", str(no))
        except FormRefusal as no:
            return fail(400, "Error processing form", str(no))
        except NotYours as no:
            return fail(403, "Forbidden", str(no))

    return answered


def fail(status: int, heading: str, reason: str) -> web.Response:
    """Answer a no."""
    body = f"{heading}\n\n{reason}".encode()
    return web.Response(status=status, reason=one_line(reason), headers={"Content-Type": TEXT}, body=body)


def back(url: str) -> web.Response:
    """Send the browser where the consumer wants it."""
    return web.Response(status=307, headers={"Location": url, "Cache-Control": "max-age=0"})


async def signed(request: web.Request) -> Any:
    """Return what of a request is signed: the address as it was asked, and a form; never an uploaded file."""
    form = (await request.read()).decode("ascii", "replace") if request.content_type == FORM else None
    uri = request.app[STATE].url + request.raw_path
    return read_request(request.method, uri, request.headers.get("Authorization", ""), form)


def filled(fields: Any) -> Fields:
    """Return the fields that hold something."""
    found = {name: [one for one in fields.getall(name) if isinstance(one, str) and one] for name in fields}
    return {name: values for name, values in found.items() if values}


def first(fields: Fields, name: str) -> str:
    """Return a field's value; "" where there is none."""
    return next(iter(fields.get(name, ())), "")


def metadata(fields: Fields) -> dict[str, Any]:
    """Return what is told of a release, lists as lists."""
    told = {name: values for name, values in fields.items() if name not in NOT_METADATA}
    return {name: values if name in LISTS else values[0] for name, values in told.items()}


def own_project(state: IndexState, user: User, fields: Fields) -> Project:
    """Return the project that the fields name, made for a user if there is none; FormRefusal, NotYours."""
    name, version = first(fields, "name"), first(fields, "version")
    if not name or not version:
        raise FormRefusal("Name and version are required")
    if not PROJECT_NAME.fullmatch(name):
        raise FormRefusal(f"Invalid package name {name!r}")
    project = state.project(name)
    if project is None:
        problem = name_problem(name) or state.taken_by(name)
        if problem:
            raise FormRefusal(problem)
        return state.create_project(name, user)
    if project.owner is not user:
        raise NotYours(f"You are not allowed to edit '{name}' package information")
    return project


def released(state: IndexState, project: Project, fields: Fields) -> Release:
    """Return a release, made if there is none."""
    version = checked_version(fields)
    return project.releases.setdefault(version, Release(version, state.clock()))


def checked_version(fields: Fields) -> str:
    """Return the version that the fields name, normalized; FormRefusal where it is none."""
    try:
        return str(Version(first(fields, "version")))
    except InvalidVersion as broken:
        raise FormRefusal(f"Invalid version: {first(fields, 'version')}") from broken


async def sent_file(request: web.Request) -> tuple[str, bytes]:
    """Return the name and content of the part `content`; FormRefusal where there is none."""
    part = (await request.post()).get("content")
    if not isinstance(part, web.FileField):
        raise FormRefusal("Both content and filetype are required")
    if part.content_type.startswith("image/"):
        raise FormRefusal("invalid distribution file")
    with part.file as file:
        return part.filename, file.read()


def check_file(fields: Fields, filename: str, content: bytes) -> None:
    """Refuse a file that is not what its fields say."""
    if first(fields, "protocol_version") not in {"", "1"}:
        raise FormRefusal(f"Unsupported file upload protocol ({first(fields, 'protocol_version')!r})")
    filetype = first(fields, "filetype")
    if not content or filetype not in FILE_TYPES:
        raise FormRefusal("Both content and filetype are required")
    if filetype != "sdist" and not first(fields, "pyversion"):
        raise FormRefusal("Python version is required for binary distribution uploads")
    parsed = parse_filename(filename)
    if parsed is None or parsed[1] != checked_version(fields) or not looks_valid(filename, content):
        raise FormRefusal("invalid distribution file")
    name = first(fields, "name")
    if parsed[0] != normalized(name):
        raise FormRefusal(f'The filename for {name} must start with "{name.lower()}" (any case)')
    if len(content) > LARGEST:
        raise FormRefusal("distribution file too large")


def must_be_new(project: Project, version: str, filename: str) -> None:
    """Refuse a file whose name is there, the same one too."""
    if any(file.filename == filename for file in project.files):
        raise FormRefusal(
            f'A file named "{filename}" already exists for  {project.name}-{version}. To fix problems with that file you'
            " should create a new release."
        )
