"""Distribution files made up on the spot, sound and otherwise."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping

METADATA = b"Metadata-Version: 2.1\nName: gearbox\nVersion: 1.4.0\n\nGears.\n"
WHEEL_NAME = "gearbox-1.4.0-py3-none-any.whl"
SDIST_NAME = "gearbox-1.4.0.tar.gz"
WHEEL_METADATA = "gearbox-1.4.0.dist-info/METADATA"
SDIST_METADATA = "gearbox-1.4.0/PKG-INFO"


def wheel(files: Mapping[str, bytes] | None = None, metadata: bytes = METADATA) -> bytes:
    """Return a wheel with these files and its metadata."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as making:
        for name, content in {"gearbox/__init__.py": b"", **(files or {}), WHEEL_METADATA: metadata}.items():
            making.writestr(name, content)
    return packed.getvalue()


def sdist(files: Mapping[str, bytes] | None = None, metadata: bytes = METADATA) -> bytes:
    """Return an sdist with these files and its metadata."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as making:
        for name, content in {**(files or {}), SDIST_METADATA: metadata}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            making.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue())


def linked(kind: bytes, target: str = "/etc/passwd") -> bytes:
    """Return an sdist that holds a link or a device."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as making:
        info = tarfile.TarInfo("gearbox-1.4.0/link")
        info.type, info.linkname = kind, target
        making.addfile(info)
    return gzip.compress(packed.getvalue())


def symlinked() -> bytes:
    """Return a wheel that holds a symbolic link."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as making:
        info = zipfile.ZipInfo("gearbox/link")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        making.writestr(info, "/etc/passwd")
        making.writestr(WHEEL_METADATA, METADATA)
    return packed.getvalue()


def twice(name: str) -> bytes:
    """Return a wheel that holds a path twice."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as making:
        info = zipfile.ZipInfo("gearbox/one.py")
        making.writestr(info, b"1")
        making.writestr(zipfile.ZipInfo("gearbox/two.py"), b"2")
        making.writestr(WHEEL_METADATA, METADATA)
    return packed.getvalue().replace(b"gearbox/two.py", name.encode())


def upon_each_other() -> bytes:
    """Return a wheel whose list names one and the same packed bytes many times: a bomb that shows no ratio."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as making:
        making.writestr("gearbox/one.py", b"0" * 10_000)
        making.writestr(WHEEL_METADATA, METADATA)
        first = making.infolist()[0]
        for number in range(10):
            again = zipfile.ZipInfo(f"gearbox/again{number}.py")
            again.header_offset, again.CRC = first.header_offset, first.CRC
            again.compress_size = again.file_size = first.file_size
            making.filelist.append(again)
    return packed.getvalue()
