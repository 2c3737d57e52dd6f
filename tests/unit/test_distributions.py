"""Files looked through before they are sent: what is fit, what is not and why, and that nothing makes it stumble."""

import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot import archives
from bot.core import distributions
from bot.core.distributions import (
    FREE_INFLATED,
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
    in_order,
    named,
    together,
)
from tests.unit.packed import (
    METADATA,
    SDIST_METADATA,
    SDIST_NAME,
    WHEEL_METADATA,
    WHEEL_NAME,
    linked,
    sdist,
    symlinked,
    twice,
    upon_each_other,
    wheel,
)

RICH = b"""Metadata-Version: 2.4
Name: gear.box_
Version: 1.4
Summary: Gears
Keywords: gears,boxes
Platform: any
Platform: linux
Classifier: Typing :: Typed
Classifier: Topic :: Utilities
Requires-Dist: packaging>=26
Requires-Dist: httpx<1; extra == "net"
Provides-Extra: net
Project-URL: Home, https://gearbox.example
Project-URL: Code, https://code.example/gearbox
License-Expression: MIT
License-File: LICENSE
Requires-Python: >=3.11
Description-Content-Type: text/markdown

# Gears
""".replace(b"gear.box_", b"gearbox")


def shown(value: object) -> str | None:
    """Return how a test is called: packed bytes differ from run to run."""
    return "file" if isinstance(value, bytes) else str(value)


def looked(content: bytes, filename: str) -> Distribution | Unfit:
    """Look through a file."""
    return archives.look_through(io.BytesIO(content), filename, "gearbox", "1.4.0")


def flaw(content: bytes, filename: str = WHEEL_NAME) -> Flaw:
    """Return why a file is not sent."""
    found = looked(content, filename)
    assert isinstance(found, Unfit), found
    return found.flaw


@pytest.mark.parametrize(
    ("filename", "content", "kind", "pyversion"),
    [
        (WHEEL_NAME, wheel(), Kind.WHEEL, "py3"),
        ("gearbox-1.4-1-cp311.cp312-abi3-any.whl", wheel(), Kind.WHEEL, "cp311.cp312"),
        (SDIST_NAME, sdist(), Kind.SDIST, "source"),
        ("Gearbox-1.4.0.tar.gz", sdist(), Kind.SDIST, "source"),
    ],
    ids=shown,
)
def test_a_sound_file_is_fit(filename: str, content: bytes, kind: Kind, pyversion: str) -> None:
    """Wheels and sdists of this project and version are taken, with digests of their own bytes."""
    found = looked(content, filename)
    assert isinstance(found, Distribution)
    assert (found.named.kind, found.named.pyversion) == (kind, pyversion)
    assert found.digests == Digests(
        hashlib.sha256(content).hexdigest(), hashlib.blake2b(content, digest_size=32).hexdigest(),
        hashlib.md5(content).hexdigest(), len(content),
    )  # fmt: skip
    assert dict(found.metadata)["name"] == "gearbox"


def test_the_file_is_left_at_its_beginning() -> None:
    """What was looked through can be sent at once."""
    for content, name in ((wheel(), WHEEL_NAME), (sdist(), SDIST_NAME)):
        reading = io.BytesIO(content)
        assert isinstance(archives.look_through(reading, name, "gearbox", "1.4.0"), Distribution)
        assert reading.tell() == 0


def test_metadata_becomes_the_forms_fields() -> None:
    """Lists come as one pair per element, addresses and keywords as the index reads them."""
    found = looked(wheel(metadata=RICH), WHEEL_NAME)
    assert isinstance(found, Distribution)
    pairs = found.metadata
    assert [value for name, value in pairs if name == "classifiers"] == [
        "Typing :: Typed",
        "Topic :: Utilities",
    ]
    assert ("project_urls", "Home, https://gearbox.example") in pairs
    assert ("keywords", "gears, boxes") in pairs
    assert ("license_file", "LICENSE") in pairs
    assert [value for name, value in pairs if name == "platform"] == ["any", "linux"]
    assert ("description", "# Gears\n") in pairs


