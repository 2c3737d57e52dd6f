"""What a file must be before it is sent to an index: its name, its metadata, what it holds, all of one release.

Knows: wheels and sdists by name and metadata, limits. Must not know: zip, tar, where files come from, wording.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bot.core.cleaning import one_line
from bot.core.names import normalize_project
from bot.core.secrets import looks_like_token
from bot.core.versions import is_version

MOST_FILES = 400
"""Files of one release: a wheel for each platform and Python that anybody builds for."""
MOST_BYTES = 1_073_741_824
"""Bytes of one file; PyPI takes a tenth of it unless asked."""
MOST_ALL = 4 * MOST_BYTES
"""Bytes of all files of one release."""
MOST_MEMBERS = 50_000
"""Files inside of one file."""
MOST_INFLATED = 4 * MOST_BYTES
"""Bytes that one file may unpack to."""
MOST_RATIO = 200
"""Times its own size that a file may unpack to, beyond `FREE_INFLATED`."""
FREE_INFLATED = 64 * 1_048_576
MOST_METADATA = 4 * 1_048_576
LONGEST_PATH = 1_000
ENDS = (".whl", ".tar.gz", ".zip")
"""How the name of whatever may be a distribution ends."""

_OWN_SIGNS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!~-]{0,250}(?:\.whl|\.tar\.gz|\.zip)", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]+")
_DRIVE = re.compile(r"[A-Za-z]:")


class Kind(StrEnum):
    """What a distribution file is, in the upload API's words."""

    SDIST = "sdist"
    WHEEL = "bdist_wheel"


class Flaw(StrEnum):
    """Why a file is not sent. Written words: they only grow."""

    NAME = "name"
    """Its name is no wheel's and no sdist's."""
    SECRET = "secret"  # noqa: S105 - a word, not a secret
    """Its name holds what looks like a secret, which an index would show to everybody."""
    OTHER_PROJECT = "other_project"
    """Its name is another project's."""
    OTHER_VERSION = "other_version"
    """Its name is another version's."""
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSOUND = "unsound"
    """It can't be unpacked, or holds what can't be told apart."""
    TOO_MANY_MEMBERS = "too_many_members"
    BOMB = "bomb"
    """It unpacks to far more than it is."""
    CLIMBS = "climbs"
    """A path inside leads out of where it is unpacked."""
    LINK = "link"
    """It holds a link, a device, or something else that is no file."""
    TWICE = "twice"
    """It holds one path twice."""
    NO_METADATA = "no_metadata"
    """It has none where it belongs."""
    METADATA_WRONG = "metadata_wrong"
    """Its metadata breaks the rules that the index goes by."""
    METADATA_DIFFERS = "metadata_differs"
    """Its metadata names another project or version than its name."""
    NO_FILES = "no_files"
    """There is nothing to send at all."""
    TOO_MANY_FILES = "too_many_files"
    CLASH = "clash"
    """Two different files have one name."""
    CHANGED = "changed"
    """It is not the file that was approved, or that the forge says it is."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """A file that is not sent, and why."""

    flaw: Flaw
    filename: str = ""
    detail: str = ""
    """What was found, cleaned."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a file's name says that it is."""

    filename: str
    kind: Kind
    pyversion: str
    """The wheel's Python tags; `source` for an sdist."""


@dataclass(frozen=True, slots=True)
class Digests:
    """A file's own bytes, summed up; hex."""

    sha256: str
    blake2_256: str
    md5: str
    size: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """A file that was looked through and is fit to be sent."""

    named: Named
    digests: Digests
    metadata: tuple[tuple[str, str], ...] = field(repr=False)
    """The core metadata as the upload form has it: (field, value), one pair per element of a list."""

    @property
    def filename(self) -> str:
        """Its name."""
        return self.named.filename


def named(filename: str, project: str, version: str) -> Named | Unfit:
    """Read a file's name, which must be this project's and version's."""
    shown = one_line(filename, limit=120)
    if not _OWN_SIGNS.fullmatch(filename):
        return Unfit(Flaw.NAME, shown)
    if looks_like_token(filename):
        return Unfit(Flaw.SECRET, shown)
    try:
        if filename.endswith(".whl"):
            name, found, _, _ = parse_wheel_filename(filename)
            kind, pyversion = Kind.WHEEL, filename.removesuffix(".whl").split("-")[-3]
        else:
            name, found = parse_sdist_filename(filename)
            kind, pyversion = Kind.SDIST, "source"
    except ValueError:  # no such name, or a version of more digits than Python reads
        return Unfit(Flaw.NAME, shown)
    if normalize_project(name) != project:
        return Unfit(Flaw.OTHER_PROJECT, shown, str(name))
    if not is_version(str(found), version):
        return Unfit(Flaw.OTHER_VERSION, shown, str(found))
    return Named(filename, kind, pyversion)


