"""The distribution files inside of an artifact's zip, hashed.

Knows: zip, what a distribution's file is called. Must not know: httpx, where the zip comes from.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator

from bot.archives import BROKEN, directory_problem
from bot.core.forge import BuiltFile, BuiltOutcome, Invalid, Nothing, Unsure
from bot.forge.asking import ZIP
from bot.wire import Answer

MOST_INFLATED = 256 * 1_048_576
MOST_DIRECTORY = 1_048_576
"""Bytes of the zip's own list, which is read whole."""
_CHUNK = 262_144
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~-]{0,250}(?:\.whl|\.tar\.gz|\.zip)", re.ASCII)
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class _Refused(Exception):
    """Why a zip is not read."""


def read(answer: Answer) -> BuiltOutcome:
    """Return the distribution files in a fetched artifact."""
    if answer.status in {404, 410}:
        return Nothing()
    if answer.status != 200:
        return Unsure(f"The artifact's storage answered {answer.status}. Ask again later.")
    if answer.truncated:
        return Invalid(f"The artifact is larger than {ZIP.max_bytes >> 20} MB.")
    return read_built(answer.body)


def read_built(body: bytes, most: int = MOST_INFLATED) -> BuiltOutcome:
    """Return the distribution files, by name; Invalid for what is no sound zip. Blocks while it hashes.

    `most` bytes are unpacked in all, counted as they come and not as the zip says.
    """
    if problem := directory_problem(io.BytesIO(body), len(body), MOST_DIRECTORY):
        return Invalid(f"The artifact {problem}.")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as opened:
            return _files(opened, most)
    except _Refused as error:
        return Invalid(f"The artifact {error}.")
    except BROKEN:
        return Invalid("The artifact is not a sound zip file.")


def _files(opened: zipfile.ZipFile, most: int) -> tuple[BuiltFile, ...]:
    left = most
    found: dict[str, BuiltFile] = {}
    for info in opened.infolist():
        name = info.filename.replace("\\", "/").rpartition("/")[2]
        if info.is_dir() or not _FILE.fullmatch(name):
            continue
        built = _hashed(opened, info, name, left)
        left -= built.size
        if found.setdefault(name, built) != built:
            raise _Refused(f"holds two different files called {name}")
    return tuple(found[name] for name in sorted(found))


def _hashed(opened: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, left: int) -> BuiltFile:
    if info.compress_type not in _PACKINGS:
        raise _Refused("is packed in an unusual way")
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(opened, info):
        size += len(chunk)
        if size > left:
            raise _Refused("unpacks to more than anybody would publish")
        digest.update(chunk)
    return BuiltFile(name, digest.hexdigest(), size)


def _chunks(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with opened.open(info) as reading:
        while chunk := reading.read(_CHUNK):
            yield chunk
