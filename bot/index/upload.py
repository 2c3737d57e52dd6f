"""The upload API, `POST /legacy/` and whatever private indexes made of it: one file in one multipart form.

Knows: its fields, as twine 7 sends them; its answers, whose reason is in the HTTP status line (warehouse
`forklift/legacy.py`), or in the body where an index has only the standard's words there. Must not know: httpx, the
other protocols.
"""

import re
from base64 import b64encode
from http import HTTPStatus
from typing import BinaryIO

from bot.core.cleaning import one_line
from bot.core.distributions import Distribution
from bot.core.outcomes import FileThere, Login, TryLater, Uploaded, UploadOutcome, UploadRefused
from bot.core.sites import APPEND, IndexSite
from bot.index.statuses import later
from bot.wire import Answer, Form, Request
from storage.records import ReleaseReason, Secret

TIMEOUT = 60.0
"""Seconds for a file, besides those for its size."""
SLOWEST = 262_144
"""Bytes a second below which an upload is given up."""
TOKEN_USER = "__token__"  # noqa: S105 - what the index calls whoever has a token
NEW_PROJECTS_WAIT = 3_600.0
"""Seconds after which an index that took too many new projects takes one more: it counts them by the hour."""
_DEVPI = "devpi-"
"""How devpi's tokens begin, which name their user themselves: another one beside them is refused."""
R = ReleaseReason

_PHRASES = frozenset(status.phrase.lower() for status in HTTPStatus)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAYINGS: tuple[tuple[int, re.Pattern[str], ReleaseReason, bool], ...] = tuple(
    (status, re.compile(words, re.ASCII | re.IGNORECASE), reason, blames)
    for status, words, reason, blames in (
        (400, r"older than \d+ days", R.UPLOAD_LATE, False),
        (400, r"cannot create new projects", R.UPLOAD_NO_NEW_PROJECT, False),
        (400, r"invalid attestations", R.UPLOAD_ATTESTATIONS, False),
        (400, r"invalid distribution file", R.UPLOAD_FILE_REFUSED, False),
        (400, r"file too large|exceeds|size limit", R.UPLOAD_TOO_LARGE, False),
        (403, r"is not valid for project|denied access to project", R.UPLOAD_TOKEN_OTHER_PROJECT, False),
        (403, r"token is expired|token expired", R.UPLOAD_TOKEN_EXPIRED, True),
        (403, r"signatures do not match", R.UPLOAD_TOKEN_BROKEN, True),
        (403, r"two-factor", R.UPLOAD_NO_SECOND_FACTOR, False),
        (403, r"isn't allowed to upload", R.UPLOAD_NOT_ALLOWED, False),
        (403, r"username/password", R.UPLOAD_NO_PASSWORDS, True),
    )
)
"""(status, words, why, whether the credential is good for nothing at all), as warehouse says them."""
_BY_STATUS = {
    401: (R.UPLOAD_TOKEN_UNKNOWN, True),
    403: (R.UPLOAD_TOKEN_UNKNOWN, True),
    404: (R.UPLOAD_NO_SUCH_API, False),
    405: (R.UPLOAD_NO_SUCH_API, False),
    410: (R.UPLOAD_NO_SUCH_API, False),
    413: (R.UPLOAD_TOO_LARGE, False),
    501: (R.UPLOAD_NO_SUCH_API, False),
}
_EXISTS = re.compile(
    r"already exists|already been taken|already uploaded|file name .* reused", re.ASCII | re.IGNORECASE
)


def fields(file: Distribution) -> tuple[tuple[str, str], ...]:
    """Return the form's fields but for the file itself. Attestations are trusted publishing's alone: no token sends any."""
    digests = file.digests
    return (
        (":action", "file_upload"),
        ("protocol_version", "1"),
        *file.metadata,
        ("filetype", str(file.named.kind)),
        ("pyversion", file.named.pyversion),
        ("md5_digest", digests.md5),
        ("sha256_digest", digests.sha256),
        ("blake2_256_digest", digests.blake2_256),
    )


def timeout(size: int) -> float:
    """Return the seconds that a file of so many bytes may take."""
    return TIMEOUT + size / SLOWEST


def upload_request(
    site: IndexSite, file: Distribution, content: BinaryIO, login: Login, seconds: float
) -> Request:
    """Return the request that uploads one file."""
    headers = {"Authorization": f"Basic {_pair(site, login).reveal()}"}
    if login.one_time and site.one_time_code != APPEND:
        headers[site.one_time_code] = login.one_time.reveal()
    form = Form(fields(file), "content", file.filename, content)
    return Request("POST", site.upload_url, headers, timeout=seconds, form=form)


def _pair(site: IndexSite, login: Login) -> Secret:
    behind = login.one_time.reveal() if login.one_time and site.one_time_code == APPEND else ""
    return Secret(b64encode(f"{_user(login)}:{login.password.reveal()}{behind}".encode()).decode())


def _user(login: Login) -> str:
    """Return the user's name; beside a token of devpi there is none, not even the word for whoever has a token."""
    user = login.user.reveal()
    return "" if user == TOKEN_USER and login.password.reveal().startswith(_DEVPI) else user


def read_upload(site: IndexSite, answer: Answer, login: Login) -> UploadOutcome:
    """Read what an index says to an upload. Never raises."""
    status = answer.status
    if 200 <= status < 300:
        return Uploaded()
    hide = _known(site, login)
    said = _said(answer, hide)
    if status in _REDIRECTS:
        return UploadRefused(
            R.UPLOAD_MOVED, one_line(answer.headers.get("location", ""), limit=200, hide=hide)
        )
    if status == 409 or (status == 400 and _EXISTS.search(said)):
        return FileThere(said)
    if status in {408, 425, 429} or (status >= 500 and status != 501):
        return _later(answer, said)
    return _refused(status, said)


def _refused(status: int, said: str) -> UploadRefused:
    for known, words, reason, blames in _SAYINGS:
        if status == known and words.search(said):
            return UploadRefused(reason, said, blames_token=blames)
    reason, blames = _BY_STATUS.get(status, (R.UPLOAD_REFUSED, False))
    return UploadRefused(reason, said or f"{status}", blames_token=blames)


def _later(answer: Answer, said: str) -> TryLater:
    found = later(answer, "the index")
    wait = found.retry_after
    if wait is None and answer.status == 429 and "new projects" in said.lower():
        wait = NEW_PROJECTS_WAIT
    # A gateway may answer for an index that has taken the file all the same.
    detail = f"the index answered {answer.status} {said}".rstrip()
    return TryLater(found.reason, detail, wait, arrived_maybe=answer.status != 429)


def _known(site: IndexSite, login: Login) -> tuple[Secret, ...]:
    """Return what an index was sent, in every form in which it might repeat it; a token's user is everybody's word."""
    named = () if login.user.reveal() in {"", TOKEN_USER} else (login.user,)
    code = (login.one_time,) if login.one_time else ()
    return (_pair(site, login), login.password, *named, *code)


def _said(answer: Answer, hide: tuple[Secret, ...]) -> str:
    """Return why, as the index says it: in the status line, else in the body."""
    line = one_line(answer.reason, hide=hide)
    if line and line.lower() not in _PHRASES:
        return line
    body = one_line(answer.body[:8_192].decode("utf-8", "replace"), hide=hide)
    return body or line
