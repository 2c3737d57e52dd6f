"""What a run's jobs really do: build the files of a version, trade the run's identity for a token, upload.

Knows: `pyproject.toml`, the exchange and the upload form as `pypa/gh-action-pypi-publish` uses them.
Must not know: when a job runs.
"""

import hashlib
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.demo.forge_git import Commit
from bot.demo.forge_oidc import Issuer
from bot.demo.forge_runs import Job, Run
from bot.demo.forge_state import ForgeState, Repository
from bot.demo.index_files import make_distribution

Claims = dict[str, Any]
Attest = Callable[[str, bytes, Claims], dict[str, Any] | None]
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class JobFailed(Exception):
    """A job came to a bad end; the text is the end of its log."""


class NoAudience(JobFailed):
    """The index does not say for whom identities must be."""

    def __init__(self, status: int) -> None:
        super().__init__(f"##[error]Trusted publishing exchange failure: audience: HTTP {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Target:
    """An index to publish to."""

    url: str
    upload_url: str


def build(commit: Commit, tag: str) -> dict[str, bytes]:
    """Return the wheel and sdist of a commit, the same for the same commit; JobFailed where it has no project."""
    name, version = project_of(commit, tag)
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    note = f"Summary: Built from {commit.sha}\n"
    return {one: make_distribution(one, note) for one in (f"{stem}-py3-none-any.whl", f"{stem}.tar.gz")}


def project_of(commit: Commit, tag: str) -> tuple[str, Version]:
    """Return name and version as a commit's `pyproject.toml` says; a dynamic version is the tag's."""
    try:
        project = tomllib.loads(commit.files["pyproject.toml"].decode())["project"]
        text = re.sub(r"^v", "", tag) if "version" in project.get("dynamic", ()) else project["version"]
        return str(project["name"]), Version(text)
    except KeyError as missing:
        raise JobFailed(
            f"ERROR Source /work does not appear to be a Python project: no {missing}"
        ) from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, InvalidVersion) as broken:
        raise JobFailed(f"ERROR Failed to parse pyproject.toml: {broken}") from broken


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip, the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), content)
    return packed.getvalue()


def identity(state: ForgeState, issuer: Issuer, repository: Repository, run: Run, job: Job) -> Claims:
    """Return what a run's job claims of itself; the audience is left to who asks."""
    base = issuer.run_claims(
        state.url, repository.slug, repository.owner.id, run.workflow.filename, job.plan.environment
    )
    place = f"environment:{job.plan.environment}" if job.plan.environment else f"ref:{run.ref}"
    workflow_ref = f"{repository.slug}/{run.workflow.path}@{run.ref}"
    actor = state.add_account(run.actor, "User")
    return {
        **base,
        "sub": f"repo:{repository.slug}:{place}",
        "repository_id": str(repository.id),
        "repository_visibility": "private" if repository.private else "public",
        "event_name": run.event,
        "ref": run.ref,
        "ref_type": "tag" if run.ref.startswith("refs/tags/") else "branch",
        "sha": run.sha,
        "workflow": run.workflow.name,
        "workflow_ref": workflow_ref,
        "workflow_sha": run.sha,
        "job_workflow_ref": workflow_ref,
        "job_workflow_sha": run.sha,
        "actor": actor.login,
        "actor_id": str(actor.id),
        "run_id": str(run.id),
        "run_number": str(run.number),
        "run_attempt": str(run.attempt),
    }


def target_of(indexes: Mapping[str, tuple[str, str]], slug: str, job: Job) -> Target:
    """Return where a job publishes: `repository-url`, else by repository and environment; JobFailed where nowhere."""
    sent = str((job.plan.publishing or {}).get("repository-url") or "")
    if sent:
        parts = urlsplit(sent)
        return Target(f"{parts.scheme}://{parts.netloc}", sent)
    environment = job.plan.environment
    for key in (f"{slug}:{environment}", slug, environment, ""):
        if key in indexes:
            return Target(*indexes[key])
    raise JobFailed("##[error]There is no index to publish to.")


