"""Looks through a distribution file on disk without unpacking it: what it holds, its metadata, its digests.

Knows: zip, gzip, tar, how much of them is read. Must not know: where files come from, what becomes of them.

Everything here blocks: call it in a thread. No input raises; what can't be read is unfit.
"""

import gzip
import hashlib
import io
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from struct import error as StructError  # noqa: N812 - a class by a small name
from typing import BinaryIO, cast

from bot.core.distributions import (
    ENDS,
    MOST_ALL,
    MOST_BYTES,
    MOST_FILES,
    MOST_MEMBERS,
    MOST_METADATA,
    Digests,
    Distribution,
    Flaw,
    Kind,
    Named,
    Unfit,
    described,
    inflates,
    is_metadata,
    named,
    path_flaw,
)
from bot.core.secrets import redact

MOST_DIRECTORY = 16 * 1_048_576
"""Bytes of a zip's own list, which is read whole."""
MOST_AT_ONCE = 65_536
"""Bytes that a tar may have read at once: its headers are read whole, and may claim any length."""
MOST_HEADERS = 128 * 1_048_576
"""Bytes of a tar's extended headers in all."""
MOST_GLOBAL = 100
"""Values that a tar may set for all that follows: they are all kept."""
CHUNK = 262_144
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x07"
_TAIL = 65_557
"""Bytes from a zip's end in which its end record lies (APPNOTE 4.3.16): with the longest comment."""
_DIGITS = re.compile(rb"\d{100}")
_CHARSET = b"hdrcharset="
"""What Pythons before 3.11.10 and 3.12.6 read in the square of its length, or never come back from (CVE-2024-6232)."""
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, StructError, EOFError, OSError, RuntimeError,
    NotImplementedError, ValueError, OverflowError, LookupError, TypeError,
)  # fmt: skip
"""What zipfile, tarfile and gzip raise for what is broken, encrypted, or unlike any that they know."""


class _Refused(Exception):
    """Why a file is not read on."""

    def __init__(self, flaw: Flaw, detail: str = "") -> None:
        super().__init__(flaw)
        self.flaw, self.detail = flaw, detail


def look_through(reading: BinaryIO, filename: str, project: str, version: str) -> Distribution | Unfit:
    """Return a file as it is to be sent, or why it is not; the file is left at its beginning."""
    file = named(filename, project, version)
    if isinstance(file, Unfit):
        return file
    digests = summed_up(reading)
    if not digests.size or digests.size > MOST_BYTES:
        return Unfit(Flaw.TOO_LARGE if digests.size else Flaw.EMPTY, filename)
    text = metadata(reading, file, digests.size)
    if isinstance(text, Unfit):
        return text
    fields = described(file, text, project, version)
    reading.seek(0)
    return fields if isinstance(fields, Unfit) else Distribution(file, digests, fields)


def unpacked(reading: BinaryIO, size: int, into: ExitStack) -> list[tuple[str, BinaryIO]] | Unfit:
    """Return the distributions in a zip, each in a file without a name, which `into` closes; by the end of their paths."""
    if problem := directory_problem(reading, size):
        return Unfit(Flaw.UNSOUND, detail=problem)
    try:
        with zipfile.ZipFile(reading) as opened:
            return list(_distributions(opened, into))
    except _Refused as refused:
        return Unfit(refused.flaw, detail=refused.detail)
    except BROKEN:
        return Unfit(Flaw.UNSOUND)


def _distributions(opened: zipfile.ZipFile, into: ExitStack) -> Iterator[tuple[str, BinaryIO]]:
    left, found = MOST_ALL, 0
    for info in opened.infolist():
        name = info.filename.replace("\\", "/").rpartition("/")[2]
        if info.is_dir() or not name.endswith(ENDS):
            continue
        found += 1
        if found > MOST_FILES:
            raise _Refused(Flaw.TOO_MANY_FILES, str(MOST_FILES))
        _usual(info)
        content = into.enter_context(nameless())
        left -= _copied(opened, info, content, min(left, MOST_BYTES))
        yield name, content


def _shown(path: str) -> str:
    """Return a path as it may be told: what looks like a secret is taken out before it is cut."""
    return redact(path)[:80]


