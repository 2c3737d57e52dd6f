"""Raw values to checked ones: addresses, numbers, keys, tables of indexes; what is wrong comes with its fix.

Knows: shapes. Must not know: what settings are called, where they come from, which service is meant.

Each reader takes what an environment variable (text) or a TOML file (text, number, bool, list, table) holds,
gives the checked value or raises ValueError with cause and fix. A value that may be secret is never quoted.
"""

import base64
import binascii
import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from bot.core.secrets import redact
from bot.core.sites import APPEND, IndexSite, OAuth1Consumer
from storage.records import Secret

_INDEX_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9.:_%-]{1,255}")
_TRUTHS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
INDEX_KEYS = (
    "url",
    "upload_url",
    "publisher_api",
    "token_location",
    "oauth1",
    "pending_days",
    "feeds",
    "simple_url",
    "one_time_code",
)
"""What an entry of the table of indexes may name."""
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,60}", re.ASCII)
_TAKEN_HEADERS = frozenset(
    {"authorization", "accept", "connection", "content-length", "content-type", "cookie", "expect", "host", "te", "trailer",
     "transfer-encoding", "upgrade", "user-agent"}
)  # fmt: skip
"""Headers of a request that are ours, and no place for a code."""
_CONSUMER_KEYS = ("consumer_key", "consumer_secret")


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean X?` for the nearest of `known`, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def quoted(raw: object) -> str:
    """Return a value as an error message may show it: on one line, short, without what looks like a token."""
    shown = redact(str(raw))
    return repr(shown if len(shown) <= 60 else f"{shown[:57]}...")


def text(raw: object) -> str:
    """Read one line of text."""
    line = _string(raw)
    if not line.isprintable():
        raise ValueError("holds a line break or control character; write it on one line")
    return line.strip()


def _string(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("must be text; put it in quotes")  # noqa: TRY004 - pydantic gathers ValueErrors only
    return raw


def ascii_text(raw: object) -> str:
    """Read one line that may go into an HTTP header."""
    line = text(raw)
    if not line.isascii():
        raise ValueError("goes into an HTTP header; keep to ASCII characters")
    return line


def secret(raw: object) -> Secret:
    """Read a secret: one line, no spaces inside."""
    if isinstance(raw, Secret):
        return raw
    token = _string(raw).strip()
    if not token.isprintable() or any(sign.isspace() for sign in token):
        raise ValueError("holds a space or a line break; it looks cut or pasted with something else")
    return Secret(token)


def slack_token(prefix: str, *, never: Mapping[str, str]) -> Callable[[object], Secret]:
    """Return a reader for one kind of Slack secret that recognises the other kinds by their prefix.

    A token of unknown form passes: stand-ins hand out others.
    """

    def read(raw: object) -> Secret:
        value = secret(raw)
        for start, kind in never.items():
            if value.reveal().startswith(start):
                wanted = f"; this one starts with {prefix}" if prefix else ""
                raise ValueError(f"holds {kind} ({start}...){wanted}")
        return value

    return read


def pem(raw: object) -> Secret:
    r"""Read a private key in PEM form; `\n` written out counts as a line break, as one-line variables need it."""
    if isinstance(raw, Secret):
        return raw
    key = _string(raw).strip().replace("\\n", "\n")
    if not (key.startswith("-----BEGIN ") and "PRIVATE KEY-----" in key and "\n" in key):
        raise ValueError("is not a private key in PEM form; it starts with -----BEGIN RSA PRIVATE KEY-----")
    return Secret(f"{key}\n")


def master_keys(raw: object) -> tuple[Secret, ...]:
    """Read master keys, separated by commas (or a list): each base64url of 32 bytes, the first seals."""
    parts: Sequence[object] = (
        raw.split(",") if isinstance(raw, str) else raw if isinstance(raw, list | tuple) else ()
    )
    keys = [_master_key(part, position) for position, part in enumerate(parts, 1)]
    if not keys:
        raise ValueError("holds no key; make one with `shipbell keys generate`")
    if len({key.reveal() for key in keys}) < len(keys):
        raise ValueError("holds the same key twice; keep one of them")
    return tuple(keys)


def _master_key(raw: object, position: int) -> Secret:
    key = raw.reveal() if isinstance(raw, Secret) else str(raw).strip()
    key += "=" * (-len(key) % 4)
    try:
        size = len(base64.b64decode(key, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != 32:
        raise ValueError(
            f"key {position} is not base64url of 32 bytes; make one with `shipbell keys generate`"
        )
    return Secret(key)


def is_safe(address: str) -> bool:
    """Say whether nobody on the way can read what a browser sends to a web address."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}


def web_address(raw: object) -> str:
    """Read a base address: http or https, a host, maybe a path; given back without a slash at the end."""
    address = text(raw)
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password; leave that out of the address")
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f"{quoted(address)} is no web address; write it like https://host or http://host:8080"
        )
    if parts.query or parts.fragment:
        raise ValueError("holds a query or fragment (? or #); give the base address alone")
    return address.rstrip("/")


def web_folder(raw: object) -> str:
    """Read a base address and give it back with one slash at the end."""
    return f"{web_address(raw)}/"


def database_address(raw: object) -> str:
    """Read an SQLAlchemy URL of SQLite or PostgreSQL; given back with the asynchronous driver's name."""
    address = text(raw)
    scheme, colon, rest = address.partition("://")
    driver = _DRIVERS.get(scheme.lower())
    if not colon or driver is None:
        known = "names a database that is not supported" if colon else "is no database URL"
        raise ValueError(
            f"{known}; write sqlite:////path/to/shipbell.db or postgresql://user:password@host/name"
        )
    if driver.startswith("sqlite") and (
        not rest.startswith("/") or rest.partition("?")[0] in {"/", "/:memory:"}
    ):
        raise ValueError("names no file to keep things in; write sqlite:////path/to/shipbell.db")
    return f"{driver}://{rest}"


def host(raw: object) -> str:
    """Read a host name or address to bind to."""
    name = text(raw)
    if not _HOST.fullmatch(name):
        raise ValueError(f"{quoted(name)} is no host name or address; 127.0.0.1 and 0.0.0.0 are usual")
    return name


def port(raw: object) -> int:
    """Read a TCP port; 0 lets the system choose."""
    return whole(0, 65535, "a port")(raw)


def whole(low: int, high: int, what: str = "a whole number") -> Callable[[object], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(raw: object) -> int:
        problem = ValueError(f"{quoted(raw)} is not {what} from {low} to {high}")
        if isinstance(raw, bool) or not isinstance(raw, int | str) or not str(raw).isascii():
            raise problem
        try:
            number = int(raw)
        except ValueError:
            raise problem from None
        if not low <= number <= high:
            raise problem
        return number

    return read


def seconds(raw: object) -> float:
    """Read a period in seconds, from 0.1 to a day."""
    number = _number(raw)
    if number is None or not 0.1 <= number <= 86400:
        raise ValueError(f"{quoted(raw)} is not a number of seconds from 0.1 to 86400")
    return number


def hours(raw: object) -> float:
    """Read a period in hours, from a second to 30 days; 0 for never."""
    number = _number(raw)
    if number is None or not (number == 0 or 0.0003 <= number <= 720):
        raise ValueError(f"{quoted(raw)} is not a number of hours from 0.0003 to 720, nor 0")
    return number


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def flag(raw: object) -> bool:
    """Read true or false."""
    if isinstance(raw, bool):
        return raw
    found = _TRUTHS.get(raw.strip().lower()) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(f"{quoted(raw)} is neither true nor false")
    return found


def choice(*words: str) -> Callable[[object], str]:
    """Return a reader of one of `words`, upper or lower case alike."""

    def read(raw: object) -> str:
        wanted = text(raw).lower()
        for word in words:
            if word.lower() == wanted:
                return word
        raise ValueError(
            f"{quoted(raw)} is not one of {', '.join(words)}.{suggestion(wanted, words)}".rstrip(".")
        )

    return read


def folder(raw: object) -> Path:
    """Read a folder's path; given back absolute, `~` resolved. It need not be there yet."""
    path = raw if isinstance(raw, Path) else Path(text(raw))
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{quoted(path)} names no home folder; write an absolute path") from error


def file(raw: object) -> Path | None:
    """Read the path of a file that must be there; None where nothing is given."""
    if raw is None or raw == "":
        return None
    path = folder(raw)
    if not path.is_file():
        raise ValueError(f"{quoted(path)} is no file")
    return path


def sites(built_in: Mapping[str, IndexSite]) -> Callable[[object], Mapping[str, IndexSite]]:
    """Return a reader of the operator's indexes that adds the built-in ones.

    An entry with a `url` replaces a built-in index of that name; one without changes the named fields only.
    """

    def read(raw: object) -> Mapping[str, IndexSite]:
        table = _table(raw)
        problems: list[str] = []
        merged = dict(built_in)
        for name, entry in table.items():
            try:
                merged[name] = _site(name, entry, built_in.get(name))
            except ValueError as error:
                problems.append(f"{quoted(name)}: {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return MappingProxyType(merged)

    return read


def _table(raw: object) -> Mapping[str, Any]:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ValueError(f"is not JSON ({error.msg}, {place}); write {_EXAMPLE}") from None
        except RecursionError:
            raise ValueError(f"is nested too deeply; write {_EXAMPLE}") from None
    if not isinstance(raw, Mapping):
        raise ValueError(f"is not a table of indexes; write {_EXAMPLE}")  # noqa: TRY004 - as above
    return raw


_EXAMPLE = '{"name": {"url": "https://host"}}'


def _site(name: str, entry: object, replaced: IndexSite | None) -> IndexSite:
    if not _INDEX_NAME.fullmatch(name):
        raise ValueError("an index's name is up to 32 lower-case letters, digits and inner hyphens")
    if not isinstance(entry, Mapping):
        raise ValueError("must be a table like " + '{"url": "https://host"}')  # noqa: TRY004 - as above
    fields = _fields(entry)
    if "url" in fields or replaced is None:
        if "url" not in fields:
            raise ValueError("needs a url")
        return IndexSite(name=name, **fields)
    return IndexSite(name=name, **({key: getattr(replaced, key) for key in INDEX_KEYS} | fields))


def _fields(entry: Mapping[str, object]) -> dict[str, Any]:
    """Read the fields of one index, all problems at once."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for key, raw in entry.items():
        reader = _READERS.get(key)
        if reader is None:
            problems.append(f"{quoted(key)} is unknown.{suggestion(key, INDEX_KEYS)}")
        elif raw is not None:
            try:
                found[key] = reader(raw)
            except ValueError as error:
                problems.append(f"{key} {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return found


def _upload_address(raw: object) -> str:
    """Read an upload address; a slash at its end counts there, since it must not be redirected."""
    return web_address(raw) + ("/" if text(raw).endswith("/") else "")


def _consumer(raw: object) -> OAuth1Consumer:
    if not isinstance(raw, Mapping) or set(raw) != set(_CONSUMER_KEYS):
        raise ValueError("must be a table of exactly consumer_key and consumer_secret")
    return OAuth1Consumer(text(raw["consumer_key"]), secret(raw["consumer_secret"]))


def _one_time_code(raw: object) -> str:
    name = text(raw)
    if name != APPEND and (not _HEADER.fullmatch(name) or name.lower() in _TAKEN_HEADERS):
        raise ValueError("says how a one-time code is sent: append, or the name of a header such as X-OTP")
    return name


_READERS: Mapping[str, Callable[[object], object]] = {
    "url": web_address,
    "upload_url": _upload_address,
    "publisher_api": flag,
    "token_location": host,
    "oauth1": _consumer,
    "pending_days": whole(1, 3650, "a number of days"),
    "feeds": flag,
    "simple_url": web_address,
    "one_time_code": _one_time_code,
}
