"""What starts a workflow and what its jobs may is read as GitHub reads it."""

import pytest

from bot.demo.forge_state import GOOD_WORKFLOW
from bot.demo.forge_workflow import Workflow, fits, read

PATH = ".github/workflows/release.yml"
JOBS = "\njobs:\n  a: {runs-on: x, steps: [{run: make}]}\n"


def parsed(text: str) -> Workflow:
    """Return a workflow with one job."""
    found = read(PATH, (text + JOBS).encode())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("patterns", "name", "taken"),
    [
        (["v*"], "v1.4.0", True),
        (["v*"], "release/v1", False),
        (["v*"], "v1/a", False),
        (["**"], "release/v1", True),
        (["v[0-9]+.[0-9]+"], "v10.2", True),
        (["v[0-9]+.[0-9]+"], "v10x2", False),
        (["v1?.0"], "v.0", True),
        (["v*", "!v*rc*"], "v1rc1", False),
        (["v*", "!v*rc*", "v2*"], "v2rc1", True),
        (["!v1"], "v2", False),
        ([r"v\*"], "v*", True),
        ([], "v1", False),
    ],
)
def test_patterns(patterns: list[str], name: str, taken: bool) -> None:
    """Stars stop at slashes, dots are dots, and the last pattern that matches decides."""
    assert fits(name, patterns) is taken


@pytest.mark.parametrize(
    ("on", "ref", "wanted"),
    [
        ("on: push", "refs/tags/v1", True),
        ("on: [push, release]", "refs/heads/main", True),
        ("on: release", "refs/tags/v1", False),
        ("on: {push: {branches: [main]}}", "refs/tags/v1", False),
        ("on: {push: {branches: [main]}}", "refs/heads/main", True),
        ("on: {push: {tags: ['v*']}}", "refs/heads/v1", False),
        ("on: {push: {tags-ignore: ['v*']}}", "refs/tags/v1", False),
        ("on: {push: {tags-ignore: ['v*']}}", "refs/tags/w1", True),
        ("on: {push: {paths: [docs]}}", "refs/tags/v1", True),
    ],
)
def test_pushes(on: str, ref: str, wanted: bool) -> None:
    """A filter for branches alone shuts tags out, and the other way round."""
    assert parsed(on).wants_push(ref) is wanted


@pytest.mark.parametrize(
    ("on", "action", "wanted"),
    [
        ("on: release", "created", True),
        ("on: {release: {types: [published]}}", "created", False),
        ("on: {release: {types: published}}", "published", True),
        ("on: push", "published", False),
    ],
)
def test_releases(on: str, action: str, wanted: bool) -> None:
    """Without types every kind of change starts it."""
    assert parsed(on).wants_release(action) is wanted


def test_the_good_workflow() -> None:
    """Two jobs: one keeps `dist`, the other needs it, has the environment and publishes."""
    found = read(PATH, GOOD_WORKFLOW)
    assert found is not None
    build, publish = found.jobs
    assert (build.artifact, build.publishing, build.id_token) == (
        {"name": "dist", "path": "dist/"},
        None,
        False,
    )
    assert (publish.needs, publish.environment, publish.id_token) == (("build",), "pypi", True)
    assert publish.publishing == {}
    assert build.step_names[1:3] == (
        f"Run actions/checkout@{'0123456789abcdef' * 2}01234567",
        "Run python -m build",
    )


@pytest.mark.parametrize("text", ["{", "on: push", "jobs: 3", "- a"])
def test_what_is_no_workflow(text: str) -> None:
    """Broken YAML or a file without jobs starts nothing."""
    assert read(PATH, text.encode()) is None


@pytest.mark.parametrize(
    ("permissions", "may"),
    [("permissions: write-all", True), ("permissions: {id-token: write}", True), ("permissions: {}", False), ("", False)],
)  # fmt: skip
def test_permissions_of_the_whole_file_hold(permissions: str, may: bool) -> None:
    """A job that names no permissions has the file's."""
    assert parsed(f"on: push\n{permissions}").jobs[0].id_token is may
