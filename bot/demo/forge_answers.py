"""How the forge answers: JSON with ETags, refusals, limits, pages of a list.

Knows: GitHub's headers and error bodies. Must not know: what is asked.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from aiohttp import web

from bot.demo.forge_state import ForgeState, Quota, Repository

Json = dict[str, Any]
JSON = "application/json; charset=utf-8"
DOCS = "https://docs.github.com/rest"
NOT_ACCESSIBLE = "Resource not accessible by personal access token"
MAX_PAGE = 100
Item = TypeVar("Item")


class Refusal(Exception):
    """The forge's no."""

    def __init__(self, status: int, message: str, errors: Sequence[Json] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)

    def answer(self) -> web.Response:
        """Return it as an answer."""
        return refusal(self.status, self.message, self.errors)


def invalid(resource: str, code: str, field: str) -> Refusal:
    """Return the refusal of one field's value."""
    return Refusal(422, "Validation Failed", [{"resource": resource, "code": code, "field": field}])


def refusal(status: int, message: str, errors: Sequence[Json] = ()) -> web.Response:
    """Answer no, in GitHub's shape."""
    value: Json = {"message": message, "documentation_url": DOCS, "status": str(status)}
    if errors:
        value["errors"] = list(errors)
    return web.Response(status=status, headers={"Content-Type": JSON}, body=json.dumps(value).encode())


def with_quota(answer: web.StreamResponse, quota: Quota) -> web.StreamResponse:
    """Tell the caller what is left to ask."""
    answer.headers["x-ratelimit-limit"] = str(quota.limit)
    answer.headers["x-ratelimit-remaining"] = str(max(quota.remaining, 0))
    answer.headers["x-ratelimit-used"] = str(quota.used)
    answer.headers["x-ratelimit-reset"] = str(quota.reset)
    answer.headers["x-ratelimit-resource"] = "core"
    return answer


def answer_json(request: web.Request, value: Any) -> web.Response:
    """Answer JSON with its ETag, or 304."""
    return tagged(request, json.dumps(value).encode(), {"Content-Type": JSON})


def created(value: Any, location: str = "", status: int = 201) -> web.Response:
    """Answer what was made just now."""
    headers = {"Content-Type": JSON, **({"Location": location} if location else {})}
    return web.Response(status=status, headers=headers, body=json.dumps(value).encode())


def tagged(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.Response:
    """Answer a body with its ETag, or 304 where the client has it already."""
    etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
    known = {tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")}
    common = {"ETag": etag, "Cache-Control": "private, max-age=60, s-maxage=60"}
    if etag in known:
        return web.Response(status=304, headers=common)
    return web.Response(headers={**headers, **common}, body=body)


def sent_token(request: web.Request) -> str:
    """Return the token that a request carries; "" where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"token", "bearer"} else ""


def found_repository(request: web.Request, state: ForgeState) -> Repository:
    """Return the repository that a path names; 404 where there is none or it is not shown."""
    slug = f"{request.match_info['owner']}/{request.match_info['name']}".lower()
    repository = state.repositories.get(slug)
    if repository is None or (repository.private and not sent_token(request)):
        raise web.HTTPNotFound
    return repository


def must_be_allowed(request: web.Request, state: ForgeState, permission: str) -> None:
    """Refuse who may not: 401 without a token, 403 for one that lacks the permission."""
    token = sent_token(request)
    if not token:
        raise Refusal(401, "Requires authentication")
    if not state.may(token, permission):
        raise Refusal(403, NOT_ACCESSIBLE)


async def read_object(request: web.Request) -> Json:
    """Return the body's JSON object, an empty one for no body; 400 where it is none."""
    body = await request.read()
    try:
        value = json.loads(body or b"{}")
    except ValueError as broken:
        raise Refusal(400, "Problems parsing JSON") from broken
    if not isinstance(value, dict):
        raise Refusal(422, "Invalid request.\n\nFor 'links/0/schema', the body is not an object.")
    return value


def wanted(body: Json, name: str, kind: type[Item], default: Item | None = None) -> Item:
    """Return one value of a body; 422 where it is missing without a default, or of another type."""
    value = body.get(name, default)
    if name not in body and default is None:
        raise Refusal(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refusal(
            422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not of the right type."
        )
    return value


def page_of(request: web.Request, items: Sequence[Item]) -> Sequence[Item]:
    """Return the page of a list that is asked for."""
    size, page = _page(request)
    return items[(page - 1) * size : page * size]


def linked(request: web.Request, answer: web.Response, total: int) -> web.Response:
    """Tell in an answer where a list's other pages are."""
    size, page = _page(request)
    last = max(1, -(-total // size))
    places = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    found = {"prev", "first"} if page > 1 else set()
    found |= {"next", "last"} if page < last else set()
    links = [
        f'<{request.url.update_query(page=number)}>; rel="{name}"'
        for name, number in places.items()
        if name in found
    ]
    if links:
        answer.headers["Link"] = ", ".join(links)
    return answer


def _page(request: web.Request) -> tuple[int, int]:
    size = min(max(_number(request, "per_page", 30), 1), MAX_PAGE)
    return size, max(_number(request, "page", 1), 1)


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else default
