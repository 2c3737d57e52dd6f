"""The values that travel between the pure protocol modules and the transport.

Knows: HTTP's shape. Must not know: httpx, any service.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

MAX_ANSWER_BYTES = 1_048_576
"""How much of an answer is read unless the request says otherwise; the rest is cut off, told by `truncated`."""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: fields, then one file, which is read from its beginning while it is sent."""

    fields: tuple[tuple[str, str], ...] = field(repr=False)
    part: str
    """The file's field."""
    filename: str
    content: BinaryIO = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One outgoing request, complete. `headers` may hold a secret, so neither they nor the body show in a repr."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: float = 15.0
    """Seconds for the whole exchange, from connecting to the last byte read."""
    max_bytes: int = MAX_ANSWER_BYTES
    once: bool = False
    """Whether it must not be repeated as it is, since it is signed for one use."""
    form: Form | None = None
    """What is sent in place of a body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case; `body` is cut at the request's `max_bytes`."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: bool = False

    def json(self) -> Any | None:
        """Return the body as JSON, or None where it isn't (or was cut)."""
        if self.truncated:
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def is_html(self) -> bool:
        """Whether the answer calls itself HTML, as a page of a service without the asked-for API does."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/html"

    @property
    def retry_after(self) -> str | None:
        """Return the raw `Retry-After` header (seconds or an HTTP date), if any."""
        return self.headers.get("retry-after")


@dataclass(frozen=True, slots=True)
class Hashed:
    """An answer whose body was hashed and not kept here: `answer.body` is empty, `truncated` says that there was more."""

    answer: Answer
    sha256: str
    """Hex, of the bytes as they were sent; of nothing where the status is not 200."""
    size: int
