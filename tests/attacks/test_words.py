"""Attacks by text: lines in the log that nobody wrote, and patterns that take for ever."""

import ast
import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

import bot
import storage
from tests.unit.test_logs import logging_to

FORGED = "2026-11-27T12:00:00Z [info     ] keys rotated"


def test_no_line_of_the_log_is_a_strangers() -> None:
    """Line ends, separators and marks of direction in what strangers sent begin no line, whichever the format and field."""
    for fmt in ("json", "console"):
        stream = io.StringIO()
        with logging_to(stream, "INFO", fmt):
            log = structlog.get_logger("bot")
            event, other = f"sent\n{FORGED}", f"x\r{FORGED}\u2028{FORGED}\x85{FORGED}\u202e"
            log.info(event, name=f"x\n{FORGED}", other=other)
            log.error("broke", exc_info=ValueError(f"x\n{FORGED}\r{FORGED}"))
        lines = stream.getvalue().splitlines()
        assert not [line for line in lines if line.startswith(FORGED[:4]) and line.endswith("rotated")]
        assert "\u202e" not in stream.getvalue()


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Give every pattern that a module of ours holds, with its place."""
    for package in (bot, storage):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__") or ".migrations." in found.name:
                continue
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern) and not found.name.startswith("bot.demo"):
                    yield f"{found.name}.{name}", value


def written() -> Iterator[tuple[str, str]]:
    """Give every pattern that stands in a call of `re`, with its place."""
    for package in (bot, storage):
        for path in Path(next(iter(package.__path__))).rglob("*.py"):
            if "demo" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                    continue
                of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
                if of_re and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                    yield f"{path.name}:{node.lineno}", node.args[0].value


@pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning")
def test_no_pattern_takes_for_ever() -> None:
    """No regular expression of the product backtracks in more than the square of what it reads."""
    from regexploit.ast.sre import SreOpParser
    from regexploit.redos import find

    held = [(place, _text(one.pattern), one.flags & ~re.UNICODE) for place, one in patterns()]
    read = held + [(place, text, 0) for place, text in written()]
    assert len(read) > 100
    for place, text, flags in read:
        assert not list(find(SreOpParser().parse_sre(text, flags))), place
    # The search is no check that can't fail.
    assert list(find(SreOpParser().parse_sre("x(a*)*y", 0)))


def _text(pattern: str | bytes) -> str:
    return pattern if isinstance(pattern, str) else pattern.decode("latin-1")
