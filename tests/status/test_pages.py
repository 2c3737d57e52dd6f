"""What the pages show, on both databases: the team's own and nothing else, however hostile or huge it is."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from uuid import UUID, uuid4

import pytest

from bot.core.status_links import STATUS
from bot.demo.slack_config import ALICE, BOB, TEAM_ID
from bot.status.style import STYLE
from bot.status.words import DONE
from bot.workflow.hands import DATED
from bot.workflow.looking import MOST, PAGE
from storage.ledger import approvals, releases
from storage.records import Verdict
from tests.releases.fakes import BEGIN
from tests.status.kit import Browser, Site, browsing
from tests.status.pasts import busy_quarter
from tests.storage.history_kit import NOW, Past, R, S, ids, many, noted, past, plans, project, reads_all

HOSTILE = "\"'><script>x</script><img src=x onerror=y>&<b>"
OTHERS = "T2OTHERS"
assert BEGIN == NOW


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "action"}]


async def shown(browser: Browser, path: str = STATUS, status: int = 200) -> str:
    """Return a page's text."""
    got = await browser.get(path)
    assert got.status == status, got.text
    return got.text


async def test_the_overview_says_what_happened(site: Site, browser: Browser) -> None:
    """Counts, medians with what they are of, causes, each picture as a table too, and the newest releases."""
    await busy_quarter(site.database, TEAM_ID)
    await browser.sign_in()
    text = await shown(browser)
    assert "The last 90 days: 60 releases" in text
    assert re.search(r"<dt>published</dt><dd>\d+</dd>", text)
    assert re.search(r"from request to published \(median of \d+\)</dt><dd>[\dhdmin ]+</dd>", text)
    assert text.count('role="img"') == text.count(" as a table</summary>") == 3
    assert text.count("<title id=") == text.count("<desc id=") == 3
    assert text.count('<a href="/status/releases/') == PAGE
    assert "acme-gears 3.1.0" in text
    assert "waiting for approval" in text


async def test_a_release_tells_its_story(site: Site, browser: Browser) -> None:
    """Who asked, who approved, by name; the moments on the index, the files, the evidence; cause and remedy of a failure."""
    newest = await busy_quarter(site.database, TEAM_ID)
    await browser.sign_in()
    text = await shown(browser, f"{STATUS}/releases/{newest}")
    for part in (
        "acme-widgets 4.0.0 → pypi", "by Carol Clark", "<strong>Approved</strong> by Dave Davis", "32 min waiting for approval",
        "acme_widgets-4.0.0-py3-none-any.whl", "names the approved repository", "<strong>Run started</strong>",
        "<strong>Tag made at the approved commit</strong>", "for Acme &amp; Sons", '<time datetime="2026-11-20T11:05:00Z">',
    ):  # fmt: skip
        assert part in text
    mine = await project(site.database, TEAM_ID, "failing")
    (failed,) = await past(
        site.database, mine, [Past("1.0", timedelta(1), state=S.FAILED, reason=R.NO_RUN, waited=None)]
    )
    text = await shown(browser, f"{STATUS}/releases/{failed}")
    assert "has appeared for this tag" in text
    assert "then try again" in text


def test_every_dated_step_has_words() -> None:
    """Whatever moment is kept of a release's way is told on its page, and nothing else is."""
    assert {str(step) for step in DATED} == set(DONE)


async def test_votes_of_every_round_are_told_apart(site: Site, browser: Browser) -> None:
    """A vote of an earlier round, a withdrawn one and a rejection stand there as what they are."""
    mine = await project(site.database, TEAM_ID)
    waiting = Past("1.0", timedelta(1), state=S.AWAITING_APPROVAL, reason=R.CHECKED, values=(("round", 2),))
    (found,) = await past(site.database, mine, [waiting])
    async with site.database.transaction() as session:
        release = await releases.get(session, mine.team_id, found)
        assert release is not None
        await approvals.vote(session, release, ALICE.id, Verdict.APPROVED, "", NOW)
        await approvals.withdraw(session, release, ALICE.id, NOW)
        await approvals.vote(session, release, BOB.id, Verdict.REJECTED, "Not today", NOW)
    await browser.sign_in()
    text = await shown(browser, f"{STATUS}/releases/{found}")
    for part in (
        "in an earlier round",
        "withdrawn 20 Nov",
        "<strong>Rejected</strong> by Bob Brown",
        "Not today",
    ):
        assert part in text


