"""The simple index as HTML: files of the project, with digests and what was yanked, or no page at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.index.simple_html import page

PAGE = b"""<!DOCTYPE html><html><body><h1>Links for gears</h1>
<a href="/packages/gears-1.0.tar.gz#sha256=aa">gears-1.0.tar.gz</a>
<a href="../../f/Gears-1.1-py3-none-any.whl#md5=bb" data-yanked="broken">x</a>
<a href="gears-1.2.tar.gz" data-yanked>x</a>
<a href="/">home</a><a>nothing</a><a href="sprockets-1.0.tar.gz">other</a></body></html>"""


def test_files_are_read_off_their_links() -> None:
    """Names come from the addresses, digests from their fragments; other links are left out."""
    found = page(PAGE, "gears")
    assert found is not None
    assert found["name"] == "gears"
    assert found["files"] == [
        {"filename": "gears-1.0.tar.gz", "url": "/packages/gears-1.0.tar.gz", "hashes": {"sha256": "aa"}},
        {
            "filename": "Gears-1.1-py3-none-any.whl", "url": "../../f/Gears-1.1-py3-none-any.whl", "hashes": {},
            "yanked": "broken",
        },
        {"filename": "gears-1.2.tar.gz", "url": "gears-1.2.tar.gz", "hashes": {}, "yanked": True},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body", [b"", b"<a href='/'>home</a>", b"\xff\xfe", PAGE.replace(b"ears-", b"adget-")]
)
def test_a_page_without_a_file_of_the_project_is_none(body: bytes) -> None:
    """A landing page proves nothing."""
    assert page(body, "gears") is None


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from(PAGE.split(b"\n")) | st.binary(max_size=20)).map(b"".join)
)
@settings(max_examples=150)
def test_any_body_is_read_or_none(body: bytes) -> None:
    """Whatever is sent, nothing raises."""
    found = page(body, "gears")
    assert found is None or found["files"]
