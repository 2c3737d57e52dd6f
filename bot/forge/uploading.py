"""Which jobs of a workflow file upload to an index, and where to.

Knows: how the usual tools are called. Must not know: where the file comes from, what follows.

Steps are looked for by their lines, each below its job: a file that means more than it shows tells less here, not more.
"""

import re
from collections.abc import Iterator

from bot.core.repositories import Upload

MOST_LINES = 5_000
MOST_UPLOADS = 20
_JOB = re.compile(r"""( +)(["']?)([A-Za-z_][A-Za-z0-9_-]{0,99})\2:\s*(?:#.*)?""")
_ACTION = re.compile(
    r"""\s*(?:-\s+)?uses:\s*["']?pypa/gh-action-pypi-publish(?:/[^@"'\s]*)?@""", re.IGNORECASE
)
_COMMAND = re.compile(
    r"\b(?:uv|hatch|poetry|flit|pdm|maturin|rye) (?:[\w.=/-]+ ){0,4}?publish\b|\btwine upload\b"
)
_ADDRESS = re.compile(
    r"""(?:repository[-_]url|publish-url|--repository-url|index-url|UV_PUBLISH_URL|TWINE_REPOSITORY_URL)"""
    r"""\s*[:= ]\s*["']?(https?://[^\s"'#]{1,300}|\$\{\{)"""
)
_TEST = re.compile(r"(?:--repository|-r|--index|--repo)[ =][\"']?test-?pypi\b", re.IGNORECASE)
TEST_PYPI = "https://test.pypi.org/legacy/"


def uploads(text: str) -> tuple[Upload, ...]:
    """Return the jobs that upload, in the file's order; never raises."""
    found: list[Upload] = []
    for job, lines in _jobs(text):
        tool = next(filter(None, map(_tool, lines)), "")
        addresses = list(dict.fromkeys(filter(None, map(_address, lines))))
        if tool:
            found += [Upload(job, tool, url) for url in addresses or [""]]
    return tuple(found[:MOST_UPLOADS])


def _jobs(text: str) -> Iterator[tuple[str, list[str]]]:
    """Give each job's id with its lines."""
    inside, indent, job, lines = False, 0, "", list[str]()
    for line in text.splitlines()[:MOST_LINES]:
        if line.strip() and not line.lstrip().startswith("#") and not line.startswith((" ", "\t")):
            inside = re.fullmatch(r"""(["']?)jobs\1:\s*(?:#.*)?""", line) is not None
            continue
        head = _JOB.fullmatch(line) if inside else None
        if head and len(head[1]) == (indent or len(head[1])):
            if job:
                yield job, lines
            indent, job, lines = len(head[1]), head[3], []
        elif inside:
            lines.append(line[:1_000])
    if job:
        yield job, lines


def _tool(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    if _ACTION.match(line):
        return "pypa/gh-action-pypi-publish"
    found = _COMMAND.search(line)
    return found[0] if found else ""


def _address(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    found = _ADDRESS.search(line)
    if found:
        return found[1]
    return TEST_PYPI if _TEST.search(line) else ""