@pytest.mark.parametrize(
    ("filename", "why"),
    [
        ("gearbox.whl", Flaw.NAME),
        ("gearbox-1.4.0.exe", Flaw.NAME),
        ("../gearbox-1.4.0.tar.gz", Flaw.NAME),
        ("gear\nbox-1.4.0.tar.gz", Flaw.NAME),
        ("gearbox-one-py3-none-any.whl", Flaw.NAME),
        ("sprocket-1.4.0.tar.gz", Flaw.OTHER_PROJECT),
        ("gearbox_extra-1.4.0-py3-none-any.whl", Flaw.OTHER_PROJECT),
        ("gearbox-1.4.1.tar.gz", Flaw.OTHER_VERSION),
        ("gearbox-1.4.0+local-py3-none-any.whl", Flaw.OTHER_VERSION),
        (f"gearbox-1.4.0-ghp_{'a1' * 18}-none-any.whl", Flaw.SECRET),
    ],
)
def test_a_name_must_be_of_this_release(filename: str, why: Flaw) -> None:
    """A file of another project, version or kind is refused by its name alone."""
    found = named(filename, "gearbox", "1.4.0")
    assert isinstance(found, Unfit)
    assert found.flaw is why
    assert "ghp_" not in found.filename


def test_a_path_that_looks_like_a_secret_is_told_without_it() -> None:
    """What is inside a file is named where it is at fault, but never with a secret, also not with a part of one."""
    token = f"ghp_{'a1' * 18}"
    for path in (f"/{token}", f"/{'x/' * 30}{token}", f"{'x/' * 36}{token}/../y"):
        content = io.BytesIO(wheel({path: b""}))
        found = archives.look_through(content, WHEEL_NAME, "gearbox", "1.4.0")
        assert isinstance(found, Unfit)
        assert found.flaw is Flaw.CLIMBS
        assert "ghp_" not in found.detail


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", Flaw.EMPTY),
        (b"not a zip", Flaw.UNSOUND),
        (wheel()[:-30], Flaw.UNSOUND),
        (wheel({"../evil.py": b""}), Flaw.CLIMBS),
        (wheel({"gearbox/../../evil.py": b""}), Flaw.CLIMBS),
        (wheel({"/etc/evil": b""}), Flaw.CLIMBS),
        (wheel({"C:/evil.py": b""}), Flaw.CLIMBS),
        (wheel({"gearbox\\evil.py": b""}), Flaw.UNSOUND),
        (symlinked(), Flaw.LINK),
        (twice("gearbox/one.py"), Flaw.TWICE),
        (upon_each_other(), Flaw.BOMB),
        (wheel({"gearbox/zeros": bytes(FREE_INFLATED + 1)}), Flaw.BOMB),
        (wheel(metadata=b"x" * (MOST_METADATA + 1)), Flaw.TOO_LARGE),
        (wheel(metadata=METADATA.replace(b"gearbox", b"sprocket")), Flaw.METADATA_DIFFERS),
        (wheel(metadata=METADATA.replace(b"1.4.0", b"1.4.1")), Flaw.METADATA_DIFFERS),
        (wheel(metadata=b""), Flaw.METADATA_WRONG),
        (wheel(metadata=METADATA.replace(b"2.1", b"ten")), Flaw.METADATA_WRONG),
        (wheel(metadata=METADATA.replace(b"Name", b"Odd: x\nName")), Flaw.METADATA_WRONG),
        (wheel(metadata=METADATA.replace(b"Name", b"Requires-Python: new\nName")), Flaw.METADATA_WRONG),
        (wheel().replace(WHEEL_METADATA.encode(), b"gearbox-1.4.0.dist-info/METADAT0"), Flaw.NO_METADATA),
        (wheel().replace(b"gearbox-1.4.0.dist-info", b"gearboy-1.4.0.dist-info"), Flaw.NO_METADATA),
    ],
    ids=shown,
)  # fmt: skip
def test_an_unfit_wheel_is_refused_with_its_flaw(content: bytes, why: Flaw) -> None:
    """Bombs, paths that climb, links, doubles and foreign metadata are each told by name."""
    assert flaw(content) is why


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", Flaw.EMPTY),
        (b"not a tar", Flaw.UNSOUND),
        (gzip.compress(b"not a tar"), Flaw.UNSOUND),
        (sdist()[:-40], Flaw.UNSOUND),
        (sdist({"gearbox-1.4.0/../../evil": b""}), Flaw.CLIMBS),
        (sdist({"/evil": b""}), Flaw.CLIMBS),
        (sdist({"other/evil.py": b""}), Flaw.UNSOUND),
        (sdist({"gearbox-1.4.0/zeros": bytes(FREE_INFLATED + 1)}), Flaw.BOMB),
        (gzip.compress(gzip.decompress(sdist()) + bytes(FREE_INFLATED)), Flaw.BOMB),
        (linked(tarfile.SYMTYPE), Flaw.LINK),
        (linked(tarfile.LNKTYPE), Flaw.LINK),
        (linked(tarfile.CHRTYPE), Flaw.LINK),
        (linked(tarfile.FIFOTYPE), Flaw.LINK),
        (sdist(metadata=b"x" * (MOST_METADATA + 1)), Flaw.TOO_LARGE),
        (sdist(metadata=METADATA.replace(b"gearbox", b"sprocket")), Flaw.METADATA_DIFFERS),
    ],
    ids=shown,
)  # fmt: skip
def test_an_unfit_sdist_is_refused_with_its_flaw(content: bytes, why: Flaw | None) -> None:
    """An sdist is judged by what it unpacks to, read as a stream."""
    found = looked(content, SDIST_NAME)
    assert (found.flaw if isinstance(found, Unfit) else None) is why