async def test_a_team_sees_nothing_of_another(site: Site, browser: Browser) -> None:
    """The ids of another team's releases, its projects' names, its pages' cursors: 404, or the own team's rows alone."""
    await project(site.database, TEAM_ID, "mine")
    theirs = await project(site.database, OTHERS, "their-secret")
    (found,) = await past(
        site.database, theirs, [Past("6.6.6", timedelta(1), values=(("notes", "their words"),))]
    )
    await browser.sign_in()
    for path in (
        f"{STATUS}/releases/{found}",
        f"{STATUS}/releases/{uuid4()}",
        f"{STATUS}/projects/their-secret",
    ):
        assert "There is nothing here" in await shown(browser, path, 404)
    cursor = f"20991231T000000.000000_{found}"
    for path in (
        STATUS,
        f"{STATUS}/publishers",
        f"{STATUS}?before={cursor}",
        f"{STATUS}/publishers?after=a/a",
        f"{STATUS}/projects/mine",
    ):
        text = await shown(browser, path)
        assert not re.search(r"their|6\.6\.6", text)
    async with browsing(site) as signed_out:
        assert "acme/mine" not in await shown(signed_out, f"{STATUS}/projects/mine", 403)


async def test_no_word_of_anybody_becomes_html(site: Site, browser: Browser) -> None:
    """Names, notes, reasons, details and addresses that are HTML are shown as the text that they are; nothing runs."""
    mine = await project(site.database, TEAM_ID)
    values = (
        ("notes", HOSTILE), ("detail", HOSTILE), ("tag", HOSTILE), ("commit", "<b>" * 10), ("workflow", HOSTILE), ("owner", HOSTILE),
        ("requested_by", HOSTILE[:32]), ("project", HOSTILE), ("version", HOSTILE), ("index_name", HOSTILE),
        ("progress", {"run_url": "javascript:alert(1)", "files": [{"filename": HOSTILE, "sha256": HOSTILE}]}),
    )  # fmt: skip
    hostile = Past(HOSTILE, timedelta(1), state=S.FAILED, reason=R.RUN_FAILED, values=values)
    (found,) = await past(site.database, mine, [hostile])
    site.people.known["U2"] = site.people.known[ALICE.id]
    await browser.sign_in()
    for path in (STATUS, f"{STATUS}/releases/{found}", f"{STATUS}/publishers"):
        got = await browser.get(path)
        seen = Tags(got.text)
        assert not seen.tags & {"script", "img", "b", "iframe", "object", "link", "base"}
        assert not {name for name in seen.attributes if name.startswith("on")} | (
            seen.attributes & {"style", "srcdoc"}
        )
        assert all(link.startswith(("/", "#", "https://")) for link in seen.links), seen.links
        assert f"<style>{STYLE}</style>" in got.text
        assert "unsafe" not in got.headers["content-security-policy"]
        assert got.headers["cache-control"] == "no-store"


async def test_a_huge_history_costs_no_more(site: Site, browser: Browser) -> None:
    """With far more releases than are counted, a page asks as many questions as with three, and says what it counts."""
    mine = await project(site.database, TEAM_ID)
    await past(
        site.database,
        mine,
        [Past(f"0.{number}", timedelta(minutes=number + 1), waited=None) for number in range(3)],
    )
    await browser.sign_in()
    with noted() as few:
        await shown(browser)
    await past(
        site.database, mine, [Past(f"1.{n}", timedelta(minutes=n + 1), waited=None) for n in range(MOST + 30)]
    )
    with noted() as asked:
        text = await shown(browser)
    assert len(asked) == len(few) <= 4
    assert f"The newest {MOST:,} releases of the last 90 days" in text
    assert text.count("<use ") <= 400
    assert len(text) < 150_000


