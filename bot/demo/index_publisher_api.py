"""The publisher API: `POST` and `GET /_/v1/publisher` (protocols section 1a).

Knows: its statuses and bodies. Must not know: pages, OIDC, how tokens are built.
"""

import json
from typing import Any

from aiohttp import web

from bot.demo.index_answers import STATE, Asker, asker, json_answer
from bot.demo.index_model import (
    PUBLISHER_FIELDS,
    PendingPublisher,
    PublisherValues,
    User,
    name_problem,
    normalized,
    value_problems,
)
from bot.demo.index_owners import Owner, Owners
from bot.demo.index_state import IndexState, Taken
from bot.demo.index_tokens import TokenUse

PATH = "/_/v1/publisher"


class Rejected(Exception):
    """The API's no: a status and the JSON that says why."""

    def __init__(self, status: int, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message}
        if errors:
            self.body["errors"] = [{"field": name, "description": reason} for name, reason in errors.items()]


class PublisherApi:
    """The two routes; `listing` off leaves `GET` to answer 405."""

    def __init__(self, owners: Owners, *, listing: bool) -> None:
        self._owners = owners
        self._listing = listing

    def add_routes(self, app: web.Application) -> None:
        """Offer the API."""
        app.router.add_post(PATH, self.register)
        if self._listing:
            app.router.add_get(PATH, self.list, allow_head=False)

    async def register(self, request: web.Request) -> web.Response:
        """Take a registration: 201, pending until its link is followed; else 400, 401, 403, 409 or 422."""
        try:
            return json_answer(await self._register(request), 201)
        except Rejected as no:
            return json_answer(no.body, no.status)

    async def list(self, request: web.Request) -> web.Response:
        """Give the publishers of one project: 200 and a list; else 401, 403 or 422."""
        state = request.app[STATE]
        try:
            user = signed_in(request, state)
            name = asked_name(request)
            must_own(state, user, name)
        except Rejected as no:
            return json_answer(no.body, no.status)
        return json_answer(listed(state, user, name))

    async def _register(self, request: web.Request) -> dict[str, str]:
        state = request.app[STATE]
        user = signed_in(request, state)
        fields = await read_fields(request)
        values, owner_id = await self._checked(fields)
        name = fields["name"]
        if state.project(name) is None:
            raise Rejected(
                400, f"The project {name!r} does not exist. Upload a first release, then try again."
            )
        must_own(state, user, name)
        conflict = state.api_conflict(name, values)
        if conflict:
            raise Rejected(409, conflict)
        pending = PendingPublisher(
            project=name, values=values, owner_id=owner_id, added_by=user, added_at=state.clock(), by_api=True
        )
        state.pending.append(pending)
        entry = shown(name, values, "pending")
        taken = {key: entry[key] for key in ("name", *PUBLISHER_FIELDS)}
        state.registrations.append(Taken(**taken, user=user.name, at=pending.added_at))
        return {**entry, "message": "Registered. Follow the link in the confirmation mail to activate it."}

    async def _checked(self, fields: dict[str, str]) -> tuple[PublisherValues, str]:
        """Return the values as they are kept and the owner's id; Rejected with every invalid field."""
        problems = value_problems(fields)
        name = fields["name"]
        if name_problem(name):
            problems["name"] = name_problem(name)
        elif name != normalized(name):
            problems["name"] = f"Not normalized; expected {normalized(name)!r}"
        if not problems:
            owner = await self._owners.find(fields["owner"])
            if isinstance(owner, Owner):
                return PublisherValues.kept(fields, owner=owner.login), owner.id
            problems["owner"] = owner
        summary = "; ".join(f"{field}: {reason}" for field, reason in problems.items())
        raise Rejected(422, f"A value is invalid. {summary}", problems)


def signed_in(request: web.Request, state: IndexState) -> User:
    """Return the user whose account-wide token came with the request; Rejected with 401 or 403."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    who = asker(request, text.strip()) if scheme == "Token" else None
    if who is None:
        raise Rejected(401, "Invalid or missing API token. Send it as 'Authorization: Token pypi-...'.")
    return account_holder(who, state)


def account_holder(who: Asker, state: IndexState) -> User:
    """Return the user of a token that is good for the whole account; Rejected with 401 or 403."""
    verdict = who.verify(TokenUse(state.now))
    if not verdict.signature_ok:
        raise Rejected(401, "Invalid API token: signatures do not match.")
    if verdict.expired:
        raise Rejected(401, "Invalid API token: token is expired.")
    if verdict.reasons or who.user is None:
        raise Rejected(
            403,
            "This token may not register publishers: its scope must be the entire account. "
            + ", ".join(verdict.reasons),
        )
    return who.user


def must_own(state: IndexState, user: User, name: str) -> None:
    """Rejected with 403 where a project exists and is somebody else's."""
    project = state.project(name)
    if project is not None and project.owner is not user:
        raise Rejected(403, f"The user {user.name!r} may not manage publishers of the project {name!r}.")


def asked_name(request: web.Request) -> str:
    """Return the normalized name of the project that a list is asked for; Rejected with 422 for none."""
    name = request.query.get("name", "")
    problem = name_problem(name)
    if problem:
        raise Rejected(422, "The project's name is invalid.", {"name": problem})
    return normalized(name)


async def read_fields(request: web.Request) -> dict[str, str]:
    """Return the body's five values; Rejected with 422 where it is not JSON or one is no text or missing."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as broken:
        raise Rejected(422, "The body is not JSON.") from broken
    if not isinstance(body, dict):
        raise Rejected(422, "The body is not a JSON object.")
    body.setdefault("environment", "")
    wanted = ("name", *PUBLISHER_FIELDS)
    wrong = {key: "Must be a text" for key in wanted if not isinstance(body.get(key), str)}
    if wrong:
        raise Rejected(422, f"A value is invalid. Must be texts: {', '.join(wrong)}", wrong)
    return {key: body[key] for key in wanted}


def listed(state: IndexState, user: User, name: str) -> list[dict[str, str]]:
    """Return a project's publishers as the list shows them, or what a test made it say instead."""
    if name in state.lies:
        return [shown(name, state.lies[name], "active")]
    state.drop_expired()
    pending = [one for one in state.pending if one.normalized == name and one.added_by is user]
    project = state.project(name)
    active = state.publishers_of(project) if project else []
    return [
        *(shown(name, one.values, "active") for one in active),
        *(shown(name, one.values, "pending") for one in pending),
    ]


def shown(name: str, values: PublisherValues, status: str) -> dict[str, str]:
    """Return one entry of the list."""
    return {
        "name": name,
        "owner": values.owner,
        "repository": values.repository,
        "workflow_filename": values.workflow_filename,
        "environment": values.environment,
        "status": status,
    }