async def exchange(
    http: aiohttp.ClientSession, target: Target, claims: Claims, sign: Callable[[Claims], str]
) -> str:
    """Trade a job's identity for a token of the index; JobFailed with the index's reason otherwise."""
    status, text = await minted(http, target, claims, sign)
    if status != 200:
        raise JobFailed(refused_exchange(text, status, claims))
    return str(json.loads(text)["token"])


async def minted(
    http: aiohttp.ClientSession, target: Target, claims: Claims, sign: Callable[[Claims], str]
) -> tuple[int, str]:
    """Send a job's identity to the index, and return the status and text of the answer; NoAudience before that."""
    async with http.get(f"{target.url}/_/oidc/audience") as answer:
        if answer.status != 200:
            raise NoAudience(answer.status)
        audience = (await answer.json())["audience"]
    token = sign({**claims, "aud": audience})
    async with http.post(f"{target.url}/_/oidc/mint-token", json={"token": token}) as answer:
        return answer.status, await answer.text()


async def confirm(
    http: aiohttp.ClientSession, target: Target, claims: Claims, sign: Callable[[Claims], str]
) -> None:
    """Exchange a job's identity and keep nothing; JobFailed with what the proposed `confirm` job's script writes."""
    try:
        status, text = await minted(http, target, claims, sign)
    except NoAudience as no:
        raise JobFailed(_ended(f"urllib.error.HTTPError: HTTP Error {no.status}: Refused")) from no
    except aiohttp.ClientError as broken:
        raise JobFailed(_ended(f"urllib.error.URLError: <urlopen error {type(broken).__name__}>")) from broken
    if status == 422:
        errors = json.loads(text)["errors"]
        raise JobFailed(
            _ended(*(f"##[error]{one['code']}: {' '.join(one['description'].split())}" for one in errors))
        )
    if status != 200:
        raise JobFailed(_ended(f"urllib.error.HTTPError: HTTP Error {status}: Refused"))


def _ended(*lines: str) -> str:
    return "\n".join((*lines, "##[error]Process completed with exit code 1."))


def refused_exchange(text: str, status: int, claims: Claims) -> str:
    """Return what the action writes where the index refuses the identity."""
    try:
        reasons = [f"* `{one['code']}`: {one['description']}" for one in json.loads(text)["errors"]]
    except (ValueError, KeyError, TypeError):
        reasons = [f"* HTTP {status}"]
    names = ("sub", "repository", "repository_owner", "job_workflow_ref", "ref", "environment")
    said = [f"* `{name}`: `{claims.get(name)}`" for name in names]
    lines = [
        "##[error]Trusted publishing exchange failure: ",
        "Token request failed: the server refused the request for the following reasons:",
        *reasons,
        "The claims rendered below are **for debugging purposes only**.",
        *said,
    ]
    return "\n".join(lines)


async def upload(
    http: aiohttp.ClientSession,
    target: Target,
    token: str,
    file: tuple[str, bytes],
    attestation: Claims | None,
) -> None:
    """Upload one file; JobFailed with the index's reason where it is refused."""
    name, content = file
    stem, version = name.removesuffix(".tar.gz").split("-")[:2]
    wheel = name.endswith(".whl")
    form = aiohttp.FormData()
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": stem.replace("_", "-"),
        "version": version,
        "filetype": "bdist_wheel" if wheel else "sdist",
        "pyversion": "py3" if wheel else "source",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
    }
    if attestation is not None:
        fields["attestations"] = json.dumps([attestation])
    for field, value in fields.items():
        form.add_field(field, value)
    form.add_field("content", content, filename=name, content_type="application/octet-stream")
    headers = {"Authorization": aiohttp.encode_basic_auth("__token__", token)}
    async with http.post(target.upload_url, data=form, headers=headers, allow_redirects=False) as answer:
        if answer.status != 200:
            raise JobFailed(
                f"Uploading {name}\nERROR    HTTPError: {answer.status} {answer.reason} from {target.upload_url}"
            )
