"""The OAuth 1.0a facility that PyPI had from 2012 to 2015: `{index}/oauth/...` (`docs/oauth1.md`).

Knows: its addresses, parameters, answers, refusals (pypi/legacy's `webui.py`, `oauth.py`). Must not know: httpx, how a
request is signed, the other protocols.

All requests are returned unsigned; a GET of them is sent once, since its signature is good for one use.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from bot.core.cleaning import LONGEST, one_line, seconds_to_wait
from bot.core.distributions import Distribution, Kind
from bot.core.oauth1 import (
    Accepted,
    AccessOutcome,
    AddedOutcome,
    Allowed,
    Denied,
    Fault,
    FileFields,
    ReleaseFields,
    TokenOutcome,
    TokenPair,
    cause_and_remedy,
)
from bot.core.outcomes import FileThere, TryLater, Uploaded, UploadOutcome, UploadRefused
from bot.core.secrets import REDACTED
from bot.core.sites import IndexSite
from bot.wire import Answer, Form, Request
from storage.records import Reason, ReleaseReason, Secret

TIMEOUT = 15.0
FORM = "application/x-www-form-urlencoded"
LONGEST_TOKEN = 200
"""Characters of a token or its secret that are taken; the facility's have 32 and 64."""
HEADING = "Error processing OAuth request"

SINGLE = (
    "description", "keywords", "home_page", "author", "author_email", "maintainer", "maintainer_email", "license",
    "requires_python",
)  # fmt: skip
LISTS = (
    "requires", "provides", "obsoletes", "requires_dist", "provides_dist", "obsoletes_dist", "requires_external",
    "project_url", "classifiers",
)  # fmt: skip
OWN = ("_pypi_hidden", "bugtrack_url")
"""Fields that PEP 345 has not: `1` hides a release; where bugs are told."""
DEFAULT_METADATA = "1.2"
_METADATA = frozenset({"1.0", DEFAULT_METADATA})

_RENAMED: Mapping[str, str] = MappingProxyType({"project_urls": "project_url"})
"""Fields of today's upload form that the facility calls otherwise."""

Pairs = list[tuple[str, str]]
Hidden = Sequence[Secret]
"""What an answer must not repeat to anybody."""

_SAYS: tuple[tuple[str, Fault], ...] = (
    ("Invalid consumer", Fault.CONSUMER),
    ("Invalid request token", Fault.REQUEST_TOKEN),
    ("Invalid access token", Fault.ACCESS_TOKEN),
    ("Expired timestamp", Fault.CLOCK),
    ("Nonce already used", Fault.NONCE),
    ("Signature method", Fault.METHOD),
    ("Missing signature", Fault.UNSIGNED),
    ("Invalid signature", Fault.SIGNATURE),
    ("Request Token not authorised", Fault.NOT_AUTHORISED),
    ("PyPI OAuth requires header authorization", Fault.HEADER),
    ("OAuth version", Fault.VERSION),
    ("Parameter not found", Fault.PARAMETER),
)
"""How each refusal begins. What follows may hold tokens, or the whole base string: it is shown to nobody."""
_LEAD = re.compile(r"\A(?:Error processing OAuth request|.{0,300}?OAuthError\()\s*", re.ASCII)
"""What stands before it. Faults that pypi/legacy's own handler did not know came as 500 with their class's name."""
_GIVEN = re.compile(r"given (\d{1,12}) and now (\d{1,12}) ", re.ASCII)
_ALLOWED = re.compile(r"\s*Access allowed for (\S{1,100}) \(ps\. I got params=")
_FILE_THERE = re.compile(r"A file named .{1,300} already exists")
_STATUSES: Mapping[int, Fault] = MappingProxyType(
    {403: Fault.NOT_ALLOWED, 404: Fault.NOT_OFFERED, 405: Fault.NOT_OFFERED, 410: Fault.NOT_OFFERED, 501: Fault.NOT_OFFERED}
)  # fmt: skip
_REASONS: Mapping[Fault, tuple[ReleaseReason, bool]] = MappingProxyType(
    {
        Fault.ACCESS_TOKEN: (ReleaseReason.UPLOAD_TOKEN_UNKNOWN, True),
        Fault.NOT_ALLOWED: (ReleaseReason.UPLOAD_NOT_ALLOWED, False),
        Fault.FORM: (ReleaseReason.UPLOAD_FILE_REFUSED, False),
        Fault.NOT_OFFERED: (ReleaseReason.UPLOAD_NO_SUCH_API, False),
        Fault.REDIRECTS: (ReleaseReason.UPLOAD_MOVED, False),
    }
)
"""What a refusal is to a release, and whether the grant is good for nothing any more; the others are told by their cause."""


def request_token_request(site: IndexSite, timeout: float = TIMEOUT) -> Request:
    """Return the request for a request token, to be signed by the consumer alone."""
    return _get(site, "request_token", timeout)


def authorise_page(site: IndexSite, token: Secret, callback: str) -> str:
    """Return where a person says yes or no. `callback` must have no query: `?oauth_token=` is put behind it."""
    query = {"oauth_token": token.reveal(), "oauth_callback": callback}
    return f"{_address(site, 'authorise')}?{urlencode(query)}"


