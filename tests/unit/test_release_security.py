"""What is read of a release's repository and index by those who would do harm: time, size, words, promises."""

import time

import pytest

from bot.core.metadata import LONGEST, Metadata, read_pyproject
from bot.forge.workflow_file import read_workflow

DEEP = {
    "a name of many parts": ".".join(["a"] * 40_000) + " = 1",
    "with spaces": " . ".join(["a"] * 40_000) + " = 1",
    "quoted": ".".join(['"a"'] * 40_000) + " = 1",
    "quoted otherwise": ".".join(["'a'"] * 40_000) + " = 1",
    "a table of many parts": f"[{'.'.join(['a'] * 40_000)}]",
    "names that are long": ".".join(["a" * 101] * 2_000) + " = 1",
    "one long word": "a" * (LONGEST - 1),
    "dots": "." * (LONGEST - 1),
    "brackets": "a = " + "[" * (LONGEST - 4),
    "braces": "a = " + "{a=" * 50_000,
    "too long": "a = 1\n" * LONGEST,
}


@pytest.mark.parametrize("name", DEEP)
def test_no_pyproject_takes_long(name: str) -> None:
    """No file that somebody pushes keeps the bot from answering everybody else."""
    began = time.process_time()
    read_pyproject(DEEP[name])
    read_workflow(DEEP[name])
    assert time.process_time() - began < 1.5


def test_usual_pyproject_is_read() -> None:
    """Many dots on a line are no deep name."""
    needs = ", ".join(f'"package-{number}>=1.{number}.3"' for number in range(300))
    text = (
        f'[project]\nname = "widgets"\nversion = "1.4.0"\ndependencies = [{needs}]\n[tool.a.b.c]\nd.e.f = 1\n'
    )
    assert read_pyproject(text) == Metadata("widgets", "1.4.0")
