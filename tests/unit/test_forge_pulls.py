"""What GitHub is asked about pull requests and their comments, and how its answers are read."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from bot.core.forge import Nothing, PullFacts, Repo, Unsure
from bot.forge import asking, reading, refusals
from bot.forge.asking import Ask
from bot.wire import Answer
from tests.demo.openapi import check_request

REPO = Repo("acme", "widgets")
SHA = "a" * 40
ROOT = "/repos/acme/widgets"
AT = datetime(2026, 11, 21, 11, 0, 0, 999, tzinfo=timezone(timedelta(hours=1)))
PULL = {"number": 7, "merged_at": "2026-11-21T10:00:00Z", "base": {"repo": {"full_name": "acme/widgets"}}}


def read(value: object, reader: Any, status: int = 200, missing: frozenset[int] = refusals.NOTHING) -> Any:
    """Return what is made of an answer."""
    return refusals.read(Answer(status, "", {}, json.dumps(value).encode()), reader, missing)


def described(ask: Ask) -> list[str]:
    """Return what GitHub's own description finds wrong with a question or order."""
    place = urlsplit(ask.path)
    body = json.loads(ask.body) if ask.body else None
    return check_request(ask.method, place.path, dict(parse_qsl(place.query)), body)


def test_what_is_asked() -> None:
    """Each question and order has GitHub's address, times in UTC and whole seconds."""
    pulls, comments = asking.pulls(REPO, SHA), asking.comments(REPO, 7, AT, 2)
    comment = asking.comment(REPO, 7, "Released <!-- x -->")
    assert pulls is not None
    assert comments is not None
    assert comment is not None
    assert pulls.path == f"{ROOT}/commits/{SHA}/pulls?per_page=100"
    query = "since=2026-11-21T10%3A00%3A00Z&per_page=100&page=2"
    assert comments.path == f"{ROOT}/issues/7/comments?{query}"
    assert (comment.method, comment.path) == ("POST", f"{ROOT}/issues/7/comments")
    assert json.loads(comment.body) == {"body": "Released <!-- x -->"}
    assert [described(ask) for ask in (pulls, comments, comment)] == [[], [], []]
    assert asking.comment(Repo("..", "x"), 7, "x") is None
    assert AT.astimezone(UTC).hour == 10


def test_pull_requests_are_read() -> None:
    """Merged is what has been merged at a time; what it was for is its base, not the fork that it came from."""
    still_open = {**PULL, "number": 8, "merged_at": None, "head": {"repo": None}}
    got = read([PULL, still_open], reading.pulls)
    assert got == (
        PullFacts(7, merged=True, into="acme/widgets"), PullFacts(8, merged=False, into="acme/widgets"),
    )  # fmt: skip
    assert read([], reading.pulls) == ()


@pytest.mark.parametrize(
    "wrong",
    [{}, [{}], [{**PULL, "number": "7"}], [{**PULL, "base": {"repo": None}}], [{**PULL, "merged_at": 1}]],
)
def test_other_shapes_are_not_read(wrong: object) -> None:
    """What is not GitHub's answer is no answer."""
    assert isinstance(read(wrong, reading.pulls), Unsure)
    assert isinstance(read({}, reading.comments), Unsure)


def test_comments_are_read_as_they_were_written() -> None:
    """A marker inside is not cleaned away; a comment without text is empty."""
    assert read([{"body": "a\n<!-- x -->"}, {"body": None}, {}], reading.comments) == (
        "a\n<!-- x -->",
        "",
        "",
    )


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_may_not_be_seen_is_not_there(status: int) -> None:
    """A refusal to show comments is an answer; one for asking too much is not."""
    assert read({"message": "No"}, reading.comments, status, refusals.UNSEEN) == Nothing()
    limited = read({"message": "API rate limit exceeded"}, reading.comments, 403, refusals.UNSEEN)
    assert isinstance(limited, Unsure)
