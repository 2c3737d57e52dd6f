"""The index's pages for people: projects, signing in, tokens, publishers.

Knows: forms and templates. Must not know: the publisher API, uploads.
"""

import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from bot.demo.index_answers import HTML, STATE, see_other
from bot.demo.index_model import (
    PUBLISHER_FIELDS,
    PendingPublisher,
    Project,
    PublisherValues,
    User,
    name_problem,
    value_problems,
)
from bot.demo.index_owners import Owner, Owners
from bot.demo.index_reading import sorted_versions
from bot.demo.index_render import render
from bot.demo.index_sessions import current_user, local_path, sign_in, sign_out, to_login
from bot.demo.index_state import DEMO_USERS, PENDING_DAYS, IndexState

PUBLISHING = "/manage/account/publishing/"
TOKENS = "/manage/account/token/"
ACCOUNT_SCOPE = ""
SignedIn = Callable[[web.Request, User], Awaitable[web.Response]]


class Pages:
    """All pages; `owners` is asked for each publisher that a form names."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    def add_routes(self, app: web.Application) -> None:
        """Offer the pages."""
        router = app.router
        router.add_get("/", home)
        router.add_get("/help/", help_page)
        router.add_get("/project/{name}/", project_page)
        router.add_get("/project/{name}/{version}/", project_page)
        router.add_get("/account/login/", login_page)
        router.add_post("/account/login/", login)
        router.add_post("/account/logout/", logout)
        router.add_get(TOKENS, needs_login(token_page))
        router.add_post(TOKENS, needs_login(make_token))
        router.add_post(f"{TOKENS}revoke/", needs_login(revoke_token))
        router.add_get(PUBLISHING, needs_login(publishing_page))
        router.add_post(PUBLISHING, needs_login(self.add_pending))
        router.add_post(f"{PUBLISHING}confirm/", needs_login(confirm))
        router.add_post(f"{PUBLISHING}remove/", needs_login(remove))
        settings = "/manage/project/{name}/settings/publishing/"
        router.add_get(settings, needs_login(project_publishing_page))
        router.add_post(settings, needs_login(self.add_active))

    async def add_pending(self, request: web.Request, user: User) -> web.Response:
        """Take a pending publisher for a project to come; 400 and the form again with each field's problem.

        Asked in the real one's order: whether the person may have one more, whether there were too many tries, the fields.
        """
        state = request.app[STATE]
        fields = await read_form(request, "project_name", *PUBLISHER_FIELDS)
        if full := state.form_full(user):
            return publishing_view(request, user, fields=fields, refusal=full)
        if wait := state.form_wait(f"user {user.name}", f"address {request.remote}"):
            return too_many_tries(wait)
        name = fields["project_name"]
        problems = value_problems(fields)
        name_refusal = name_problem(name) or owned(state, user, fields) or state.taken_by(name)
        if name_refusal:
            problems["project_name"] = name_refusal
        values, owner_id = await self._kept(fields, problems)
        refusal = "" if problems else state.form_conflict(name, values)
        if problems or refusal:
            return publishing_view(request, user, fields=fields, problems=problems, refusal=refusal)
        state.pending.append(
            PendingPublisher(
                project=name,
                values=values,
                owner_id=owner_id,
                added_by=user,
                added_at=state.clock(),
                by_api=False,
            )
        )
        return see_other(state.url + PUBLISHING)

    async def add_active(self, request: web.Request, user: User) -> web.Response:
        """Put a publisher in force for a project that exists; 400 and the form again with each field's problem."""
        state = request.app[STATE]
        project = own_project(request, user)
        fields = await read_form(request, *PUBLISHER_FIELDS)
        problems = value_problems(fields)
        values, owner_id = await self._kept(fields, problems)
        if problems:
            return project_publishing_view(request, user, project, fields=fields, problems=problems)
        state.add_publisher(project, values, owner_id)
        return see_other(f"{state.url}/manage/project/{project.normalized}/settings/publishing/")

    async def _kept(self, fields: dict[str, str], problems: dict[str, str]) -> tuple[PublisherValues, str]:
        """Return the values as they are kept and the owner's id; adds the owner's problem, if only the forge sees it."""
        found = await self._owners.find(fields["owner"]) if "owner" not in problems else ""
        if isinstance(found, Owner):
            return PublisherValues.kept(fields, owner=found.login), found.id
        if found:
            problems["owner"] = found
        return PublisherValues.kept(fields, owner=fields["owner"]), ""


