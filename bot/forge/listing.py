"""Which repositories there are: how GitHub is asked for lists of them, and how it answers.

Knows: the addresses and shapes of those lists. Must not know: httpx, which credential asks for which list.
"""

from urllib.parse import quote, urlencode

from bot.core.repositories import RepositorySummary
from bot.forge.asking import PER_PAGE, Ask, account
from bot.forge.shapes import Misshapen, entries, member, moment, needed, truth, words


def of_installation(page: int) -> Ask:
    """Ask what the installation sees whose token asks; GitHub does not sort these."""
    return Ask("GET", f"/installation/repositories?{urlencode({'per_page': PER_PAGE, 'page': page})}")


def of_token(page: int, affiliation: str = "owner,collaborator,organization_member") -> Ask:
    """Ask what the person has a part in whose token asks."""
    return Ask("GET", f"/user/repos?{urlencode({'affiliation': affiliation, **_newest_first(page)})}")


def of_organization(owner: str, page: int) -> Ask | None:
    """Ask what an organization has, as far as we may see it."""
    found = account(owner)
    return found and Ask("GET", f"/orgs/{quote(owner, safe='')}/repos?{urlencode(_newest_first(page))}")


def of_user(owner: str, page: int) -> Ask | None:
    """Ask what a person has that is public."""
    found = account(owner)
    return found and Ask("GET", f"{found.path}/repos?{urlencode(_newest_first(page))}")


def who() -> Ask:
    """Ask whose token asks."""
    return Ask("GET", "/user")


def _newest_first(page: int) -> dict[str, object]:
    return {"sort": "pushed", "direction": "desc", "per_page": PER_PAGE, "page": page}


def login(value: object) -> str:
    """Read whose token it is."""
    return needed(value, "login", limit=60)


def inside(value: object) -> tuple[RepositorySummary, ...]:
    """Read one page of an installation's repositories."""
    return repositories(member(value, "repositories"))


def repositories(value: object) -> tuple[RepositorySummary, ...]:
    """Read one page of repositories."""
    return tuple(map(_summary, entries(value)))


def _summary(value: object) -> RepositorySummary:
    name = needed(value, "full_name", limit=141)
    if name.count("/") != 1:
        raise Misshapen
    return RepositorySummary(
        name,
        private=truth(value, "private"),
        archived=truth(value, "archived"),
        fork=truth(value, "fork"),
        language=words(value, "language", limit=60),
        default_branch=words(value, "default_branch", limit=255),
        pushed_at=moment(value, "pushed_at") if member(value, "pushed_at") else None,
    )
