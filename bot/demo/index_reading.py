"""What anybody may read: the simple index, project JSON, provenance, feeds, files.

Knows: PEP 503, 691, 740, 792 as warehouse answers them. Must not know: who may change what.
"""

from datetime import datetime
from email.utils import format_datetime
from typing import Any

from aiohttp import web
from packaging.version import InvalidVersion, Version

from bot.demo.index_answers import HTML, STATE, json_answer, plain, tagged
from bot.demo.index_model import Project, PublisherValues, Release, StoredFile, normalized
from bot.demo.index_render import render
from bot.demo.index_stages import Stage
from bot.demo.index_state import IndexState

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
API_VERSION = "1.4"
NULL_FIELDS = [
    "author",
    "author_email",
    "bugtrack_url",
    "description_content_type",
    "docs_url",
    "download_url",
    "dynamic",
    "home_page",
    "keywords",
    "license",
    "license_expression",
    "license_files",
    "maintainer",
    "maintainer_email",
    "platform",
    "project_urls",
    "provides_extra",
    "requires_dist",
    "requires_python",
    "summary",
]


def add_routes(app: web.Application) -> None:
    """Offer all that is read."""
    router = app.router
    router.add_get("/simple/", simple_list)
    router.add_get("/simple/{name}/", simple)
    router.add_get("/simple/{name}", simple_without_slash)
    router.add_get("/pypi/{name}/json", project_json)
    router.add_get("/pypi/{name}/{version}/json", project_json)
    router.add_get("/integrity/{name}/{version}/{filename}/provenance", provenance)
    router.add_get("/rss/packages.xml", rss_packages)
    router.add_get("/rss/updates.xml", rss_updates)
    router.add_get("/rss/project/{name}/releases.xml", rss_project)
    router.add_get("/packages/{first}/{second}/{rest}/{filename}", download)


async def simple_list(request: web.Request) -> web.Response:
    """List every project."""
    state = request.app[STATE]
    projects = sorted(state.projects.values(), key=lambda project: project.normalized)
    headers = {"X-PyPI-Last-Serial": str(state.serial), "Cache-Control": "max-age=600, public"}
    if not wants_json(request):
        body = render("simple_list.html", projects=projects).encode()
        return tagged(request, web.Response(body=body, headers={"Content-Type": HTML, **headers}))
    value = {
        "meta": {"_last-serial": state.serial, "api-version": API_VERSION},
        "projects": [{"_last-serial": project.serial, "name": project.name} for project in projects],
    }
    return tagged(request, json_answer(value, headers=headers, content_type=SIMPLE_JSON))


async def simple(request: web.Request) -> web.Response:
    """List a project's files: 200, 304, 404 in text, or 301 to the normalized name."""
    state = request.app[STATE]
    name = request.match_info["name"]
    if name != normalized(name):
        return moved(f"{state.url}/simple/{normalized(name)}/")
    project = state.project(name)
    if project is None:
        return plain(404)
    headers = {"X-PyPI-Last-Serial": str(project.serial), "Cache-Control": "max-age=600, public"}
    value = simple_value(state, state.stages.view(Stage.INSTALLABLE, project, state.clock()))
    if wants_json(request):
        return tagged(request, json_answer(value, headers=headers, content_type=SIMPLE_JSON))
    body = render("simple.html", project=value).encode()
    return tagged(request, web.Response(body=body, headers={"Content-Type": HTML, **headers}))


async def simple_without_slash(request: web.Request) -> web.Response:
    """Send a client to the address with the slash."""
    return moved(f"{request.app[STATE].url}/simple/{normalized(request.match_info['name'])}/")


async def project_json(request: web.Request) -> web.Response:
    """Tell all about a project and its newest, or the given, release: 200, 304 or 404."""
    state = request.app[STATE]
    project = state.project(request.match_info["name"])
    wanted = request.match_info.get("version")
    if project is not None:
        project = state.stages.view(Stage.ACCEPTED, project, state.clock())
    versions = sorted_versions(project) if project else []
    if project is None or not versions or (wanted is not None and wanted not in versions):
        return not_found()
    value = project_value(state, project, wanted or versions[-1], with_releases=wanted is None)
    headers = {"X-PyPI-Last-Serial": str(project.serial), "Cache-Control": "max-age=900, public"}
    return tagged(request, json_answer(value, headers=headers))


