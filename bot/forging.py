"""The forge's clients, as the settings want them: one token for all, or an App with a token for each repository.

Knows: settings, which parts fit together. Must not know: rules, routes.
"""

from collections.abc import Callable
from datetime import datetime

from bot.forge.app_auth import AppKey
from bot.forge.client import WRITE_GAP, ForgeClient
from bot.forge.lines import AppTokens
from bot.forge.sign_in import SignIn
from bot.settings import Settings
from bot.transport import Transport

CALLBACK = "/github/callback"


def forge_client(
    settings: Settings, transport: Transport, clock: Callable[[], datetime], write_gap: float = WRITE_GAP
) -> ForgeClient:
    """Return the forge's client; an App goes before a plain token."""
    key = settings.github_app_private_key
    addresses = (settings.github_api_url, settings.github_web_url)
    if key is None:
        return ForgeClient(transport, *addresses, settings.github_token, write_gap=write_gap)
    app = AppKey(settings.github_app_id, key)
    lines = AppTokens(transport.send, addresses, app, clock, write_gap=write_gap)
    return ForgeClient(transport, *addresses, lines=lines)


def sign_in(settings: Settings, transport: Transport) -> SignIn | None:
    """Return how people sign in with the forge; None where that is not set up."""
    if settings.github_client_secret is None:
        return None
    return SignIn(
        transport.send,
        settings.github_api_url.rstrip("/"),
        settings.github_web_url.rstrip("/"),
        (settings.github_client_id, settings.github_client_secret),
        f"{settings.public_url.rstrip('/')}{CALLBACK}",
    )
