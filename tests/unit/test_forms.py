"""The way by hand names the right page and every field."""

from urllib.parse import parse_qs, urlsplit

import pytest

from bot.core.sites import IndexSite
from bot.index.forms import account_pages, by_hand
from storage.records import Registration

SITE = IndexSite("company", "https://index.example")
OURS = Registration("company", "acme-widgets", "acme", "widgets", "release & co.yml", "Prod EU")


def test_an_existing_projects_page_is_filled_in() -> None:
    """The link carries every value, quoted, to the project's own page."""
    form = by_hand(SITE, OURS, project_exists=True)
    parts = urlsplit(form.url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == (
        "https://index.example/manage/project/acme-widgets/settings/publishing/"
    )
    assert parse_qs(parts.query) == {
        "provider": ["github"], "owner": ["acme"], "repository": ["widgets"],
        "workflow_filename": ["release & co.yml"], "environment": ["Prod EU"],
    }  # fmt: skip
    assert form.prefilled
    assert [label for label, _ in form.fields] == [
        "Owner",
        "Repository name",
        "Workflow name",
        "Environment name",
    ]


@pytest.mark.parametrize("exists", [False, None])
def test_a_new_projects_page_takes_each_value_by_hand(exists: bool | None) -> None:
    """The account's page ignores links, so each value is given under its label, in the form's order."""
    form = by_hand(SITE, OURS, project_exists=exists)
    assert form.url == account_pages(SITE).publishing == "https://index.example/manage/account/publishing/"
    assert not form.prefilled
    assert form.fields == (
        ("PyPI Project Name", "acme-widgets"),
        ("Owner", "acme"),
        ("Repository name", "widgets"),
        ("Workflow name", "release & co.yml"),
        ("Environment name", "Prod EU"),
    )


def test_no_environment_stays_out_of_the_link() -> None:
    """An empty value is not a value."""
    plain = Registration("company", "x", "o", "r", "w.yml", "")
    assert "environment" not in by_hand(SITE, plain, project_exists=True).url


def test_the_token_page_is_the_indexs_own() -> None:
    """Remedies name the page where tokens are made."""
    assert account_pages(SITE).tokens == "https://index.example/manage/account/token/"
