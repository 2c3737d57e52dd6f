"""Tags and versions: which version a tag means, which tags a version may have.

Knows: PEP 440, the usual spellings of tags. Must not know: any forge.
"""

import re
from dataclasses import dataclass

from packaging.version import Version

# Every `except ValueError` here is for `packaging.version.InvalidVersion`, which is one, and for numbers of more digits
# than Python reads.
_LONGEST = 200
_START = re.compile(r"\d", re.ASCII)


MOST_TAGS = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version as it was asked for."""

    typed: str
    version: str
    """PEP 440, normalized; as typed where it is none."""
    valid: bool
    tags: tuple[str, ...]
    """The tags that may mean it, likeliest first."""


def read(typed: str, project: str) -> Wanted:
    """Read a tag or a version, for example `v1.4.0`, `1.4.0`, `acme-widgets-1.4.0` or `widgets/v1.4.0`."""
    for candidate in _candidates(typed, project):
        try:
            version = Version(candidate)
        except ValueError:
            continue
        bare = typed == candidate or typed.lower() == f"v{candidate.lower()}"
        others = _spellings(candidate.lstrip("vV"), version) if bare else ()
        return Wanted(
            typed, str(version), valid=True, tags=tuple(dict.fromkeys((typed, *others)))[:MOST_TAGS]
        )
    return Wanted(typed, typed, valid=False, tags=(typed,))


def _spellings(candidate: str, version: Version) -> tuple[str, ...]:
    """Return the tags that may mean a version: with and without `v`, normalized, and with the zeros that were left out."""
    whole = str(version)
    padded = (
        f"{version.base_version}{'.0' * (3 - len(version.release))}{whole.removeprefix(version.base_version)}"
    )
    return tuple(f"{v}{text}" for text in (candidate, whole, padded) for v in ("v", ""))


def new_tag(wanted: Wanted, earlier: str) -> str:
    """Return the tag to make where none is there: as typed if that is more than the version, else in the earlier one's style."""
    if wanted.typed[:1].lower() == "v" or not wanted.typed[:1].isdigit():
        return wanted.typed
    return f"{prefix(earlier) if earlier else 'v'}{wanted.typed}"


def prefix(tag: str) -> str:
    """Return what stands before the version in a tag: `v`, `widgets/v`, or nothing."""
    for found in _START.finditer(tag[:_LONGEST]):
        # A digit may stand in the prefix itself: `widgets2/v1.4.0`.
        if _is_one(tag[found.start() :]):
            return tag[: found.start()]
    return "v"


def _is_one(text: str) -> bool:
    try:
        Version(text)
    except ValueError:
        return False
    return True


def is_version(text: str, version: str) -> bool:
    """Whether two spellings mean the same version."""
    try:
        return Version(text) == Version(version)
    except ValueError:
        return text == version


def is_older(version: str, than: str) -> bool:
    """Whether a version sorts before another; False where either is none."""
    try:
        return Version(version) < Version(than)
    except ValueError:
        return False


def newest(versions: list[str], before: str = "") -> str:
    """Return the newest of the versions, pre-releases only where there is nothing else; with `before`, of those that sort before it."""
    found = []
    for text in versions:
        try:
            version = Version(text)
        except ValueError:
            continue
        if not before or is_older(text, before):
            found.append(version)
    final = [version for version in found if not version.is_prerelease]
    return str(max(final or found)) if found else ""


def is_prerelease(version: str) -> bool:
    """Whether it is a pre-release or a development version."""
    try:
        return Version(version).is_prerelease
    except ValueError:
        return False


def _candidates(typed: str, project: str) -> list[str]:
    after = re.split(r"[/@]", typed)[-1]
    folded = re.sub(r"[-_.]+", "-", typed).lower()
    own = [typed[len(project) + 1 :]] if folded.startswith(f"{project}-") else []
    return [typed, after, *own]
