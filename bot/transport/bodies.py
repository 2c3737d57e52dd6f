"""Answers' bodies, read up to a limit and unpacked without ever holding more.

Knows: gzip, digests, limits. Must not know: what a body means.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import httpx  # noqa: TID251 - this is its room


async def read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """Read the body up to `limit` bytes, counted after unpacking; True where there was more."""
    body = bytearray()
    packed = response.headers.get("content-encoding", "").strip().lower() in {"gzip", "x-gzip"}
    unpacker = _Gzip() if packed else _AsItIs()
    async for chunk in response.aiter_raw():
        for part in unpacker.feed(chunk, limit + 1):
            body += part
            if len(body) > limit:
                return bytes(body[:limit]), True
    return bytes(body), False


async def digest(response: httpx.Response, limit: int, into: BinaryIO | None = None) -> tuple[str, int, bool]:
    """Hash the body as it was sent, up to `limit` bytes: sha256 in hex, size, and True where there was more.

    Nothing is unpacked: some servers call a packed file packed, and it is the file that counts. `into` gets what is hashed.
    """
    found, size = hashlib.sha256(), 0
    told = response.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > limit:
        return found.hexdigest(), 0, True
    async for chunk in response.aiter_raw():
        part = chunk[: limit - size]
        found.update(part)
        if into is not None:
            into.write(part)
        size += len(chunk)
        if size > limit:
            return found.hexdigest(), limit, True
    return found.hexdigest(), size, False


class _AsItIs:
    """A body that is not packed, or in a way that we did not ask for."""

    def feed(self, chunk: bytes, most: int) -> Iterator[bytes]:
        """Give what can't be more than the chunk."""
        yield chunk[:most]


class _Gzip:
    """Unpacks in small pieces, so that a bomb goes off in one of them and not in memory."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def feed(self, chunk: bytes, most: int) -> Iterator[bytes]:
        """Give at most `most` bytes at a time; httpx.DecodingError where it isn't gzip."""
        while chunk and not self._zlib.eof:
            try:
                yield self._zlib.decompress(chunk, most)
            except zlib.error as error:
                raise httpx.DecodingError("not gzip") from error
            chunk = self._zlib.unconsumed_tail