def _usual(info: zipfile.ZipInfo) -> None:
    """Refuse what is packed as no builder and no forge packs: other unpackers have bombs of their own."""
    if info.compress_type not in _PACKINGS or info.flag_bits & 1:
        raise _Refused(Flaw.UNSOUND, f"{_shown(info.filename)} is packed in an unusual way")


def _copied(opened: zipfile.ZipFile, info: zipfile.ZipInfo, content: BinaryIO, most: int) -> int:
    """Unpack one file, counted as it comes and not as the zip says; returns its size."""
    size = 0
    with opened.open(info) as inside:
        while chunk := inside.read(CHUNK):
            size += len(chunk)
            if size > most:
                raise _Refused(Flaw.TOO_LARGE, _shown(info.filename))
            content.write(chunk)
    content.seek(0)
    return size


def nameless() -> BinaryIO:
    """Return a new file without a name: closed, or its process dead, nothing of it is left."""
    return cast("BinaryIO", tempfile.TemporaryFile())


def summed_up(reading: BinaryIO) -> Digests:
    """Return a file's digests."""
    sha256, blake2, md5 = (
        hashlib.sha256(),
        hashlib.blake2b(digest_size=32),
        hashlib.md5(usedforsecurity=False),
    )
    size = 0
    reading.seek(0)
    while chunk := reading.read(CHUNK):
        size += len(chunk)
        for one in (sha256, blake2, md5):
            one.update(chunk)
    reading.seek(0)
    return Digests(sha256.hexdigest(), blake2.hexdigest(), md5.hexdigest(), size)


def metadata(reading: BinaryIO, file: Named, size: int) -> bytes | Unfit:
    """Return a file's own metadata as it lies in it, having looked at the path, kind and size of all that is inside."""
    reading.seek(0)
    try:
        text = _of_tar(reading, file, size) if file.filename.endswith(".gz") else _of_zip(reading, file, size)
    except _Refused as refused:
        return Unfit(refused.flaw, file.filename, refused.detail)
    except BROKEN:
        return Unfit(Flaw.UNSOUND, file.filename)
    return Unfit(Flaw.NO_METADATA, file.filename) if text is None else text


class _Paths:
    """The paths of what is inside, each of which must be fit, and new."""

    def __init__(self, file: Named) -> None:
        self._seen: set[str] = set()
        self._roots: set[str] = set()
        self._single = file.kind is Kind.SDIST

    def take(self, path: str, *, folder: bool) -> None:
        """Look at one more path."""
        bare = path.rstrip("/") if folder else path
        if flaw := path_flaw(bare):
            raise _Refused(flaw, ascii(redact(path)[:80]))
        if bare in self._seen and not folder:
            raise _Refused(Flaw.TWICE, _shown(path))
        self._seen.add(bare)
        self._roots.add(bare.partition("/")[0])
        if self._single and len(self._roots) > 1:
            raise _Refused(Flaw.UNSOUND, "more than one folder at the top")
        if len(self._seen) > MOST_MEMBERS:
            raise _Refused(Flaw.TOO_MANY_MEMBERS, str(MOST_MEMBERS))


def _of_zip(reading: BinaryIO, file: Named, size: int) -> bytes | None:
    if problem := directory_problem(reading, size):
        raise _Refused(Flaw.UNSOUND, problem)
    with zipfile.ZipFile(reading) as opened:
        found = [
            info
            for info in _checked(opened.infolist(), _Paths(file), size)
            if is_metadata(file, info.filename)
        ]
        if len(found) > 1:
            raise _Refused(Flaw.TWICE, _shown(found[1].filename))
        return _read(opened, found[0]) if found else None


def _checked(listed: list[zipfile.ZipInfo], paths: _Paths, size: int) -> Iterator[zipfile.ZipInfo]:
    packed, unpacked = 0, 0
    for info in listed:
        # zipfile cuts a name at its first NUL and turns the system's separators: what was written counts.
        paths.take(info.orig_filename, folder=info.is_dir())
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise _Refused(Flaw.LINK, _shown(info.filename))
        _usual(info)
        packed, unpacked = packed + info.compress_size, unpacked + info.file_size
        # Where the parts are more than the whole, they lie upon each other: a bomb that shows no ratio.
        if packed > size or inflates(size, unpacked):
            raise _Refused(Flaw.BOMB)
        yield info