async def provenance(request: web.Request) -> web.Response:
    """Name the publisher of an attested file, with its attestations; 404 without."""
    state = request.app[STATE]
    project = state.project(request.match_info["name"])
    files = project.files_of(request.match_info["version"]) if project else []
    file = next((file for file in files if file.filename == request.match_info["filename"]), None)
    if file is None:
        return not_found()
    headers = {"Cache-Control": "max-age=600, public"}
    if not file.attestations or file.attested_by is None:
        return json_answer({"message": f"No provenance available for {file.filename}"}, 404, headers)
    bundle = {"publisher": publisher_value(file.attested_by), "attestations": file.attestations}
    return tagged(request, json_answer({"version": 1, "attestation_bundles": [bundle]}, headers=headers))


async def rss_packages(request: web.Request) -> web.Response:
    """The feed of the newest projects; those of them that have no release yet are left out, as a warehouse does."""
    state = request.app[STATE]
    newest = sorted(state.projects.values(), key=lambda project: project.created_at, reverse=True)
    items = [
        {
            "title": f"{project.name} added to {state.name}",
            "link": f"{state.url}/project/{project.normalized}/",
            "guid": True,
            "summary": summary(project),
            "date": rss_date(project.created_at),
        }
        for project in newest[: state.newest_projects]
        if project.releases
    ]
    about = "Newest packages registered at the Python Package Index"
    return feed(request, f"{state.name} newest packages", f"{state.url}/", about, items)


async def rss_updates(request: web.Request) -> web.Response:
    """The feed of the newest releases."""
    state = request.app[STATE]
    newest = sorted(
        ((project, release) for project in state.projects.values() for release in project.releases.values()),
        key=lambda pair: pair[1].created_at,
        reverse=True,
    )
    items = [release_item(state, project, release) for project, release in newest[: state.newest_releases]]
    for item, (project, _release) in zip(items, newest, strict=False):
        item["title"] = f"{project.name} {item['title']}"
    about = "Recent updates to the Python Package Index"
    return feed(request, f"{state.name} recent updates", f"{state.url}/", about, items)


async def rss_project(request: web.Request) -> web.Response:
    """The feed of one project's releases."""
    state = request.app[STATE]
    project = state.project(request.match_info["name"])
    if project is None:
        raise web.HTTPNotFound
    newest = sorted(project.releases.values(), key=lambda release: release.created_at, reverse=True)
    items = [release_item(state, project, release) for release in newest]
    link = f"{state.url}/project/{project.normalized}/"
    title = f"{state.name} recent updates for {project.name}"
    about = f"Recent updates to the Python Package Index for {project.name}"
    return feed(request, title, link, about, items)


async def download(request: web.Request) -> web.Response:
    """Give a file's bytes."""
    state = request.app[STATE]
    for project in state.projects.values():
        for file in project.files:
            if file.path == request.path and state.stages.shows(Stage.DOWNLOADABLE, file, state.clock()):
                return web.Response(body=file.content, content_type="application/octet-stream")
    return plain(404)


def wants_json(request: web.Request) -> bool:
    """Whether the simple index is asked for as JSON (PEP 691)."""
    accepted = request.headers.get("Accept", "")
    return SIMPLE_JSON in accepted or request.query.get("format") == SIMPLE_JSON


def moved(url: str) -> web.Response:
    """Send a client elsewhere for good."""
    answer = plain(301)
    answer.headers["Location"] = url
    return answer


def not_found() -> web.Response:
    """Answer 404 as the JSON addresses do."""
    return json_answer({"message": "Not Found"}, 404)


def sorted_versions(project: Project) -> list[str]:
    """Return the versions of a project that have files, the oldest first."""
    return sorted({file.version for file in project.files}, key=version_key)


def version_key(version: str) -> tuple[bool, Version | str]:
    """Return what versions sort by; what is none comes first."""
    try:
        return True, Version(version)
    except InvalidVersion:
        return False, version


def iso(moment: datetime) -> str:
    """Return a time as warehouse writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rss_date(moment: datetime) -> str:
    """Return a time as feeds have it."""
    return format_datetime(moment, usegmt=True)


def summary(project: Project) -> str:
    """Return the newest release's summary; the word None where there is none, as the feed says it."""
    newest = list(project.releases.values())[-1:]
    return str(newest[0].fields.get("summary")) if newest else "None"


