"""Distribution files: small real ones made up on the spot, and what can be read out of any.

Knows: wheels, sdists, digests. Must not know: HTTP, projects.
"""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from datetime import datetime

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion

from bot.demo.index_model import StoredFile

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def parse_filename(filename: str) -> tuple[str, str] | None:
    """Return (normalized project name, version) as the file's name says them; None if it isn't one."""
    try:
        if filename.endswith(".whl"):
            wheel = parse_wheel_filename(filename)
            return wheel[0], str(wheel[1])
        sdist = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return sdist[0], str(sdist[1])


def make_distribution(filename: str, note: str = "") -> bytes:
    """Return a small, valid wheel or sdist for a file name; the same name and note give the same bytes.

    ValueError where the name is neither.
    """
    parsed = parse_filename(filename)
    if parsed is None:
        raise ValueError(f"{filename!r} is no wheel's or sdist's name")
    name, version = parsed
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{note}".encode()
    stem = "-".join(filename.split("-")[:2])
    return _wheel(stem, metadata) if filename.endswith(".whl") else _sdist(filename, metadata)


def read_metadata(filename: str, content: bytes) -> bytes | None:
    """Return a wheel's METADATA; None for anything else."""
    if not filename.endswith(".whl"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
            return wheel.read(names[0]) if names else None
    except zipfile.BadZipFile:
        return None


def looks_valid(filename: str, content: bytes) -> bool:
    """Whether a file is what its name says: a zip with WHEEL and METADATA, or a tar with PKG-INFO."""
    try:
        if filename.endswith(".whl"):
            with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                parts = {name.rpartition("/")[2] for name in wheel.namelist()}
            return {"WHEEL", "METADATA"} <= parts
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as sdist:
            return any(name.endswith("/PKG-INFO") for name in sdist.getnames())
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError):
        return False


def stored_file(filename: str, content: bytes, uploaded_at: datetime) -> StoredFile:
    """Return the record of a file; ValueError where its name is no wheel's or sdist's."""
    parsed = parse_filename(filename)
    if parsed is None:
        raise ValueError(f"{filename!r} is no wheel's or sdist's name")
    metadata = read_metadata(filename, content)
    is_wheel = filename.endswith(".whl")
    return StoredFile(
        filename=filename,
        version=parsed[1],
        filetype="bdist_wheel" if is_wheel else "sdist",
        pyversion=filename.split("-")[-3] if is_wheel else "source",
        content=content,
        uploaded_at=uploaded_at,
        metadata_sha256=hashlib.sha256(metadata).hexdigest() if metadata is not None else "",
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        blake2b=hashlib.blake2b(content, digest_size=32).hexdigest(),
    )


def _wheel(stem: str, metadata: bytes) -> bytes:
    folder = f"{stem}.dist-info"
    members = {
        f"{folder}/METADATA": metadata,
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},sha256={_record_digest(data)},{len(data)}\n" for name, data in members.items())
    members[f"{folder}/RECORD"] = f"{record}{folder}/RECORD,,\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in members.items():
            wheel.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), data)
    return packed.getvalue()


def _record_digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _sdist(filename: str, metadata: bytes) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as sdist:
        member = tarfile.TarInfo(f"{filename.removesuffix('.tar.gz')}/PKG-INFO")
        member.size = len(metadata)
        sdist.addfile(member, io.BytesIO(metadata))
    # Not tarfile's own gzip mode, which writes the time of day into the header.
    return gzip.compress(plain.getvalue(), mtime=0)
