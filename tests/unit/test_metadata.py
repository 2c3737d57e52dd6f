"""What `pyproject.toml` says of name and version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.metadata import Metadata, read_pyproject


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[project]\nname = "Acme_Widgets"\nversion = "1.4.0"', Metadata("Acme_Widgets", "1.4.0")),
        ('[project]\nname = "a"\ndynamic = ["version"]', Metadata("a", "", dynamic=True)),
        ('[project]\nname = "a"\nversion = "1"\ndynamic = ["version"]', Metadata("a", "1")),
        ('[tool.poetry]\nname = "a"\nversion = "1.4"', Metadata("a", "1.4")),
        (
            '[project]\nname = "a"\ndynamic = ["version"]\n[tool.poetry]\nversion = "1.4"',
            Metadata("a", "1.4"),
        ),
        (
            '[tool.poetry]\nname = "a"\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true',
            Metadata("a", "", dynamic=True),
        ),
        (
            '[tool.poetry]\nname = "a"\nversion = "1"\n[tool.poetry-dynamic-versioning]\nenable = false',
            Metadata("a", "1"),
        ),
        ("", Metadata()),
        ("[build-system]\nrequires = []", Metadata()),
        ("project = 1\ntool = []", Metadata()),
        ("[project]\nname = 1\nversion = [1]\ndynamic = 3", Metadata()),
        ('[project]\nname = "a\\u202eb"\nversion = "1\\n2"', Metadata()),
        (f'[project]\nversion = "{"1" * 201}"', Metadata()),
        ("[project", Metadata(readable=False)),
        ("x = " + "[" * 100_000, Metadata(readable=False)),
        ("x = " + "9" * 5_000, Metadata(readable=False)),
        ("x = 2026-13-45", Metadata(readable=False)),
        ("<html>", Metadata(readable=False)),
    ],
)
def test_name_and_version_are_read_as_written(text: str, found: Metadata) -> None:
    """PEP 621 counts before Poetry's table; what the build makes is dynamic; junk is not readable."""
    assert read_pyproject(text) == found


@given(st.text(st.characters()), st.text(st.characters(), max_size=300))
def test_no_text_breaks_it(text: str, value: str) -> None:
    """Whatever stands in the file, what comes out is short and on one line."""
    for written in (text, f"[project]\nname = '''{value}'''\nversion = {value}", f"[project]\n{text}"):
        found = read_pyproject(written)
        assert all(len(one) <= 200 and one.isprintable() for one in (found.name, found.version))
