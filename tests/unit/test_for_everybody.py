"""Whatever the bot says, anybody can read it: each moment in the reader's own time, nothing by colour or picture alone."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SNAPSHOTS = sorted(Path(__file__).with_name("__snapshots__").glob("*/*.json"))
TOKEN = re.compile(r"<!date\^(\d+)\^[^|>]+\|(\d{4}-\d\d-\d\d \d\d:\d\d UTC)>")
"""Slack shows it in each reader's own time zone; where it can't, what stands behind the bar
(https://docs.slack.dev/messaging/formatting-message-text#date-formatting)."""
MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d{1,2}:\d\d\b|\bUTC\b")
EXAMPLES = re.compile(
    r"\+2h,? (?:or )?17:00(?: \(UTC\))?|17:00 \(UTC\)|2026-12-01T17:00(?:Z|\+02:00)?|2026-12-01"
)
"""How people may type a time, as help and hints say it."""
SIGN = re.compile(r":[a-z0-9_+-]+:|[\U0001F300-\U0001FAFF\u2600-\u27BF\u2B00-\u2BFF\u23E9-\u23FA]\uFE0F?")
MARKUP = re.compile(r"<[^>]*>|[*_`>•·\s]")


def parts(shown: Any) -> Iterator[dict[str, Any]]:
    """Give every object in what Slack is sent."""
    if isinstance(shown, dict):
        yield shown
        for one in shown.values():
            yield from parts(one)
    elif isinstance(shown, list):
        for one in shown:
            yield from parts(one)


def texts(shown: Any) -> Iterator[str]:
    """Give every text that people read; a message's own text, which notifications show, too."""
    for one in parts(shown):
        yield from (one[name] for name in ("text", "alt_text") if isinstance(one.get(name), str))


def said(path: Path) -> Any:
    """Return what a snapshot holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_is_something_to_look_at() -> None:
    """The snapshots of all that the bot says are found where they are looked for."""
    assert len(SNAPSHOTS) > 200


def test_a_moment_is_each_readers_own() -> None:
    """Each moment is a date token of Slack's, whose fallback says the same moment in UTC; none stands in plain digits."""
    for path in SNAPSHOTS:
        for text in texts(said(path)):
            for seconds, fallback in TOKEN.findall(text):
                moment = datetime.fromtimestamp(int(seconds), UTC)
                assert moment.strftime("%Y-%m-%d %H:%M UTC") == fallback, path.stem
            assert not MOMENT.search(EXAMPLES.sub("", TOKEN.sub("", text))), (path.stem, text)


def test_no_sign_stands_without_words() -> None:
    """A line with a coloured circle, a tick or a cross says the same in words beside it."""
    for path in SNAPSHOTS:
        for text in texts(said(path)):
            for line in text.splitlines():
                if SIGN.search(line):
                    assert re.search(r"[A-Za-z]{2}", MARKUP.sub(" ", SIGN.sub("", line))), (path.stem, line)


def test_buttons_and_pictures_have_names() -> None:
    """A button says in words what it does, whatever its colour, and a picture has a text for who can't see it."""
    for path in SNAPSHOTS:
        for one in parts(said(path)):
            if one.get("type") == "button":
                assert re.search(r"[A-Za-z]{2}", one["text"]["text"]), (path.stem, one)
            if one.get("type") == "image":
                assert one["alt_text"].strip(), (path.stem, one)
