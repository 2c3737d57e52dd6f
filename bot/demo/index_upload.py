"""The upload API, `POST /legacy/`, with each refusal in the HTTP status line (protocols section 4).

Knows: the form, warehouse's refusals and their order. Must not know: pages, OIDC's claims.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDictProxy
from packaging.version import InvalidVersion, Version

from bot.demo.index_answers import (
    STATE,
    Asker,
    Refusal,
    asker,
    basic_credentials,
    plain,
    pyramid_text,
    refuse,
    token_text,
)
from bot.demo.index_files import looks_valid, parse_filename, stored_file
from bot.demo.index_model import PROJECT_NAME, Project, StoredFile, name_problem, normalized
from bot.demo.index_state import IndexState
from bot.demo.index_tokens import TokenUse

PATH = "/legacy/"
LATE = timedelta(days=14)
METADATA_DOCS = "See https://packaging.python.org/specifications/core-metadata for more information."
INVALID_NAME = (
    "Start and end with a letter or numeral containing only ASCII numeric and '.', '_' and '-'. "
    + METADATA_DOCS
)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _blake2(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


DIGESTS: dict[str, Callable[[bytes], str]] = {
    "md5_digest": _md5,
    "sha256_digest": _sha256,
    "blake2_256_digest": _blake2,
}
MAX_ATTESTATIONS = 2
"""One of each kind: publish v1 and SLSA provenance v1."""
LISTS = frozenset(
    {"classifiers", "requires_dist", "provides_extra", "project_urls", "license_files", "dynamic"}
)
NOT_METADATA = frozenset(
    {
        ":action",
        "protocol_version",
        "filetype",
        "pyversion",
        "comment",
        "attestations",
        "gpg_signature",
        *DIGESTS,
    }
)


@dataclass(frozen=True, slots=True)
class Form:
    """An upload as it was sent."""

    fields: MultiDictProxy[Any]
    filename: str
    content: bytes

    def text(self, name: str) -> str:
        """Return a field's text; "" where it is missing or a file."""
        value = self.fields.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def metadata(self) -> dict[str, Any]:
        """Return the core metadata fields, lists as lists."""
        found: dict[str, Any] = {}
        for name in self.fields:
            values = [value for value in self.fields.getall(name) if isinstance(value, str)]
            if values and name not in NOT_METADATA:
                found[name] = values if name in LISTS else values[0]
        return found


def add_routes(app: web.Application) -> None:
    """Offer uploading."""
    app.router.add_post(PATH, upload)
    app.router.add_post(PATH.rstrip("/"), without_slash)


async def without_slash(request: web.Request) -> web.Response:
    """Answer 308 where the slash is missing."""
    answer = plain(308)
    answer.headers["Location"] = request.app[STATE].url + PATH
    return answer


async def upload(request: web.Request) -> web.Response:
    """Take one file: 200, also for the identical one again; else the refusal in the status line."""
    try:
        await taken(request)
    except Refusal as no:
        return refuse(no)
    return pyramid_text(200, "OK", "")


async def taken(request: web.Request) -> None:
    """Check in warehouse's order, then keep the file; Refusal otherwise."""
    state = request.app[STATE]
    who = identified(request, state)
    form = await read_form(request)
    check_fields(form)
    check_file_fields(form)
    project = reached_project(state, who, form)
    check_allowed(state, who, project)
    file = checked_file(state, form, project)
    if file is None:
        return
    if form.text("attestations"):
        file.attestations = checked_attestations(form.text("attestations"), who)
        file.attested_by = who.publisher.values if who.publisher else None
    file.pyversion = form.text("pyversion") or file.pyversion
    file.requires_python = form.text("requires_python") or None
    state.add_file(project, file, form.metadata())