def path_flaw(path: str) -> Flaw | None:
    """Return what is wrong with a path inside of a file: absolute, climbing, or unreadable for some system."""
    if not path or len(path) > LONGEST_PATH or "\\" in path or not path.isprintable():
        return Flaw.UNSOUND
    if path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
        return Flaw.CLIMBS
    return None


def inflates(packed: int, unpacked: int) -> bool:
    """Whether a file unpacks to more than anybody would publish."""
    return unpacked > MOST_INFLATED or (unpacked > FREE_INFLATED and unpacked > packed * MOST_RATIO)


def is_metadata(file: Named, path: str) -> bool:
    """Whether this is the path of the file's own metadata, and not of something that it carries along."""
    folder, _, name = path.rpartition("/")
    if not folder or "/" in folder:
        return False
    if file.kind is Kind.SDIST:
        return name == "PKG-INFO"
    return name == "METADATA" and folder.endswith(".dist-info") and _same(folder, file.filename)


def _same(folder: str, filename: str) -> bool:
    """Whether a folder is a wheel's own: builders spell names and versions in more than one way."""
    mine, _, number = folder.removesuffix(".dist-info").partition("-")
    name, version = filename.split("-")[:2]
    try:
        return canonicalize_name(mine) == canonicalize_name(name) and Version(number) == Version(version)
    except ValueError:
        return False


def described(file: Named, text: bytes, project: str, version: str) -> tuple[tuple[str, str], ...] | Unfit:
    """Return the metadata as the upload form has it, where it holds by the rules and says what the name says."""
    raw = _parsed(text)
    if isinstance(raw, str):
        return Unfit(Flaw.METADATA_WRONG, file.filename, raw)
    name, found = str(raw.get("name", "")), str(raw.get("version", ""))
    if normalize_project(name) != project or not is_version(found, version):
        return Unfit(Flaw.METADATA_DIFFERS, file.filename, one_line(f"{name} {found}", limit=200))
    return tuple(_form({**raw, "name": _NOT_IN_NAMES.sub("-", name)}))


def _parsed(text: bytes) -> RawMetadata | str:
    """Return the metadata, or what breaks the rules; as twine 7 reads it (`PackageFile.from_filename`)."""
    try:
        raw, unparsed = parse_email(text)
        if Version(raw.get("metadata_version", "0")) < Version("2.4"):
            # setuptools writes License-File under older versions of the metadata, which don't have it.
            raw.pop("license_files", None)
            unparsed.pop("license-file", None)
        if unparsed:
            return one_line(f"unknown or malformed: {', '.join(sorted(unparsed))}", limit=200)
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        return one_line("; ".join(sorted(str(one) for one in group.exceptions)), limit=200)
    except InvalidVersion:
        return "its Metadata-Version is none"
    except (ValueError, LookupError, RecursionError, TypeError, AttributeError) as error:
        # What the standard library's parser of mail raises for what no mail has.
        return one_line(f"it can't be read: {type(error).__name__}", limit=200)
    return raw


_FORM: Mapping[str, str] = MappingProxyType(
    {
        "platforms": "platform",
        "supported_platforms": "supported_platform",
        "license_files": "license_file",
        **{
            name: name
            for name in (
                "metadata_version", "name", "version", "summary", "description", "keywords", "home_page", "author",
                "author_email", "license", "download_url", "classifiers", "requires", "provides", "obsoletes",
                "maintainer", "maintainer_email", "requires_dist", "provides_dist", "obsoletes_dist",
                "requires_python", "requires_external", "project_urls", "description_content_type",
                "provides_extra", "dynamic", "license_expression",
            )
        },
    }
)  # fmt: skip
"""Metadata as `packaging` calls it -> the form's field (twine 7, `_RAW_TO_PACKAGE_METADATA`)."""


def _form(raw: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in raw.items():
        key = _FORM.get(name)
        if key is None:
            continue
        if key == "keywords":
            found.append((key, ", ".join(value)))
        elif key == "project_urls":
            found += [(key, f"{label}, {url}") for label, url in value.items()]
        elif isinstance(value, str):
            found.append((key, value))
        else:
            found += [(key, str(one)) for one in value]
    return found


def in_order(files: Sequence[Distribution]) -> tuple[Distribution, ...]:
    """Return a release's files in the order of sending: wheels first, so that nobody builds what a wheel is coming for."""
    return tuple(sorted(files, key=lambda file: (file.named.kind is Kind.SDIST, file.filename)))


def together(files: Sequence[tuple[str, int]]) -> Unfit | None:
    """Return what is wrong with a release's (name, size) taken together, before one of them is fetched."""
    if not files:
        return Unfit(Flaw.NO_FILES)
    if len(files) > MOST_FILES:
        return Unfit(Flaw.TOO_MANY_FILES, detail=str(len(files)))
    large = next((name for name, size in files if size > MOST_BYTES), "")
    if large or sum(size for _, size in files) > MOST_ALL:
        return Unfit(Flaw.TOO_LARGE, one_line(large, limit=120))
    return None
