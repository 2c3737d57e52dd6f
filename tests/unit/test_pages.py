"""The pages in the browser: no script, nothing from elsewhere, and nobody's name becomes HTML."""

from html.parser import HTMLParser

import pytest

from bot import pages
from bot.workflow.connecting import Why

HOSTILE = "\"'><script src=//x>&<img src=x onerror=y>"
ALL = dict.fromkeys(("index", "project", "token", "username", "state", "check"), HOSTILE)
PAGES: dict[str, str] = {
    "ask": pages.ask_to_connect(HOSTILE, {HOSTILE: HOSTILE}),
    "connected": pages.connected(HOSTILE),
    "make": pages.make_app(HOSTILE, HOSTILE, [HOSTILE], HOSTILE),
    "made": pages.app_made(HOSTILE, HOSTILE, HOSTILE),
    "none": pages.no_app(HOSTILE, HOSTILE),
    "enter": pages.enter_secret(HOSTILE, [HOSTILE], ALL, dict.fromkeys(ALL, HOSTILE)),
    "entered": pages.secret_entered(HOSTILE, [HOSTILE], HOSTILE, ALL),
    "entered, bound": pages.secret_entered(HOSTILE, [HOSTILE], None, ALL),
    "narrow again": pages.narrow_again(HOSTILE, ALL),
    "kept": pages.secret_kept(HOSTILE, HOSTILE),
    "overtaken": pages.secret_overtaken(),
    "ended": pages.entry_ended(),
    **{str(why): pages.not_connected(why, HOSTILE) for why in Why},
}
KNOWN = {
    "html",
    "meta",
    "title",
    "h1",
    "p",
    "form",
    "input",
    "button",
    "ul",
    "li",
    "pre",
    "label",
    "br",
    "select",
    "option",
    "strong",
}


class Tags(HTMLParser):
    """Collects a page's tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take one."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_becomes_html(name: str) -> None:
    """Whatever is shown, a page has the known tags alone, and no attribute that does anything."""
    found = Tags()
    found.feed(PAGES[name])
    assert found.tags <= KNOWN
    known = {
        "lang",
        "charset",
        "name",
        "content",
        "method",
        "action",
        "type",
        "value",
        "autocomplete",
        "required",
        "selected",
    }
    assert found.attributes <= known


def test_a_secret_is_never_sent_back() -> None:
    """A page that asks again has nothing in the field of the secret, nor an address that could hold it."""
    shown = {"index": "pypi", "token": "s3cret", "username": "s3cret", "state": "s", "check": "c"}
    page = pages.enter_secret("ada", ["pypi", "company"], shown, {"token": "No."})
    assert "s3cret" not in page
    assert 'method="get"' not in page.lower()


def test_every_reason_has_a_page() -> None:
    """Each reason why nothing was linked has a title of its own words and says how to begin anew."""
    for why in Why:
        assert "/shipbell connect github" in pages.not_connected(why)
