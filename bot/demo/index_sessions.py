"""Who is signed in on the index's pages: a cookie, no password.

Knows: the cookie. Must not know: pages.
"""

import re
import secrets
from urllib.parse import urlencode

from aiohttp import web

from bot.demo.index_answers import STATE, see_other
from bot.demo.index_model import User

SESSIONS: web.AppKey[dict[str, User]] = web.AppKey("sessions", dict)


def cookie_name(index_name: str) -> str:
    """Return a cookie name of this index's own: browsers share cookies between the ports of one host."""
    return f"{re.sub(r'[^a-z0-9]+', '-', index_name.lower())}-session"


def current_user(request: web.Request) -> User | None:
    """Return who is signed in, if anybody."""
    session = request.cookies.get(cookie_name(request.app[STATE].name), "")
    return request.app[SESSIONS].get(session)


def sign_in(request: web.Request, answer: web.Response, user: User) -> None:
    """Begin a session with this answer."""
    session = secrets.token_urlsafe(24)
    request.app[SESSIONS][session] = user
    answer.set_cookie(cookie_name(request.app[STATE].name), session, httponly=True, samesite="Lax", path="/")


def sign_out(request: web.Request, answer: web.Response) -> None:
    """End the session with this answer."""
    name = cookie_name(request.app[STATE].name)
    request.app[SESSIONS].pop(request.cookies.get(name, ""), None)
    answer.del_cookie(name, path="/")


def to_login(request: web.Request) -> web.Response:
    """Send somebody signed out to the login page, and back here afterwards."""
    query = urlencode({"next": request.path_qs})
    return see_other(f"{request.app[STATE].url}/account/login/?{query}")


def local_path(wanted: str) -> str:
    """Return where to go after signing in: a path of this very site, never another's address."""
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if inside else "/"
