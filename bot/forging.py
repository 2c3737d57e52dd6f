"""The forge's clients, as the settings want them: one token for all, or an App with a token for each repository.

Knows: settings, which parts fit together. Must not know: rules, routes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.forge.app_auth import AppKey
from bot.forge.client import WRITE_GAP, ForgeClient
from bot.forge.lines import AppTokens
from bot.forge.sign_in import SignIn
from bot.make_app import AppPages
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


@dataclass(frozen=True, slots=True)
class AppFile:
    """The file in the data folder that an App's settings are kept in, for its owner alone."""

    folder: Path

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / "github-app.toml"

    def reserve(self) -> None:
        """Make the file, empty; FileExistsError where there is one."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def fill(self, text: str) -> str:
        """Write the file; returns its path."""
        with self.path.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return str(self.path)

    def empty(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)


def app_pages(settings: Settings, transport: Transport, clock: Callable[[], datetime]) -> AppPages | None:
    """Return the pages on which an App is made; None where there is one."""
    if settings.github_app_id or settings.github_client_id:
        return None
    addresses = settings.github_api_url, settings.github_web_url, settings.public_url
    return AppPages(transport.send, addresses, AppFile(settings.data_dir), clock)
