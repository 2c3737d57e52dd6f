"""What `pyproject.toml` says of a project's name and version.

Knows: PEP 621, and Poetry's older table. Must not know: where the file comes from.
"""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

LONGEST = 256 * 1_024
"""Signs of a file that is read."""
_LONGEST = 200
_DEEP = re.compile(
    r"""(?:(?:[A-Za-z0-9_-]{1,100}|"[^"\n]{0,100}"|'[^'\n]{0,100}')[ \t]*\.[ \t]*){50}""", re.ASCII
)
"""A name of so many parts: tomllib takes the square of their number, and everybody would wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Name and version as written; "" where they are not."""

    name: str = ""
    version: str = ""
    dynamic: bool = False
    """Whether the version is made by the build (from the tag, usually)."""
    readable: bool = True


def read_pyproject(text: str) -> Metadata:
    """Return what the file says; never raises."""
    if len(text) > LONGEST or _DEEP.search(text):
        return Metadata(readable=False)
    try:
        whole = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return Metadata(readable=False)
    project = _table(whole, "project")
    tool = _table(whole, "tool")
    poetry = _table(tool, "poetry")
    dynamic = project.get("dynamic")
    version = _text(project, "version") or _text(poetry, "version")
    name = _text(project, "name") or _text(poetry, "name")
    is_dynamic = not version and isinstance(dynamic, list) and "version" in dynamic
    if not _text(project, "version") and _table(tool, "poetry-dynamic-versioning").get("enable") is True:
        # The version in Poetry's table is a placeholder (https://pypi.org/project/poetry-dynamic-versioning/).
        version, is_dynamic = "", True
    return Metadata(name, version, is_dynamic)


def _table(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(table: dict[str, Any], name: str) -> str:
    found = table.get(name)
    return found if isinstance(found, str) and len(found) <= _LONGEST and found.isprintable() else ""