def release_item(state: IndexState, project: Project, release: Release) -> dict[str, Any]:
    """Return a feed's entry for a release."""
    return {
        "title": release.version,
        "link": f"{state.url}/project/{project.normalized}/{release.version}/",
        "guid": False,
        "summary": str(release.fields.get("summary")),
        "date": rss_date(release.created_at),
    }


def feed(
    request: web.Request, title: str, link: str, about: str, items: list[dict[str, Any]]
) -> web.Response:
    """Answer a feed."""
    body = render("feed.xml", title=title, link=link, about=about, items=items).encode()
    return tagged(request, web.Response(body=body, headers={"Content-Type": "text/xml; charset=UTF-8"}))


def metadata_link(file: StoredFile) -> dict[str, str] | bool:
    """Return a wheel's METADATA digest as the simple index tells it."""
    return {"sha256": file.metadata_sha256} if file.metadata_sha256 else False


def simple_value(state: IndexState, project: Project) -> dict[str, Any]:
    """Return a project as the simple index tells it."""
    status = {"status": project.status}
    if project.status_reason:
        status["reason"] = project.status_reason
    return {
        "meta": {"_last-serial": project.serial, "api-version": API_VERSION},
        "name": project.normalized,
        "project-status": status,
        "versions": sorted_versions(project),
        "files": []
        if project.status == "quarantined"
        else [simple_file(state, project, file) for file in project.files],
    }


def simple_file(state: IndexState, project: Project, file: StoredFile) -> dict[str, Any]:
    """Return a file as the simple index tells it."""
    attested = f"{state.url}/integrity/{project.normalized}/{file.version}/{file.filename}/provenance"
    return {
        "core-metadata": metadata_link(file),
        "data-dist-info-metadata": metadata_link(file),
        "filename": file.filename,
        "hashes": {"sha256": file.sha256},
        "provenance": attested if file.attestations else None,
        "requires-python": file.requires_python,
        "size": len(file.content),
        "upload-time": iso(file.uploaded_at),
        "url": state.url + file.path,
        "yanked": file.yanked is not None and (file.yanked or True),
    }


def publisher_value(values: PublisherValues) -> dict[str, str | None]:
    """Return a publisher as the provenance of an attested file names it."""
    return {
        "kind": "GitHub",
        "repository": values.slug,
        "workflow": values.workflow_filename,
        "environment": values.environment or None,
    }


def project_value(
    state: IndexState, project: Project, version: str, *, with_releases: bool
) -> dict[str, Any]:
    """Return a project as its JSON tells it."""
    urls = [file_value(state, file) for file in project.files_of(version)]
    value = {
        "info": info_value(state, project, version),
        "last_serial": project.serial,
        "ownership": {"organization": None, "roles": [{"role": "Owner", "user": project.owner.name}]},
        "urls": urls,
        "vulnerabilities": [],
    }
    if with_releases:
        value["releases"] = {
            other: [file_value(state, file) for file in project.files_of(other)]
            for other in sorted_versions(project)
        }
    return value


def info_value(state: IndexState, project: Project, version: str) -> dict[str, Any]:
    """Return a release's metadata as the project JSON tells it."""
    page = f"{state.url}/project/{project.normalized}/"
    fields = project.releases[version].fields
    reasons = [file.yanked for file in project.files_of(version)]
    return {
        **dict.fromkeys(NULL_FIELDS),
        "classifiers": [],
        "description": "",
        **{
            name: value
            for name, value in fields.items()
            if name in {*NULL_FIELDS, "classifiers", "description"}
        },
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "name": project.name,
        "package_url": page,
        "project_url": page,
        "release_url": f"{page}{version}/",
        "version": version,
        "yanked": None not in reasons,
        "yanked_reason": None if None in reasons else reasons[0] or None,
    }


def file_value(state: IndexState, file: StoredFile) -> dict[str, Any]:
    """Return a file as the project JSON tells it."""
    return {
        "comment_text": None,
        "core-metadata": metadata_link(file),
        "digests": {"blake2b_256": file.blake2b, "md5": file.md5, "sha256": file.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": False,
        "md5_digest": file.md5,
        "packagetype": file.filetype,
        "python_version": file.pyversion,
        "requires_python": file.requires_python,
        "size": len(file.content),
        "upload_time": file.uploaded_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "upload_time_iso_8601": iso(file.uploaded_at),
        "url": state.url + file.path,
        "yanked": file.yanked is not None,
        "yanked_reason": file.yanked or None,
    }
