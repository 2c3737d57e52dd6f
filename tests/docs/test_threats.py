"""The threat model names a test beside each threat: every test is there, every arrow has every kind of threat and a number in the picture."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition("## Threat model")[2]
ARROWS = dict(re.findall(r"^### (\d+)\. .+?\n(.*?)(?=^##)", MODEL, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^- \*\*([STRIDE])\*\* \*(.+?)\*: (.+)\.\n  `([\w/.]+)::(\w+)`$", re.MULTILINE)


@cache
def named_in(path: str) -> frozenset[str]:
    """Return the names of a file's tests."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


def test_the_picture_has_every_arrow() -> None:
    """Each arrow of the picture has its section, and each section its arrow."""
    picture = (ROOT / "docs" / "images" / "data-flow.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r">(\d+)</text>", picture))
    assert drawn == set(ARROWS) == {str(number) for number in range(1, 11)}


@pytest.mark.parametrize("arrow", ARROWS)
def test_every_threat_has_a_test_that_is_there(arrow: str) -> None:
    """Each row is complete, its test exists, and no letter of STRIDE is left out."""
    rows = list(ROW.finditer(ARROWS[arrow]))
    assert len(rows) == len(re.findall(r"^- ", ARROWS[arrow], re.MULTILINE))
    assert {row[1] for row in rows} == set("STRIDE")
    for row in rows:
        assert row[5] in named_in(row[4]), row[0]
