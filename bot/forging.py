"""The forge's clients, as the settings want them: one token for all, or an App with a token for each repository.

Knows: settings, which parts fit together. Must not know: rules, routes.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from bot.forge.app_auth import AppKey
from bot.forge.catalog import AppCatalog, TokenCatalog
from bot.forge.client import WRITE_GAP, ForgeClient
from bot.forge.lines import AppTokens, OneToken, nobody_else
from bot.forge.sending import Shared
from bot.forge.sign_in import SignIn
from bot.make_app import AppPages
from bot.pacing import Paces
from bot.settings import Settings
from bot.transport import Transport
from bot.workflow.menus import Menu
from bot.workflow.ports import People

CALLBACK = "/github/callback"


def forge_lines(
    settings: Settings,
    transport: Transport,
    clock: Callable[[], datetime],
    write_gap: float = WRITE_GAP,
    paces: Paces | None = None,
) -> OneToken | AppTokens:
    """Return what the forge is asked with; an App goes before a plain token. `paces` are those of all processes."""
    key = settings.github_app_private_key
    share = partial(Shared, paces, clock) if paces is not None else nobody_else
    if key is None:
        return OneToken(transport.send, settings.github_token, write_gap, share)
    addresses = (settings.github_api_url, settings.github_web_url)
    app = AppKey(settings.github_app_id, key)
    return AppTokens(transport.send, addresses, app, clock, write_gap=write_gap, share=share)


def forge_client(settings: Settings, transport: Transport, lines: OneToken | AppTokens) -> ForgeClient:
    """Return the forge's client."""
    return ForgeClient(transport, settings.github_api_url, settings.github_web_url, lines=lines)


def forge_catalog(settings: Settings, lines: OneToken | AppTokens) -> AppCatalog | TokenCatalog:
    """Return who says which repositories there are."""
    if isinstance(lines, AppTokens):
        return AppCatalog(settings.github_api_url, lines)
    return TokenCatalog(settings.github_api_url, lines)


def is_shared(settings: Settings, lines: OneToken | AppTokens) -> bool:
    """Whether one credential serves many teams, so that what it sees is not one team's."""
    return settings.slack_bot_token is None and lines.with_token


def forge_menu(
    settings: Settings, lines: OneToken | AppTokens, people: People, clock: Callable[[], datetime]
) -> Menu | None:
    """Return the repositories to choose from; None where no credential of one single workspace sees any.

    One credential serves all workspaces, and names of one's private repositories are not another's business.
    """
    if settings.slack_bot_token is None or not lines.with_token:
        return None
    return Menu(forge_catalog(settings, lines), people, clock)


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