def access_token_request(site: IndexSite, timeout: float = TIMEOUT) -> Request:
    """Return the request for an access token, to be signed with the request token."""
    return _get(site, "access_token", timeout)


def whose_request(site: IndexSite, timeout: float = TIMEOUT) -> Request:
    """Return the request that asks whose an access token is."""
    return _get(site, "test?client=shipbell", timeout)


def add_release_request(site: IndexSite, release: ReleaseFields, timeout: float = TIMEOUT) -> Request:
    """Return the request that makes or changes a release; its form is signed."""
    headers = {"Content-Type": FORM}
    body = _encoded(release_pairs(release)).encode()
    return Request("POST", _address(site, "add_release"), headers, body, timeout=timeout)


def release_fields(file: Distribution) -> ReleaseFields:
    """Return what a file's metadata tells of its release, in the facility's names."""
    told: dict[str, list[str]] = {}
    for name, value in file.metadata:
        told.setdefault(_RENAMED.get(name, name), []).append(value)
    name, version, summary = (next(iter(told.pop(one, [""]))) for one in ("name", "version", "summary"))
    return ReleaseFields(name, version, summary, told)


def upload_request(site: IndexSite, file: Distribution, content: BinaryIO, seconds: float) -> Request:
    """Return the request that uploads one file of a release that is there; the release is told by `add_release_request`."""
    release = release_fields(file)
    pyversion = "" if file.named.kind is Kind.SDIST else file.named.pyversion
    fields = FileFields(file.filename, str(file.named.kind), pyversion, md5_digest=file.digests.md5)
    url = upload_address(site, ReleaseFields(release.name, release.version), fields)
    return Request("POST", url, timeout=seconds, form=Form((), "content", file.filename, content))


def upload_address(site: IndexSite, release: ReleaseFields, file: FileFields) -> str:
    """Return where a file goes: its fields are in the query, and signed; the file itself is not.

    ValueError for a file that is no sdist and names no Python version. pypi/legacy signed the first element alone of a
    list in a query, so lists are better told by `add_release_request` before.
    """
    return f"{_address(site, 'upload')}?{_encoded(upload_pairs(release, file))}"


def release_pairs(release: ReleaseFields) -> Pairs:
    """Return a release's fields in the facility's order, one pair for each element of a list, nothing that is empty."""
    more = dict(release.more)
    asked = next(_values(more.get("metadata_version", ""), several=False), "")
    more["metadata_version"] = asked if asked in _METADATA else DEFAULT_METADATA
    pairs = [("name", release.name), ("version", release.version), ("summary", release.summary)]
    for name in (*SINGLE, "metadata_version", *LISTS, *OWN):
        pairs += ((name, value) for value in _values(more.get(name, ""), several=name in LISTS))
    return [(name, value) for name, value in pairs if value]


def upload_pairs(release: ReleaseFields, file: FileFields) -> Pairs:
    """Return the fields of a file and its release, nothing that is empty; ValueError as `upload_address` says."""
    if file.filetype != "sdist" and not file.pyversion:
        raise ValueError("a file that is no sdist must say its Python version")
    pairs = [
        ("filename", file.filename), ("filetype", file.filetype), ("protocol_version", "1"), ("pyversion", file.pyversion),
        ("comment", file.comment), ("md5_digest", file.md5_digest), ("gpg_signature", file.gpg_signature),
    ]  # fmt: skip
    return [*release_pairs(release), *((name, value) for name, value in pairs if value)]


def _values(value: str | Sequence[str], *, several: bool) -> Iterator[str]:
    """Return what a field holds; of what is no list there only the first counts."""
    found = [value] if isinstance(value, str) else list(value)
    return iter(found if several else found[:1])


def _encoded(pairs: Pairs) -> str:
    """Return pairs as a form; what no UTF-8 can hold becomes a question mark, and a space `%20`, in query and body alike."""
    return urlencode(pairs, errors="replace", quote_via=quote, safe="")


def _address(site: IndexSite, what: str) -> str:
    return f"{site.url}/oauth/{what}"


def _get(site: IndexSite, what: str, timeout: float) -> Request:
    return Request("GET", _address(site, what), timeout=timeout, once=True)


def read_token(answer: Answer, sent_at: datetime, hidden: Hidden = ()) -> TokenOutcome:
    """Read a request token or an access token. Never raises."""
    if answer.status != 200:
        return _no(answer, sent_at, hidden)
    found = _form(answer)
    token, secret = found.get("oauth_token", ""), found.get("oauth_token_secret", "")
    if _is_token(token) and _is_token(secret):
        return TokenPair(Secret(token), Secret(secret))
    return Denied(Fault.NOT_OFFERED if answer.is_html else Fault.UNEXPECTED)


def read_test(answer: Answer, sent_at: datetime, hidden: Hidden = ()) -> AccessOutcome:
    """Read whose an access token is. Never raises."""
    if answer.status != 200:
        return _no(answer, sent_at, hidden)
    found = _ALLOWED.match(answer.body[:4_096].decode("utf-8", "replace"))
    user = one_line(_without(found[1], hidden), limit=60) if found else ""
    return Allowed(user) if user else Denied(Fault.NOT_OFFERED if answer.is_html else Fault.UNEXPECTED)


