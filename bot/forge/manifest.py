"""A GitHub App made from a manifest: what it is to be, and what GitHub says of it once.

Knows: manifests ("Registering a GitHub App from a manifest"), the settings' names. Must not know: httpx, routes, files.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from bot.core.forge import Nothing, Unsure
from bot.forge import asking, refusals
from bot.forge.app_auth import PERMISSIONS
from bot.forge.asking import Ask
from bot.forge.shapes import Misshapen, link, member, needed, number
from bot.forge.webhooks import EVENTS
from bot.wire import Answer, Request
from storage.records import Secret

LONGEST_NAME = 34
_CODE = re.compile(r"[\w-]{1,100}", re.ASCII)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewApp:
    """An App that was just made, with all that is told once."""

    id: int
    slug: str
    page: str
    client_id: str
    client_secret: Secret
    webhook_secret: Secret | None
    private_key: Secret


def manifest(public_url: str) -> Mapping[str, Any]:
    """Return what the App is to be: its permissions and events are those that the code uses, and no others."""
    parts = urlsplit(public_url)
    reached = parts.scheme == "https"  # GitHub delivers to nothing else, and refuses a manifest that says so
    host = parts.hostname or ""
    return {
        "name": f"Shipbell {host}"[:LONGEST_NAME].strip(". "),
        "url": public_url,
        "redirect_url": f"{public_url}/github/setup/callback",
        "callback_urls": [f"{public_url}/github/callback"],
        "public": False,
        "request_oauth_on_install": False,
        "default_permissions": dict(PERMISSIONS),
        "default_events": list(EVENTS) if reached else [],
        **({"hook_attributes": {"url": f"{public_url}/github/webhooks", "active": True}} if reached else {}),
    }


def new_page(web_url: str, organization: str, state: str) -> str | None:
    """Return where a manifest is sent: somebody's own Apps, or an organization's; None for no such organization."""
    if organization and not _LOGIN.fullmatch(organization):
        return None
    whose = f"/organizations/{organization}" if organization else ""
    return f"{web_url}{whose}/settings/apps/new?{urlencode({'state': state})}"


def conversion(api_url: str, code: str) -> Request | None:
    """Return the request that turns a code into the App's secrets, once; None for what is no code."""
    if not _CODE.fullmatch(code):
        return None
    return asking.request(api_url, None, Ask("POST", f"/app-manifests/{code}/conversions"))


def read(answer: Answer) -> NewApp | Nothing | Unsure:
    """Read the App."""
    if answer.status != 201:
        return refusals.refused(answer)
    try:
        return _app(answer.json())
    except Misshapen:
        return Unsure("The forge's answer is not GitHub's. Check SHIPBELL_GITHUB_API_URL.")


def _app(value: object) -> NewApp:
    hook = member(value, "webhook_secret")
    return NewApp(
        number(value, "id"), needed(value, "slug", limit=100), link(value), needed(value, "client_id", limit=100),
        _secret(value, "client_secret"), _secret(value, "webhook_secret") if hook else None, _secret(value, "pem"),
    )  # fmt: skip


def _secret(value: object, name: str) -> Secret:
    found = member(value, name)
    if not isinstance(found, str) or not found:
        raise Misshapen
    return Secret(found)


def toml(app: NewApp) -> str:
    """Return the settings of an App as TOML; a JSON string is one of TOML's too."""
    values = {
        "github_app_id": str(app.id),
        "github_app_private_key": app.private_key.reveal(),
        "github_client_id": app.client_id,
        "github_client_secret": app.client_secret.reveal(),
        **({"github_webhook_secret": app.webhook_secret.reveal()} if app.webhook_secret else {}),
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
