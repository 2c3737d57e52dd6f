"""Artifacts and logs are read safely: no zip is too bad, no log tells a secret."""

import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.forge import BuiltFile, Invalid, Nothing, Unsure
from bot.forge import artifacts, logs
from bot.forge.asking import LOG_TAIL
from bot.wire import Answer
from storage.records import Secret


def packed(*files: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these files."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", packing) as writing:
            for name, content in files:
                writing.writestr(name, content)
        return file.getvalue()


def built(name: str, content: bytes) -> BuiltFile:
    """Return the facts of a file."""
    return BuiltFile(name, hashlib.sha256(content).hexdigest(), len(content))


WHEEL, SDIST = ("w-1-py3-none-any.whl", b"wheel" * 9), ("w-1.tar.gz", b"sdist")


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_distribution_files_are_hashed(packing: int) -> None:
    """Wheels, sdists and zips count by their own names, in whatever folder; all else does not."""
    body = packed(
        (f"dist/{SDIST[0]}", SDIST[1]), WHEEL, ("old.zip", b"z"), ("README.md", b"r"), ("a b.whl", b"x"),
        ("x.whl/", b""), ("..\\evil.txt", b"e"), (f"again/{SDIST[0]}", SDIST[1]), (".whl", b""), packing=packing,
    )  # fmt: skip
    assert artifacts.read_built(body) == (built("old.zip", b"z"), built(*WHEEL), built(*SDIST))
    assert artifacts.read_built(packed()) == ()


def test_two_files_of_one_name_are_refused() -> None:
    """Nobody could say which of the two was published."""
    got = artifacts.read_built(packed(("a/w.whl", b"1"), ("b/w.whl", b"2")))
    assert isinstance(got, Invalid)
    assert "w.whl" in got.detail


def test_a_bomb_goes_off_in_small_pieces() -> None:
    """What unpacks to more than the most is refused, whatever size the zip claims."""
    body = packed(("a.whl", b"\0" * 700_000), ("b.whl", b"\0" * 700_000))
    assert len(body) < 10_000
    assert isinstance(artifacts.read_built(body, 1_399_999), Invalid)
    assert isinstance(artifacts.read_built(body, 1_400_000), tuple)
    lying = bytearray(packed(("a.whl", b"\0" * 2_000_000)))
    at = lying.rindex(b"PK\x01\x02")
    lying[at + 24 : at + 28] = (10).to_bytes(4, "little")
    assert isinstance(artifacts.read_built(bytes(lying)), Invalid)


@pytest.mark.parametrize("comment", [b"", b"so"])
def test_a_long_list_of_files_is_refused(comment: bytes) -> None:
    """A zip's own list is not read where it would fill the memory."""
    body = bytearray(packed(WHEEL))
    at = body.rindex(b"PK\x05\x06")
    body[at + 12 : at + 16] = (artifacts.MOST_DIRECTORY + 1).to_bytes(4, "little")
    body[at + 20 :] = len(comment).to_bytes(2, "little") + comment
    assert artifacts.read_built(bytes(body)) == Invalid("The artifact lists too many files.")


def test_a_long_list_of_a_large_zip_is_refused() -> None:
    """The 64-bit record, which zipfile believes more than the other, is believed here too."""
    record = b"PK\x06\x06" + bytes(36) + (artifacts.MOST_DIRECTORY + 1).to_bytes(8, "little") + bytes(8)
    locator = b"PK\x06\x07" + bytes(16)
    end = b"PK\x05\x06" + b"\xff" * 16 + b"\0\0"
    got = artifacts.read_built(b"x" * 99 + record + locator + end)
    assert got == Invalid("The artifact lists too many files.")


def broken_sum() -> bytes:
    """Return a zip whose file does not have the sum that it claims."""
    body = bytearray(packed(WHEEL, packing=zipfile.ZIP_STORED))
    body[body.index(b"wheelwheel")] ^= 1
    return bytes(body)


def locked() -> bytes:
    """Return a zip that claims to be encrypted."""
    body = bytearray(packed(WHEEL))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(mark) + offset] |= 1
    return bytes(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"PK", b"not a zip", packed(WHEEL)[:-1], packed(WHEEL)[:40], packed(WHEEL)[40:], broken_sum(), locked(),
     packed(WHEEL, packing=zipfile.ZIP_LZMA), packed(WHEEL, packing=zipfile.ZIP_BZIP2), b"PK\x05\x06" + b"\xff" * 18],
    # A zip holds the time: two processes would name the cases differently.
    ids=["empty", "start", "text", "cut", "head", "tail", "sum", "locked", "lzma", "bzip2", "end"],
)  # fmt: skip
def test_a_broken_zip_is_told(body: bytes) -> None:
    """Nothing is taken from a zip that is not sound."""
    assert isinstance(artifacts.read_built(body), Invalid)