async def test_every_page_takes_an_index(site: Site, browser: Browser) -> None:
    """No page asks anything for which the database would read a table from end to end, and each asks few questions."""
    newest = await busy_quarter(site.database, TEAM_ID)
    await browser.sign_in()
    for path in (
        "",
        f"/releases/{newest}",
        "/projects/acme-gears",
        "/publishers",
        f"?before=20261118T120000.000000_{newest}",
    ):
        with noted() as asked:
            await shown(browser, STATUS + path)
        assert len(asked) <= 6
        for plan in await plans(site.database, asked):
            assert not reads_all(plan), (path, plan)


async def test_pages_lead_through_the_whole_history(site: Site, browser: Browser) -> None:
    """From button to button each release comes once, the last page has no button, and a senseless cursor is the first page."""
    mine = await project(site.database, TEAM_ID)
    await past(site.database, mine, many(2 * PAGE + 3))
    await browser.sign_in()
    path, found = STATUS, list[str]()
    while path:
        text = await shown(browser, path)
        found += re.findall(r'"/status/releases/([0-9a-f-]{36})"', text)
        more = re.search(r'class="button" href="([^"]+)"', text)
        path = more[1] if more else ""
    assert [UUID(one) for one in found] == await ids(site.database, mine.team_id)
    first = await shown(browser)
    for cursor in ("x", "_", "20261120T120000.000000_x", f"x_{uuid4()}", "9" * 999, "../.."):
        assert await shown(browser, f"{STATUS}?before={cursor}") == first


async def test_publishers_come_in_pages_too(site: Site, browser: Browser) -> None:
    """Each project once, from page to page, with its evidence."""
    for number in range(PAGE + 2):
        await project(site.database, TEAM_ID, f"p{number:03}")
    await browser.sign_in()
    first = await shown(browser, f"{STATUS}/publishers")
    more = re.search(r'class="button" href="([^"]+)"', first)
    assert more
    rest = await shown(browser, more[1])
    names = [re.findall(r'<h2><a href="/status/projects/(\w+)"', text) for text in (first, rest)]
    assert [len(one) for one in names] == [PAGE, 2]
    assert len({*names[0], *names[1]}) == PAGE + 2
    assert "The index&#39;s own list says that the publisher is active" in rest


@pytest.mark.parametrize(
    "path", ["/releases/x", "/releases/", "/projects/", "/projects/nothing", "/releases/%2e%2e%2fx", "/x"]
)
async def test_what_is_not_there_is_not_there(site: Site, browser: Browser, path: str) -> None:
    """Another address is 404 for whoever has signed in, and says nothing to who has not."""
    await project(site.database, TEAM_ID)
    await browser.sign_in()
    assert (await browser.get(STATUS + path)).status in {403, 404}


async def test_a_new_team_is_told_how_to_begin(site: Site, browser: Browser) -> None:
    """Where nothing was released yet there are no pictures of nothing, but the command that begins."""
    await project(site.database, TEAM_ID)
    await browser.sign_in()
    text = await shown(browser)
    assert "/release PROJECT TAG" in text
    assert 'role="img"' not in text


async def test_an_address_with_a_null_in_it_leads_nowhere(site: Site, browser: Browser) -> None:
    """PostgreSQL takes no such text: it is refused, and no fault of ours."""
    await project(site.database, TEAM_ID)
    await browser.sign_in()
    got = [
        (await browser.get(f"{STATUS}{rest}")).status
        for rest in ("/projects/a%00b", "/publishers?after=pypi/%00")
    ]
    assert got == [400, 400]
