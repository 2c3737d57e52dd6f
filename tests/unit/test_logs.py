"""Logs: one form for all libraries, and no secret in any of it."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from bot import logs

TOKEN = "pypi-AgEIcHlwaS5vcmcCJDU0ZTJmYzA3LWQ2Zjk0"
"""Shaped like a token; opens nothing."""


@contextmanager
def logging_to(stream: io.StringIO, level: str, fmt: str) -> Iterator[None]:
    """Log to the stream alone, and put logging back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    root.handlers.clear()  # pytest's own handlers raise where ours must not
    logs.configure(level, fmt, stream)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give a stream that everything is logged to as JSON."""
    written = io.StringIO()
    with logging_to(written, "DEBUG", "json"):
        yield written


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Return what was logged, parsed."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_loggers_give_the_same_fields(stream: io.StringIO) -> None:
    """Both structlog and the standard library write lines of one shape, with bound fields and extras."""
    structlog.get_logger("bot.a").bind(team="T1").info("done", took=3)
    logging.getLogger("other").warning("said %s", "so", extra={"team": "T2"})
    first, second = lines(stream)
    assert first == first | {"event": "done", "level": "info", "logger": "bot.a", "team": "T1", "took": 3}
    assert second == second | {"event": "said so", "level": "warning", "logger": "other", "team": "T2"}
    assert str(first["timestamp"]).endswith("Z")


def test_secrets_are_redacted_wherever_they_stand(stream: io.StringIO) -> None:
    """A token in the text, an argument, a nested value, a key, a repr, an exception or a warning is not written."""

    class Holder:
        def __repr__(self) -> str:
            return f"Holder({TOKEN})"

    log = structlog.get_logger("bot")
    log.info(
        TOKEN,
        value=TOKEN,
        deep={"a": [{"b": (TOKEN,)}], TOKEN: 1},
        held=Holder(),
        raw=TOKEN.encode(),
    )
    logging.getLogger("other").error("argument %s of %r", TOKEN, Holder())
    try:
        int(TOKEN)
    except ValueError:
        log.exception("broke")
        logging.getLogger("other").exception("broke too")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"beware of {TOKEN}", stacklevel=1)
    log.info("stack", stack_info=True)
    logs.excepthook(ValueError, ValueError(TOKEN), None)
    written = stream.getvalue()
    assert len(lines(stream)) == 7
    assert TOKEN not in written
    assert "ValueError" in written


def test_values_that_nest_without_end_are_written(stream: io.StringIO) -> None:
    """A value that holds itself is cut, not followed."""
    loop: dict[str, object] = {}
    loop["self"] = loop
    structlog.get_logger("bot").info("loop", loop=loop)
    assert lines(stream)[0]["event"] == "loop"


def test_console_lines_hold_no_control_characters() -> None:
    """What strangers sent can't move the cursor of whoever reads the log."""
    stream = io.StringIO()
    with logging_to(stream, "INFO", "console"):
        structlog.get_logger("bot").info("sent \x1b[2J\x9b2J", name="\x1b]0;x\x07")
    assert "sent" in stream.getvalue()
    assert not {"\x1b", "\x9b", "\x07"} & set(stream.getvalue())


@pytest.mark.parametrize("name", logs.NOISY)
def test_talkative_libraries_are_quiet(stream: io.StringIO, name: str) -> None:
    """Below WARNING these libraries are not heard, whatever the level."""
    logging.getLogger(name).info("chatter")
    logging.getLogger(name).warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"]


def test_the_level_holds_for_all() -> None:
    """Lines below the level are not written."""
    stream = io.StringIO()
    with logging_to(stream, "ERROR", "json"):
        structlog.get_logger("bot").warning("no")
        structlog.get_logger("bot").error("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_configuring_again_replaces_the_stream(stream: io.StringIO) -> None:
    """The last call counts; nothing is written twice."""
    second = io.StringIO()
    logs.configure("INFO", "json", second)
    structlog.get_logger("bot").info("once")
    assert stream.getvalue() == ""
    assert len(lines(second)) == 1


def test_a_line_that_cannot_be_written_shows_no_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A record that can't be formatted is told by its logger's name alone, without its raw arguments."""
    stream = io.StringIO()
    with logging_to(stream, "INFO", "json"):
        logging.getLogger("other").info("number %d", TOKEN)
    assert "could not be written" in stream.getvalue()
    assert TOKEN not in stream.getvalue() + capsys.readouterr().err