def _read(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with opened.open(info) as inside:
        text = inside.read(MOST_METADATA + 1)
    if len(text) > MOST_METADATA:
        raise _Refused(Flaw.TOO_LARGE, _shown(info.filename))
    return text


def directory_problem(reading: BinaryIO, size: int, most: int = MOST_DIRECTORY) -> str:
    """Return why a zip's list is not read, "" where it is: found as zipfile finds it (APPNOTE 4.3.14 to 4.3.16)."""
    reading.seek(max(size - _TAIL, 0))
    tail = reading.read(_TAIL)
    reading.seek(0)
    plain = tail[-22:-18] == _END and tail[-2:] == b"\0\0"
    at = len(tail) - 22 if plain else tail.rfind(_END)
    if at < 0:
        return "is not a zip file"
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if at >= 76 and tail[at - 20 : at - 16] == _END_64:
        length = int.from_bytes(tail[at - 36 : at - 28], "little")
    return "lists too many files" if length > most else ""


def _of_tar(reading: BinaryIO, file: Named, size: int) -> bytes | None:
    paths, text = _Paths(file), None
    with gzip.GzipFile(fileobj=reading, mode="rb") as unpacked:
        stream = _Counted(unpacked, size)
        with tarfile.open(fileobj=stream, mode="r:") as opened:
            while (member := opened.next()) is not None:
                opened.members.clear()  # type: ignore[attr-defined]  # else all are kept
                if len(opened.pax_headers) > MOST_GLOBAL:
                    raise _Refused(Flaw.BOMB)
                paths.take(member.name, folder=member.isdir())
                if not (member.isreg() or member.isdir()):
                    raise _Refused(Flaw.LINK, _shown(member.name))
                if member.isreg() and is_metadata(file, member.name):
                    with stream.content():
                        text = _read_member(opened, member)
        # What comes after the tar's end is unpacked as well, by whoever takes the file.
        while unpacked.read(CHUNK):
            if inflates(size, unpacked.tell()):
                raise _Refused(Flaw.BOMB)
    return text


def _read_member(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MOST_METADATA:
        raise _Refused(Flaw.TOO_LARGE, _shown(member.name))
    inside = opened.extractfile(member)
    assert inside is not None
    return b"".join(iter(lambda: inside.read(CHUNK), b""))


class _Counted(io.RawIOBase):
    """A stream that is unpacked no further than a sound file goes, and never in one piece."""

    def __init__(self, inner: gzip.GzipFile, packed: int) -> None:
        self._inner, self._packed = inner, packed
        self._extended = 0
        self._inside = False

    @contextmanager
    def content(self) -> Iterator[None]:
        """Let what is read meanwhile be a member's content, and no header."""
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be gone on in."""
        return True

    def tell(self) -> int:
        """Return how far it was unpacked."""
        return self._inner.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Unpack the next so many bytes."""
        if size is None or not 0 <= size <= (CHUNK if self._inside else MOST_AT_ONCE):
            raise _Refused(Flaw.BOMB)
        found = self._unpacked(size)
        if not self._inside and len(found) > tarfile.BLOCKSIZE:
            self._extended += len(found)
            if self._extended > MOST_HEADERS:
                raise _Refused(Flaw.BOMB)
            if _DIGITS.search(found) or found.count(_CHARSET) > 1:
                raise _Refused(Flaw.UNSOUND, "a header that no builder writes")
        return found

    def _unpacked(self, size: int) -> bytes:
        found = self._inner.read(size)
        if inflates(self._packed, self._inner.tell()):
            raise _Refused(Flaw.BOMB)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go on to there, which is never back."""
        at = self.tell()
        if whence != io.SEEK_SET or offset < at:
            raise OSError("a stream goes on only")
        while at < offset:
            chunk = self._unpacked(min(CHUNK, offset - at))
            if not chunk:
                break
            at += len(chunk)
        return at