def identified(request: web.Request, state: IndexState) -> Asker:
    """Return who uploads; Refusal for no token, an unknown one, or a password."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        user, _password = basic_credentials(credentials)
        if user not in {"", "__token__"}:
            raise Refusal(
                403,
                "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted "
                f"Publishers instead. See {state.url}/help/#apitoken and {state.url}/help/#trusted-publishers",
                detail="",
            )
    who = asker(request, token_text(request))
    if who is None:
        raise Refusal(
            403,
            "Invalid or non-existent authentication information. "
            f"See {state.url}/help/#invalid-auth for more information.",
        )
    return who


async def read_form(request: web.Request) -> Form:
    """Return the form; Refusal where it is none or has no file."""
    try:
        fields = await request.post()
    except ValueError as broken:
        raise Refusal(400, "Upload payload could not be read.") from broken
    part = fields.get("content")
    if not isinstance(part, web.FileField):
        raise Refusal(400, "Upload payload does not have a file.")
    with part.file as file:
        return Form(fields, part.filename, file.read())


def check_fields(form: Form) -> None:
    """Refuse what is wrong with the form whatever the index holds."""
    if form.text(":action") != "file_upload":
        raise Refusal(410, "This API is no longer supported: only file_upload is.")
    if form.text("protocol_version") not in {"", "1"}:
        raise Refusal(400, "Unknown protocol version.")
    name, version = form.text("name"), form.text("version")
    if not PROJECT_NAME.fullmatch(name):
        raise Refusal(400, f"{name!r} is invalid for 'name'. {INVALID_NAME}")
    try:
        local = Version(version).local
    except InvalidVersion as broken:
        raise Refusal(400, f"{version!r} is invalid for 'version'. {METADATA_DOCS}") from broken
    if local:
        raise Refusal(
            400, f"The use of local versions in <Version({version!r})> is not allowed. {METADATA_DOCS}"
        )


def check_file_fields(form: Form) -> None:
    """Refuse what is wrong with the fields about the file itself."""
    if form.text("filetype") not in {"sdist", "bdist_wheel"}:
        raise Refusal(400, "Invalid value for filetype. Error: Use a known file type.")
    if form.text("filetype") != "sdist" and not form.text("pyversion"):
        raise Refusal(400, "Error: Python version is required for binary distribution uploads.")
    if not any(form.text(name) for name in DIGESTS):
        raise Refusal(400, "Error: Include at least one message digest.")


def reached_project(state: IndexState, who: Asker, form: Form) -> Project:
    """Return the upload's project, made now if a user may; Refusal otherwise."""
    name = form.text("name")
    project = state.project(name)
    if project is not None:
        return project
    if who.user is None:
        raise Refusal(
            400,
            "Non-user identities cannot create new projects. This was probably caused by successfully using a "
            "pending publisher but specifying the project name incorrectly (either in the publisher or in your "
            "project's metadata). Please ensure that both match. "
            f"See: https://docs.{urlsplit(state.url).netloc}/trusted-publishers/troubleshooting/",
        )
    problem = name_problem(name) or state.taken_by(name)
    if problem:
        raise Refusal(400, f"The name {name!r} can't be used: {problem}")
    # The token is judged against the project before it is made, so that a refusal leaves nothing behind.
    check_token(state, who, Project(name=name, owner=who.user, created_at=state.clock(), serial=0))
    if state.too_many_new(who.user):
        raise Refusal(429, "Too many new projects created")
    return state.create_project(name, who.user)


def check_allowed(state: IndexState, who: Asker, project: Project) -> None:
    """Refuse a token that is not good for the project, a stranger, a project that takes nothing."""
    check_token(state, who, project)
    if who.user is not None and project.owner is not who.user:
        raise Refusal(
            403,
            f"The user {who.user.name!r} isn't allowed to upload to project {project.name!r}. "
            f"See {state.url}/help/#project-name for more information.",
        )
    if project.status in {"archived", "quarantined"}:
        raise Refusal(400, f"Project {project.name!r} is {project.status} and takes no new uploads.")


def check_token(state: IndexState, who: Asker, project: Project) -> None:
    """Refuse a token whose signature or caveats do not hold for the project."""
    verdict = who.verify(TokenUse(state.now, project))
    if verdict.reasons:
        # A publisher's token is judged twice by warehouse, and its refusals are told twice, as recorded.
        reasons = verdict.reasons * (2 if who.publisher else 1)
        raise Refusal(403, f"Invalid API Token: {', '.join(reasons)}")
    if not verdict.signature_ok:
        raise Refusal(403, "Invalid API Token: signatures do not match")


def checked_file(state: IndexState, form: Form, project: Project) -> StoredFile | None:
    """Return the new file's record; None for the identical one again; Refusal otherwise."""
    version = str(Version(form.text("version")))
    release = project.releases.get(version)
    if release is not None and release.created_at < state.clock() - LATE:
        raise Refusal(400, "Uploading new files to releases older than 14 days is not allowed.")
    if parse_filename(form.filename) != (normalized(project.name), version):
        raise Refusal(
            400,
            f"Invalid distribution file. The name {form.filename!r} does not fit {project.name!r} {version}.",
        )
    for name, digest in DIGESTS.items():
        if form.text(name) and form.text(name).lower() != digest(form.content):
            raise Refusal(
                400,
                "The digest supplied does not match a digest calculated from the uploaded file.",
            )
    known = state.used_filenames.get(form.filename)
    if known is not None:
        must_be_identical(state, known, form)
        return None
    if not looks_valid(form.filename, form.content):
        raise Refusal(400, "Invalid distribution file. It is not what its name says.")
    return stored_file(form.filename, form.content, state.clock())


def must_be_identical(state: IndexState, known: StoredFile, form: Form) -> None:
    """Refuse a name that is used up, unless the file is there and the same."""
    there = any(known in project.files for project in state.projects.values())
    if there and known.content == form.content:
        return
    digest = _blake2(form.content)
    raise Refusal(
        400,
        f"File already exists ({form.filename!r}, with blake2_256 hash {digest!r}). "
        f"See {state.url}/help/#file-name-reuse for more information.",
    )


def checked_attestations(text: str, who: Asker) -> list[Any]:
    """Return an upload's attestations, by their shape alone; Refusal otherwise."""
    lead = "Invalid attestations supplied during upload: "
    if who.publisher is None:
        raise Refusal(400, f"{lead}Attestations are only supported when using Trusted Publishing")
    try:
        found = json.loads(text)
    except ValueError as broken:
        raise Refusal(400, f"{lead}Error while decoding the included attestation: invalid JSON") from broken
    shaped = isinstance(found, list) and all(
        isinstance(one, dict) and {"version", "verification_material", "envelope"} <= one.keys()
        for one in found
    )
    if not shaped:
        raise Refusal(400, f"{lead}Error while decoding the included attestation: not a list of attestations")
    if not 1 <= len(found) <= MAX_ATTESTATIONS:
        raise Refusal(400, f"{lead}Only one attestation of each kind is allowed, and at least one is needed")
    return list(found)