def read_added(answer: Answer, sent_at: datetime, hidden: Hidden = ()) -> AddedOutcome:
    """Read what came of a release or a file. Never raises."""
    if answer.status == 200 and answer.body.strip() == b"OK":
        return Accepted()
    if answer.status == 200:
        return Denied(Fault.NOT_OFFERED if answer.is_html else Fault.UNEXPECTED, _said(answer, hidden))
    return _no(answer, sent_at, hidden)


def read_sent(answer: Answer, sent_at: datetime, hidden: Hidden = ()) -> UploadOutcome:
    """Read what came of a file; one of its name may be there. Never raises."""
    return uploaded(read_added(answer, sent_at, hidden))


def uploaded(found: AddedOutcome) -> UploadOutcome:
    """Return what an answer of the facility is to an upload."""
    if isinstance(found, Accepted):
        return Uploaded()
    if isinstance(found, TryLater):
        return found
    if found.fault is Fault.FORM and _FILE_THERE.search(found.detail):
        return FileThere(found.detail)
    reason, blames = _REASONS.get(found.fault, (ReleaseReason.UPLOAD_REFUSED, False))
    return UploadRefused(reason, found.detail or cause_and_remedy(found)[0], blames_token=blames)


def _form(answer: Answer) -> dict[str, str]:
    """Return the fields of a form-encoded answer; none where one is there twice, or it is none."""
    try:
        pairs = parse_qsl(answer.body[:4_096].decode("ascii"), strict_parsing=True, max_num_fields=20)
    except ValueError:
        return {}
    found = {name: value.strip() for name, value in pairs}
    return found if len(found) == len(pairs) else {}


def _is_token(text: str) -> bool:
    return 0 < len(text) <= LONGEST_TOKEN and text.isascii() and text.isprintable() and " " not in text


def _no(answer: Answer, sent_at: datetime, hidden: Hidden) -> Denied | TryLater:
    """Read every status but success; the facility's own words count before the status does."""
    said = _plain(answer)
    fault = _fault(said) or _fault(answer.reason)
    if fault is Fault.CLOCK:
        return Denied(fault, seconds=_behind(answer, said, sent_at))
    if fault is not None:
        return Denied(fault)
    return _by_status(answer, hidden)


def _by_status(answer: Answer, hidden: Hidden) -> Denied | TryLater:
    status, said = answer.status, _said(answer, hidden)
    if status in _STATUSES:
        return Denied(_STATUSES[status], said)
    told = f"it answered {status}" + (f": {said}" if said else "")
    if status in {408, 429} or status >= 500:
        limited = status == 429
        return TryLater(
            Reason.RATE_LIMITED if limited else Reason.INDEX_BROKEN,
            told,
            seconds_to_wait(answer.retry_after, answer.headers.get("date")),
            arrived_maybe=not limited,
        )
    if 300 <= status < 400:
        return Denied(Fault.REDIRECTS, f"to {_host(answer)}")
    if status == 400 and not answer.is_html and not said.startswith(HEADING):
        return Denied(Fault.FORM, said)
    return Denied(Fault.UNEXPECTED, told)


def _fault(text: str) -> Fault | None:
    """Return which of the facility's refusals a text is."""
    lead = _LEAD.match(text)
    told = text[lead.end() :] if lead else text
    return next((fault for start, fault in _SAYS if told.startswith(start)), None)


def _plain(answer: Answer) -> str:
    """Return an answer's text on one line, without markup."""
    return one_line(answer.body[:8_192].decode("utf-8", "replace"), limit=8_192)


def _behind(answer: Answer, said: str, sent_at: datetime) -> int | None:
    """Return by how many seconds our clock is behind, by the answer's date, else by its own words."""
    try:
        date = parsedate_to_datetime(answer.headers.get("date", "")[:64])
    except (ValueError, OverflowError):
        date = None
    if date is not None and date.tzinfo is not None:
        return round((date.astimezone(UTC) - sent_at).total_seconds())
    found = _GIVEN.search(said)
    return int(found[2]) - int(found[1]) if found else None


def _said(answer: Answer, hidden: Hidden) -> str:
    """Return what the index itself said, cleaned; of a page that is made for eyes nothing."""
    if answer.is_html:
        return ""
    body = _without(answer.body[:4_096].decode("utf-8", "replace"), hidden)
    return one_line(body.replace("Error processing form", "", 1), limit=LONGEST - 30)


def _without(text: str, hidden: Hidden) -> str:
    for secret in hidden:
        text = text.replace(secret.reveal(), REDACTED) if secret else text
    return text


def _host(answer: Answer) -> str:
    """Return the host that a redirect names; without one it stays on the host that was asked."""
    try:
        host = urlsplit(urljoin("//itself/", answer.headers.get("location", ""))).hostname or ""
    except ValueError:
        return "an address that can't be read"
    return "another address of its own" if host == "itself" else one_line(host, limit=100) or "nowhere"