@given(st.binary() | st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_no_zip_raises(changes: bytes | list[tuple[int, int]]) -> None:
    """Whatever the bytes, it is files or Invalid."""
    body = bytearray(changes) if isinstance(changes, bytes) else bytearray(packed(WHEEL, SDIST))
    for at, value in changes if isinstance(changes, list) else []:
        body[at % len(body)] = value
    assert isinstance(artifacts.read_built(bytes(body)), tuple | Invalid)


@pytest.mark.parametrize(
    ("got", "kind"),
    [
        (Answer(404, "", {}, b""), Nothing), (Answer(410, "", {}, b""), Nothing), (Answer(503, "", {}, b""), Unsure),
        (Answer(403, "", {}, b""), Unsure), (Answer(200, "", {}, b"PK", truncated=True), Invalid), (Answer(200, "", {}, b"x"), Invalid),
    ],
)  # fmt: skip
def test_what_the_storage_answers(got: Answer, kind: type) -> None:
    """An artifact that is gone, too large or out of reach is each its own value."""
    assert isinstance(artifacts.read(got), kind)


def tail(text: str, *, whole: bool = True) -> str:
    """Return what is shown of a log."""
    return logs.tail(text.encode(), whole=whole)


def test_a_log_is_plain() -> None:
    """Times, colours, control characters and empty lines are gone; line breaks stay."""
    text = (
        "\ufeff2026-11-21T10:00:00.1234567Z \x1b[36;1mRun\x1b[0m twine\r\n2026-11-21T10:00:01Z\n"
        "\x1b]8;;https://x\x07link\x1b]8;;\x07\tend\x00\x9b\n50%\r100%\n"
    )
    assert tail(text) == "Run twine\nlink end\n50%\n100%"


def test_only_the_end_is_shown() -> None:
    """Fifteen lines, 2,000 characters, and never half a line at the front of a cut log."""
    assert tail("\n".join(map(str, range(100)))) == "\n".join(map(str, range(85, 100)))
    assert len(tail("x" * 60_000)) == logs.LONGEST
    assert len(tail(("x" * 500 + "\n") * 50)) <= logs.LONGEST
    assert tail("half\nwhole", whole=False) == "whole"
    assert tail("x" * LOG_TAIL + "\nwhole") == "whole"
    assert tail("") == ""


SECRET = "ghp_marked9931" + "a" * 22
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{'marked9931' * 5}\n-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "text",
    [f"token {SECRET}\n", f"\x1b[31m{SECRET[:9]}\x1b[0m{SECRET[9:]}\n", f"2026-11-21T10:00:00Z Authorization: Bearer {SECRET}\n",
     KEY, "".join(f"2026-11-21T10:00:00Z {line}\n" for line in KEY.split("\n")), KEY.partition("\n")[2] + "after\n",
     "https://u:marked9931@x/\n"],
)  # fmt: skip
def test_a_log_tells_no_secret(text: str) -> None:
    """Tokens and keys are taken out, also between colours and over lines, also where their beginning was cut off."""
    assert "marked9931" not in tail(f"before\n{text}end")
    assert tail(f"before\n{text}end").endswith("end")


def test_our_own_secret_is_taken_out_whatever_its_form() -> None:
    """A token that nobody would recognise is known to us."""
    got = Answer(200, "", {}, b"it is odd-one\n")
    assert logs.read(got, Secret("odd-one")) == "it is [redacted]"


@given(st.text() | st.text(alphabet="\x1b[]m\x07;0-9Z:T\r\nA"), st.booleans())
def test_no_log_breaks_the_reading(text: str, whole: bool) -> None:
    """Whatever a log holds, what is shown is printable and short."""
    shown = tail(text, whole=whole)
    assert len(shown) <= logs.LONGEST
    assert all(line.isprintable() for line in shown.split("\n"))


def test_a_log_by_its_ranges() -> None:
    """The end is asked for again where a service gave the beginning, and only then."""
    long = Answer(200, "", {"content-length": "9000000"}, b"x", truncated=True)
    again = logs.rest(long)
    assert again is not None
    assert again.span == f"bytes={9_000_000 - LOG_TAIL}-"
    assert logs.rest(Answer(200, "", {"content-length": "1"}, b"x")) is None
    assert logs.rest(Answer(206, "", {"content-length": "9000000"}, b"x", truncated=True)) is None
    assert logs.rest(Answer(200, "", {"content-length": "soon"}, b"x", truncated=True)) is None
    assert (
        logs.rest(Answer(200, "", {"content-length": "9", "content-encoding": "gzip"}, b"", truncated=True))
        is None
    )
    assert isinstance(logs.read(long), Unsure)
    assert logs.read(Answer(206, "", {"content-range": "bytes 0-9/10"}, b"a\nb")) == "a\nb"
    assert logs.read(Answer(206, "", {"content-range": "bytes 5-9/10"}, b"a\nb")) == "b"
    assert logs.read(Answer(416, "", {}, b"<Error>")) == ""
    assert logs.read(Answer(404, "", {}, b"")) == Nothing()
    assert isinstance(logs.read(Answer(403, "", {}, b"")), Unsure)
