"""The web forms on which a person, signed in, registers a publisher (warehouse `manage/.../publishing.html`).

Knows: addresses, fields, labels. Must not know: httpx, the other protocols.
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from bot.core.names import normalize_project
from bot.core.outcomes import ByHand
from bot.core.sites import IndexSite
from storage.records import Registration


@dataclass(frozen=True, slots=True)
class AccountPages:
    """Where a person who is signed in manages tokens and pending publishers."""

    tokens: str
    publishing: str


def account_pages(site: IndexSite) -> AccountPages:
    """Return the addresses that remedies name."""
    return AccountPages(f"{site.url}/manage/account/token/", f"{site.url}/manage/account/publishing/")


def by_hand(site: IndexSite, registration: Registration, *, project_exists: bool | None) -> ByHand:
    """Return the page, and what goes into its fields, in their order, under their labels.

    A project that exists has a page of its own, which takes the values from the link. One that does not, or of which
    nothing is known (None), is registered on the account's page, which ignores them.
    """
    fields = (
        ("Owner", registration.owner),
        ("Repository name", registration.repository),
        ("Workflow name", registration.workflow),
        ("Environment name", registration.environment),
    )
    if project_exists:
        project = quote(normalize_project(registration.project), safe="")
        url = f"{site.url}/manage/project/{project}/settings/publishing/?{_query(registration)}"
        return ByHand(url, prefilled=True, fields=fields)
    named = (("PyPI Project Name", registration.project), *fields)
    return ByHand(account_pages(site).publishing, prefilled=False, fields=named)


def _query(registration: Registration) -> str:
    values = {
        "provider": "github",
        "owner": registration.owner,
        "repository": registration.repository,
        "workflow_filename": registration.workflow,
        "environment": registration.environment,
    }
    return urlencode({name: value for name, value in values.items() if value})
