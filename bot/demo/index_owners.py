"""Asks the forge whether an owner exists, as the index's form does.

Knows: the one request `GET /users/{owner}`. Must not know: publishers, pages.
"""

from dataclasses import dataclass
from urllib.parse import quote

import aiohttp

LOOKUP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or organization of the forge, in its own spelling."""

    login: str
    id: str
    """The forge's numeric id; "" where nobody could be asked."""


class Owners:
    """Looks owners up at a forge's API; without one, takes every owner as typed."""

    def __init__(self, github_api_url: str = "", github_token: str = "") -> None:
        self._api_url = github_api_url.rstrip("/")
        self._headers = {"Accept": "application/vnd.github+json"}
        if github_token:
            self._headers["Authorization"] = f"token {github_token}"

    async def find(self, login: str) -> Owner | str:
        """Return the owner, or why there is none to return, in the form's words."""
        if not self._api_url:
            return Owner(login, "")
        try:
            return await self._ask(login)
        except TimeoutError:
            return "Unexpected timeout from GitHub. Try again in a few minutes."
        except (aiohttp.ClientError, KeyError, TypeError, ValueError):
            return "Unexpected connection error from GitHub. Try again in a few minutes."

    async def _ask(self, login: str) -> Owner | str:
        url = f"{self._api_url}/users/{quote(login, safe='')}"
        timeout = aiohttp.ClientTimeout(total=LOOKUP_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, headers=self._headers) as answer,
        ):
            match answer.status:
                case 200:
                    found = await answer.json()
                    return Owner(str(found["login"]), str(found["id"]))
                case 404:
                    return "Unknown GitHub user or organization."
                case 403 | 429:
                    return "GitHub has rate-limited this action. Try again in a few minutes."
        return "Unexpected error from GitHub. Try again."