def test_metadata_counts_only_where_it_belongs() -> None:
    """A PKG-INFO or METADATA of something that is carried along is not the file's own."""
    carried = {"gearbox-1.4.0/vendored/PKG-INFO": b"Metadata-Version: 2.1\nName: evil\nVersion: 9\n"}
    assert isinstance(looked(sdist(carried), SDIST_NAME), Distribution)
    without = sdist(carried)
    stripped = gzip.compress(
        gzip.decompress(without).replace(SDIST_METADATA.encode(), b"gearbox-1.4.0/PKG-INF0")
    )
    assert flaw(_summed(stripped), SDIST_NAME) is Flaw.NO_METADATA
    inner = {"gearbox/evil-9.dist-info/METADATA": b"Metadata-Version: 2.1\nName: evil\nVersion: 9\n"}
    assert isinstance(looked(wheel(inner), WHEEL_NAME), Distribution)


def _summed(packed: bytes) -> bytes:
    """Return a tar whose headers' checksums are right again."""
    content = bytearray(gzip.decompress(packed))
    for at in range(0, len(content) - 512, 512):
        block = content[at : at + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            content[at + 148 : at + 156] = b"%06o\0 " % sum(block)
    return gzip.compress(bytes(content))


def test_a_header_that_claims_any_length_is_not_read_whole() -> None:
    """A tar's own headers are read at once: one that claims a gigabyte is refused before it fills the memory."""
    info = tarfile.TarInfo("gearbox-1.4.0/x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    content = gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(4_096))
    assert flaw(content, SDIST_NAME) is Flaw.BOMB


def headed(kind: bytes, *bodies: bytes) -> bytes:
    """Return an sdist before whose members stand extended headers."""
    made = b""
    for body in bodies:
        info = tarfile.TarInfo("header")
        info.type, info.size = kind, len(body)
        made += info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % tarfile.BLOCKSIZE)
    return gzip.compress(made + gzip.decompress(sdist()))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (headed(tarfile.XHDTYPE, b"19 comment=gearbox\n" * 50), None),
        (headed(tarfile.XHDTYPE, b"9" * 65_000), Flaw.UNSOUND),
        (headed(tarfile.XHDTYPE, b"1 hdrcharset=" * 5_000), Flaw.UNSOUND),
        (
            headed(tarfile.XGLTYPE, b"".join(b"11 key%02d=x\n" % number for number in range(99))),
            None,
        ),
        (
            headed(tarfile.XGLTYPE, b"".join(b"12 key%03d=x\n" % number for number in range(101))),
            Flaw.BOMB,
        ),
        (sdist(metadata=METADATA + b"9" * 70_000), None),
    ],
    ids=shown,
)
def test_headers_are_read_in_no_more_than_their_length(content: bytes, why: Flaw | None) -> None:
    """A header that Python reads in the square of its length is refused unread, and so is what would fill the memory."""
    found = looked(content, SDIST_NAME)
    assert (found.flaw if isinstance(found, Unfit) else None) is why


def test_too_many_members_are_not_counted_to_the_end() -> None:
    """A wheel with more files than anybody publishes is refused."""
    assert (
        flaw(wheel({f"gearbox/{number}": b"" for number in range(MOST_MEMBERS + 1)})) is Flaw.TOO_MANY_MEMBERS
    )


