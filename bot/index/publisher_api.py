"""The publisher API: `POST` and `GET {index}/_/v1/publisher`, which an index may have (PyPI has not).

Knows: its payload, its statuses, the shapes of its bodies. Must not know: httpx, the other protocols.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from urllib.parse import urlencode, urljoin, urlsplit

from bot.core.cleaning import LONGEST, one_line, seconds_to_wait
from bot.core.names import normalize_project
from bot.core.outcomes import (
    Listed,
    ListedPublisher,
    ListOutcome,
    NotOffered,
    Refused,
    Registered,
    RegisterOutcome,
    Taken,
    TryLater,
)
from bot.core.sites import IndexSite
from bot.wire import Answer, Request
from storage.records import Evidence, EvidenceKind, Reason, Registration, Secret

PATH = "/_/v1/publisher"
TIMEOUT = 15.0
MOST_ENTRIES = 1_000
"""Entries of a list that are read; no project has that many publishers."""
_LONGEST_VALUE = 300
_MOST_WORDS = 8
_DEEPEST = 5
_MOST_SENTENCES = 64
"""Sentences of an error body that are read: comparing all that fit into one would hold up everything else."""
_MOST_READ = 8_192
"""Characters of them; far fewer are shown."""

_NO_API = frozenset({404, 405, 410, 501})
_REFUSED: Mapping[int, Reason] = MappingProxyType(
    {
        400: Reason.PROJECT_MISSING,
        401: Reason.TOKEN_INVALID,
        403: Reason.TOKEN_SCOPE,
        422: Reason.VALUE_INVALID,
    }
)
_BLAMES_TOKEN = frozenset({401, 403})
_TELLING = (
    "message",
    "detail",
    "error",
    "error_description",
    "description",
    "msg",
    "title",
    "reason",
    "errors",
)
"""Members of an error object that say what is wrong, in the order in which they are told."""
_WHERE = ("field", "loc", "param", "name")


def payload(registration: Registration) -> dict[str, str]:
    """Return the body that registers a publisher, as a JSON object."""
    return {
        "name": normalize_project(registration.project),
        "owner": registration.owner,
        "repository": registration.repository,
        "workflow_filename": registration.workflow,
        "environment": registration.environment,
    }


def register_request(
    site: IndexSite, registration: Registration, token: Secret, timeout: float = TIMEOUT
) -> Request:
    """Return the request that registers a publisher; `timeout` in seconds."""
    return Request(
        "POST",
        f"{site.url}{PATH}",
        headers={**_headers(token), "Content-Type": "application/json"},
        body=json.dumps(payload(registration)).encode(),
        timeout=timeout,
    )


def list_request(site: IndexSite, project: str, token: Secret, timeout: float = TIMEOUT) -> Request:
    """Return the request for the publishers of a project; `timeout` in seconds."""
    query = urlencode({"name": normalize_project(project)})
    return Request("GET", f"{site.url}{PATH}?{query}", headers=_headers(token), timeout=timeout)


def _headers(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Token {token.reveal()}", "Accept": "application/json"}


def read_register(answer: Answer, token: Secret | None = None) -> RegisterOutcome:
    """Read the answer to a registration; `token` is what the answer must not repeat. Never raises."""
    if answer.status == 201:
        return Registered()
    if answer.status == 409:
        return Taken(_said(answer, token))
    return _no(answer, token)


def read_list(answer: Answer, url: str, seen_at: datetime, token: Secret | None = None) -> ListOutcome:
    """Read the answer to a list, fetched from `url` at `seen_at`; entries that make no sense are left out.

    Names are normalized, environments in lower case; nothing is matched here. Never raises.
    """
    if answer.status != 200:
        return _no(answer, token)
    entries = answer.json()
    if isinstance(entries, list):
        evidence = Evidence(EvidenceKind.INDEX, url, hashlib.sha256(answer.body).hexdigest(), seen_at)
        found = (_entry(entry) for entry in entries[:MOST_ENTRIES])
        return Listed(tuple(entry for entry in found if entry is not None), evidence)
    if answer.is_html:
        return NotOffered()
    cause = (
        "its list of publishers is too long"
        if answer.truncated
        else "its list of publishers is not a JSON list"
    )
    return TryLater(Reason.UNEXPECTED_ANSWER, cause)


def _entry(entry: object) -> ListedPublisher | None:
    if not isinstance(entry, dict):
        return None
    names = ("name", "owner", "repository", "workflow_filename", "status")
    values = [entry.get(name) for name in names]
    environment = entry.get("environment")
    values.append("" if environment is None else environment)
    texts = [value for value in values if isinstance(value, str) and len(value) <= _LONGEST_VALUE]
    if len(texts) < len(values) or texts[4] not in {"active", "pending"}:
        return None
    project, owner, repository, workflow, status, environment = texts
    return ListedPublisher(
        project=normalize_project(project),
        owner=owner,
        repository=repository,
        workflow=workflow,
        environment=environment.lower(),
        active=status == "active",
    )


def _no(answer: Answer, token: Secret | None) -> Refused | NotOffered | TryLater:
    """Read every status but success."""
    status = answer.status
    if status in _NO_API or (answer.is_html and (200 <= status < 300 or status == 400)):
        return NotOffered()
    if status in _REFUSED:
        # A page instead of an answer comes from something in between (a firewall, a proxy), which knows no tokens.
        blames = status in _BLAMES_TOKEN and not answer.is_html
        return Refused(_REFUSED[status], _said(answer, token), blames_token=blames)
    if status in {408, 429} or status >= 500:
        return _later(answer, token)
    if 300 <= status < 400:
        return Refused(Reason.UNEXPECTED_ANSWER, f"it redirects to {_redirect_host(answer)}")
    said = _said(answer, token)
    return Refused(Reason.UNEXPECTED_ANSWER, f"it answered {status}" + (f": {said}" if said else ""))


def _later(answer: Answer, token: Secret | None) -> TryLater:
    limited = answer.status == 429
    said = _said(answer, token)
    return TryLater(
        Reason.RATE_LIMITED if limited else Reason.INDEX_BROKEN,
        said if limited else f"it answered {answer.status}" + (f": {said}" if said else ""),
        seconds_to_wait(answer.retry_after, answer.headers.get("date")),
        arrived_maybe=not limited,
    )


def _redirect_host(answer: Answer) -> str:
    """Return the host that a redirect names; without one it stays on the host that was asked."""
    try:
        target = urlsplit(urljoin("//itself/", answer.headers.get("location", "")))
        host = target.hostname or ""
    except ValueError:
        return "an address that can't be read"
    return "another address of its own" if host == "itself" else one_line(host, limit=100) or "nowhere"


def _said(answer: Answer, token: Secret | None) -> str:
    """Return what the index itself said, cleaned, within the limit of `Refused.detail`."""
    value = answer.json()
    if isinstance(value, str | list | dict):
        words = "; ".join(_sentences(value))
    elif answer.is_html:
        words = ""  # a page is made for eyes; its title says no more than the status
    else:
        words = answer.body[:4_096].decode("utf-8", "replace")
    hide = (token,) if token else ()
    return one_line(words, limit=LONGEST - 30, hide=hide)  # what stands before it must fit too


def _sentences(value: object) -> Iterator[str]:
    """Give what an error body tells, each sentence once, and no more of it than is read."""
    heard = ""
    for sentence in islice(_words(value, "", 0), _MOST_SENTENCES):
        if len(heard) >= _MOST_READ:
            return
        # A summary often holds the single messages that follow it.
        if sentence not in heard:
            heard += f"{sentence[:_MOST_READ]}\n"
            yield sentence


def _words(value: object, where: str, depth: int) -> Iterator[str]:
    """Give the sentences of an error body, whatever its shape, each with the field that it is about."""
    match value:
        case str() if value.strip():
            yield f"{where}: {value}" if where else value
        case list() if depth < _DEEPEST:
            for item in value[:_MOST_WORDS]:
                yield from _words(item, where, depth + 1)
        case dict() if depth < _DEEPEST:
            yield from _of_object(value, where, depth)
        case _:
            return


def _of_object(value: Mapping[str, object], where: str, depth: int) -> Iterator[str]:
    told = [name for name in _TELLING if value.get(name)]
    place = next((_place(value[name]) for name in _WHERE if name in value), where) if told else where
    for name in told or list(value)[:_MOST_WORDS]:
        yield from _words(value[name], place if told else name, depth + 1)


def _place(value: object) -> str:
    """Return a field's name, also of a path such as `["body", "owner"]`."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[-1] if value else ""
    return value[:60] if isinstance(value, str) else ""
