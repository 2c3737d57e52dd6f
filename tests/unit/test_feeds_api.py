"""The index's feeds: what is asked, and what is read of any answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.outcomes import Absent, Fed, FeedEntry, FeedName, FeedOutcome, TryLater, Unchanged
from bot.core.sites import IndexSite
from bot.index.feeds import MOST_ENTRIES, feed_request, read_feed
from bot.wire import Answer
from storage.records import Reason

SITE = IndexSite("company", "https://index.example")
WRONG = TryLater(Reason.UNEXPECTED_ANSWER, "its feed is not RSS")
UPDATES = b"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0">
  <channel>
    <title>PyPI recent updates</title>
    <link>https://index.example/project/not-an-item/</link>
    <language>en</language>    <item>
      <title>New.Pkg3 1!1.0</title>
      <link>https://index.example/project/New.Pkg3/1%211.0/</link>
      <description>&lt;b&gt; &amp; None</description>
      <pubDate>Fri, 20 Nov 2026 21:06:25 GMT</pubDate>
    </item>    <item>
      <title>elsewhere</title>
      <link>https://index.example/somewhere/else/</link>
    </item>    <item>
      <title>demo-pkg added to PyPI</title>
      <link>not an address</link>
      <guid>https://index.example/project/demo-pkg/</guid>
      <pubDate>some day</pubDate>
    </item>  </channel>
</rss>"""
NEW, DEMO = FeedEntry("new-pkg3", "1!1.0", "2026-11-20T21:06:25+00:00"), FeedEntry("demo-pkg")
BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss><channel><item><link>https://index.example/project/&b;/</link></item></channel></rss>"""
OUTSIDE = b"""<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd"><rss><channel/></rss>"""


def answered(body: bytes = b"", status: int = 200, *, truncated: bool = False, **headers: str) -> FeedOutcome:
    """Read an answer."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return read_feed(Answer(status, "", named, body, truncated))


def items(*links: str) -> bytes:
    """Return a feed of such links."""
    inner = "".join(f"<item><link>{link}</link></item>" for link in links)
    return f"<rss><channel>{inner}</channel></rss>".encode()


def test_what_is_asked() -> None:
    """Each feed has its address, and is asked for only if it has changed since what an answer gave to know it by."""
    first = feed_request(SITE, FeedName.PACKAGES)
    assert (first.method, first.url) == ("GET", "https://index.example/rss/packages.xml")
    assert set(first.headers) == {"Accept"}
    again = feed_request(SITE, FeedName.UPDATES, '"x"', "Fri, 20 Nov 2026 21:44:21 GMT")
    assert again.url == "https://index.example/rss/updates.xml"
    assert again.headers["If-None-Match"] == '"x"'
    assert again.headers["If-Modified-Since"] == "Fri, 20 Nov 2026 21:44:21 GMT"


def test_a_feed_is_read() -> None:
    """Names come from the links, normalized; an entry that leads to no project is left out, one without a time is not."""
    assert answered(UPDATES, etag='W/"x"', last_modified="then") == Fed((NEW, DEMO), 'W/"x"', "then")
    assert answered(items()) == Fed(())


@pytest.mark.parametrize("odd", ["\n", "é", "x" * 256])
def test_what_could_not_be_sent_again_is_not_kept(odd: str) -> None:
    """A validator that no header could hold, or no column, counts as none."""
    assert answered(items(), etag=odd) == Fed(())


def test_statuses() -> None:
    """304 is unchanged, 404 and 410 mean that there is no such feed, all else is trouble with its cause."""
    assert answered(status=304) == Unchanged()
    assert [answered(status=status) for status in (404, 410)] == [Absent(), Absent()]
    later = answered(status=503, retry_after="7")
    assert isinstance(later, TryLater)
    assert (later.reason, later.retry_after) == (Reason.INDEX_BROKEN, 7)
    assert isinstance(answered(status=302), TryLater)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"<html><body>Welcome</body></html>", b"<rss><channel>", b"{}", BOMB, OUTSIDE,
        b"<rss>" * 40 + b"</rss>" * 40, b"<rss><channel>&nbsp;</channel></rss>",
        items(*["https://index.example/project/x/"] * (MOST_ENTRIES + 1)),
    ],
    ids=["nothing", "no UTF-8", "a page", "cut", "JSON", "bomb", "outside", "deep", "entity", "long"],
)  # fmt: skip
def test_what_is_no_feed_is_trouble(body: bytes) -> None:
    """A page, half a feed, or one with a document type is not an empty feed: nothing that follows from it may be believed."""
    assert answered(body) == WRONG


def test_a_feed_that_was_cut_is_trouble() -> None:
    """Of a feed longer than is read nothing is believed."""
    assert isinstance(answered(UPDATES, truncated=True), TryLater)


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode(errors="replace")))
def test_any_body_has_an_outcome(body: bytes) -> None:
    """Reading never raises."""
    assert isinstance(answered(body), Fed | TryLater)


@given(st.lists(st.text(max_size=60), max_size=4), st.text(max_size=80))
def test_any_link_and_time_has_an_outcome(links: list[str], time: str) -> None:
    """Whatever stands in a well-formed feed, what is read can be kept: names are names, texts are plain."""
    cleaned = [
        "".join(sign for sign in link if sign.isprintable() and sign not in "<&") for link in [*links, time]
    ]
    body = items(*(f"https://index.example/project/{link}/" for link in cleaned))
    body = body.replace(b"</item>", f"<pubDate>{cleaned[-1]}</pubDate></item>".encode(errors="replace"))
    fed = answered(body)
    assert isinstance(fed, Fed)
    for entry in fed.entries:
        assert entry.project
        assert entry.project == entry.project.lower()
        assert entry.version.isprintable()
        assert entry.version.isascii()
