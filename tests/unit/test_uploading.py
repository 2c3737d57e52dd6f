"""Which jobs of a workflow upload to an index, by the ways in which people write that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.repositories import Upload
from bot.demo.forge_state import GOOD_WORKFLOW
from bot.forge.uploading import TEST_PYPI, uploads

ACTION = "pypa/gh-action-pypi-publish"
TWO = """\
on: push
jobs:
  "build":
    steps:
      - run: python -m build
  test-publish:  # first there
    steps:
      - uses: pypa/gh-action-pypi-publish@release/v1
        with:
          repository-url: https://test.pypi.org/legacy/
  publish:
    steps:
      - name: Publish
        uses: "pypa/gh-action-pypi-publish@abc"
"""


def of(step: str) -> tuple[Upload, ...]:
    """Return what a job with one step uploads."""
    return uploads(f"on: push\njobs:\n  a:\n    steps:\n      - {step}\n")


def test_each_job_is_told_apart() -> None:
    """A job that uploads to the test index is not the one that uploads to PyPI, and one that builds is neither."""
    assert uploads(TWO) == (Upload("test-publish", ACTION, TEST_PYPI), Upload("publish", ACTION))
    assert uploads(GOOD_WORKFLOW.decode()) == (Upload("publish", ACTION),)


@pytest.mark.parametrize(
    ("step", "tool", "url"),
    [
        ("run: uv publish", "uv publish", ""),
        ("run: uv publish --publish-url https://upload.acme.example/legacy/ dist/*", "uv publish", "https://upload.acme.example/legacy/"),
        ("run: python -m twine upload -r testpypi dist/*", "twine upload", TEST_PYPI),
        ("run: poetry publish --build", "poetry publish", ""),
        ("run: hatch -v publish", "hatch -v publish", ""),
        ("uses: pypa/gh-action-pypi-publish@v1\n        with:\n          repository_url: ${{ vars.INDEX }}", ACTION, "${{"),
    ],
)  # fmt: skip
def test_the_usual_tools_are_known(step: str, tool: str, url: str) -> None:
    """Each of the usual ways to upload is seen, with the address that it names."""
    assert of(step) == (Upload("a", tool, url),)


@pytest.mark.parametrize(
    "step",
    [
        "run: uv build",
        "# uses: pypa/gh-action-pypi-publish@v1",
        "uses: someone/pypi-publish@v1",
        "run: npm publish",
    ],
)
def test_what_is_no_upload_is_none(step: str) -> None:
    """Comments, other actions and other ecosystems' tools upload nothing to an index."""
    assert of(step) == ()


@settings(max_examples=100)
@given(st.text(alphabet="jobs: \n\tauv publish@\"'#-{$", max_size=300))
def test_nothing_raises(text: str) -> None:
    """Whatever a file says, it is read to its end."""
    uploads("jobs:\n" + text)
