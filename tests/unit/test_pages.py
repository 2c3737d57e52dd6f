"""The pages in the browser: no script, nothing from elsewhere, and nobody's name becomes HTML."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from bot import install_pages, pages
from bot.forge.app_auth import PERMISSIONS
from bot.workflow.connecting import Why
from bot.workflow.granting import Why as NoGrant

HOSTILE = "\"'><script src=//x>&<img src=x onerror=y>"
ALL = dict.fromkeys(("index", "project", "token", "username", "state", "check"), HOSTILE)
PAGES: dict[str, str] = {
    "ask": pages.ask_to_connect(HOSTILE, {HOSTILE: HOSTILE}),
    "connected": pages.connected(HOSTILE),
    "make": pages.make_app(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE),
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
    "landing of one": install_pages.landing_of_one(HOSTILE),
    "landing of one, no status": install_pages.landing_of_one(""),
    "landing": install_pages.landing(HOSTILE, {HOSTILE: HOSTILE}),
    "installed": install_pages.installed(HOSTILE, HOSTILE, (HOSTILE,), HOSTILE, org_wide=True),
    "not installed": install_pages.not_installed(HOSTILE, HOSTILE),
    "not installed, known": install_pages.not_installed("invalid_state", HOSTILE),
    "grant": pages.ask_to_grant(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}),
    "granted": pages.granted(HOSTILE, HOSTILE),
    **{f"no grant, {why}": pages.not_granted(HOSTILE, why, HOSTILE, HOSTILE) for why in NoGrant},
}
KNOWN = {
    *(
        "html",
        "meta",
        "title",
        "style",
        "header",
        "main",
        "h1",
        "code",
        "h2",
        "p",
        "a",
        "ul",
        "li",
        "pre",
        "strong",
        "br",
    ),
    *("form", "input", "label", "button", "select", "option"),
}
HARMLESS = {
    *(
        "lang",
        "charset",
        "name",
        "content",
        "method",
        "action",
        "type",
        "value",
        "autocomplete",
        "spellcheck",
    ),
    *("href", "target", "rel", "required", "selected", "class"),
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
    assert found.attributes <= HARMLESS


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//x", HOSTILE, 'https://x"><b>']
)
def test_a_link_leads_to_the_web_alone(address: str) -> None:
    """Only an address of the web is a link, and none breaks out of its place; anything else is text to be copied."""
    shown = pages.link(address)
    assert ("href" in shown) == address.startswith("https://")
    assert "<b>" not in shown
    assert "<script" not in shown


def test_the_style_is_the_one_that_is_allowed() -> None:
    """The digest in the content security policy is that of the style in every page, which loads nothing."""
    styles = {page.partition("<style>")[2].partition("</style>")[0] for page in PAGES.values()}
    (style,) = styles
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" == pages.STYLE_SOURCE
    assert not re.search(r"url\(|@import|expression|</", style)


def test_every_permission_of_the_app_is_in_words() -> None:
    """Whoever makes the App reads what each permission is for."""
    shown = pages.make_app("", "", PERMISSIONS, "", "")
    for name in PERMISSIONS:
        assert f"<li>{name}:" not in shown
    assert shown.count("<li>") == len(PERMISSIONS)


def test_a_secret_is_never_sent_back() -> None:
    """A page that asks again has nothing in the field of the secret, nor an address that could hold it."""
    shown = {"index": "pypi", "token": "s3cret", "username": "s3cret", "state": "s", "check": "c"}
    assert "one_time" not in pages.enter_secret("ada", ["pypi"], shown, {})
    page = pages.enter_secret("ada", ["pypi", "company"], shown, {"token": "No."}, codes=True)
    assert 'type="password" name="one_time"' in page
    assert "s3cret" not in page
    assert 'method="get"' not in page.lower()


def test_every_reason_has_a_page() -> None:
    """Each reason why nothing was linked has a title of its own words and says how to begin anew."""
    for why in Why:
        assert "/shipbell connect github" in pages.not_connected(why)
    for no in NoGrant:
        assert "/shipbell connect company in Slack" in pages.not_granted("company", no)