def owned(state: IndexState, user: User, fields: dict[str, str]) -> str:
    """Return the way to the page of a project that is the user's own already; "" where it is not."""
    project = state.project(fields["project_name"])
    if project is None or project.owner is not user:
        return ""
    query = urlencode({"provider": "github", **{name: value for name, value in fields.items() if value}})
    page = f"{state.url}/manage/project/{project.normalized}/settings/publishing/?{query}"
    return Markup(
        "This project already exists: use the project's publishing settings <a href='{}'>here</a> to create a Trusted"
        " Publisher for it."
    ).format(page)


def too_many_tries(wait: timedelta) -> web.Response:
    """Answer 429 as the index does to whoever tried the form too often."""
    text = "There have been too many attempted trusted publisher registrations. Try again later."
    return web.Response(status=429, headers={"Retry-After": str(math.ceil(wait.total_seconds()))}, text=text)


def needs_login(page: SignedIn) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a handler that sends somebody signed out to the login page first."""

    async def checked(request: web.Request) -> web.Response:
        user = current_user(request)
        return to_login(request) if user is None else await page(request, user)

    return checked


def view(request: web.Request, template: str, status: int = 200, **values: object) -> web.Response:
    """Answer a page."""
    state = request.app[STATE]
    common = {"site": state.name, "site_url": state.url, "user": current_user(request), "path": request.path}
    body = render(template, **common, **values).encode()
    return web.Response(status=status, headers={"Content-Type": HTML}, body=body)


def missing_page(request: web.Request, status: int) -> web.Response:
    """Answer as the index does for an address it has not, or not by that method."""
    title = "Page Not Found (404)" if status == 404 else "Method Not Allowed (405)"
    return view(request, "missing.html", status, title=title, code=status)


async def read_form(request: web.Request, *names: str) -> dict[str, str]:
    """Return the named fields of a form as they were typed."""
    sent = await request.post()
    return {name: str(sent.get(name, "")) for name in names}


async def home(request: web.Request) -> web.Response:
    """List the projects."""
    projects = sorted(request.app[STATE].projects.values(), key=lambda one: one.created_at, reverse=True)
    return view(request, "home.html", projects=[project_row(project) for project in projects])


async def help_page(request: web.Request) -> web.Response:
    """Explain what the refusals refer to."""
    return view(request, "help.html")


async def project_page(request: web.Request) -> web.Response:
    """Show a project and its releases."""
    project = request.app[STATE].project(request.match_info["name"])
    version = request.match_info.get("version")
    if project is None or (version is not None and version not in project.releases):
        raise web.HTTPNotFound
    releases = [
        {"version": one, "files": project.files_of(one)} for one in reversed(sorted_versions(project))
    ]
    return view(request, "project.html", project=project, releases=releases)


async def login_page(request: web.Request) -> web.Response:
    """Let the player choose who to be."""
    names = list(dict.fromkeys([*DEMO_USERS, *request.app[STATE].users]))
    return view(request, "login.html", names=names, next=local_path(request.query.get("next", "/")))


async def login(request: web.Request) -> web.Response:
    """Sign in as the chosen user and go on to where they came from."""
    state = request.app[STATE]
    fields = await read_form(request, "user", "next")
    if fields["user"] not in {*DEMO_USERS, *state.users}:
        raise web.HTTPNotFound
    answer = see_other(state.url + local_path(fields["next"]))
    sign_in(request, answer, state.user(fields["user"]))
    return answer


async def logout(request: web.Request) -> web.Response:
    """Sign out."""
    answer = see_other(f"{request.app[STATE].url}/")
    sign_out(request, answer)
    return answer


async def token_page(request: web.Request, user: User) -> web.Response:
    """List a user's tokens and offer a new one."""
    return token_view(request, user, made="")


