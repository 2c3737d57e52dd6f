"""Reading members of JSON that somebody else sent.

Knows: types, bounds. Must not know: what a member means.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.core.cleaning import one_line

MOST_ENTRIES = 1_000
"""Entries of one list that are read."""
_URL = re.compile(r"https?://[^\s<>|\"'`\\]{1,1000}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)


class Misshapen(Exception):
    """A member that is needed is not there, or is something else."""


def member(value: object, name: str) -> Any:
    """Return an object's member, None where it has none."""
    if not isinstance(value, Mapping):
        raise Misshapen
    return value.get(name)


def entries(value: object) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        raise Misshapen
    return value[:MOST_ENTRIES]


def words(value: object, name: str, *, limit: int = 200) -> str:
    """Return a member's text, cleaned; "" where it is null or missing."""
    found = member(value, name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Misshapen
    return one_line(found, limit=limit)


def needed(value: object, name: str, *, limit: int = 200) -> str:
    """Return a member's text, cleaned, which must be there; "?" where nothing of it is fit to be shown."""
    if not member(value, name):
        raise Misshapen
    return words(value, name, limit=limit) or "?"


def number(value: object, name: str) -> int:
    """Return a member that counts or identifies."""
    found = member(value, name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**63:
        raise Misshapen
    return found


def truth(value: object, name: str) -> bool:
    """Whether a member is true; missing counts as not."""
    found = member(value, name)
    if found is not None and not isinstance(found, bool):
        raise Misshapen
    return bool(found)


def sha(value: object, name: str = "sha") -> str:
    """Return the name of a git object."""
    found = member(value, name)
    if not isinstance(found, str) or not _SHA.fullmatch(found):
        raise Misshapen
    return found


def link(value: object, name: str = "html_url") -> str:
    """Return an address that people may follow, "" where it is none."""
    found = member(value, name)
    return found if isinstance(found, str) and _URL.fullmatch(found) else ""


def moment(value: object, name: str) -> datetime:
    """Return a time, aware."""
    found = member(value, name)
    try:
        read = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise Misshapen
    return read


def digest(value: object, name: str = "digest") -> str:
    """Return the hex of a `sha256:...`, "" where it is none."""
    found = member(value, name)
    matched = _SHA256.fullmatch(found) if isinstance(found, str) else None
    return matched[1] if matched else ""
