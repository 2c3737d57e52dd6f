"""GitHub's webhooks: is one genuine, and which release may it concern.

Knows: the signature, the few members that count. Must not know: routes, what follows. An event only nudges; facts are
asked for.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from bot.core.forge import Repo
from storage.records import Secret

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
_HEADER = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_RUN = re.compile(r"/actions/runs/(\d{1,18})(?:/|\Z)", re.ASCII)
_SHAS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "workflow_run": (("workflow_run", "head_sha"),),
    "workflow_job": (("workflow_job", "head_sha"),),
    "deployment_review": (("workflow_run", "head_sha"),),
    "deployment_status": (("deployment", "sha"), ("workflow_run", "head_sha")),
    "create": (),
    "push": (("head_commit", "id"), ("after",)),
    "release": (),
    "check_suite": (("check_suite", "head_sha"),),
}
"""Where each event that counts names a commit; an annotated tag's push names the tag's object in `after`."""
EVENTS = tuple(_SHAS)
"""Every event that counts."""
_TAGS = "refs/tags/"
_RUNS = (("workflow_run", "id"), ("workflow_job", "run_id"))
_RUN_PAGES = (("deployment_status", "target_url"), ("deployment_status", "log_url"))


@dataclass(frozen=True, slots=True)
class Nudge:
    """Something happened in a repository."""

    repo: Repo
    what: str
    """The event's name."""
    sha: str = ""
    """The commit that it names, if it does."""
    run_id: int = 0
    """The run that it names, 0 if it names none."""
    tag: str = ""
    """The tag that was pushed, moved or deleted, if one was."""


def signed(secret: Secret, body: bytes, header: str) -> bool:
    """Whether `X-Hub-Signature-256` is the body's; without a secret nothing is."""
    matched = _HEADER.fullmatch(header.strip())
    if matched is None or not secret:
        return False
    wanted = hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, matched[1])


def read(event: str, body: bytes) -> Nudge | None:
    """Return what an event nudges; None for one that does not count or can't be read."""
    if event not in _SHAS:
        return None
    try:
        value = json.loads(_payload(body))
    except (ValueError, RecursionError):
        return None
    repo = _repo(value)
    if repo is None:
        return None
    return Nudge(repo, event, _sha(event, value), _run_id(value), _tag(event, value))


def _payload(body: bytes) -> bytes:
    """Return the JSON; a hook that was made without a thought sends it as a form's field."""
    return unquote_to_bytes(body[8:].replace(b"+", b" ")) if body.startswith(b"payload=") else body


def _repo(value: object) -> Repo | None:
    full_name = _at(value, ("repository", "full_name"))
    owner, _, name = full_name.partition("/") if isinstance(full_name, str) else ("", "", "")
    whole = all(_NAME.fullmatch(part) and part not in {".", ".."} for part in (owner, name))
    return Repo(owner, name) if whole else None


def _sha(event: str, value: object) -> str:
    found = (_at(value, path) for path in _SHAS[event])
    return next((one for one in found if isinstance(one, str) and _SHA.fullmatch(one)), "")


def _tag(event: str, value: object) -> str:
    ref = _at(value, ("ref",))
    return (
        ref.removeprefix(_TAGS)[:255]
        if event == "push" and isinstance(ref, str) and ref.startswith(_TAGS)
        else ""
    )


def _run_id(value: object) -> int:
    for path in _RUNS:
        found = _at(value, path)
        if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**63:
            return found
    for path in _RUN_PAGES:
        page = _at(value, path)
        if isinstance(page, str) and (matched := _RUN.search(page[:1_000])):
            return int(matched[1])
    return 0


def _at(value: Any, path: tuple[str, ...]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