async def make_token(request: web.Request, user: User) -> web.Response:
    """Make a token for the account or one project, and show it this once."""
    state = request.app[STATE]
    scope = (await read_form(request, "scope"))["scope"]
    project = state.project(scope)
    if scope != ACCOUNT_SCOPE and (project is None or project.owner is not user):
        raise web.HTTPNotFound
    made = state.tokens.for_user(state.location, user, [project] if project else None)
    answer = token_view(request, user, made=made)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def revoke_token(request: web.Request, user: User) -> web.Response:
    """Revoke one of the user's own tokens."""
    state = request.app[STATE]
    token_id = (await read_form(request, "id"))["id"]
    issued = state.tokens.issued.get(token_id)
    if issued is None or issued.holder is not user:
        raise web.HTTPNotFound
    state.tokens.revoke(token_id)
    return see_other(state.url + TOKENS)


def token_view(request: web.Request, user: User, *, made: str) -> web.Response:
    """Show the token page; `made` is a token just made, shown in full."""
    state = request.app[STATE]
    mine = [issued for issued in state.tokens.issued.values() if issued.holder is user]
    return view(request, "tokens.html", made=made, tokens=mine, projects=projects_of(state, user))


async def publishing_page(request: web.Request, user: User) -> web.Response:
    """Show what is pending and the form for one more. Query parameters are ignored, as on the real one."""
    return publishing_view(request, user)


def publishing_view(
    request: web.Request,
    user: User,
    *,
    fields: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
    refusal: str = "",
) -> web.Response:
    """Show the account's publishing page; with problems or a refusal as 400."""
    state = request.app[STATE]
    active = [one for one in state.active if any(project.owner is user for project in one.projects)]
    return view(
        request,
        "publishing.html",
        400 if problems or refusal else 200,
        pending=state.pending_of(user),
        active=active,
        days=PENDING_DAYS,
        fields=fields or dict.fromkeys(("project_name", *PUBLISHER_FIELDS), ""),
        problems=problems or {},
        refusal=refusal,
    )


async def confirm(request: web.Request, user: User) -> web.Response:
    """Put a pending publisher in force: what following the link in the confirmation mail would do."""
    state = request.app[STATE]
    confirmed = await own_pending(request, user)
    state.activate(confirmed)
    return see_other(state.url + PUBLISHING)


async def remove(request: web.Request, user: User) -> web.Response:
    """Withdraw a pending publisher."""
    state = request.app[STATE]
    withdrawn = await own_pending(request, user)
    state.pending.remove(withdrawn)
    return see_other(state.url + PUBLISHING)


async def own_pending(request: web.Request, user: User) -> PendingPublisher:
    """Return the pending publisher that a form names, if it is the user's; else 404."""
    wanted = (await read_form(request, "id"))["id"]
    found = next((one for one in request.app[STATE].pending_of(user) if one.id == wanted), None)
    if found is None:
        raise web.HTTPNotFound
    return found


def own_project(request: web.Request, user: User) -> Project:
    """Return the project of the address, if it is the user's; else 404."""
    project = request.app[STATE].project(request.match_info["name"])
    if project is None or project.owner is not user:
        raise web.HTTPNotFound
    return project


async def project_publishing_page(request: web.Request, user: User) -> web.Response:
    """Show a project's publishers and a form, pre-filled from the query."""
    fields = {name: request.query.get(name, "") for name in PUBLISHER_FIELDS}
    return project_publishing_view(request, user, own_project(request, user), fields=fields)


def project_publishing_view(
    request: web.Request,
    user: User,
    project: Project,
    *,
    fields: dict[str, str],
    problems: dict[str, str] | None = None,
) -> web.Response:
    """Show a project's publishing page; with problems as 400."""
    state = request.app[STATE]
    return view(
        request,
        "project_publishing.html",
        400 if problems else 200,
        project=project,
        active=state.publishers_of(project),
        pending=[one for one in state.pending_of(user) if state.project(one.project) is project],
        fields=fields,
        problems=problems or {},
    )


def projects_of(state: IndexState, user: User) -> list[Project]:
    """Return a user's projects by name."""
    mine = [project for project in state.projects.values() if project.owner is user]
    return sorted(mine, key=lambda project: project.normalized)


def project_row(project: Project) -> dict[str, object]:
    """Return what the front page shows of a project."""
    versions = sorted_versions(project)
    return {
        "name": project.name,
        "path": f"/project/{project.normalized}/",
        "version": versions[-1] if versions else "no release yet",
        "owner": project.owner.name,
        "status": project.status,
    }
