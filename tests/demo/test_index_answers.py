"""The index stand-in answers like the recorded real one."""

import asyncio
import json
import re
from typing import Any

import pytest

from tests.demo.replay import RECORDED, Heard, Replay

MASKS = (
    (r"[0-9a-f]{64}", "DIGEST"),
    (r"\b[0-9a-f]{32}\b", "MD5"),
    (r"/packages/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/", "/packages/PLACE/"),
    (r'"size": \d+', '"size": SIZE'),
    (r'"(_last-serial|last_serial)": \d+', r'"\1": SERIAL'),
    (r'"expires": \d+', '"expires": UNIX'),
    (r'"pypi-[^"]+"', '"TOKEN"'),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "SECOND"),
    (r"errors\.pydantic\.dev/[\d.]+/", "errors.pydantic.dev/VERSION/"),
)
"""What can't be the same in two runs; everything else must be, to the letter."""

HEADER_SHAPES = {"etag": r'"[A-Za-z0-9+/]{22}"', "x-pypi-last-serial": r"\d+"}


def masked(value: Any) -> str:
    """Return an answer's part as text, with what differs from run to run masked."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text


@pytest.fixture(scope="module")
def heard() -> dict[str, Heard]:
    """Give the stand-in's answers to all recorded requests, asked once and in order."""
    return asyncio.run(Replay().run())


def test_every_recorded_request_is_replayed_in_its_order(heard: dict[str, Heard]) -> None:
    """No recorded answer goes without comparison."""
    assert list(heard) == [one["name"] for one in RECORDED]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["name"])
def test_status_line_is_the_recorded_one(recorded: dict[str, Any], heard: dict[str, Heard]) -> None:
    """Status and reason are those of the real index, the reason to the letter."""
    answer, real = heard[recorded["name"]], recorded["response"]
    assert (answer.status, masked(answer.reason)) == (real["status"], masked(real["reason"]))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["name"])
def test_recorded_headers_are_there(recorded: dict[str, Any], heard: dict[str, Heard]) -> None:
    """Each recorded header is answered, equal or, where it can't be, of the same shape."""
    answer = heard[recorded["name"]]
    for name, value in recorded["response"]["headers"].items():
        shape = HEADER_SHAPES.get(name, re.escape(value))
        assert re.fullmatch(shape, answer.headers.get(name, "")), name


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: one["name"])
def test_body_is_the_recorded_one(recorded: dict[str, Any], heard: dict[str, Heard]) -> None:
    """The body is the real one's but for digests, sizes, serials, tokens and times of day."""
    assert masked(heard[recorded["name"]].body) == masked(recorded["response"]["body"])


@pytest.mark.parametrize("kind", ["simple", "json"])
def test_not_modified_repeats_the_tag_without_a_body(kind: str, heard: dict[str, Heard]) -> None:
    """A 304 carries the tag it was asked with, no content type and no body."""
    full = heard["simple with files" if kind == "simple" else "json with a release"]
    short = heard[f"{kind}, not modified"]
    assert short.headers["etag"] == full.headers["etag"]
    assert "content-type" not in short.headers
    assert short.body == ""


def test_the_tag_changes_with_the_content_alone(heard: dict[str, Heard]) -> None:
    """Two unlike answers of one address have unlike tags."""
    empty = heard["simple after the exchange, nothing uploaded"]
    assert empty.headers["etag"] != heard["simple with files"].headers["etag"]