def test_a_release_is_judged_as_a_whole_before_it_is_fetched() -> None:
    """No file, too many, one too large and all too large are refused by their list alone."""
    whys = {
        Flaw.NO_FILES: [],
        Flaw.TOO_MANY_FILES: [(f"{number}.whl", 1) for number in range(MOST_FILES + 1)],
        Flaw.TOO_LARGE: [("one.whl", MOST_BYTES + 1)],
    }
    for why, files in whys.items():
        found = together(files)
        assert found is not None
        assert found.flaw is why
    assert together([("one.whl", MOST_BYTES)] * 5) == Unfit(Flaw.TOO_LARGE)
    assert together([("one.whl", 1)]) is None


def test_wheels_go_first() -> None:
    """The sdist comes last, so that nobody builds what a wheel is coming for; else by name."""
    digests = Digests("", "", "", 1)
    names = ["gearbox-1.4.0.tar.gz", "gearbox-1.4.0-py3-none-any.whl", "gearbox-1.4.0-cp311-cp311-any.whl"]
    files = [
        Distribution(Named(name, Kind.WHEEL if name.endswith("whl") else Kind.SDIST, ""), digests, ())
        for name in names
    ]
    assert [file.filename for file in in_order(files)] == sorted(names[1:]) + names[:1]


names = st.text(st.characters(codec="utf-8"), max_size=60)
parts = st.sampled_from(
    ["gearbox", "-", "1.4.0", ".whl", ".tar.gz", ".zip", "py3", "none", "any", "..", "/", "\0", "+"]
)


@given(st.lists(parts | names, max_size=9).map("".join), names, names)
@example("gearbox-" + "9" * 5_000 + ".tar.gz", "gearbox", "1.4.0")
@settings(max_examples=150)
def test_any_name_is_read_or_refused(filename: str, project: str, version: str) -> None:
    """Whatever a file, project or version is called, the answer is a value with a cause."""
    found = named(filename, project, version)
    assert isinstance(found, Named) or found.flaw in {Flaw.NAME, Flaw.OTHER_PROJECT, Flaw.OTHER_VERSION}


@given(
    st.binary(max_size=400)
    | st.lists(st.sampled_from(RICH.splitlines()) | st.binary(max_size=60)).map(b"\n".join)
)
@example(b"Metadata-Version: 2.1\nName: gearbox\nVersion: " + b"9" * 5_000)
@example(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\n--x--")
@example(b"Content-Transfer-Encoding: base64\n\n=")
@settings(max_examples=200)
def test_any_metadata_is_read_or_refused(text: bytes) -> None:
    """Whatever stands in METADATA, the answer is fields, or a flaw with its detail on one line."""
    file = named(WHEEL_NAME, "gearbox", "1.4.0")
    assert isinstance(file, Named)
    found = distributions.described(file, text, "gearbox", "1.4.0")
    if isinstance(found, Unfit):
        assert found.flaw in {Flaw.METADATA_WRONG, Flaw.METADATA_DIFFERS}
        assert "\n" not in found.detail
    else:
        assert all(isinstance(value, str) for _, value in found)


@given(
    st.sampled_from([(wheel(metadata=RICH), WHEEL_NAME), (sdist({"gearbox-1.4.0/a": b"a"}), SDIST_NAME)]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), max_size=6),
    st.integers(0, 1 << 16),
    st.booleans(),
)
@settings(max_examples=200)
def test_any_spoilt_file_is_fit_or_refused(
    sound: tuple[bytes, str], changes: list[tuple[int, bytes]], cut: int, inside: bool
) -> None:
    """However a file is spoilt, also below its packing, the answer is a value with a cause."""
    content, name = sound
    spoilt = bytearray(gzip.decompress(content) if inside and name.endswith(".gz") else content)
    for at, piece in changes:
        place = at % len(spoilt)
        spoilt[place : place + len(piece)] = piece
    spoilt = spoilt[: len(spoilt) - cut % 50] if cut % 3 == 0 else spoilt
    whole = gzip.compress(bytes(spoilt)) if inside and name.endswith(".gz") else bytes(spoilt)
    found = looked(whole, name)
    assert isinstance(found, Distribution) or found.flaw in set(Flaw)


@given(st.binary(max_size=2_000))
@settings(max_examples=60)
def test_any_bytes_are_refused(content: bytes) -> None:
    """What is no distribution at all is unfit under either name, packed or not."""
    for whole, name in ((content, WHEEL_NAME), (content, SDIST_NAME), (gzip.compress(content), SDIST_NAME)):
        assert isinstance(looked(whole, name), Unfit)
